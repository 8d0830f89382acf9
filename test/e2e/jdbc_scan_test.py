"""Tables of MariaDB and PostgreSQL read from one end to the other."""

import time

from jdbc_sink_test import both, refused, sink
from lib import main, wait_until
from lookups import Maria, Pg, finish, letters, printed

TYPES = [("b", "BOOLEAN"), ("i1", "TINYINT"), ("i2", "SMALLINT"), ("i4", "INT"), ("i8", "BIGINT"),
         ("f4", "FLOAT"), ("f8", "DOUBLE"), ("n", "DECIMAL(20, 4)"), ("s", "STRING"),
         ("d", "DATE"), ("t", "TIME(0)"), ("ts", "TIMESTAMP(6)"), ("x", "BYTES")]
ROW = ("+I[true, -7, -300, 70000, 5000000000, 1.5, -2.25, 1234567890123456.7891, it's \\ \"ä€\", "
       "2024-02-29, 23:59:01, 2024-02-29T12:34:56.123456, [0, -1, 39]]")
VALUES = ("-7, -300, 70000, 5000000000, 1.5, -2.25, 1234567890123456.7891, {text}, "
          "'2024-02-29', '23:59:01', '2024-02-29 12:34:56.123456', {bytes}")
COLUMNS = ", ".join(f"{name} {kind}" for name, kind in TYPES)


def fill(server, rows):
    """t(id, v): v is NULL for every seventh."""
    series = ("SELECT seq AS i FROM seq_1_to_{0}" if server.NAME == "mariadb"
              else "SELECT i FROM generate_series(1, {0}) AS i").format(rows)
    server.sql("CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(20)); INSERT INTO t SELECT i, "
               f"CASE WHEN i % 7 = 0 THEN NULL ELSE concat('v', i) END FROM ({series}) AS s")


def counted(server, box, more="", table="id BIGINT, v STRING"):
    done = finish(box.weir(), sink(server, table, more=more) +
                  "CREATE TABLE p (n BIGINT, least BIGINT, most BIGINT, v BIGINT) WITH "
                  "('connector' = 'print');\nSET 'execution.runtime-mode' = 'batch';\n"
                  "INSERT INTO p SELECT COUNT(*), MIN(id), MAX(id), COUNT(v) FROM t;\n")
    return printed(done.stdout)


# ---------------------------------------------------------------- reading

def test_all_types(box):
    nulls = "+I[" + ", ".join(["null"] * len(TYPES)) + "]"
    for server, kinds, text, hexa in (
            (Maria(box), "b BOOLEAN, i1 TINYINT, i2 SMALLINT, i4 INT, i8 BIGINT, f4 FLOAT, "
             "f8 DOUBLE, n DECIMAL(20, 4), s VARCHAR(50), d DATE, t TIME, ts DATETIME(6), "
             "x VARBINARY(10)", "'it\\'s \\\\ \"ä€\"'", "X'00FF27'"),
            (Pg(box), "b BOOLEAN, i1 SMALLINT, i2 SMALLINT, i4 INT, i8 BIGINT, f4 REAL, f8 FLOAT8, "
             "n DECIMAL(20, 4), s TEXT, d DATE, t TIME, ts TIMESTAMP(6), x BYTEA",
             "'it''s \\ \"ä€\"'", "'\\x00ff27'")):
        server.sql(f"CREATE TABLE t ({kinds}); INSERT INTO t VALUES (TRUE, "
                   f"{VALUES.format(text=text, bytes=hexa)}); INSERT INTO t (b) VALUES (NULL)")
        done = finish(box.weir(), sink(server, COLUMNS) +
                      f"CREATE TABLE p ({COLUMNS}) WITH ('connector' = 'print');\n"
                      "INSERT INTO p SELECT * FROM t;\n")
        assert printed(done.stdout) == sorted([ROW, nulls]), done.stdout


@both
def test_more_rows_than_a_batch_and_few_columns(server, box):
    fill(server, 10000)
    whole = ["+I[10000, 1, 10000, 8572]"]
    assert counted(server, box) == whole
    assert counted(server, box, "'scan.fetch-size' = '7'") == whole
    done = finish(box.weir(), sink(server, "id BIGINT, v STRING") +
                  "CREATE TABLE p (n BIGINT) WITH ('connector' = 'print');\n"
                  "SET 'execution.runtime-mode' = 'batch';\n"
                  "INSERT INTO p SELECT COUNT(*) FROM t;\n")
    assert printed(done.stdout) == ["+I[10000]"]


@both
def test_an_empty_table(server, box):
    fill(server, 1)
    server.sql("DELETE FROM t")
    assert counted(server, box) == ["+I[0, null, null, 0]"]


@both
def test_ranges_of_a_column(server, box):
    """Rows outside of the bounds are not read, those on them are, and none twice."""
    fill(server, 1000)
    more = ("'scan.partition.column' = 'id', 'scan.partition.num' = '{}', "
            "'scan.partition.lower-bound' = '{}', 'scan.partition.upper-bound' = '{}'")
    assert counted(server, box, more.format(7, 11, 500)) == ["+I[490, 11, 500, 420]"]
    assert counted(server, box, more.format(100, 5, 9)) == ["+I[5, 5, 9, 4]"]
    assert counted(server, box, more.format(3, -9000000000000000000, 9000000000000000000)) == [
        "+I[1000, 1, 1000, 858]"]
    insert = ("CREATE TABLE p (n BIGINT) WITH ('connector' = 'blackhole');\n"
              "INSERT INTO p SELECT id FROM t;\n")
    refused(box.weir(), sink(server, "id BIGINT", more="'scan.partition.num' = '3'") + insert,
            "WR3313", "together", shows_script=True)
    for wrong in (more.format(0, 1, 2), more.format(2, 3, 2)):
        refused(box.weir(), sink(server, "id BIGINT", more=wrong) + insert, "WR3313",
                shows_script=True)


@both
def test_what_cannot_be_read(server, box):
    """A row is a dead letter; a table or column that is not there ends the start."""
    fill(server, 10)
    weir = box.weir()
    done = finish(weir, sink(server, "id BIGINT, v INT") +
                  "CREATE TABLE p (id BIGINT, v INT) WITH ('connector' = 'print');\n"
                  "INSERT INTO p SELECT * FROM t;\n")
    assert printed(done.stdout) == ["+I[7, null]"], done.stdout
    found = letters(weir, "t")
    assert len(found) == 9 and all(letter["code"] == "WR3306" for letter in found), found
    for columns, table in (("id BIGINT, w INT", "t"), ("id BIGINT", "nothing")):
        refused(box.weir(), sink(server, columns, table=table) +
                f"CREATE TABLE p ({columns}) WITH ('connector' = 'print');\n"
                "INSERT INTO p SELECT * FROM t;\n", "WR3312")


# ---------------------------------------------------------------- going on

@both
def test_a_scan_that_is_interrupted(server, box):
    """The job is killed, the server is killed; each row is copied once."""
    fill(server, 400000)
    server.sql("CREATE TABLE u (id BIGINT, v VARCHAR(20))")
    weir = box.weir("SET 'execution.checkpointing.interval' = '20 ms';\n" +
                    sink(server, "id BIGINT, v STRING", more="'scan.fetch-size' = '100', "
                         "'scan.partition.column' = 'id', 'scan.partition.num' = '3', "
                         "'scan.partition.lower-bound' = '1', 'scan.partition.upper-bound' = "
                         "'400000'") +
                    sink(server, "id BIGINT, v STRING", "u", "u",
                         "'sink.delivery-guarantee' = 'exactly-once'") +
                    "INSERT INTO u SELECT * FROM t;\n")

    def rows():
        return int(server.sql("SELECT count(*) FROM u")[0][0])

    def await_more(what):
        before = rows()
        wait_until(lambda: rows() > before or not weir.is_alive(), what, 60)
        assert weir.is_alive() or weir.exit_code() == 0, weir.log()
    for part in (1, 2, 3):
        weir.start()
        await_more("rows")
        if part == 2:
            server.server.kill()
            time.sleep(0.2)
            server.server.start()
            await_more("rows again")
        if not weir.is_alive() or rows() > 300000:  # a fast machine; a run that has ended would begin again
            break
        weir.kill()
    if not weir.is_alive() and weir.exit_code() != 0:
        weir.start()
    assert weir.wait(120) == 0, weir.log()
    assert server.sql("SELECT count(*), count(DISTINCT id), min(id), max(id), count(v) FROM u") == [
        ["400000", "400000", "1", "400000", str(400000 - 400000 // 7)]]


main()
