"""Sinks that are slow, stuck, refusing or at odds with others, and records that no sink will have.

Four statements of one script write to PostgreSQL, MySQL and Redis through a proxy, a fifth has a source and
a Redis of its own. Whatever happens to the four, the fifth goes on, their sources stop reading, memory does
not grow; and when all is well again every number is there once."""

import json
import re
import signal
import subprocess
import time

from chaos import Chaos, Fault
from lib import Postgres, TIME_SCALE, http_get, main, wait_until
from lookups import letters

PIPELINE = """
SET 'execution.checkpointing.timeout' = '3 s';
SET 'execution.checkpointing.interval' = '200 ms';
{sources}
CREATE TABLE in_pg (n BIGINT) WITH ({postgres}, 'table-name' = 't', 'sink.delivery-guarantee' = 'exactly-once',
  'sink.exactly-once.memory' = '64 kb');
CREATE TABLE in_my (n BIGINT, m BIGINT, PRIMARY KEY (n) NOT ENFORCED) WITH ({mysql}, 'table-name' = 't');
CREATE TABLE in_re (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'redis',
  'host' = '127.0.0.1', 'port' = '{redis}', 'command' = 'SET');
CREATE TABLE by_key (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ({postgres}, 'table-name' = 'by_key');
CREATE TABLE apart (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'redis',
  'host' = '127.0.0.1', 'port' = '{apart}', 'command' = 'SET');
INSERT INTO in_pg SELECT n FROM s1;
INSERT INTO in_my SELECT n, 2 * n FROM s2;
INSERT INTO in_re SELECT n % {keys}, n FROM s3;
INSERT INTO by_key SELECT n % {keys}, n FROM s4;
INSERT INTO apart SELECT n % {keys}, n FROM s5;
"""

SOURCE = """CREATE TABLE s{number} (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{rate}',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000000');
"""

KEYS = 500
STUCK = ("s1", "s2", "s3", "s4")
GROWTH_BYTES_MAX = 48 << 20


class Stage:
    """The servers, weir between them, and what can be seen from outside."""

    def __init__(self, box):
        self.pg = box.postgres(deadlock_timeout="500ms")
        self.db = box.mariadb()
        self.redis, self.apart = box.redis(), box.redis()
        self.pg.sql("CREATE TABLE t (n BIGINT); CREATE TABLE by_key (k BIGINT PRIMARY KEY, n BIGINT)")
        self.db.sql("CREATE DATABASE weir; GRANT ALL ON weir.* TO 'weir'@'%';"
                    "CREATE TABLE weir.t (n BIGINT PRIMARY KEY, m BIGINT)")
        self.proxies = {"pg": Chaos(self.pg.port), "my": Chaos(self.db.port), "re": Chaos(self.redis.port)}
        user = "'username' = 'weir', 'password' = 'weir-secret'"
        ports = {name: proxy.port for name, proxy in self.proxies.items()}
        self.weir = box.weir(PIPELINE.format(
            sources="".join(SOURCE.format(number=number, rate=5000) for number in range(1, 6)), keys=KEYS,
            postgres=f"'connector' = 'jdbc', 'url' = 'jdbc:postgresql://127.0.0.1:{ports['pg']}/weir', {user}",
            mysql=f"'connector' = 'jdbc', 'url' = 'jdbc:mysql://127.0.0.1:{ports['my']}/weir', {user}",
            redis=ports["re"], apart=self.apart.port)).start()

    def read(self):
        """Rows that each source has given so far."""
        text = http_get(self.weir.url + "/metrics").text()
        return {name: int(value) for name, value in
                re.findall(r'^weir_source_records_total\{[^}]*source="(s\d)"[^}]*\} (\d+)$', text, re.M)}

    def written(self):
        return {"pg": int(self.pg.value("SELECT coalesce(max(n), 0) FROM t")),
                "my": int(self.db.value("SELECT coalesce(max(n), 0) FROM weir.t")),
                "re": int(self.redis("GET", "7") or 0),
                "by_key": int(self.pg.value("SELECT coalesce(max(n), 0) FROM by_key"))}

    def await_more(self, what, names=("pg", "my", "re", "by_key"), seconds=60):
        before = self.written()

        def has_more():
            now = self.written()
            return all(now[name] > before[name] for name in names)
        wait_until(has_more, f"more rows {what}", seconds, process=self.weir)

    def await_apart(self):
        """The one that nothing is wrong with goes on."""
        before = int(self.apart("GET", "7") or 0)
        wait_until(lambda: int(self.apart("GET", "7") or 0) > before, "the pipeline beside", process=self.weir)

    def await_stop(self):
        """The sources of those that are stuck stop reading."""
        readings = []

        def stands_still():
            readings.append(self.read())
            time.sleep(1)
            readings.append(self.read())
            return all(readings[-2][name] == readings[-1][name] for name in STUCK)
        try:
            wait_until(stands_still, "the sources to stop", 120, process=self.weir)
        except AssertionError as error:
            raise AssertionError(f"{error}\nthe last readings: {readings[-6:]}") from error

    def check(self):
        for server, table in ((self.pg, "t"), (self.db, "weir.t")):
            rows, distinct, most = map(int, server.sql(
                f"SELECT count(*), count(DISTINCT n), max(n) FROM {table}")[0])
            assert rows == distinct == most > 0, (table, rows, distinct, most)
        assert self.db.sql("SELECT count(*) FROM weir.t WHERE m <> 2 * n") == [["0"]]
        for rows in ([int(self.redis("GET", str(key))) for key in range(KEYS)],
                     [int(n) for (n,) in self.pg.sql("SELECT n FROM by_key ORDER BY k")]):
            # The last of each key: they are next to each other, whichever number came last.
            assert [n % KEYS for n in rows] == list(range(KEYS)), rows
            assert max(rows) - min(rows) == KEYS - 1, (min(rows), max(rows))
        assert not letters(self.weir, "in_pg") + letters(self.weir, "in_my") + letters(self.weir, "in_re")

    def close(self):
        for proxy in self.proxies.values():
            proxy.close()


class Trouble:
    """What may be wrong with a sink for a while: a name, and what begins and ends it."""

    def __init__(self, stage):
        self.stage = stage
        self.maria = stage.db.session("weir")
        self.psql = None

    def set_fault(self, **fault):
        for proxy in self.stage.proxies.values():
            proxy.fault = Fault(**fault)

    def take_nothing(self):
        self.set_fault(is_stalled=True)

    def refuse(self):
        self.set_fault(is_refusing=True)
        self.cut()

    def lock(self):
        """Somebody else has the tables; Redis has no memory, and says so."""
        self.psql = Psql(self.stage.pg)
        self.psql.send("BEGIN; LOCK TABLE t, by_key, weir_staged IN ACCESS EXCLUSIVE MODE;")
        self.maria.run("LOCK TABLES t WRITE")
        self.stage.redis("CONFIG", "SET", "maxmemory", "1")

    def unlock(self):
        self.psql.end("COMMIT;")
        self.maria.run("UNLOCK TABLES")
        self.stage.redis("CONFIG", "SET", "maxmemory", "0")

    def make_read_only(self):
        self.stage.pg.sql("ALTER DATABASE weir SET default_transaction_read_only = on")
        self.stage.db.sql("SET GLOBAL read_only = 1")
        self.stage.redis("REPLICAOF", "127.0.0.1", "1")
        self.cut()

    def make_writable(self):
        self.stage.pg.sql("SET default_transaction_read_only = off;"
                          "ALTER DATABASE weir SET default_transaction_read_only = off")
        self.stage.db.sql("SET GLOBAL read_only = 0")
        self.stage.redis("REPLICAOF", "NO", "ONE")
        self.cut()

    def cut(self):
        """What is connected stays as it was."""
        for proxy in self.stage.proxies.values():
            proxy.cut()


class Psql:
    """A session of PostgreSQL that lasts."""

    def __init__(self, pg):
        argv = [Postgres._program("psql"), "-X", "-q", "-h", pg.socket_folder,  # pylint: disable=protected-access
                "-p", str(pg.port), "-U", pg.USER, "-d", "weir"]
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE,  # pylint: disable=consider-using-with
                                      stderr=subprocess.DEVNULL, text=True)

    def send(self, text):
        self.child.stdin.write(text + "\n")
        self.child.stdin.flush()

    def end(self, text):
        self.child.communicate(text + "\n", 60 * TIME_SCALE)


def deadlock(stage):
    """Somebody has a row that weir wants and wants those that weir has: PostgreSQL ends one of the two."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND client_addr IS NOT NULL"
    for key in range(KEYS):
        if "deadlock detected" in stage.weir.stderr():
            return
        other = Psql(stage.pg)
        # It waits for long before it looks for a deadlock, so that weir's transaction is the one to go.
        other.send(f"SET deadlock_timeout = '1min'; BEGIN; UPDATE by_key SET n = n WHERE k = {key};")
        wait_until(lambda: stage.pg.value(waiting) == "1", "weir to wait for the lock", process=stage.weir)
        other.end(f"UPDATE by_key SET n = n WHERE k <> {key}; ROLLBACK;")
    raise AssertionError("no deadlock\n" + stage.weir.log())


def test_a_stuck_sink_stops_its_source_and_nobody_else(box):
    stage = Stage(box)
    trouble = Trouble(stage)
    stage.await_more("at the start")
    for begin, end in ((trouble.take_nothing, trouble.set_fault), (trouble.refuse, trouble.set_fault),
                       (trouble.lock, trouble.unlock), (trouble.make_read_only, trouble.make_writable)):
        name = begin.__name__
        begin()
        stage.await_stop()
        memory, read = stage.weir.memory_bytes(), stage.read()
        stage.await_apart()
        assert {source: stage.read()[source] for source in STUCK} == {source: read[source] for source in STUCK}
        grown = stage.weir.memory_bytes() - memory
        assert grown < GROWTH_BYTES_MAX, f"{grown} bytes more: {name}"
        end()
        stage.await_more(f"after {name}")
    # What takes long is not given up and begun again for ever. (The others have large transactions by now.)
    trouble.set_fault(rate=8000)
    stage.await_more("at 8 KB/s", ("re", "by_key"))
    stage.await_apart()
    trouble.set_fault()
    stage.await_more("at full speed")
    deadlock(stage)
    stage.await_more("after the deadlock")
    assert stage.weir.stop() == 0, stage.weir.log()
    stage.check()
    stage.close()


POISON = """
SET 'execution.checkpointing.interval' = '100 ms';
""" + SOURCE + """
CREATE TABLE t (n BIGINT) WITH ({postgres}, 'table-name' = 't'{once});
INSERT INTO t SELECT n FROM s1;
"""


def test_poison_never_stops_the_line(box):
    """Every 97th row breaks a constraint: each is a dead letter with its reason, once, through a kill too."""
    pg = box.postgres()
    postgres = (f"'connector' = 'jdbc', 'url' = 'jdbc:postgresql://127.0.0.1:{pg.port}/weir', "
                "'username' = 'weir', 'password' = 'weir-secret'")
    for once in ("", ", 'sink.delivery-guarantee' = 'exactly-once'"):
        pg.sql("DROP TABLE IF EXISTS t; CREATE TABLE t (n BIGINT CONSTRAINT healthy CHECK (n % 97 <> 0))")
        weir = box.weir(POISON.format(number=1, rate=3000, postgres=postgres, once=once)).start()

        def count():
            return int(pg.value("SELECT count(*) FROM t"))
        wait_until(lambda: count() > 2000, "rows", 60, process=weir)
        if once:
            weir.kill()
            weir.start()
            before = count()
            wait_until(lambda before=before: count() > before, "rows again", 60, process=weir)
        assert weir.stop() == 0, weir.log()
        rows, distinct, most = map(int, pg.sql("SELECT count(*), count(DISTINCT n), max(n) FROM t")[0])
        refused = sorted(json.loads(letter["text"])["n"] for letter in letters(weir, "t"))
        assert rows == distinct == most - most // 97, (rows, distinct, most)
        assert refused[:most // 97] == [97 * i for i in range(1, most // 97 + 1)], refused
        assert all('violates check constraint "healthy"' in letter["reason"] and letter["code"] == "WR3315"
                   for letter in letters(weir, "t"))


def soak_at_1_kilobyte_a_second_rows_arrive(box):
    """In transactions as large as what came meanwhile; and all of it when the network is well again."""
    stage = Stage(box)
    trouble = Trouble(stage)
    stage.await_more("at the start")
    trouble.set_fault(rate=1000)
    stage.await_more("at 1 KB/s", seconds=1800)
    trouble.set_fault()
    stage.await_more("at full speed")
    assert stage.weir.stop() == 0, stage.weir.log()
    stage.check()
    stage.close()


def soak_a_stop_does_not_wait_for_ever(box):
    """A sink that takes nothing: the last checkpoint is given up, the next run goes on from the one before."""
    stage = Stage(box)
    stage.await_more("at the start")
    trouble = Trouble(stage)
    trouble.take_nothing()
    stage.await_stop()
    wait_until(lambda: "under way for" in stage.weir.stderr(), "a word of the checkpoint", process=stage.weir)
    began = time.monotonic()
    stage.weir.process.send_signal(signal.SIGTERM)
    code = stage.weir.wait(60)
    print(f"     ended after {time.monotonic() - began:.1f} s")
    assert code == 75 and "error[WR4405]" in stage.weir.stderr(), (code, stage.weir.log())
    assert "it waits for `sink " in stage.weir.stderr(), stage.weir.log()
    trouble.set_fault()
    stage.weir.start()
    stage.await_more("of the next run")
    assert stage.weir.stop() == 0, stage.weir.log()
    stage.check()
    stage.close()


main()
