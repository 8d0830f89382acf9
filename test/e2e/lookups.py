"""What the tests of look-up joins share: three servers of one face, and pipelines."""

import json
import re
import signal
import subprocess

from lib import Postgres, http_get, wait_until


# ---------------------------------------------------------------- the three servers

class Sql:
    """What MariaDB and PostgreSQL have in common here: a table t(id INT, v)."""

    def fill(self, rows, kind="VARCHAR(100)"):
        self.sql(f"CREATE TABLE t (id INT PRIMARY KEY, v {kind})")
        self.put(rows)

    def put(self, rows):
        values = ", ".join(f"({key}, '{value}')" for key, value in rows.items())
        self.sql(f"INSERT INTO t VALUES {values}")

    def change(self, key, value):
        self.sql(f"UPDATE t SET v = '{value}' WHERE id = {key}")

    def table(self, v="STRING", more="", name="t"):
        more = f", {more}" if more else ""
        return (f"CREATE TABLE `{name}` (id INT, v {v}) WITH ('connector' = 'jdbc', "
                f"'url' = '{self.url}', 'table-name' = 't', 'username' = '{self.server.USER}', "
                f"'password' = '{self.server.PASSWORD}'{more});\n")

    def cache(self, seconds):
        return ("'lookup.cache' = 'PARTIAL', "
                f"'lookup.partial-cache.expire-after-write' = '{seconds} s'")


class Maria(Sql):
    NAME = "mariadb"

    def __init__(self, box, **options):
        self.server = box.mariadb(**options)
        self.server.sql("CREATE DATABASE weir")
        self.url = f"jdbc:mysql://127.0.0.1:{self.server.port}/weir"

    def sql(self, text):
        return self.server.sql(text, "weir")

    def freeze(self):
        """Nobody reads the table until the function that is given back is called."""
        session = self.server.session("weir")
        session.run("LOCK TABLES t WRITE")
        return lambda: session.run("UNLOCK TABLES")


class Pg(Sql):
    NAME = "postgres"

    def __init__(self, box, **options):
        self.server = box.postgres(**options)
        self.url = f"jdbc:postgresql://127.0.0.1:{self.server.port}/weir"

    def sql(self, text):
        return self.server.sql(text)

    def freeze(self):
        # pylint: disable=protected-access
        argv = [Postgres._program("psql"), "-X", "-q", "-h", self.server.socket_folder, "-p",
                str(self.server.port), "-U", self.server.USER, "-d", "weir"]
        session = subprocess.Popen(argv, stdin=subprocess.PIPE, text=True)
        session.stdin.write("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE;\n")
        session.stdin.flush()
        wait_until(lambda: self.server.value(
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted "
            "AND relation = 't'::regclass") == "1", "the lock")

        def thaw():
            session.communicate("COMMIT;\n", 10)
        return thaw


class InRedis:
    NAME = "redis"

    def __init__(self, box):
        self.server = box.redis()
        self.rows = {}

    def fill(self, rows, kind=None):  # pylint: disable=unused-argument
        self.put(rows)

    def put(self, rows):
        self.rows.update(rows)
        self.server.pipeline([("SET", key, value) for key, value in rows.items()])

    def change(self, key, value):
        self.put({key: value})

    def table(self, v="STRING", more="", name="t"):
        more = f", {more}" if more else ""
        return (f"CREATE TABLE `{name}` (id INT, v {v}) WITH ('connector' = 'redis', "
                f"'host' = '127.0.0.1', 'port' = '{self.server.port}', 'command' = 'GET'{more});\n")

    def cache(self, seconds):
        return f"'lookup.cache.max-rows' = '1000', 'lookup.cache.ttl' = '{seconds}'"

    def freeze(self):
        self.server.process.send_signal(signal.SIGSTOP)
        return lambda: self.server.process.send_signal(signal.SIGCONT)


def each(test):
    """The test once for each server."""
    def run(box):
        for kind in (Maria, Pg, InRedis):
            print(f"     {test.__name__} with {kind.NAME}", flush=True)
            test(kind(box), box)
    run.__doc__ = test.__doc__
    return run


# ---------------------------------------------------------------- pipelines

def finish(weir, text, code=0, seconds=60.0):
    """Run a bounded pipeline to its end."""
    weir.write("pipeline.sql", text)
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data, "--no-http", seconds=seconds)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def printed(text):
    return sorted(re.findall(r"^\S*?(\+I\[.*\])$", text, re.M))


def file_of(weir, rows):
    weir.write("in.json", "".join(json.dumps(row) + "\n" for row in rows))


def letters(weir, table):
    return [json.loads(line) for path in weir.data.rglob(f"{table}.jsonl")
            for line in path.read_text().splitlines()]


FROM_FILE = ("CREATE TABLE o (id INT, n INT, p AS PROCTIME()) WITH ('connector' = 'filesystem', "
             "'path' = 'in.json', 'format' = 'json');\n")
TO_PRINT = "CREATE TABLE s (n INT, v STRING) WITH ('connector' = 'print');\n"
JOIN = "FROM o {kind} JOIN t FOR SYSTEM_TIME AS OF o.p ON o.id = t.id;\n"


def stream(server, more="", hint=""):
    """Twenty rows a second, all of key 1, until it is stopped."""
    return (
        "CREATE TABLE o (n INT, p AS PROCTIME()) WITH ('connector' = 'datagen', "
        "'rows-per-second' = '20', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', "
        "'fields.n.end' = '1000000');\n" + TO_PRINT + server.table(more=more) +
        f"INSERT INTO s SELECT {hint} n, v FROM o LEFT JOIN t FOR SYSTEM_TIME AS OF o.p "
        "ON t.id = 1 AND o.n > 0;\n")


def metric(weir, name):
    text = http_get(weir.url + "/metrics").text()
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))
