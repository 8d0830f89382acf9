"""mysql-cdc against a real MariaDB: what it reads, what it refuses, and what it survives.

The oracle is MariaDB itself: the changelog that weir printed, folded into a table, must be what
SELECT answers, with nothing lost and nothing twice."""

import collections
import contextlib
import re
import socket
import struct
import subprocess
import threading
import time

from lib import main, wait_until
from lookups import metric

LINE = re.compile(r"^([+-][IUD])\[(.*)\]$", re.M)


def source(port, columns, name="t", key="id", **options):
    """A CREATE TABLE statement; option names have - for _ and dots for __."""
    given = {"connector": "mysql-cdc", "hostname": "127.0.0.1", "port": port, "username": "weir",
             "password": "weir-secret", "database-name": "s", "table-name": "t",
             **{key.replace("__", ".").replace("_", "-"): value
                for key, value in options.items()}}
    listed = ", ".join(f"'{option}' = '{value}'" for option, value in given.items())
    primary = f", PRIMARY KEY ({key}) NOT ENFORCED" if key else ""
    return f"CREATE TABLE {name} ({columns}{primary}) WITH ({listed});\n"


def pipeline(port, columns, **options):
    """Print the table."""
    plain = re.sub(r" METADATA( FROM '\w+')?( VIRTUAL)?", "", columns)
    return ("SET 'execution.checkpointing.interval' = '50 ms';\n" +
            source(port, columns, **options) +
            f"CREATE TABLE o ({plain}) WITH ('connector' = 'print');\n"
            "INSERT INTO o SELECT * FROM t;\n")


def changes(text):
    return LINE.findall(text)


def folded(text):
    """The table that a changelog leaves; a retraction of what is not there is a mistake."""
    rows = collections.Counter()
    for kind, row in changes(text):
        if kind in ("+I", "+U"):
            rows[row] += 1
        else:
            assert rows[row] > 0, f"{kind} of a row that is not there: {row[:200]}"
            rows[row] -= 1
    return +rows


def table(db, sql):
    return collections.Counter(", ".join("null" if value in ("NULL", None) else value for value in row)
                               for row in db.sql(sql))


class Output:
    """What weir printed in all its runs, which one table must come out of."""

    def __init__(self, weir):
        self.weir = weir
        self.before = ""

    def stop(self):
        # Before it has said something it may not listen to signals yet.
        wait_until(lambda: self.weir.stderr(), "weir to start", process=self.weir)
        code = self.weir.stop()
        assert code == 0, self.weir.log()
        self.before += self.weir.stdout()

    def text(self):
        return self.before + (self.weir.stdout() if self.weir.is_alive() else "")

    def expect(self, db, sql, seconds=30):
        """Wait until the printed changes make the table that the server has."""
        def agrees():
            return folded(self.text()) == table(db, sql)
        try:
            wait_until(agrees, "weir to show the server's table", seconds, process=self.weir)
        except AssertionError:
            ours, theirs = folded(self.text()), table(db, sql)
            print("only weir:", list((ours - theirs).items())[:5])
            print("only server:", list((theirs - ours).items())[:5])
            raise
        time.sleep(0.2)
        assert agrees(), "rows came after all was there"


def started(box, db, columns, port=None, **options):
    weir = box.weir(pipeline(port or db.port, columns, **options))
    weir.start()
    return Output(weir)


def refused(box, db, columns, *texts, **options):
    """weir run ends with an error that holds the texts."""
    weir = box.weir(pipeline(db.port, columns, **options))
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode != 0, done.stdout + done.stderr
    for text in texts:
        assert text in done.stderr, (text, done.stderr)


class Proxy:
    """A TCP proxy that can cut its connections after so many bytes from the server, hand bytes
    on in small pieces, or refuse to connect."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.cut_after = None  # bytes per connection
        self.piece = 65536
        self.pause = 0  # seconds behind each piece
        self.is_refusing = False
        self.refused = 0
        self.cuts = 0
        self.pairs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                if self.is_refusing:
                    self.refused += 1
                    client.close()
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self.target), 5)
                except OSError:
                    client.close()
                    continue
                self.pairs.append((client, server))
                for one, other, limit in ((client, server, None), (server, client, self.cut_after)):
                    threading.Thread(target=self._copy, args=(one, other, limit),
                                     daemon=True).start()

    def _copy(self, one, other, limit):
        passed = 0
        with contextlib.suppress(OSError):
            while True:
                data = one.recv(self.piece)
                if not data:
                    break
                if limit is not None and passed + len(data) >= limit:
                    other.sendall(data[:limit - passed])
                    self.cuts += 1
                    break
                passed += len(data)
                other.sendall(data)
                time.sleep(self.pause)
        self._reset(one)
        self._reset(other)

    @staticmethod
    def _reset(link):
        with contextlib.suppress(OSError):
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            link.close()

    def cut(self):
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for link in pair:
                self._reset(link)

    def close(self):
        self.listener.close()
        self.cut()


SIMPLE = "id BIGINT, n INT, v STRING"
SIMPLE_SQL = "SELECT id, n, v FROM s.t"


def simple(box, rows=0, **options):
    db = box.mariadb(**options)
    db.sql("CREATE DATABASE s; CREATE TABLE s.t (id BIGINT PRIMARY KEY AUTO_INCREMENT, n INT, "
           "v VARCHAR(200));")
    if rows:
        db.sql(f"INSERT INTO s.t (n, v) SELECT seq % 97, CONCAT('row ', seq) FROM seq_1_to_{rows}",
               "s")
    return db


# ---------------------------------------------------------------- reading

def test_snapshot_then_changes(box):
    db = simple(box, rows=5000)
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    db.sql("INSERT INTO t (n, v) VALUES (1, 'new'), (NULL, NULL); UPDATE t SET n = n + 1 WHERE "
           "id % 3 = 0; DELETE FROM t WHERE id % 5 = 0; REPLACE INTO t VALUES (7, 7, 'seven');"
           "BEGIN; UPDATE t SET v = 'gone'; ROLLBACK;", "s")
    out.expect(db, SIMPLE_SQL)
    out.stop()
    assert "0 dead letters" in out.weir.stderr()


TYPES = [  # server type, declared type, literal, printed
    ("TINYINT", "TINYINT", "-128", "-128"),
    ("TINYINT(1)", "BOOLEAN", "1", "true"),
    ("TINYINT UNSIGNED", "SMALLINT", "255", "255"),
    ("SMALLINT UNSIGNED", "INT", "65535", "65535"),
    ("MEDIUMINT", "INT", "-8388608", "-8388608"),
    ("MEDIUMINT UNSIGNED", "BIGINT", "16777215", "16777215"),
    ("INT UNSIGNED", "BIGINT", "4294967295", "4294967295"),
    ("BIGINT", "BIGINT", "-9223372036854775808", "-9223372036854775808"),
    ("BIGINT UNSIGNED", "DECIMAL(20, 0)", "18446744073709551615", "18446744073709551615"),
    ("FLOAT", "FLOAT", "16777216", "1.6777216E7"),
    ("DOUBLE", "DOUBLE", "-0.1", "-0.1"),
    ("DECIMAL(10, 2)", "DECIMAL(10, 2)", "-12345678.90", "-12345678.90"),
    ("DECIMAL(38, 18)", "DECIMAL(38, 18)", "-12345678901234567890.123456789012345678",
     "-12345678901234567890.123456789012345678"),
    ("DECIMAL(65, 30)", "STRING", "-12345678901234567890123456789012345.000000000000000000000000000001",
     "-12345678901234567890123456789012345.000000000000000000000000000001"),
    ("DATE", "DATE", "'1000-01-01'", "1000-01-01"),
    ("TIME(3)", "TIME(3)", "'23:59:58.123'", "23:59:58.123"),
    ("TIME", "STRING", "'-507:48:27'", "-507:48:27"),
    ("DATETIME(6)", "TIMESTAMP(6)", "'9999-12-31 23:59:59.999999'", "9999-12-31T23:59:59.999999"),
    ("TIMESTAMP(3) NULL", "TIMESTAMP(3)", "'2024-07-01 12:00:00.125'", "2024-07-01T14:00:00.125"),
    ("TIMESTAMP NULL", "TIMESTAMP_LTZ(0)", "'2024-07-01 12:00:00'", "2024-07-01T12:00:00Z"),
    ("YEAR", "INT", "2155", "2155"),
    ("CHAR(5) CHARACTER SET latin1", "STRING", "'h\u00e4\u20ac'", "h\u00e4\u20ac"),
    ("VARCHAR(50) CHARACTER SET utf8mb3", "STRING", "'\u4e2d'", "\u4e2d"),
    ("VARCHAR(300)", "STRING", "'\U0001F600'", "\U0001F600"),
    ("LONGTEXT", "STRING", "REPEAT('x', 300)", "x" * 300),
    ("TEXT CHARACTER SET latin1", "STRING", "'\u00fc'", "\u00fc"),
    ("ENUM('a', 'b''c', 'd')", "STRING", "'b''c'", "b'c"),
    ("SET('x', 'y', 'z')", "STRING", "'z,x'", "x,z"),
    ("JSON", "STRING", "'{\"a\": [1, 2.5, null]}'", '{"a": [1, 2.5, null]}'),
    ("BIT(1)", "BOOLEAN", "b'1'", "true"),
    ("BIT(12)", "BYTES", "b'100000000001'", "[1, 8]"),
    ("BIT(64)", "BYTES", "b'1'", "[1, 0, 0, 0, 0, 0, 0, 0]"),
    ("BINARY(4)", "BYTES", "x'0100'", "[1, 0, 0, 0]"),
    ("VARBINARY(10)", "BYTES", "x'00ff'", "[0, -1]"),
    ("BLOB", "BYTES", "x'0a'", "[10]"),
    ("POINT", "BYTES", "ST_GeomFromText('POINT(1 2)', 4326)",
     "[-26, 16, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, -16, 63, 0, 0, 0, 0, 0, 0, 0, 64]"),
]


def types_table(box, **options):
    db = box.mariadb(**options)
    # The session's zone is where TIMESTAMP literals are read; the server's is what weir shows.
    db.sql("CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, " +
           ", ".join(f"c{i} {kind}" for i, (kind, *_) in enumerate(TYPES)) + ");")
    return db


def types_insert(identity):
    return ("SET time_zone = '+00:00'; INSERT INTO s.t VALUES (" + str(identity) + ", " +
            ", ".join(literal for _, _, literal, _ in TYPES) + ");")


TYPES_COLUMNS = "id INT, " + ", ".join(f"c{i} {kind}" for i, (_, kind, *_) in enumerate(TYPES))
TYPES_PRINTED = ", ".join(printed for *_, printed in TYPES)
TYPES_NULL = ", ".join("null" for _ in TYPES)


def check_types(box, **options):
    """Every type reads the same from the snapshot and from the binlog; NULL everywhere, too."""
    db = types_table(box, **options)
    nulls = "INSERT INTO s.t (id) VALUES ({});"
    db.sql(types_insert(1) + nulls.format(2))
    out = started(box, db, TYPES_COLUMNS, server_time_zone="Europe/Berlin")
    wait_until(lambda: len(changes(out.text())) == 2, "the snapshot", process=out.weir)
    db.sql(types_insert(3) + nulls.format(4) + "DELETE FROM s.t WHERE id = 1;")
    wait_until(lambda: len(changes(out.text())) == 5, "the changes", process=out.weir)
    out.stop()
    expected = [("+I", f"1, {TYPES_PRINTED}"), ("+I", f"2, {TYPES_NULL}"),
                ("+I", f"3, {TYPES_PRINTED}"), ("+I", f"4, {TYPES_NULL}"),
                ("-D", f"1, {TYPES_PRINTED}")]
    for ours, theirs in zip(changes(out.text()), expected):
        assert ours == theirs, f"\n{ours}\n{theirs}"


def test_types(box):
    check_types(box)


def test_types_with_full_metadata(box):
    check_types(box, binlog_row_metadata="FULL")


def test_types_compressed_without_checksum(box):
    check_types(box, log_bin_compress="ON", log_bin_compress_min_len="10", binlog_checksum="NONE")


def test_bad_values_become_dead_letters(box):
    db = box.mariadb(sql_mode="")
    db.sql("CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, d DATE, e DATETIME NOT NULL, "
           "u BIGINT UNSIGNED, t TIME); INSERT INTO s.t VALUES (1, '0000-00-00', '2024-01-01', 1, "
           "'1:00'), (2, '2024-00-00', '0000-00-00', 1, NULL), (3, NULL, '2024-01-01', "
           "18446744073709551615, NULL), (4, NULL, '2024-01-01', 4, '100:00:00');")
    out = started(box, db, "id INT, d DATE, e TIMESTAMP(0) NOT NULL, u BIGINT, t TIME")
    wait_until(lambda: len(changes(out.text())) == 1, "the good row", process=out.weir)
    db.sql("INSERT INTO s.t SELECT id + 10, d, e, u, t FROM s.t;"
           "UPDATE s.t SET u = 5 WHERE id = 13;")
    wait_until(lambda: len(changes(out.text())) == 3, "the good rows", process=out.weir)
    time.sleep(0.3)
    out.stop()
    assert [row for _, row in changes(out.text())] == [
        "1, null, 2024-01-01T00:00, 1, 01:00", "11, null, 2024-01-01T00:00, 1, 01:00",
        "13, null, 2024-01-01T00:00, 5, null"], out.text()
    letters = "".join(path.read_text() for path in
                      (out.weir.data / "dead-letters").glob("**/*") if path.is_file())
    assert letters.count("zero date") == 2 and letters.count("does not fit") == 3, letters
    assert letters.count("outside of one day") == 2, letters
    assert "18446744073709551615" in letters and "snapshot of s.t" in letters, letters


def test_large_rows(box):
    """Rows of 16 MB and more span several packets of the protocol."""
    db = box.mariadb()
    db.sql("CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, b LONGTEXT); "
           "INSERT INTO s.t VALUES (1, REPEAT('a', 16777216)), (2, 'x');")
    weir = box.weir(pipeline(db.port, "id INT, b STRING"))
    weir.start()
    out = Output(weir)
    wait_until(lambda: len(changes(out.text())) == 2, "the snapshot", 60, process=weir)
    db.sql("INSERT INTO s.t VALUES (3, REPEAT('b', 16777215)), (4, REPEAT('c', 40000000));"
           "INSERT INTO s.t VALUES (5, 'y');")
    wait_until(lambda: len(changes(out.text())) == 5, "the changes", 60, process=weir)
    rows = dict(row.split(", ") for _, row in changes(out.text()))
    assert rows == {"1": "a" * 16777216, "2": "x", "3": "b" * 16777215, "4": "c" * 40000000,
                    "5": "y"}, {key: len(value) for key, value in rows.items()}
    out.stop()


def test_several_tables_by_pattern_with_metadata(box):
    db = box.mariadb()
    db.sql("CREATE DATABASE s1; CREATE DATABASE s2; CREATE DATABASE other;")
    for name in ("s1.orders_1", "s1.orders_2", "s2.orders_1", "other.orders_1", "s1.orders_x"):
        db.sql(f"CREATE TABLE {name} (extra INT, id INT PRIMARY KEY); INSERT INTO {name} VALUES "
               "(0, 1);")
    out = started(box, db, "id INT, tn STRING METADATA FROM 'table_name' VIRTUAL, "
                  "dn STRING METADATA FROM 'database_name' VIRTUAL, "
                  "rk STRING METADATA FROM 'row_kind' VIRTUAL", key="",
                  database_name="s[12]", table_name=r"orders_\d+")
    wait_until(lambda: len(changes(out.text())) == 3, "the snapshot", process=out.weir)
    db.sql("UPDATE s2.orders_1 SET id = 2; INSERT INTO other.orders_1 VALUES (0, 5);"
           "CREATE TABLE s2.orders_77 (id INT PRIMARY KEY, z INT) CHARSET utf8mb4;"
           "INSERT INTO s2.orders_77 VALUES (9, 9);")
    wait_until(lambda: len(changes(out.text())) == 6, "the changes", process=out.weir)
    out.stop()
    assert sorted(changes(out.text())) == sorted([
        ("+I", "1, orders_1, s1, +I"), ("+I", "1, orders_2, s1, +I"), ("+I", "1, orders_1, s2, +I"),
        ("-U", "1, orders_1, s2, -U"), ("+U", "2, orders_1, s2, +U"),
        ("+I", "9, orders_77, s2, +I")]), out.text()


def test_names_that_differ_in_their_case_alone(box):
    db = simple(box, rows=3)
    db.sql("CREATE TABLE T (x INT, v VARCHAR(9), n INT, y INT, id INT PRIMARY KEY); INSERT INTO T VALUES (1, 'big', 2, 3, 4)",
           "s")
    out = started(box, db, SIMPLE, key="", table_name="[tT]")
    sql = SIMPLE_SQL + " UNION ALL SELECT id, n, v FROM s.T"
    out.expect(db, sql)
    db.sql("UPDATE t SET n = 7; UPDATE T SET n = 8; ALTER TABLE T ADD z INT FIRST; UPDATE T SET n = 9", "s")
    out.expect(db, sql)
    out.stop()


def test_changelog_as_append_only(box):
    db = simple(box, rows=1)
    out = started(box, db, "id BIGINT, rk STRING METADATA FROM 'row_kind' VIRTUAL",
                  scan__read_changelog_as_append_only__enabled="true")
    wait_until(lambda: len(changes(out.text())) == 1, "the snapshot", process=out.weir)
    db.sql("UPDATE s.t SET n = 0; DELETE FROM s.t;")
    wait_until(lambda: len(changes(out.text())) == 4, "the changes", process=out.weir)
    out.stop()
    assert changes(out.text()) == [("+I", "1, +I"), ("+I", "1, -U"), ("+I", "1, +U"),
                                   ("+I", "1, -D")]


# ---------------------------------------------------------------- start modes

def test_start_modes(box):
    db = simple(box)
    db.sql("INSERT INTO s.t (n) VALUES (1); FLUSH BINARY LOGS; INSERT INTO s.t (n) VALUES (2);")
    file, position = db.sql("SHOW MASTER STATUS")[0][:2]
    gtid = db.value("SELECT @@gtid_binlog_pos")
    time.sleep(2.1)
    moment = int(time.time() * 1000) - 1000
    db.sql("INSERT INTO s.t (n) VALUES (3), (4); INSERT INTO s.t (n) VALUES (5);")
    specific = {"scan__startup__mode": "specific-offset"}
    runs = {
        "initial": ({"scan__startup__mode": "initial"}, "12345"),
        "earliest": ({"scan__startup__mode": "earliest-offset"}, "12345"),
        "latest": ({"scan__startup__mode": "latest-offset"}, ""),
        "file": ({**specific, "scan__startup__specific-offset__file": file,
                  "scan__startup__specific-offset__pos": position}, "345"),
        "gtid": ({**specific, "scan__startup__specific-offset__gtid-set": gtid}, "345"),
        "skipping": ({**specific, "scan__startup__specific-offset__file": file,
                      "scan__startup__specific-offset__pos": position,
                      "scan__startup__specific-offset__skip-rows": "1"}, "45"),
        "time": ({"scan__startup__mode": "timestamp", "scan__startup__timestamp-millis": moment},
                 "345"),
    }
    outputs = {name: started(box, db, "id BIGINT, n INT", **options)
               for name, (options, _) in runs.items()}
    for output in outputs.values():
        wait_until(lambda o=output: "reading the binlog" in o.weir.stderr(), "the stream",
                   process=output.weir)
    db.sql("INSERT INTO s.t (n) VALUES (6)")
    for name, output in outputs.items():
        expected = [("+I", f"{n}, {n}") for n in runs[name][1] + "6"]
        wait_until(lambda o=output, e=expected: len(changes(o.text())) >= len(e), name,
                   process=output.weir)
        assert changes(output.text()) == expected, (name, output.text())
        output.stop()


def test_snapshot_mode_ends(box):
    for options in ({}, {"skip_log_bin": "1"}):
        db = simple(box, rows=3000, **options)
        weir = box.weir(pipeline(db.port, SIMPLE, scan__startup__mode="snapshot"))
        done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
        assert done.returncode == 0, done.stderr
        assert folded(done.stdout) == table(db, SIMPLE_SQL)


# ---------------------------------------------------------------- resuming

def test_resumes_in_the_snapshot_and_behind_it(box):
    """Stopped again and again while the snapshot runs and rows change; keys of several types."""
    db = box.mariadb()
    db.sql("CREATE DATABASE s")
    for name, kind, key in (("a", "INT", "seq"), ("b", "VARCHAR(30)", "CONCAT('Key ', seq * 7919 % 30011)"),
                            ("c", "DECIMAL(12, 3)", "seq / 8")):
        db.sql(f"CREATE TABLE t_{name} (k {kind} PRIMARY KEY, n INT); INSERT INTO t_{name} SELECT "
               f"{key}, seq FROM seq_1_to_30000;", "s")
    db.sql("CREATE TABLE t_d (k CHAR(8) CHARACTER SET latin1, l ENUM('z', 'y', 'x'), n INT, "
           "PRIMARY KEY (l, k)); INSERT INTO t_d SELECT CONCAT('\u00e4', seq), 1 + seq % 3, seq FROM "
           "seq_1_to_30000;", "s")
    out = started(box, db, "k STRING, n INT, tn STRING METADATA FROM 'table_name' VIRTUAL", key="",
                  table_name="t_.*")
    sql = " UNION ALL ".join(f"SELECT k, n, 't_{name}' FROM s.t_{name}" for name in "abcd")
    stops = 0
    for round_number in range(12):
        wanted = 9000 * (round_number + 1)
        wait_until(lambda w=wanted: len(changes(out.text())) >= w, "some rows", process=out.weir)
        out.stop()
        if "the snapshot is read" not in out.weir.stderr():
            stops += 1
        for name in "abcd":
            db.sql(f"UPDATE t_{name} SET n = n + 1 WHERE n % 89 = {round_number}; DELETE FROM "
                   f"t_{name} WHERE n % 97 = {round_number};", "s")
        db.sql(f"INSERT INTO t_a VALUES ({-round_number}, 0), ({100000 + round_number}, 0);"
               f"INSERT INTO t_b (k, n) VALUES ('KEY {round_number}x', 0), ('zz{round_number}', 0);"
               f"UPDATE t_a SET k = k + 200000 WHERE k % 1009 = {round_number};"
               f"UPDATE t_b SET k = CONCAT('moved ', k) WHERE n % 1013 = {round_number};"
               f"UPDATE t_d SET l = 'x' WHERE n % 101 = {round_number};"
               f"ALTER TABLE t_b ADD z{round_number} INT FIRST;"
               f"UPDATE t_b SET n = n + 1 WHERE n % 103 = {round_number};", "s")
        out.weir.start()
    out.expect(db, sql, 60)
    out.stop()
    assert stops >= 3, f"only {stops} stops met the snapshot"


def test_resumes_within_a_transaction(box):
    """One transaction of many rows; stopped in the middle of it, several times."""
    db = simple(box)
    out = started(box, db, SIMPLE)
    wait_until(lambda: "reading the binlog" in out.weir.stderr(), "the stream", process=out.weir)
    db.sql("BEGIN; INSERT INTO t (n, v) SELECT seq, REPEAT('x', 100) FROM seq_1_to_200000; "
           "UPDATE t SET n = n + 1 WHERE id <= 100000; COMMIT;", "s")
    for wanted in (20000, 90000, 250000):
        wait_until(lambda w=wanted: out.text().count("\n") >= w, "some rows", process=out.weir)
        out.stop()
        out.weir.start()
    out.expect(db, SIMPLE_SQL, 60)
    out.stop()


def test_killed_at_any_time_loses_nothing(box):
    """After kill -9 rows may be printed again, never be missing."""
    db = simple(box, rows=20000)
    out = started(box, db, SIMPLE)
    seen = ""
    for round_number in range(6):
        time.sleep(0.15 + 0.1 * round_number)
        out.weir.kill()
        seen += out.weir.stdout()
        db.sql(f"UPDATE s.t SET n = {round_number + 1000} WHERE id % 50 = {round_number};"
               "INSERT INTO s.t (n) VALUES (0);")
        out.weir.start()
    db.sql("INSERT INTO s.t (n, v) VALUES (424242, 'last')")
    wait_until(lambda: ", 424242, last" in out.weir.stdout(), "the last row", process=out.weir)
    out.weir.kill()
    seen += out.weir.stdout()
    last = {}
    for kind, row in changes(seen):
        last[row.split(",")[0]] = row if kind in ("+I", "+U") else last.get(row.split(",")[0])
    assert collections.Counter(last.values()) == table(db, SIMPLE_SQL)


# ---------------------------------------------------------------- faults

def test_lag_is_told(box):
    """Nothing while all is read, however quiet; the age of what is read; and how long the server is gone."""
    db = simple(box, rows=100)
    weir = started(box, db, SIMPLE).weir

    def lag():
        return metric(weir, "weir_source_lag_seconds")
    wait_until(lambda: metric(weir, "weir_checkpoint_completed_total") > 2, "a checkpoint", process=weir)
    time.sleep(2)
    assert lag() < 1, lag()
    db.kill()
    wait_until(lambda: lag() > 3, "a lag while the server is gone", process=weir)
    db.start()
    wait_until(lambda: lag() < 2, "no lag any more", 30, process=weir)
    weir.kill()
    db.sql("INSERT INTO s.t (n) VALUES (1)")
    time.sleep(4)
    db.sql("INSERT INTO s.t (n) VALUES (2)")
    weir.start()
    wait_until(lambda: metric(weir, "weir_source_records_total") > 0, "the rows", process=weir)
    wait_until(lambda: lag() < 2, "no lag again", 30, process=weir)
    assert weir.stop() == 0, weir.log()


def test_server_restarts_and_crashes(box):
    db = simple(box, rows=1000, innodb_flush_log_at_trx_commit="1", sync_binlog="1")
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    for stop in (db.stop, db.kill, db.stop):
        stop()
        time.sleep(0.5)
        db.start()
        db.sql("INSERT INTO s.t (n, v) VALUES (1, 'after'); UPDATE s.t SET n = n + 1 WHERE id < 50")
        out.expect(db, SIMPLE_SQL, 60)
    assert "trying again" in out.weir.stderr()
    out.stop()


def test_two_readers_of_one_number(box):
    """The server takes one of them; the other comes again, until the number is free."""
    db = simple(box, rows=3)
    first = started(box, db, SIMPLE, server_id="7000")
    first.expect(db, SIMPLE_SQL)
    second = started(box, db, SIMPLE, server_id="7000")
    second.expect(db, SIMPLE_SQL)
    db.sql("UPDATE s.t SET n = n + 1")
    wait_until(lambda: "same server-id" in first.weir.stderr() + second.weir.stderr(), "one of them to say so")
    first.stop()
    second.expect(db, SIMPLE_SQL, 60)
    second.stop()


def test_server_gone_is_asked_less_and_less_often(box):
    db = simple(box, rows=10)
    proxy = Proxy(db.port)
    out = started(box, db, SIMPLE, port=proxy.port)
    out.expect(db, SIMPLE_SQL)
    proxy.is_refusing = True
    proxy.cut()
    wait_until(lambda: proxy.refused > 0, "an attempt to connect", process=out.weir)
    before = out.weir.process.cpu_seconds()
    time.sleep(4)
    spent = out.weir.process.cpu_seconds() - before
    assert proxy.refused < 40, f"{proxy.refused} attempts to connect in 4 s"
    assert spent < 1.5, f"{spent} s of CPU in 4 s: it waits in a busy loop"
    db.sql("UPDATE s.t SET n = 5")
    proxy.is_refusing = False
    out.expect(db, SIMPLE_SQL, 60)
    out.stop()
    proxy.close()


def test_connections_cut_in_mid_event(box):
    """Every connection dies after some kilobytes, wherever that is; bytes come in pieces."""
    db = simple(box)
    proxy = Proxy(db.port)
    proxy.cut_after, proxy.piece = 40009, 701
    db.sql("INSERT INTO t (n, v) SELECT seq, REPEAT(CHAR(65 + seq % 26), 100) FROM seq_1_to_900",
           "s")
    out = started(box, db, SIMPLE, port=proxy.port)
    for i in range(4):
        db.sql(f"INSERT INTO t (n, v) SELECT seq, REPEAT('{i}', 60) FROM seq_1_to_100;"
               f"UPDATE t SET n = {i} WHERE id % 40 = {i}; DELETE FROM t WHERE id % 41 = {i}", "s")
        time.sleep(0.3)
    out.expect(db, SIMPLE_SQL, 90)
    assert proxy.cuts >= 3, proxy.cuts
    out.stop()
    proxy.close()


def test_failover_to_a_replica(box):
    """The replica's binlog has other files and offsets; GTIDs find the place."""
    primary = box.mariadb(server_id="11", log_slave_updates="1")
    replica = box.mariadb(server_id="12", log_slave_updates="1")
    primary.sql("CREATE DATABASE s; CREATE TABLE s.t (id BIGINT PRIMARY KEY AUTO_INCREMENT, n INT, "
                "v VARCHAR(200)); CREATE USER r IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* "
                "TO r;")
    replica.sql("RESET MASTER; FLUSH BINARY LOGS; FLUSH BINARY LOGS;"
                "DROP USER IF EXISTS 'weir'@'%'; SET GLOBAL gtid_slave_pos = '';"
                f"CHANGE MASTER TO master_host = '127.0.0.1', master_port = {primary.port}, "
                "master_user = 'r', master_password = 'r', master_use_gtid = slave_pos; "
                "START SLAVE;")
    proxy = Proxy(primary.port)
    primary.sql("INSERT INTO t (n, v) SELECT seq, 'first' FROM seq_1_to_1000", "s")
    out = started(box, primary, SIMPLE, port=proxy.port)
    out.expect(primary, SIMPLE_SQL)
    primary.sql("UPDATE s.t SET v = 'second' WHERE id % 2 = 0")
    out.expect(primary, SIMPLE_SQL)
    proxy.is_refusing = True
    proxy.cut()
    primary.sql("UPDATE s.t SET v = 'third' WHERE id % 3 = 0; DELETE FROM s.t WHERE id % 7 = 0")
    wait_until(lambda: replica.value("SELECT @@gtid_slave_pos") ==
               primary.value("SELECT @@gtid_binlog_pos"), "the replica", 30)
    primary.kill()
    replica.sql("STOP SLAVE; RESET SLAVE ALL; INSERT INTO s.t (n, v) VALUES (1, 'on the replica')")
    proxy.target = replica.port
    proxy.is_refusing = False
    out.expect(replica, SIMPLE_SQL, 60)
    out.stop()
    proxy.close()


def test_tls(box):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", box.path("key.pem"), "-out",
                    box.path("cert.pem"), "-addext", "subjectAltName=DNS:localhost"],
                   check=True, capture_output=True)
    db = simple(box, rows=3, ssl_cert=str(box.path("cert.pem")), ssl_key=str(box.path("key.pem")))
    db.sql("ALTER USER 'weir'@'%' REQUIRE SSL")
    for options in ({"jdbc__properties__sslMode": "REQUIRED"}, {},
                    {"hostname": "localhost", "jdbc__properties__sslMode": "VERIFY_IDENTITY",
                     "jdbc__properties__sslCa": box.path("cert.pem")}):
        out = started(box, db, SIMPLE, **options)
        out.expect(db, SIMPLE_SQL)
        db.sql("UPDATE s.t SET n = n + 1")
        out.expect(db, SIMPLE_SQL)
        out.stop()
    refused(box, db, SIMPLE, "WR5105", jdbc__properties__sslMode="VERIFY_CA")
    refused(box, db, SIMPLE, "WR3106", jdbc__properties__sslMode="DISABLED")


# ---------------------------------------------------------------- schema changes

def test_history_from_the_first_statement(box):
    """From the earliest offset on, definitions come from the statements on the way."""
    db = simple(box, rows=10)
    db.sql("UPDATE t SET n = 1; ALTER TABLE t ADD COLUMN a INT AFTER id; INSERT INTO t (a, n) VALUES "
           "(5, 6); ALTER TABLE t DROP COLUMN a; DELETE FROM t WHERE id = 3", "s")
    out = started(box, db, SIMPLE, scan__startup__mode="earliest-offset")
    out.expect(db, SIMPLE_SQL)
    out.stop()


def test_statement_format_of_one_session_stops(box):
    db = simple(box, rows=3)
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    db.sql("SET SESSION binlog_format = STATEMENT; UPDATE s.t SET n = 7")
    assert out.weir.wait() != 0
    assert "WR3135" in out.weir.stderr(), out.weir.stderr()


# ---------------------------------------------------------------- refusals

def test_settings_that_cannot_work(box):
    db = simple(box)
    db.sql("SET GLOBAL binlog_format = 'MIXED'")
    refused(box, db, SIMPLE, "WR3127", "MIXED", "SET GLOBAL binlog_format = 'ROW'")
    db.sql("SET GLOBAL binlog_format = 'ROW'; SET GLOBAL binlog_row_image = 'MINIMAL'")
    refused(box, db, SIMPLE, "WR3128", "SET GLOBAL binlog_row_image = 'FULL'")
    refused(box, simple(box, skip_log_bin="1"), SIMPLE, "WR3126", "log_bin")


def test_missing_rights(box):
    db = simple(box)
    grants = {"SELECT": ("WR3123", "GRANT SELECT"), "REPLICATION SLAVE": ("WR3107", "GRANT SELECT"),
              "BINLOG MONITOR": ("WR3107", "BINLOG MONITOR ON *.* TO 'half'@'%'")}
    for missing, texts in grants.items():
        rest = ", ".join(right for right in grants if right != missing)
        db.sql(f"CREATE OR REPLACE USER half IDENTIFIED BY 'half'; GRANT {rest} ON *.* TO half")
        refused(box, db, SIMPLE, *texts, username="half", password="half")
    refused(box, db, SIMPLE, "WR3106", password="wrong")


def test_names_that_are_not_there(box):
    db = simple(box)
    refused(box, db, SIMPLE, "WR3123", "did you mean `s.t`", table_name="tt")
    refused(box, db, "id BIGINT, nn INT", "WR3140", "did you mean `n`")
    refused(box, db, SIMPLE, "WR3125", table_name="t(")


def test_types_that_do_not_fit(box):
    db = box.mariadb()
    columns = {"DECIMAL(65, 30)": ("DECIMAL(38, 18)", "STRING"), "GEOMETRY": ("STRING", "BYTES"),
               "BIGINT UNSIGNED": ("INT", "wider"), "INT UNSIGNED": ("INT", "BIGINT"),
               "VARCHAR(5) CHARACTER SET sjis": ("STRING", "sjis"), "UUID": ("STRING", "UUID"),
               "SET('a')": ("INT", "STRING"), "VARCHAR(10)": ("INT", "STRING"),
               "BLOB": ("STRING", "BYTES"), "DATETIME": ("DATE", "TIMESTAMP")}
    for number, (kind, (declared, hint)) in enumerate(columns.items()):
        db.sql(f"CREATE DATABASE IF NOT EXISTS s; CREATE TABLE s.t{number} (id INT PRIMARY KEY, c "
               f"{kind})")
        refused(box, db, f"id INT, c {declared}", "WR3141", hint, table_name=f"t{number}")


if __name__ == "__main__":
    main()
