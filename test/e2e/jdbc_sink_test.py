"""Rows written to MariaDB and PostgreSQL: types, keys, refusals, and what the start says."""

import contextlib
import json
import socket
import threading

from lib import main, wait_until
from lookups import Maria, Pg, finish, letters

TYPES = [("k", "INT"), ("b", "BOOLEAN"), ("i1", "TINYINT"), ("i2", "SMALLINT"), ("i8", "BIGINT"),
         ("f4", "FLOAT"), ("f8", "DOUBLE"), ("n", "DECIMAL(20, 4)"), ("s", "STRING"),
         ("d", "DATE"), ("t", "TIME(0)"), ("ts", "TIMESTAMP(6)"), ("z", "TIMESTAMP_LTZ(3)"),
         ("x", "BYTES")]


def both(test):
    """The test once for each server."""
    def run(box):
        for kind in (Maria, Pg):
            print(f"     {test.__name__} with {kind.NAME}", flush=True)
            # What is committed outlives the server's process.
            server = kind(box, **({"innodb_flush_log_at_trx_commit": "2"} if kind is Maria else {}))
            if kind is Maria:
                server.server.sql("GRANT ALL ON weir.* TO 'weir'@'%'")
            test(server, box)
    run.__doc__ = test.__doc__
    return run


def sink(server, columns, name="t", table="t", more=""):
    more = f", {more}" if more else ""
    return (f"CREATE TABLE `{name}` ({columns}) WITH ('connector' = 'jdbc', 'url' = '{server.url}', "
            f"'table-name' = '{table}', 'username' = '{server.server.USER}', "
            f"'password' = '{server.server.PASSWORD}'{more});\n")


def rows_of(server, text):
    """NULL is told from the empty text by the caller."""
    return sorted(tuple(row) for row in server.sql(text))


# ---------------------------------------------------------------- types

VALUES = ("1, TRUE, CAST(-7 AS TINYINT), CAST(-300 AS SMALLINT), 5000000000, CAST(1.5 AS FLOAT), "
          "CAST(-2.25 AS DOUBLE), CAST('1234567890123456.7891' AS DECIMAL(20, 4)), "
          "U&'it''s \\\\ \"\\00e4\\20ac\" \\000a\\0009|', DATE '2024-02-29', TIME '23:59:01', "
          "TIMESTAMP '2024-02-29 12:34:56.123456', "
          "CAST(TIMESTAMP '2024-02-29 12:34:56.789' AS TIMESTAMP_LTZ(3)), X'00ff275c0a'")
NULLS = "2, " + ", ".join(f"CAST(NULL AS {kind})" for _, kind in TYPES[1:])
COLUMNS = ", ".join(f"{name} {kind}" for name, kind in TYPES)


def write_types(server, box, more=""):
    weir = box.weir()
    finish(weir, "SET 'table.local-time-zone' = 'America/New_York';\n" +
           sink(server, COLUMNS + more, more="'sink.buffer-flush.max-rows' = '1'") +
           f"INSERT INTO t VALUES ({VALUES}), ({NULLS});\n")


def test_all_types_of_postgres(box):
    """Each value is asked for in the server's own words, so nothing is read by what wrote it."""
    server = Pg(box)
    server.sql("CREATE TABLE t (k INT, b BOOLEAN, i1 SMALLINT, i2 SMALLINT, i8 BIGINT, f4 REAL, "
               "f8 FLOAT8, n DECIMAL(20, 4), s TEXT, d DATE, t TIME, ts TIMESTAMP(6), "
               "z TIMESTAMPTZ, x BYTEA)")
    write_types(server, box)
    same = server.server.value(
        "SELECT b AND i1 = -7 AND i2 = -300 AND i8 = 5000000000 AND f4 = 1.5 AND f8 = -2.25 AND "
        "n = 1234567890123456.7891 AND s = E'it''s \\\\ \"\u00e4\u20ac\" \\n\\t|' AND "
        "d = '2024-02-29' AND t = '23:59:01' AND ts = '2024-02-29 12:34:56.123456' AND "
        "z = '2024-02-29 12:34:56.789-05' AND x = '\\x00ff275c0a' FROM t WHERE k = 1")
    assert same == "t", server.sql("SELECT * FROM t")
    nulls = " AND ".join(f"{name} IS NULL" for name, _ in TYPES[1:])
    assert server.server.value(f"SELECT {nulls} FROM t WHERE k = 2") == "t"


def test_all_types_of_mariadb(box):
    server = Maria(box)
    server.server.sql("GRANT ALL ON weir.* TO 'weir'@'%'")
    server.sql("CREATE TABLE t (k INT, b BOOLEAN, i1 TINYINT, i2 SMALLINT, i8 BIGINT, f4 FLOAT, "
               "f8 DOUBLE, n DECIMAL(20, 4), s VARCHAR(50), d DATE, t TIME, ts DATETIME(6), "
               "z TIMESTAMP(3) NULL, x VARBINARY(10))")
    write_types(server, box)
    same = server.sql(
        "SET time_zone = '+00:00'; "
        "SELECT b = 1 AND i1 = -7 AND i2 = -300 AND i8 = 5000000000 AND f4 = 1.5 AND f8 = -2.25 AND "
        "n = 1234567890123456.7891 AND s = 'it\\'s \\\\ \"\u00e4\u20ac\" \\n\\t|' AND "
        "d = '2024-02-29' AND t = '23:59:01' AND ts = '2024-02-29 12:34:56.123456' AND "
        "z = '2024-02-29 17:34:56.789' AND x = X'00ff275c0a' FROM t WHERE k = 1")
    assert same == [["1"]], server.sql("SELECT * FROM t")
    nulls = " AND ".join(f"{name} IS NULL" for name, _ in TYPES[1:])
    assert server.server.value(f"SELECT {nulls} FROM weir.t WHERE k = 2") == "1"


def test_types_of_postgres_that_texts_are_read_as(box):
    """uuid, jsonb, an enum and arrays; NaN and Infinity are numbers there."""
    server, weir = Pg(box), box.weir()
    server.sql("CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE TABLE t (u UUID PRIMARY KEY, "
               "j JSONB, m mood, a INT[], s TEXT[], f FLOAT8)")
    finish(weir, sink(server, "u STRING, j STRING, m STRING, a ARRAY<INT>, s ARRAY<STRING>, "
                      "f DOUBLE, PRIMARY KEY (u) NOT ENFORCED") +
           "INSERT INTO t VALUES ('00000000-0000-0000-0000-00000000000a', '{\"a\": [1]}', 'sad', "
           "ARRAY[1, CAST(NULL AS INT), -3], ARRAY['a\"b', '{,\\', 'NULL', ''], "
           "CAST('NaN' AS DOUBLE));\n")
    assert server.server.value("SELECT j->'a'->>0 = '1' AND m = 'sad' AND a = '{1,NULL,-3}' AND "
                        "s = ARRAY['a\"b', '{,\\', 'NULL', ''] AND f = 'NaN' FROM t") == "t"


# ---------------------------------------------------------------- by key

@both
def test_changes_by_key(server, box):
    """Counts that grow and vanish: the table holds the newest, and what was deleted is gone."""
    server.sql("CREATE TABLE t (b INT NOT NULL, a VARCHAR(20) NOT NULL, n BIGINT, "
               "PRIMARY KEY (a, b))")
    server.sql("INSERT INTO t VALUES (9, 'other', 9), (1, 'x', 77)")
    weir = box.weir()
    weir.write("in.json", "".join(json.dumps({"id": i, "a": "xyz"[i % 3], "b": i % 2}) + "\n"
                                  for i in range(6000)))
    # Of group z only the first thousand are few enough to be kept: it is written, then deleted.
    finish(weir, "CREATE TABLE o (id INT, a STRING, b INT) WITH ('connector' = 'filesystem', "
           "'path' = 'in.json', 'format' = 'json');\n" +
           sink(server, "n BIGINT, a STRING, b INT, PRIMARY KEY (a, b) NOT ENFORCED") +
           "INSERT INTO t SELECT COUNT(*), a, b FROM o GROUP BY a, b "
           "HAVING a <> 'z' OR COUNT(*) < 500;\n")
    assert rows_of(server, "SELECT a, b, n FROM t") == [
        ("other", "9", "9"), ("x", "0", "1000"), ("x", "1", "1000"), ("y", "0", "1000"),
        ("y", "1", "1000")], rows_of(server, "SELECT * FROM t")


@both
def test_a_table_of_only_its_key(server, box):
    server.sql("CREATE TABLE t (a INT PRIMARY KEY)")
    weir = box.weir()
    text = (sink(server, "a INT, PRIMARY KEY (a) NOT ENFORCED") +
            "INSERT INTO t VALUES (1), (2), (1), (3);\n")
    finish(weir, text)
    finish(weir, text)
    assert rows_of(server, "SELECT a FROM t") == [("1",), ("2",), ("3",)]


@both
def test_columns_that_the_query_does_not_write_are_null(server, box):
    server.sql("CREATE TABLE t (a INT, b INT DEFAULT 5, c INT DEFAULT 6)")
    finish(box.weir(), sink(server, "c INT, a INT, b INT") + "INSERT INTO t (a, c) VALUES (1, 2);\n")
    assert server.sql("SELECT a, c, coalesce(b, -1) FROM t") == [["1", "2", "-1"]]


@both
def test_names_that_need_quotes(server, box):
    mark = "`" if server.NAME == "mariadb" else '"'
    server.sql(f"CREATE TABLE {mark}select{mark} ({mark}order{mark} INT PRIMARY KEY, "
               f"{mark}a b{mark} INT)")
    finish(box.weir(), sink(server, "`order` INT, `a b` INT, PRIMARY KEY (`order`) NOT ENFORCED",
                            table="select") + "INSERT INTO t VALUES (1, 2), (1, 3);\n")
    assert server.sql(f"SELECT * FROM {mark}select{mark}") == [["1", "3"]]


# ---------------------------------------------------------------- rows that are refused

@both
def test_refused_rows_are_dead_letters(server, box):
    """Out of range, too long, NULL, a broken CHECK, a duplicate, a missing parent; the rest
    arrives."""
    server.sql("CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1)")
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, n SMALLINT NOT NULL CHECK (n <> 13), "
               "s VARCHAR(3), parent INT, FOREIGN KEY (parent) REFERENCES p (id))")
    bad = {100: (70000, "a", 1), 200: (1, "long", 1), 300: (None, "a", 1), 400: (13, "a", 1),
           500: (1, "a", 2)}
    rows = [(i, *bad.get(i, (i % 7, "abc", 1))) for i in range(1000)] + [(7, 1, "x", 1)]
    weir = box.weir()
    weir.write("in.json", "".join(json.dumps(dict(zip(("id", "n", "s", "parent"), row))) + "\n"
                                  for row in rows))
    columns = "id INT, n INT, s STRING, parent INT"
    for more in ("", "'sink.delivery-guarantee' = 'exactly-once'"):
        finish(weir, f"CREATE TABLE o ({columns}) WITH ('connector' = 'filesystem', "
               "'path' = 'in.json', 'format' = 'json');\n" + sink(server, columns, more=more) +
               "INSERT INTO t SELECT * FROM o;\n")
        assert server.sql("SELECT count(*), sum(id) FROM t") == [
            ["995", str(sum(range(1000)) - sum(bad))]]
        found = letters(weir, "t")
        assert sorted(json.loads(letter["text"])["id"] for letter in found) == [
            7, 100, 200, 300, 400, 500], found
        assert all("SQLSTATE" in letter["reason"] and letter["code"] == "WR3315"
                   for letter in found), found
        for path in weir.data.rglob("t.jsonl"):
            path.unlink()
        server.sql("DELETE FROM t")


@both
def test_letters_of_refused_rows_outlive_a_stop(server, box):
    """The commit of the last checkpoint refuses the row when that has noted the letters: the next
    start must not cut them off, nor tell of them twice, and a later one forgets them."""
    server.sql("CREATE TABLE t (n SMALLINT)")
    weir = box.weir()
    (weir.folder / "in").mkdir()
    weir.write("in/1.json", '{"n": 1}\n{"n": 70000}\n{"n": 2}\n')
    text = ("CREATE TABLE o (n INT) WITH ('connector' = 'filesystem', 'path' = 'in', "
            "'format' = 'json', 'source.monitor-interval' = '100 ms');\n" +
            sink(server, "n INT", more="'sink.delivery-guarantee' = 'exactly-once'") +
            "INSERT INTO t SELECT * FROM o;\n")

    def run(rows, refused, kept):
        weir.write("pipeline.sql", text)
        done = weir.call("run", "pipeline.sql", "--once", "--data-dir", weir.data, "--no-http")
        assert done.returncode == 0, done.stderr
        assert [json.loads(row["text"])["n"] for row in letters(weir, "t")] == refused, done.stderr
        assert server.sql("SELECT count(*) FROM weir_refused") == [[str(kept)]]
        assert rows_of(server, "SELECT n FROM t") == [(str(n),) for n in rows]

    run([1, 2], [70000], 1)
    run([1, 2], [70000], 1)
    weir.write("in/2.json", '{"n": 3}\n{"n": 80000}\n')
    run([1, 2, 3], [70000, 80000], 1)
    weir.write("in/3.json", '{"n": 4}\n')
    run([1, 2, 3, 4], [70000, 80000], 0)


def test_staged_rows_fit_the_longest_statement(box):
    """Chunks are as long as max_allowed_packet has it; a row that is longer is a dead letter and
    does not stand in the way."""
    server, weir = Maria(box, max_allowed_packet="1M"), box.weir()
    server.server.sql("GRANT ALL ON weir.* TO 'weir'@'%'")
    server.sql("CREATE TABLE t (n INT, s LONGTEXT)")
    weir.write("in.json", "".join(
        json.dumps({"n": n, "s": "x" * (700_000 if n == 10 else 2000)}) + "\n" for n in range(8000)))
    finish(weir, "SET 'execution.checkpointing.interval' = '1 h';\n"
           "CREATE TABLE o (n INT, s STRING) WITH ('connector' = 'filesystem', 'path' = 'in.json', "
           "'format' = 'json');\n" +
           sink(server, "n INT, s STRING", more="'sink.delivery-guarantee' = 'exactly-once', "
                "'sink.exactly-once.memory' = '1 mb'") + "INSERT INTO t SELECT * FROM o;\n")
    assert server.sql("SELECT count(*), count(DISTINCT n), sum(n = 10) FROM t") == [
        ["7999", "7999", "0"]]
    found = letters(weir, "t")
    assert len(found) == 1 and "weir_staged" in found[0]["reason"], found[0]["reason"]
    assert server.sql("SELECT count(*) FROM weir_staged") == [["0"]]


# ---------------------------------------------------------------- what the start says

def refused(weir, text, *words, shows_script=False):
    """With the script's lines in the message, what they hold is there, too."""
    weir.write("pipeline.sql", text)
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data, "--no-http")
    assert done.returncode != 0, done.stderr
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    assert shows_script or "weir-secret" not in done.stderr, done.stderr


@both
def test_mistakes_are_told_at_the_start(server, box):
    weir = box.weir()
    keyed = sink(server, "id INT, s VARCHAR(10), PRIMARY KEY (id) NOT ENFORCED")
    plain = sink(server, "id INT, s VARCHAR(10)")
    insert = "INSERT INTO t VALUES (1, 'a');\n"
    refused(weir, keyed + insert, "WR3312", "CREATE TABLE", "PRIMARY KEY (", "VARCHAR(10)")
    server.sql("CREATE TABLE t (id INT, x VARCHAR(10))")
    refused(weir, plain + insert, "WR3312", "by their names")
    server.sql("ALTER TABLE t ADD COLUMN s INT")
    refused(weir, plain + insert, "WR3314", "`s`", "VARCHAR(10)")
    server.sql("ALTER TABLE t DROP COLUMN s; ALTER TABLE t ADD COLUMN s VARCHAR(10)")
    refused(weir, keyed + insert, "WR3312", "give it that key")
    refused(weir, plain.replace("weir-secret", "wrong-secret") + insert, "WR331", "password")
    finish(weir, plain + insert)
    assert server.sql("SELECT id, s FROM t") == [["1", "a"]]


@both
def test_missing_rights_are_told_at_the_start(server, box):
    if server.NAME == "mariadb":
        server.server.sql("CREATE USER guest IDENTIFIED BY 'guest-pw'; "
                          "GRANT SELECT, INSERT, UPDATE ON weir.* TO guest")
    else:
        server.sql("CREATE USER guest PASSWORD 'guest-pw'; GRANT CONNECT ON DATABASE weir TO guest")
    server.sql("CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(10))")
    if server.NAME == "postgres":
        server.sql("GRANT SELECT, INSERT, UPDATE ON t TO guest")
    text = sink(server, "id INT, s VARCHAR(10), PRIMARY KEY (id) NOT ENFORCED")
    text = text.replace("'weir-secret'", "'guest-pw'").replace("'weir',", "'guest',")
    text += "INSERT INTO t VALUES (1, 'a');\n"
    refused(box.weir(), text, "WR3312", "DELETE", "GRANT")
    server.sql("GRANT DELETE ON t TO guest")
    finish(box.weir(), text)
    text = text.replace("'connector' = 'jdbc'", "'connector' = 'jdbc', "
                        "'sink.delivery-guarantee' = 'exactly-once'")
    if server.NAME == "postgres":
        refused(box.weir(), text, "WR3312", "CREATE TABLE weir_commits")


def test_an_engine_without_transactions_is_refused(box):
    server = Maria(box)
    server.server.sql("GRANT ALL ON weir.* TO 'weir'@'%'")
    server.sql("CREATE TABLE t (id INT PRIMARY KEY) ENGINE = MyISAM")
    refused(box.weir(), sink(server, "id INT, PRIMARY KEY (id) NOT ENFORCED",
                             more="'sink.delivery-guarantee' = 'exactly-once'") +
            "INSERT INTO t VALUES (1);\n", "WR3314", "ENGINE = InnoDB")


# ---------------------------------------------------------------- when rows are sent

@both
def test_rows_are_sent_by_number_and_by_time(server, box):
    server.sql("CREATE TABLE t (n INT); CREATE TABLE u (n INT)")
    weir = box.weir("SET 'execution.checkpointing.interval' = '1 h';\n"
                    "CREATE TABLE o (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '10', "
                    "'fields.n.kind' = 'sequence', 'fields.n.start' = '1', "
                    "'fields.n.end' = '1000000');\n" +
                    sink(server, "n INT", more="'sink.buffer-flush.max-rows' = '5', "
                         "'sink.buffer-flush.interval' = '0'") +
                    sink(server, "n INT", "u", "u", "'sink.buffer-flush.max-rows' = '0', "
                         "'sink.buffer-flush.interval' = '200 ms'") +
                    "INSERT INTO t SELECT n FROM o;\nINSERT INTO u SELECT n FROM o;\n").start()
    for name in ("t", "u"):
        wait_until(lambda name=name: int(server.sql(f"SELECT count(*) FROM {name}")[0][0]) > 10,
                   f"rows in {name}", process=weir)
    assert weir.stop() == 0, weir.log()
    assert server.sql("SELECT count(*) - max(n), max(n) - min(n) >= 10 FROM t")[0][0] == "0"


# ---------------------------------------------------------------- answers that end too early

class Cutting:
    """A way to a server on which some answers to what holds `words` lack their last byte, and with them the
    connection ends."""

    def __init__(self, port, words, times):
        self.target, self.words, self.left = port, words, times
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client):
        server = socket.create_connection(("127.0.0.1", self.target))
        asked = threading.Event()
        threading.Thread(target=self._pass_up, args=(client, server, asked), daemon=True).start()
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if asked.is_set() and self.left > 0:
                    self.left -= 1
                    client.sendall(data[:-1])
                    break
                asked.clear()
                client.sendall(data)
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _pass_up(self, client, server, asked):
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self.words in data:
                    asked.set()
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)


@both
def test_an_answer_that_lacks_its_end_is_none(server, box):
    """Without it the record of what was committed is not gone."""
    server.sql("CREATE TABLE t (n BIGINT)")
    way = Cutting(server.server.port, b"superseded_by FROM weir_commits", 3)
    columns = "n BIGINT"
    table = sink(server, columns, more="'sink.delivery-guarantee' = 'exactly-once'")
    weir = box.weir(
        "SET 'execution.checkpointing.interval' = '100 ms';\n"
        "CREATE TABLE o (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '500', "
        "'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '100000000');\n" +
        table.replace(f":{server.server.port}/", f":{way.port}/") + "INSERT INTO t SELECT n FROM o;\n").start()
    wait_until(lambda: way.left == 0, "answers to be cut", process=weir)
    before = int(server.sql("SELECT count(*) FROM t")[0][0])
    wait_until(lambda: int(server.sql("SELECT count(*) FROM t")[0][0]) > before, "rows behind them", process=weir)
    assert weir.stop() == 0, weir.log()
    rows, distinct, most = map(int, server.sql("SELECT count(*), count(DISTINCT n), max(n) FROM t")[0])
    assert rows == distinct == most, (rows, distinct, most)


main()
