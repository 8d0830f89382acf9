"""mysql-cdc and sessions that log statements instead of rows: what may have changed a table that is read stops the
pipeline (WR3135), what cannot does not.

The oracle is the server: a pipeline that goes on shows what SELECT answers."""

import os

from lib import main
from mysql_history_test import ended
from mysql_server import NEW, OLD, mysql
from mysql_test import SIMPLE, SIMPLE_SQL, started

IS_SOAK = bool(os.environ.get("WEIR_SOAK"))
AS_STATEMENT = "SET SESSION binlog_format = STATEMENT; "

# Made by a session that logs rows. What is in `o` is not read.
MADE = """
CREATE DATABASE s; CREATE DATABASE o;
CREATE TABLE s.t (id BIGINT PRIMARY KEY AUTO_INCREMENT, n INT, v VARCHAR(200));
INSERT INTO s.t (n, v) VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE TABLE s.other (a INT); CREATE TABLE s.mem (a INT) ENGINE = MEMORY;
CREATE TABLE o.x (a INT); CREATE TABLE o.y (a INT); CREATE TABLE o.fires (a INT); CREATE TABLE o.fires_here (a INT);
CREATE TABLE o.t (id BIGINT, n INT, v VARCHAR(200)); CREATE TABLE mysql.pulse (id INT PRIMARY KEY, at BIGINT);
INSERT INTO o.x VALUES (1); INSERT INTO o.t VALUES (1, 5, 'd'); INSERT INTO s.mem VALUES (1);
CREATE VIEW o.looks AS SELECT * FROM s.t;
CREATE TRIGGER o.fires AFTER INSERT ON o.fires FOR EACH ROW UPDATE s.t SET n = NEW.a;
CREATE TRIGGER o.fires_here AFTER INSERT ON o.fires_here FOR EACH ROW INSERT INTO o.y VALUES (NEW.a);
CREATE PROCEDURE o.does() UPDATE s.t SET n = 11;
DELIMITER //
CREATE FUNCTION o.changes() RETURNS INT DETERMINISTIC MODIFIES SQL DATA BEGIN UPDATE s.t SET n = 9; RETURN 1; END//
DELIMITER ;
"""

# Database and statement; each may change s.t.
STOPPING = [
    ("s", "UPDATE t SET n = 7"),
    ("o", "/* why */ update `s` . `t` set n = 7"),
    ("o", "SET sql_mode = ANSI_QUOTES; DELETE FROM \"s\".\"t\" WHERE id = 1"),
    ("s", "REPLACE INTO t VALUES (1, 2, 'e')"),
    ("s", "INSERT INTO t (n) SELECT a FROM o.x"),
    ("o", "UPDATE x, s.t AS other SET other.n = 12"),
    ("o", "DELETE other FROM x JOIN s.t AS other ON other.id = x.a"),
    ("o", "UPDATE looks SET n = 8"),
    ("o", "INSERT INTO fires VALUES (5)"),
    ("o", "CALL does()"),
    ("o", "SELECT changes()"),
    ("o", "DO changes()"),
    ("o", "SET @got = changes()"),
    ("o", "INSERT INTO x VALUES (changes())"),
    ("o", "CREATE TEMPORARY TABLE tmp (a INT); INSERT INTO tmp VALUES (changes())"),
    ("o", "INSERT INTO mysql.pulse VALUES (1, changes())"),
    ("o", "CREATE TEMPORARY TABLE t (id BIGINT, n INT, v INT); INSERT INTO t VALUES (1, 1, 1); DROP TEMPORARY TABLE t; "
          "INSERT INTO s.t (n) VALUES (6)"),
    ("s", "DROP TABLE t; CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(200)) AS SELECT 1 AS id, 2 AS n, 'f' AS v"),
    ("o", "LOAD DATA INFILE 'rows.txt' INTO TABLE s.t"),
    ("s", "PREPARE it FROM 'UPDATE t SET n = 13'; EXECUTE it"),
    ("s", "BEGIN; INSERT INTO o.x VALUES (3); SAVEPOINT here; UPDATE t SET n = 14; COMMIT"),
    ("s", "XA START 'x'; UPDATE t SET n = 15; XA END 'x'; XA COMMIT 'x' ONE PHASE"),
]
OF_MARIADB = [
    ("o", "CREATE TABLE made AS SELECT changes() AS a"),
    ("s", "SET STATEMENT lock_wait_timeout = 9, max_statement_time = 10 FOR UPDATE t SET n = 16"),
    ("s", "ANALYZE UPDATE t SET n = 17"),
    ("s", "EXECUTE IMMEDIATE 'UPDATE t SET n = 18'"),
    ("s", "\nDELIMITER //\nBEGIN NOT ATOMIC UPDATE t SET n = 19; END//\nDELIMITER ;\n"),
    ("o", "INSERT INTO x VALUES (4)"),  # MariaDB does not say that no trigger leads to s.t
]
OF_8_0 = [
    ("s", "WITH c AS (SELECT 1 AS a) UPDATE t, c SET n = 20 WHERE id = a"),
    ("s", "WITH c AS (SELECT 1 AS a) DELETE FROM t WHERE id IN (SELECT a FROM c)"),
]

# None of these changes s.t.
HARMLESS = [
    ("s", "CREATE TEMPORARY TABLE tmp (a INT); INSERT INTO tmp VALUES (1), (NULL); INSERT INTO tmp (a) SELECT n FROM t WHERE n IN "
          "(1, 2); UPDATE tmp SET a = COALESCE(a, 1); ALTER TABLE tmp ADD b INT; DELETE FROM tmp WHERE a = 2; DROP TABLE tmp"),
    ("s", "CREATE TEMPORARY TABLE tmp AS SELECT * FROM t JOIN other ON a = id; REPLACE INTO tmp SELECT t.*, a FROM other, t"),
    ("s", "CREATE TEMPORARY TABLE t (x INT, n INT); INSERT INTO t VALUES (1, 1); ALTER TABLE t DROP n; TRUNCATE TABLE t; "
          "INSERT INTO t VALUES (2); DROP TEMPORARY TABLE t"),
    ("mysql", "INSERT INTO mysql.pulse(id, at) values (1,1600000000000) ON DUPLICATE KEY UPDATE at = 1600000000000"),
    ("o", "REPLACE INTO mysql.pulse VALUES (1, UNIX_TIMESTAMP()); DELETE FROM mysql.pulse WHERE id = 7"),
    ("o", "CREATE TABLE copied (a INT) AS SELECT n AS a FROM s.t"),
    ("s", "ANALYZE TABLE t; OPTIMIZE TABLE t; CHECK TABLE t; FLUSH TABLES; TRUNCATE TABLE other"),
    ("s", "CREATE VIEW sees AS SELECT id FROM t; CREATE TRIGGER later AFTER INSERT ON other FOR EACH ROW UPDATE t SET n = 1; "
          "CREATE PROCEDURE p() UPDATE t SET n = 2; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t; DROP EVENT e; "
          "DROP PROCEDURE p; DROP TRIGGER later; DROP VIEW sees"),
    ("s", "CREATE USER u IDENTIFIED BY 'u-Secret'; GRANT UPDATE, INSERT, DELETE ON s.* TO u; REVOKE INSERT ON s.* FROM u; DROP USER u"),
    ("s", "CREATE TABLE parts (a INT) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (5)); DROP TABLE parts"),
    ("s", "ALTER TABLE t ADD INDEX by_n (n); BEGIN; ROLLBACK"),
]
# MySQL says which databases a statement touches.
HARMLESS_OF_MYSQL = [
    ("s", "INSERT INTO o.x VALUES (1); UPDATE o.x SET a = a + 1; DELETE FROM o.x WHERE a = 4"),
    ("s", "UPDATE o.x, o.y SET x.a = 3; INSERT INTO o.fires_here VALUES (6)"),
    ("o", "UPDATE t SET n = 7"),
    ("o", "LOAD DATA INFILE 'rows.txt' INTO TABLE t"),
]


def make(db):
    db.sql("SET GLOBAL log_bin_trust_function_creators = 1;" + MADE)
    db.sql("SELECT 50, 50, 'l' INTO OUTFILE 'rows.txt'", "o")


def check_stops(box, db, cases):
    make(db)
    for database, statement in cases:
        out = started(box, db, SIMPLE)
        out.expect(db, SIMPLE_SQL)
        db.sql(AS_STATEMENT + statement, database)
        db.sql("INSERT INTO s.t (n) VALUES (100)")
        print(f"     {database}: {' '.join(statement.split())[:100]}")
        ended(out, "WR3135", "binlog.0", "binlog_format = ROW", "--fresh")


def check_goes_on(box, db, cases):
    """Live, and as what was there before a restart."""
    make(db)
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    held = db.session("s")
    held.run(AS_STATEMENT + "CREATE TEMPORARY TABLE kept (a INT)")
    for database, statement in cases:
        print(f"     {database}: {' '.join(statement.split())[:100]}")
        db.sql(AS_STATEMENT + statement, database)
        db.sql("INSERT INTO s.t (n) VALUES (100)")
        out.expect(db, SIMPLE_SQL)
    out.stop()
    held.run("INSERT INTO kept VALUES (1)")
    db.sql("INSERT INTO s.t (n) VALUES (101)")
    out.weir.start()
    out.expect(db, SIMPLE_SQL)
    out.stop()
    db.stop()
    db.start()
    db.sql("SELECT * FROM s.mem; INSERT INTO s.t (n) VALUES (102)")  # a MEMORY table is empty, and the log says so
    out.weir.start()
    out.expect(db, SIMPLE_SQL)
    # Temporary tables of before are none any more.
    db.sql(AS_STATEMENT + "UPDATE s.t SET n = 103")
    ended(out, "WR3135")


def test_changes_stop(box):
    check_stops(box, box.mariadb(), STOPPING + OF_MARIADB)


def test_changes_stop_on_8_0(box):
    check_stops(box, mysql(box, NEW, secure_file_priv=""), (STOPPING if IS_SOAK else STOPPING[::5]) + OF_8_0)


def soak_changes_stop_on_5_6(box):
    check_stops(box, mysql(box, OLD, secure_file_priv=""), STOPPING)


def test_others_go_on(box):
    check_goes_on(box, box.mariadb(), HARMLESS)


def test_others_go_on_on_8_0(box):
    check_goes_on(box, mysql(box, NEW, secure_file_priv=""), HARMLESS + HARMLESS_OF_MYSQL)


def soak_others_go_on_on_5_6(box):
    check_goes_on(box, mysql(box, OLD, secure_file_priv=""), HARMLESS + HARMLESS_OF_MYSQL)


def test_set_statement_is_followed(box):
    """MariaDB logs the prefix with a statement that changes a table's columns."""
    db = box.mariadb()
    db.sql(MADE.split("CREATE TRIGGER")[0])
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    db.sql("SET STATEMENT lock_wait_timeout = 9 FOR ALTER TABLE s.t ADD w INT AFTER id; INSERT INTO s.t (w, n) VALUES (6, 7)")
    out.expect(db, SIMPLE_SQL)


def test_statements_before_the_moment_are_passed_over(box):
    """A server that was set to rows only after what is not read."""
    db = box.mariadb()
    db.sql(MADE.split("CREATE TRIGGER")[0])
    db.sql(AS_STATEMENT + "UPDATE s.t SET n = 30")
    moment = int(float(db.value("SELECT SLEEP(1.5) + UNIX_TIMESTAMP(NOW(3)) * 1000")))
    db.sql("DO SLEEP(1.1); INSERT INTO s.t (id, n) VALUES (50, 8)")
    out = started(box, db, SIMPLE, scan__startup__mode="timestamp", **{"scan__startup__timestamp-millis": moment})
    out.expect(db, SIMPLE_SQL + " WHERE id = 50")


if __name__ == "__main__":
    main()
