"""mysql-cdc against MySQL itself, 5.6.24 and 8.0.15: what the other mysql tests show on MariaDB, where MySQL is another.

The oracle is the server: what weir printed or wrote in all its runs, folded into a table, is what SELECT answers."""

import itertools
import os
import random
import threading
import time

from lib import main, wait_until
from mysql_ddl_test import BASE, KINDS, PLAIN, check_kinds
from mysql_history_test import Files, edited, ended, lost, purge
from mysql_server import NEW, OLD, mysql
from mysql_test import SIMPLE, SIMPLE_SQL, Output, Proxy, changes, folded, pipeline, refused, source, started, table
from mysql_xa_test import check_full, check_in_front, check_where_it_counts

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
EXACTLY_ONCE = "'sink.delivery-guarantee' = 'exactly-once'"
IS_SOAK = bool(os.environ.get("WEIR_SOAK"))


def numbers(first, last, text="row"):
    return ", ".join(f"({n % 97}, '{text} {n}')" for n in range(first, last + 1))


def simple(box, version, rows=0, **options):
    db = mysql(box, version, **options)
    db.sql("CREATE DATABASE s; CREATE TABLE s.t (id BIGINT PRIMARY KEY AUTO_INCREMENT, n INT, v VARCHAR(200));")
    if rows:
        db.sql(f"INSERT INTO s.t (n, v) VALUES {numbers(1, rows)}")
    return db


# ---------------------------------------------------------------- types

# What is compared: weir's expression, its type, and what the server says to the same value.
TEXT = "CAST({} AS STRING)", "STRING", "{}"
HEX = "{}", "STRING", "LOWER(HEX({}))"
NUMBER = "CAST({} AS BIGINT)", "BIGINT", "{} + 0"
BOOLEAN = "{}", "BOOLEAN", "ELT(1 + {}, 'false', 'true')"
DOUBLE = "{} = 0.5e0", "BOOLEAN", "ELT(1 + ({} = 0.5), 'false', 'true')"
SHAPE = "HEX(DECODE({}, 'ISO-8859-1'))", "STRING", "HEX(CONVERT(CONVERT(UNHEX(HEX({})) USING latin1) USING utf8))"
TYPES = [  # server's type, declared type, how each prints it, values
    ("TINYINT", "TINYINT", TEXT, "-128", "127", "0"),
    ("TINYINT UNSIGNED", "SMALLINT", TEXT, "255", "128", "0"),
    ("SMALLINT", "SMALLINT", TEXT, "-32768", "32767", "1"),
    ("SMALLINT UNSIGNED", "INT", TEXT, "65535", "32768", "0"),
    ("MEDIUMINT", "INT", TEXT, "-8388608", "8388607", "-1"),
    ("MEDIUMINT UNSIGNED ZEROFILL", "INT", NUMBER, "16777215", "8388608", "7"),
    ("INT", "INT", TEXT, "-2147483648", "2147483647", "-1"),
    ("INT UNSIGNED", "BIGINT", TEXT, "4294967295", "2147483648", "0"),
    ("BIGINT", "BIGINT", TEXT, "-9223372036854775808", "9223372036854775807", "-1"),
    ("BIGINT UNSIGNED", "DECIMAL(20, 0)", TEXT, "18446744073709551615", "9223372036854775808", "0"),
    ("DECIMAL(1, 0)", "DECIMAL(1, 0)", TEXT, "-9", "9", "0"),
    ("DECIMAL(9, 9)", "DECIMAL(9, 9)", TEXT, "-0.999999999", "0.000000001", "0"),
    ("DECIMAL(10, 2)", "DECIMAL(10, 2)", TEXT, "-99999999.99", "-0.01", "99999999.99"),
    ("DECIMAL(18, 9)", "DECIMAL(18, 9)", TEXT, "-999999999.999999999", "1.000000001", "-1"),
    ("DECIMAL(19, 10) UNSIGNED", "DECIMAL(19, 10)", TEXT, "999999999.9999999999", "0.0000000001", "0"),
    ("DECIMAL(38, 20)", "DECIMAL(38, 20)", TEXT, "-999999999999999999.99999999999999999999", "1e-20", "0"),
    ("DECIMAL(65, 30)", "STRING", TEXT, "-" + "9" * 35 + "." + "9" * 30, "1e-30", "-7.5"),
    ("DOUBLE", "DOUBLE", DOUBLE, "0.5", "-1.7976931348623157e308", "1e-300"),
    ("FLOAT", "FLOAT", DOUBLE, "0.5", "-3.4e38", "16777216"),
    ("DATE", "DATE", TEXT, "'1000-01-01'", "'9999-12-31'", "'2024-02-29'"),
    ("TIME", "STRING", TEXT, "'-838:59:59'", "'838:59:59'", "'-00:00:01'"),
    ("TIME(1)", "STRING", TEXT, "'-00:00:00.1'", "'00:00:00.9'", "'-838:59:58.9'"),
    ("TIME(4)", "STRING", TEXT, "'-00:00:00.0001'", "'-01:00:00.9999'", "'23:59:59.9999'"),
    ("TIME(6)", "STRING", TEXT, "'-00:00:00.000001'", "'-837:59:59.999999'", "'11:22:33.000001'"),
    ("DATETIME", "TIMESTAMP(0)", TEXT, "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'2024-02-29 12:00:00'"),
    ("DATETIME(1)", "TIMESTAMP(1)", TEXT, "'1970-01-01 00:00:00.9'", "'1969-12-31 23:59:59.1'", "'2024-02-29 12:00:00'"),
    ("DATETIME(3)", "TIMESTAMP(3)", TEXT, "'1000-01-01 00:00:00.001'", "'9999-12-31 23:59:59.999'", "'2024-02-29 12:00:00.5'"),
    ("DATETIME(6)", "TIMESTAMP(6)", TEXT, "'1000-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'", "'2024-02-29 12:00'"),
    ("TIMESTAMP NULL", "TIMESTAMP(0)", TEXT, "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2024-02-29 12:00:00'"),
    ("TIMESTAMP(2) NULL", "TIMESTAMP(2)", TEXT, "'1970-01-01 00:00:01.01'", "'2038-01-19 03:14:07.99'", "'2024-02-29 12:00:00.1'"),
    ("TIMESTAMP(6) NULL", "TIMESTAMP(6)", TEXT, "'1970-01-01 00:00:01.000001'", "'2038-01-19 03:14:07.999999'", "'2024-02-29'"),
    ("YEAR", "INT", NUMBER, "1901", "2155", "0"),
    ("CHAR(255)", "STRING", TEXT, "REPEAT('\u00e4', 255)", "'  in front'", "''"),
    ("CHAR(10) CHARACTER SET latin1", "STRING", TEXT, "'\u00e4\u20ac\u00fc'", "'x'", "''"),
    ("VARCHAR(255) CHARACTER SET ascii", "STRING", TEXT, "REPEAT('a', 255)", "'b '", "''"),
    ("VARCHAR(300) CHARACTER SET utf8", "STRING", TEXT, "REPEAT('\u4e2d', 300)", "'c'", "''"),
    ("VARCHAR(2000)", "STRING", TEXT, "REPEAT('\U0001F600', 2000)", "'\u00df'", "''"),
    ("VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin", "STRING", TEXT, "'\u00e9\u0161'", "'d'", "''"),
    ("VARCHAR(20) CHARACTER SET gbk", "BYTES", SHAPE, "'\u4e2d\u6587'", "'x'", "''"),
    ("CHAR(20) CHARACTER SET sjis", "BYTES", SHAPE, "'\uff71\uff72'", "'x'", "''"),
    ("TEXT CHARACTER SET utf16", "BYTES", SHAPE, "'a\u4e2d'", "'x'", "''"),
    ("TINYTEXT", "STRING", TEXT, "REPEAT('t', 255)", "'e'", "''"),
    ("TEXT CHARACTER SET latin1", "STRING", TEXT, "REPEAT('\u00fc', 65535)", "'f'", "''"),
    ("MEDIUMTEXT", "STRING", TEXT, "REPEAT('m', 70000)", "'g'", "''"),
    ("LONGTEXT", "STRING", TEXT, "REPEAT('l', 100000)", "'h'", "''"),
    ("ENUM('a', 'b''c', '\u00e4,')", "STRING", TEXT, "'b''c'", "'\u00e4,'", "'a'"),
    ("ENUM('x', 'y') CHARACTER SET latin1", "STRING", TEXT, "'y'", "'x'", "1"),
    ("SET('x', 'y', '\u00fc')", "STRING", TEXT, "'\u00fc,x'", "''", "'y'"),
    ("BIT(1)", "BOOLEAN", BOOLEAN, "b'1'", "b'0'", "1"),
    ("BIT(12)", "INT", NUMBER, "b'100000000001'", "b'111111111111'", "0"),
    ("BIT(63)", "BIGINT", NUMBER, "9223372036854775807", "1", "0"),
    ("BINARY(5)", "STRING", HEX, "x'0100000000'", "x'ff'", "x''"),
    ("BINARY(255)", "STRING", HEX, "x'00'", "REPEAT(x'ff', 255)", "' '"),
    ("VARBINARY(300)", "STRING", HEX, "x'0000'", "REPEAT(x'fe', 300)", "x''"),
    ("TINYBLOB", "STRING", HEX, "x'00ff'", "REPEAT(x'fb', 255)", "x''"),
    ("BLOB", "STRING", HEX, "x'00'", "REPEAT(x'fc', 65535)", "x''"),
    ("MEDIUMBLOB", "STRING", HEX, "x'01'", "REPEAT(x'fd', 66000)", "x''"),
    ("LONGBLOB", "STRING", HEX, "x'02'", "REPEAT(x'fe', 99000)", "x''"),
    ("GEOMETRY", "BYTES", SHAPE, "ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('LINESTRING(0 0, 1 1, -1 1.5)')",
     "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1), POLYGON((0 0, 1 0, 1 1, 0 0)))')"),
    ("POINT", "BYTES", SHAPE, "ST_GeomFromText('POINT(-1 4)')", "ST_GeomFromText('POINT(0 0)')", "ST_GeomFromText('POINT(7 8)', 3857)"),
]
JSON = [
    ("JSON", "STRING", TEXT, """'{"b": [1, -2.5, true, null, "\u00e4\\\\n"], "aa": {"x": 18446744073709551615}}'""", "'[]'", "'\"s\"'"),
    ("JSON", "STRING", TEXT, "JSON_ARRAY(CAST('2024-02-29 01:02:03.5' AS DATETIME(6)), CAST('-01:02:03' AS TIME), "
     "CAST(-1.50 AS DECIMAL(10, 2)), DATE '2024-01-01', 1e100)", "JSON_OBJECT('k', REPEAT('x', 70000))", "'[0.0, -0.0, 0.1, 100.0, 1e14, 1e15, "
     "-1e16, 1234567890123456.7, 12345678901234567890.5, 1.5e300, 1e-14, 1e-15, 1e-16, -1.25e-14, 4.9e-324, 2.2250738585072014e-308, "
     "1.7976931348623157e308, 0.30000000000000004, 5e-5, -9223372036854775808, 12345.678]'"),
]


def types_insert(types, number):
    """Three rows of values and one of NULL."""
    rows = ", ".join(f"({number + i}, {', '.join(kind[3 + i] for kind in types)})" for i in range(3))
    return f"SET time_zone = '+00:00'; INSERT INTO s.t VALUES {rows}; INSERT INTO s.t (id) VALUES ({number + 3});"


def check_types(box, version, **options):
    """Each from the snapshot and from the binlog, as the server itself prints it."""
    types = TYPES + (JSON if version == NEW else [])
    names = [f"c{i}" for i in range(len(types))]
    db = mysql(box, version, innodb_log_file_size="48M", **options)
    db.sql("CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, " +
           ", ".join(f"{name} {kind[0]}" for name, kind in zip(names, types)) + ");" + types_insert(types, 1))
    read = ", ".join(f"{name} {kind[1]}" for name, kind in zip(names, types))
    written = ", ".join(f"{name} {kind[2][1]}" for name, kind in zip(names, types))
    weir = box.weir("SET 'execution.checkpointing.interval' = '50 ms';\n" +
                    source(db.port, "id INT, " + read, server_time_zone="UTC", debezium__binary__handling__mode="hex") +
                    f"CREATE TABLE o (id INT, {written}) WITH ('connector' = 'print');\n"
                    "INSERT INTO o SELECT id, " + ", ".join(kind[2][0].format(name) for name, kind in zip(names, types)) +
                    " FROM t;\n")
    out = Output(weir.start())
    sql = ("SET time_zone = '+00:00'; SELECT id, " + ", ".join(kind[2][2].format(name) for name, kind in zip(names, types)) +
           " FROM s.t")
    compare(out, db, sql, 4)
    db.sql(types_insert(types, 11) + "UPDATE s.t SET id = id + 20 WHERE id < 3; DELETE FROM s.t WHERE id = 3;")
    compare(out, db, sql, 7)
    out.stop()
    assert "0 dead letters" in weir.stderr(), weir.log()


def compare(out, db, sql, count):
    """When it fails, it names the columns that differ."""
    try:
        wait_until(lambda: sum(folded(out.text()).values()) == count, f"{count} rows", process=out.weir)
        out.expect(db, sql)
    except AssertionError:
        theirs = {row.split(", ")[0]: row for row in table(db, sql)}
        for kind, row in changes(out.text()):
            known = theirs.setdefault(row.split(", ")[0], row)
            for i, (a, b) in enumerate(zip(row.split(", "), known.split(", "))):
                if a != b:
                    print(f"{kind}: c{i - 1} is {a[:80]}, not {b[:80]}")
        raise


def test_types_of_5_6(box):
    check_types(box, OLD)


def test_types_of_8_0(box):
    check_types(box, NEW, binlog_row_metadata="FULL" if random.Random(SEED).random() < 0.5 else "MINIMAL")


# ---------------------------------------------------------------- changes

def test_changes_of_every_kind_of_table(box):
    """Partitions, MyISAM, triggers, keys that cascade, savepoints, and statements that write rows in other ways."""
    for version in (OLD, NEW):
        db = mysql(box, version, gtid_mode="OFF" if version == OLD else "ON")
        check_changes(box, db)
        db.kill()


TABLES = """
CREATE TABLE t_plain (id BIGINT PRIMARY KEY, n INT, v VARCHAR(200));
CREATE TABLE t_part (id BIGINT PRIMARY KEY, n INT, v VARCHAR(200)) PARTITION BY RANGE (id)
  (PARTITION p0 VALUES LESS THAN (5), PARTITION p1 VALUES LESS THAN (50), PARTITION p2 VALUES LESS THAN MAXVALUE);
CREATE TABLE t_myisam (v VARCHAR(200), n INT, id BIGINT PRIMARY KEY) ENGINE = MyISAM;
CREATE TABLE t_log (n INT, id BIGINT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(200));
CREATE TABLE t_key (a INT, b VARCHAR(10), id BIGINT, n INT, v VARCHAR(200), PRIMARY KEY (b, a));
CREATE TABLE child (id BIGINT PRIMARY KEY, n INT, v VARCHAR(200), parent BIGINT, FOREIGN KEY (parent) REFERENCES t_plain (id)
  ON DELETE CASCADE);
CREATE TRIGGER plain_insert AFTER INSERT ON t_plain FOR EACH ROW INSERT INTO t_log (n, v) VALUES (NEW.id, 'inserted');
CREATE TRIGGER plain_update BEFORE UPDATE ON t_plain FOR EACH ROW SET NEW.v = CONCAT('was ', OLD.n);
"""
CHANGES = """
INSERT INTO t_plain VALUES (1, 1, 'a'), (2, 2, NULL), (3, NULL, 'c'), (40, 4, '');
INSERT INTO t_part SELECT * FROM t_plain; INSERT INTO t_myisam SELECT v, n, id FROM t_plain;
INSERT INTO t_key VALUES (1, 'x', 10, 1, 'x1'), (2, 'x', 11, 1, 'x2'), (1, 'y', 12, NULL, '');
INSERT INTO t_plain VALUES (2, 7, 'dup'), (41, 7, 'new') ON DUPLICATE KEY UPDATE n = n + 100;
REPLACE INTO t_key VALUES (1, 'x', 10, 2, 'replaced'), (3, 'z', 13, 1, 'new');
UPDATE t_plain, t_part SET t_plain.n = 5, t_part.n = 6 WHERE t_plain.id = t_part.id AND t_part.id < 3;
UPDATE t_part SET id = 45 WHERE id = 1; UPDATE t_part SET id = id + 100 WHERE id = 40;
BEGIN; INSERT INTO t_plain VALUES (60, 6, 'kept'); SAVEPOINT s; INSERT INTO t_plain VALUES (61, 6, 'undone');
UPDATE t_myisam SET n = 9 WHERE id = 1; ROLLBACK TO s; DELETE FROM t_key WHERE b = 'y'; COMMIT;
BEGIN; UPDATE t_plain SET n = 1000; ROLLBACK;
DELETE FROM t_myisam WHERE id = 2; UPDATE t_key SET a = a + 1 ORDER BY a DESC; DELETE t_part FROM t_part JOIN t_plain USING (id) WHERE id = 3;
ALTER TABLE t_part ADD x INT FIRST; UPDATE t_part SET n = 77; ALTER TABLE t_part REORGANIZE PARTITION p1 INTO
  (PARTITION p11 VALUES LESS THAN (20), PARTITION p12 VALUES LESS THAN (50)); UPDATE t_part SET v = 'reorganized';
ALTER TABLE t_myisam ENGINE = InnoDB, ADD y INT AFTER v; UPDATE t_myisam SET y = 1, n = n + 1;
SET NAMES latin1; INSERT INTO t_plain VALUES (70, 7, 'gr\xfcn');
"""


def check_changes(box, db):
    statements = CHANGES.encode("latin1")
    if db.options["gtid_mode"] == "ON":  # then a transaction may not mix engines
        statements = statements.replace(b"UPDATE t_myisam SET n = 9 WHERE id = 1; ROLLBACK TO", b"ROLLBACK TO")
    db.sql("CREATE DATABASE s; USE s;" + TABLES)
    db.sql(b"USE s;" + statements.replace(b"ALTER TABLE t_part ADD", b"-- ").split(b"ALTER TABLE")[0])
    out = started(box, db, SIMPLE + ", tn STRING METADATA FROM 'table_name' VIRTUAL", key="", table_name="t_.*|child")
    names = ("t_plain", "t_part", "t_myisam", "t_log", "t_key", "child")
    sql = " UNION ALL ".join(f"SELECT id, n, v, '{name}' FROM s.{name}" for name in names)
    out.expect(db, sql)
    assert "t_myisam" in out.weir.stderr() and "child" in out.weir.stderr(), out.weir.stderr()  # what it warns of
    for name in names:
        db.sql(f"DELETE FROM s.{name}")
    out.expect(db, sql)
    db.sql(b"USE s;" + statements)
    out.expect(db, sql)
    db.sql("INSERT INTO child VALUES (1, 1, 'cascades', 60); DELETE FROM t_plain WHERE id = 60", "s")
    db.sql("INSERT INTO t_plain VALUES (99, 9, 'last')", "s")
    wait_until(lambda: "99, 9, last" in out.text(), "the last row", process=out.weir)
    assert "-D[1, 1, cascades" not in out.text()  # as documented: InnoDB does not log it
    out.stop()


def soak_tables_that_change(box):
    """Kinds of statements that MySQL has, too: see mysql_ddl_test.py, which does them on MariaDB."""
    of_mariadb = {"if_exists", "invisible", "online", "hashed", "replace"}
    of_8 = {"rename_column", "swap_columns", "swap_by_change", "generated", "set_default"}
    for version in (OLD, NEW):
        names = [name for name in KINDS if name not in of_mariadb | (of_8 if version == OLD else set())]
        db = mysql(box, version)
        check_kinds(box, names, db, PLAIN if version == OLD else BASE)
        db.kill()


def check_kills(box, version, rounds, **options):
    """kill -9 of weir and of the server at random moments; every change is in the files exactly once."""
    chance = random.Random(SEED)
    db = simple(box, version, 500, sync_binlog="1", innodb_flush_log_at_trx_commit="1", **options)
    files = Files(box, db.port, "t")
    files.weir.start()
    for number in range(rounds):
        db.sql(f"BEGIN; UPDATE t SET n = n + 1 WHERE id % 5 = {number % 5}; INSERT INTO t (n, v) VALUES "
               f"{numbers(1, 200, f'round {number}')}; DELETE FROM t WHERE id % 31 = {number}; COMMIT; UPDATE t SET v = '{number}' "
               f"WHERE id % 17 = {number}; ALTER TABLE t ADD x{number} INT {chance.choice(['FIRST', 'AFTER id', ''])}; "
               f"INSERT INTO t (n, v) VALUES (1, 'behind {number}')", "s")
        time.sleep(chance.random() * 0.3)
        if chance.random() < 0.7:
            files.weir.kill()
        if chance.random() < 0.5:
            db.kill()
            db.start()
        if not files.weir.is_alive():
            files.weir.start()
    db.sql("INSERT INTO s.t (n) VALUES (424242)")
    files.wait_for(424242)
    assert files.weir.stop() == 0, files.weir.log()
    files.check(db, ["t"])
    print(f"     MySQL {version}: {rounds} rounds, {len(files.rows())} changes, seed {SEED}")


def test_kills(box):
    check_kills(box, OLD, 3)


def soak_kills(box):
    check_kills(box, OLD, 20, gtid_mode="ON")
    check_kills(box, NEW, 20)
    check_kills(box, NEW, 20, gtid_mode="ON")


def test_a_snapshot_while_transactions_are_on_their_way(box):
    """What stands in the binlog and is not yet to be seen is in the snapshot or behind it, also when that takes long: the
    server puts off the sync of its log. Found without GTIDs, by them, and under a lock."""
    for gtids in ("OFF", "ON"):
        db = simple(box, NEW, 3, gtid_mode=gtids, sync_binlog="1", binlog_group_commit_sync_delay="400000")
        session = db.session("s")
        db.sql("GRANT RELOAD ON *.* TO weir")
        for number, locking in enumerate(("none", "none", "minimal") if gtids == "OFF" else ("none",) * 3):
            session.send(f"INSERT INTO t (n, v) VALUES ({number}, 'slow')")
            session.child.stdin.flush()
            time.sleep(0.1 * number)
            out = started(box, db, SIMPLE, debezium__snapshot__locking__mode=locking)
            session.sync()
            db.sql("INSERT INTO s.t (n, v) VALUES (NULL, 'behind')")
            out.expect(db, SIMPLE_SQL)
            out.weir.kill()
        db.kill()


def check_busy(box, version, gtids, locking, pause):
    """Pipelines begin again and again while two sessions commit all the time; each has every change exactly once."""
    db = simple(box, version, 50, gtid_mode=gtids, sync_binlog="1", innodb_flush_log_at_trx_commit="1")
    db.sql("GRANT RELOAD ON *.* TO weir")
    is_over = threading.Event()

    def write(session):
        for number in itertools.count():
            session.run(f"INSERT INTO t (n, v) VALUES ({number}, 'busy'); UPDATE t SET n = n + 1 WHERE id % 7 = {number % 7}")
            if is_over.wait(pause):
                return
    writers = [threading.Thread(target=write, args=(db.session("s"),)) for _ in range(2)]
    for writer in writers:
        writer.start()
    pipelines = []
    for _ in range(7):
        pipelines.append(Files(box, db.port, "t", debezium__snapshot__locking__mode=locking))
        pipelines[-1].weir.start()
        time.sleep(3)
    is_over.set()
    for writer in writers:
        writer.join()
    db.sql("INSERT INTO s.t (n) VALUES (424242)")
    for files in pipelines:
        files.wait_for(424242)
        assert files.weir.stop() == 0, files.weir.log()
        files.check(db, ["t"])
    db.kill()


def soak_snapshots_of_a_busy_server(box):
    check_busy(box, NEW, "ON", "none", 0.01)
    check_busy(box, NEW, "OFF", "none", 0.3)
    check_busy(box, NEW, "OFF", "minimal", 0.01)
    check_busy(box, OLD, "OFF", "none", 0.3)
    check_busy(box, OLD, "ON", "minimal", 0.01)


# ---------------------------------------------------------------- another server takes over

def pair(box, version):
    options = {"gtid_mode": "ON", "log_slave_updates": "1", "sync_binlog": "1", "innodb_flush_log_at_trx_commit": "1"}
    primary = simple(box, version, server_id="11", **options)
    replica = mysql(box, version, server_id="12", **options)
    replica.sql("FLUSH LOCAL BINARY LOGS; FLUSH LOCAL BINARY LOGS")  # its positions are others
    primary.sql(f"CREATE USER r IDENTIFIED {'WITH mysql_native_password' if version == NEW else ''} BY 'r'; "
                "GRANT REPLICATION SLAVE ON *.* TO r")
    replica.sql(follow(primary))
    return primary, replica


def follow(primary):
    return (f"CHANGE MASTER TO master_host = '127.0.0.1', master_port = {primary.port}, master_user = 'r', "
            "master_password = 'r', master_auto_position = 1; START SLAVE")


def catch_up(primary, replica):
    done = primary.value("SELECT @@global.gtid_executed").replace("\n", "")
    wait_until(lambda: replica.value(f"SELECT GTID_SUBSET('{done}', @@global.gtid_executed)") == "1", "the replica", 30)


def purge_all(db):
    """Leaves the newest binlog file only. The server keeps a file, and says nothing, while a reader that has gone away
    counts as its reader: until the next event cannot be sent to it."""
    newest = db.sql("SHOW MASTER STATUS")[0][0]

    def is_purged():
        db.sql(f"PURGE BINARY LOGS TO '{newest}'")
        return [row[0] for row in db.sql("SHOW BINARY LOGS")] == [newest]
    wait_until(is_purged, "the purge", 30)


def check_failover(box, version):
    """kill -9 of the primary while a transaction is half read; the replica goes on with it, by GTID, and back again."""
    primary, replica = pair(box, version)
    primary.sql(f"INSERT INTO t (n, v) VALUES {numbers(1, 500, 'first')}", "s")
    proxy = Proxy(primary.port)
    out = started(box, primary, SIMPLE, port=proxy.port)
    out.expect(primary, SIMPLE_SQL)
    proxy.cut_after = 60000
    proxy.cut()
    primary.sql("ALTER TABLE t ADD COLUMN x INT FIRST", "s")
    primary.sql(f"INSERT INTO t (n, v) VALUES {numbers(1, 6000, 'third')}", "s")
    wait_until(lambda: proxy.cuts > 0, "the cut", process=out.weir)
    proxy.is_refusing = True
    out.stop()
    assert 0 < out.before.count("third") < 6000, out.before.count("third")
    catch_up(primary, replica)
    primary.kill()
    replica.sql("STOP SLAVE; RESET SLAVE ALL; ALTER TABLE s.t DROP COLUMN x, ADD COLUMN y INT AFTER id; INSERT INTO s.t (n, v) "
                "VALUES (1, 'there'); DELETE FROM s.t WHERE id % 3 = 0")
    edited(out, replica.port, SIMPLE)
    out.expect(replica, SIMPLE_SQL, 60)
    assert "from GTID" in out.weir.stderr(), out.weir.stderr()
    out.stop()
    # The old primary comes back as a replica, without what was read meanwhile; then it catches up.
    primary.start()
    edited(out, primary.port, SIMPLE)
    ended(out, "WR3138", "server 11", "caught up")
    primary.sql(follow(replica))
    catch_up(replica, primary)
    out.weir.start()
    primary.sql("STOP SLAVE; RESET SLAVE ALL; INSERT INTO s.t (n, v) VALUES (1, 'back again')")
    out.expect(primary, SIMPLE_SQL)
    out.stop()
    # What the other server has purged.
    replica.sql(follow(primary))
    primary.sql("INSERT INTO s.t (n, v) VALUES (1, 'gap')")
    catch_up(primary, replica)
    replica.sql("STOP SLAVE; FLUSH LOCAL BINARY LOGS")
    purge_all(replica)
    edited(out, replica.port, SIMPLE)
    ended(out, "WR3130", "--fresh")
    assert "gap" not in out.before, out.before
    proxy.close()


def test_failover_of_5_6(box):
    check_failover(box, OLD)


def soak_failover_of_8_0(box):
    check_failover(box, NEW)


# ---------------------------------------------------------------- history that is lost

def test_lost_history(box):
    def wait_a_second():
        time.sleep(1.1)  # the age of a file is known to the second

    def reset(db, _out):
        wait_a_second()
        db.sql("RESET MASTER; INSERT INTO s.t (n, v) VALUES (1, 'gap')")

    def reset_and_more(db, out):
        reset(db, out)
        db.sql("INSERT INTO t (n) VALUES (1);" * 100, "s")

    cases = [(forget, code, version, gtids) for forget, code in
             ((purge, "WR3130"), (reset, "WR3137"), (reset_and_more, "WR3137")) for version in (OLD, NEW) for gtids in ("ON", "OFF")]
    for forget, code, version, gtids in cases if IS_SOAK else [cases[0], cases[9]]:
        db = simple(box, version, 10, gtid_mode=gtids)
        lost(box, forget, code, db=db)
        db.kill()
    if IS_SOAK:
        # Which of the two hangs on whether the server notices first that its file is gone.
        lost(box, reset_and_more, "error[WR313", is_running=True, heartbeat="2 s", db=simple(box, NEW, 10))


def test_another_server_without_gtids(box):
    """A position is of one server only."""
    db, other = simple(box, OLD, 3), simple(box, OLD, 3, server_id="77")
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    out.stop()
    edited(out, other.port, SIMPLE)
    ended(out, "WR3131", "gtid_mode = ON", "server_id 77, not 1")


# ---------------------------------------------------------------- signing in, and what is refused

def reads(box, db, **options):
    """A snapshot by this account."""
    weir = box.weir(pipeline(db.port, SIMPLE, scan__startup__mode="snapshot", **options))
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode == 0, done.stderr
    assert folded(done.stdout) == table(db, SIMPLE_SQL), done.stdout


def test_signs_in_to_8_0_and_refuses_partial_json(box):
    """By each plugin, with and without TLS. After FLUSH PRIVILEGES the server has no digest of any password and asks for
    caching_sha2_password's in full: encrypted for its key, or in clear within TLS."""
    db = simple(box, NEW, 3)
    db.sql("CREATE USER native IDENTIFIED WITH mysql_native_password BY 'p\u00e4ss\\'\"w\u00f6rd'; CREATE USER nopass; "
           "CREATE USER tls IDENTIFIED BY 'weir-secret' REQUIRE SSL; CREATE USER old IDENTIFIED WITH sha256_password BY 'x'; "
           "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO native, nopass, tls, old")
    plain = {"jdbc__properties__sslMode": "DISABLED"}
    db.sql("FLUSH PRIVILEGES")
    reads(box, db, **plain)
    reads(box, db, **plain)
    db.sql("FLUSH PRIVILEGES")
    refused(box, db, SIMPLE, "WR3106", password="wrong", **plain)
    reads(box, db, username="tls")
    reads(box, db, username="tls", jdbc__properties__sslMode="VERIFY_CA", jdbc__properties__sslCa=db.data / "ca.pem")
    refused(box, db, SIMPLE, "WR3106", username="tls", **plain)
    refused(box, db, SIMPLE, "WR5105", jdbc__properties__sslMode="VERIFY_CA")
    reads(box, db, username="native", password="p\u00e4ss''\"w\u00f6rd", **plain)
    reads(box, db, username="nopass", password="")
    refused(box, db, SIMPLE, "WR3105", "sha256_password", username="old", password="x")
    refused(box, db, SIMPLE, "WR3106", username="native", password="wrong")
    check_partial_json(box, db)


def test_signs_in_to_5_6(box):
    db = simple(box, OLD, 3)
    db.sql("CREATE USER nopass; CREATE USER old IDENTIFIED WITH sha256_password; SET old_passwords = 2; "
           "SET PASSWORD FOR old = PASSWORD('x'); GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO nopass")
    reads(box, db)
    reads(box, db, username="nopass", password="")
    refused(box, db, SIMPLE, "WR3106", password="wrong")
    refused(box, db, SIMPLE, "WR3105", "sha256_password", username="old", password="x")
    refused(box, db, SIMPLE, "WR3109", jdbc__properties__sslMode="REQUIRED")


def check_partial_json(box, db):
    db.sql("SET GLOBAL binlog_row_value_options = PARTIAL_JSON")
    refused(box, db, SIMPLE, "WR3129")
    db.sql("SET GLOBAL binlog_row_value_options = ''; CREATE TABLE s.j (id INT PRIMARY KEY, j JSON); INSERT INTO s.j VALUES "
           "(1, CONCAT('{\"a\": \"', REPEAT('x', 1000), '\", \"b\": 1}'))")
    out = started(box, db, "id INT, j STRING", table_name="j")
    out.expect(db, "SELECT id, j FROM s.j")
    db.sql("SET binlog_row_value_options = PARTIAL_JSON; UPDATE s.j SET j = JSON_SET(j, '$.b', 2)")
    ended(out, "WR3129", "s.j")


def check_refusals(box, version):
    db = simple(box, version, 3)
    for format in ("MIXED", "STATEMENT"):
        db.sql(f"SET GLOBAL binlog_format = {format}")
        refused(box, db, SIMPLE, "WR3127", format, "SET GLOBAL binlog_format = 'ROW'")
    db.sql("SET GLOBAL binlog_format = ROW")
    for image in ("MINIMAL", "NOBLOB"):
        db.sql(f"SET GLOBAL binlog_row_image = {image}")
        refused(box, db, SIMPLE, "WR3128", image)
    db.sql("SET GLOBAL binlog_row_image = FULL")
    rights = {"SELECT": ("WR3123", "GRANT SELECT"), "REPLICATION SLAVE": ("WR3107", "REPLICATION SLAVE"),
              "REPLICATION CLIENT": ("WR3107", "REPLICATION CLIENT ON *.* TO 'half'@'%'")}
    for missing, texts in rights.items():
        db.sql(f"CREATE USER half IDENTIFIED BY 'half'; GRANT {', '.join(r for r in rights if r != missing)} ON *.* TO half")
        refused(box, db, SIMPLE, *texts, username="half", password="half")
        db.sql("DROP USER half")
    refused(box, db, SIMPLE, "WR3124", "specific-offset", scan__startup__mode="specific-offset",
            **{"scan__startup__specific-offset__gtid-set": ""})
    db.sql("CREATE TABLE s.other (id INT PRIMARY KEY, c VARCHAR(5) CHARACTER SET gbk, d INT); INSERT INTO s.other VALUES (1, 'x', 2)")
    refused(box, db, "id INT, c STRING", "WR3141", "gbk", table_name="other")
    for statement, code in (("SET binlog_format = STATEMENT; UPDATE t SET n = 7", "WR3135"),
                            ("SET binlog_row_image = MINIMAL; UPDATE t SET n = 8 WHERE id = 2", "WR3128")):
        out = started(box, db, SIMPLE)
        out.expect(db, SIMPLE_SQL)
        db.sql(statement, "s")
        ended(out, code)
    db.kill()
    db.options["skip_log_bin"] = "1"
    db.start()
    refused(box, db, SIMPLE, "WR3126", "log_bin")
    reads(box, db)


def test_refusals_of_5_6(box):
    check_refusals(box, OLD)


def soak_refusals_of_8_0(box):
    check_refusals(box, NEW)


def test_jdbc(box):
    """Rows are written to 8.0 with each guarantee, read again, and looked up."""
    db = mysql(box, NEW)
    db.sql("CREATE DATABASE s; CREATE TABLE s.once (id INT PRIMARY KEY, v VARCHAR(20), d DECIMAL(10, 2), t DATETIME(6)); CREATE TABLE "
           "s.by_key LIKE s.once; GRANT ALL ON s.* TO weir; FLUSH PRIVILEGES; INSERT INTO s.by_key VALUES (2, 'old', 0, NULL)")
    columns = "id INT, v STRING, d DECIMAL(10, 2), t TIMESTAMP(6)"
    key = ", PRIMARY KEY (id) NOT ENFORCED"

    def at(name, more=""):
        return (f"'connector' = 'jdbc', 'url' = 'jdbc:mysql://127.0.0.1:{db.port}/s', 'table-name' = '{name}', 'username' = 'weir', "
                f"'password' = 'weir-secret'{more}")
    weir = box.weir(f"CREATE TABLE once ({columns}) WITH ({at('once', ', ' + EXACTLY_ONCE)});\n"
                    f"CREATE TABLE by_key ({columns}{key}) WITH ({at('by_key')});\n"
                    "CREATE TEMPORARY VIEW v AS SELECT * FROM (VALUES (1, 'gr\u00fcn \U0001F600', CAST(-1.50 AS DECIMAL(10, 2)), TIMESTAMP "
                    "'2024-02-29 01:02:03.000001'), (2, 'new', 2.00, CAST(NULL AS TIMESTAMP(6)))) AS t (id, v, d, t);\n"
                    "INSERT INTO once SELECT * FROM v;\nINSERT INTO by_key SELECT * FROM v;\n")
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode == 0, done.stderr
    written = [["1", "gr\u00fcn \U0001F600", "-1.50", "2024-02-29 01:02:03.000001"], ["2", "new", "2.00", None]]
    for name in ("once", "by_key"):
        assert db.sql(f"SELECT * FROM s.{name} ORDER BY id") == written, (name, db.sql(f"SELECT * FROM s.{name}"))
    weir = box.weir(f"CREATE TABLE scanned (id INT, v STRING) WITH ({at('once')});\n"
                    f"CREATE TABLE looked ({columns}{key}) WITH ({at('by_key')});\n"
                    "CREATE TABLE o (id INT, v STRING, d DECIMAL(10, 2)) WITH ('connector' = 'print');\n"
                    "CREATE TEMPORARY VIEW s AS SELECT id, v, PROCTIME() AS p FROM scanned;\n"
                    "INSERT INTO o SELECT s.id, s.v, l.d FROM s JOIN looked FOR SYSTEM_TIME AS OF s.p AS l ON s.id = l.id;\n")
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode == 0, done.stderr
    assert sorted(changes(done.stdout)) == [("+I", "1, gr\u00fcn \U0001F600, -1.50"), ("+I", "2, new, 2.00")], done.stdout


# ---------------------------------------------------------------- XA, zero dates, large rows

def test_xa(box):
    """8.0 writes rows at XA PREPARE; 5.6 where the XA COMMIT is, so nothing is waited for."""
    db = simple(box, OLD, 10)
    session = db.session("s")
    for sql in ("XA START 'a'", "INSERT INTO t (n, v) VALUES (1, 'prepared')", "XA END 'a'", "XA PREPARE 'a'"):
        session.run(sql)
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    session.run("XA COMMIT 'a'")
    out.expect(db, SIMPLE_SQL)
    out.stop()
    assert "prepared" in out.before and "waits" not in out.weir.stderr()
    db.kill()
    db = simple(box, NEW, 10, sync_binlog="1", innodb_flush_log_at_trx_commit="1")
    check_where_it_counts(box, db)
    if IS_SOAK:
        db = simple(box, NEW, 10)
        db.sql("GRANT XA_RECOVER_ADMIN ON *.* TO weir")
        check_in_front(box, db)
        db = simple(box, NEW)
        db.sql("GRANT XA_RECOVER_ADMIN ON *.* TO weir")
        check_full(box, db)


def soak_zero_dates_and_large_rows(box):
    """Values that no declared type holds become dead letters; rows beyond 16 MB take several packets."""
    large = 17000000
    for version in (OLD, NEW):
        db = mysql(box, version, sql_mode="", innodb_log_file_size="256M", max_allowed_packet="32M")
        db.sql("CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, d DATE, e DATETIME NOT NULL, f TIMESTAMP NULL, u BIGINT "
               "UNSIGNED, b LONGTEXT)")
        rows = ("({0}, '0000-00-00', '2024-01-01', NULL, 1, NULL), ({0} + 1, '2024-00-00', '0000-00-00', NULL, 1, ''), ({0} + 2, NULL, "
                "'2024-01-01', NULL, 18446744073709551615, NULL), ({0} + 3, NULL, '2024-01-01', '0000-00-00', 4, REPEAT('b', {1}))")
        db.sql("INSERT INTO s.t VALUES " + rows.format(1, large))
        out = started(box, db, "id INT, d DATE, e TIMESTAMP(0) NOT NULL, f TIMESTAMP(0), u BIGINT, b STRING")
        wait_until(lambda: len(changes(out.text())) == 2, "the good rows", process=out.weir)
        db.sql("INSERT INTO s.t VALUES " + rows.format(11, large))
        wait_until(lambda: len(changes(out.text())) == 4, "the good rows", process=out.weir)
        out.stop()
        found = [(row.split(", ")[:-1], len(row.split(", ")[-1])) for _, row in changes(out.before)]
        good = [["{}", "null", "2024-01-01T00:00", "null", "1"], ["{}", "null", "2024-01-01T00:00", "null", "4"]]
        assert found == [([part.format(first + at) for part in good[bool(at)]], large if at else 4)
                         for first in (1, 11) for at in (0, 3)], str(found)[:1000]
        letters = "".join(path.read_text() for path in (out.weir.data / "dead-letters").glob("**/*") if path.is_file())
        assert letters.count("zero date") == 2 and letters.count("does not fit") == 2, letters[:2000]
        db.kill()


if __name__ == "__main__":
    main()
