"""Look-up joins against real MariaDB, PostgreSQL and Redis, and files: what is found."""

import json
import time

from lib import main, wait_until
from lookups import (FROM_FILE, JOIN, TO_PRINT, Maria, Pg, each, file_of, finish, letters, printed)

TYPES = [("b", "BOOLEAN"), ("i1", "TINYINT"), ("i2", "SMALLINT"), ("i4", "INT"), ("i8", "BIGINT"),
         ("f4", "FLOAT"), ("f8", "DOUBLE"), ("n", "DECIMAL(20, 4)"), ("s", "STRING"),
         ("d", "DATE"), ("t", "TIME(0)"), ("ts", "TIMESTAMP(6)"), ("x", "BYTES")]


# ---------------------------------------------------------------- finding

@each
def test_hits_misses_and_null_keys(server, box):
    server.fill({1: "one", 3: "three"})
    weir = box.weir()
    file_of(weir, [{"id": 1, "n": 1}, {"id": 2, "n": 2}, {"id": None, "n": 3}, {"id": 3, "n": 4},
                   {"id": 1, "n": 5}])
    start = FROM_FILE + TO_PRINT + server.table() + "INSERT INTO s SELECT n, v "
    done = finish(weir, start + JOIN.format(kind=""))
    assert printed(done.stdout) == ["+I[1, one]", "+I[4, three]", "+I[5, one]"], done.stdout
    done = finish(weir, start + JOIN.format(kind="LEFT").replace(";", " AND t.v <> 'three';"))
    assert printed(done.stdout) == ["+I[1, one]", "+I[2, null]", "+I[3, null]", "+I[4, null]",
                                    "+I[5, one]"], done.stdout


def types_join(url, user, password):
    columns = ", ".join(f"{name} {kind}" for name, kind in TYPES)
    options = (f"WITH ('connector' = 'jdbc', 'url' = '{url}', 'table-name' = 'all_types', "
               f"'username' = '{user}', 'password' = '{password}')")
    text = (FROM_FILE + f"CREATE TABLE t ({columns}, k INT) {options};\n"
            f"CREATE TABLE t2 ({columns}, k INT) {options};\n"
            f"CREATE TABLE s ({columns}, m BIGINT) WITH ('connector' = 'print');\n"
            "CREATE VIEW found AS SELECT t.*, o.p FROM o JOIN t FOR SYSTEM_TIME AS OF o.p "
            "ON o.id = t.k;\n")
    names = ", ".join("f." + name for name, _ in TYPES)
    # Each type is a key, too: the second look-up asks with what the first one found.
    keys = " AND ".join(f"f.{name} = t2.{name}" for name, _ in TYPES if name != "f4")
    return text + (f"INSERT INTO s SELECT {names}, t2.i8 FROM found AS f LEFT JOIN t2 "
                   f"FOR SYSTEM_TIME AS OF f.p ON {keys};\n")


ROW = ("+I[true, -7, -300, 70000, 5000000000, 1.5, -2.25, 1234567890123456.7891, it's \\ \"ä€\", "
       "2024-02-29, 23:59:01, 2024-02-29T12:34:56.123456, [0, -1, 39], 5000000000]")
VALUES = ("-7, -300, 70000, 5000000000, 1.5, -2.25, 1234567890123456.7891, {text}, "
          "'2024-02-29', '23:59:01', '2024-02-29 12:34:56.123456', {bytes}")


def test_all_types_of_mariadb(box):
    server, weir = Maria(box), box.weir()
    server.sql("CREATE TABLE all_types (k INT, b BOOLEAN, i1 TINYINT, i2 SMALLINT, i4 INT, "
               "i8 BIGINT, f4 FLOAT, f8 DOUBLE, n DECIMAL(20, 4), s VARCHAR(50), d DATE, t TIME, "
               "ts TIMESTAMP(6), x VARBINARY(10)); SET time_zone = '+00:00'; "
               "INSERT INTO all_types VALUES (1, TRUE, " +
               VALUES.format(text="'it\\'s \\\\ \"ä€\"'", bytes="X'00FF27'") + ")")
    file_of(weir, [{"id": 1, "n": 1}])
    done = finish(weir, types_join(server.url, server.server.USER, server.server.PASSWORD))
    assert printed(done.stdout) == [ROW], (done.stdout, letters(weir, "t"))


def test_all_types_of_postgresql(box):
    server, weir = Pg(box), box.weir()
    server.sql("CREATE TABLE all_types (k INT, b BOOLEAN, i1 SMALLINT, i2 SMALLINT, i4 INT, "
               "i8 BIGINT, f4 REAL, f8 DOUBLE PRECISION, n NUMERIC(20, 4), s VARCHAR(50), d DATE, "
               "t TIME, ts TIMESTAMP(6), x BYTEA); INSERT INTO all_types VALUES (1, TRUE, " +
               VALUES.format(text="'it''s \\ \"ä€\"'", bytes="'\\x00ff27'") + ")")
    file_of(weir, [{"id": 1, "n": 1}])
    done = finish(weir, types_join(server.url, server.server.USER, server.server.PASSWORD))
    assert printed(done.stdout) == [ROW], (done.stdout, letters(weir, "t"))


def test_keys_are_data_and_never_sql(box):
    """Quotes, backslashes, zero bytes, and texts that the server cannot compare with its column."""
    names = ["'; DROP TABLE t; --", "\\", "\\'", "", "%", "a\u0000b", "a", "\U0001f600"]
    for server in (Maria(box), Pg(box)):
        weir = box.weir()
        server.sql("CREATE TABLE t (name VARCHAR(50), v INT)")
        weir.write("in.json", "".join(json.dumps({"name": name, "n": i}) + "\n"
                                      for i, name in enumerate(names)))
        server.sql("INSERT INTO t VALUES ('''; DROP TABLE t; --', 0), ('', 3), ('a', 6), "
                   "('\U0001f600', 7)")
        done = finish(weir, f"""
CREATE TABLE o (name STRING, n INT, p AS PROCTIME()) WITH ('connector' = 'filesystem',
  'path' = 'in.json', 'format' = 'json');
CREATE TABLE t (name STRING, v INT) WITH ('connector' = 'jdbc', 'url' = '{server.url}',
  'table-name' = 't', 'username' = 'weir', 'password' = 'weir-secret');
CREATE TABLE s (n INT, v INT) WITH ('connector' = 'print');
INSERT INTO s SELECT n, v FROM o LEFT JOIN t FOR SYSTEM_TIME AS OF o.p ON o.name = t.name;
""")
        assert printed(done.stdout) == ["+I[0, 0]", "+I[1, null]", "+I[2, null]", "+I[3, 3]",
                                        "+I[4, null]", "+I[5, null]", "+I[6, 6]",
                                        "+I[7, 7]"], (server.NAME, done.stdout)


def test_a_key_that_postgresql_cannot_compare_is_a_dead_letter(box):
    server, weir = Pg(box), box.weir()
    good = "11111111-2222-3333-4444-555555555555"
    server.sql(f"CREATE TABLE t (id UUID, v INT); INSERT INTO t VALUES ('{good}', 5)")
    weir.write("in.json", "".join(json.dumps({"id": key, "n": i}) + "\n"
                                  for i, key in enumerate([good, "no uuid", good, "neither"])))
    done = finish(weir, f"""
CREATE TABLE o (id STRING, n INT, p AS PROCTIME()) WITH ('connector' = 'filesystem',
  'path' = 'in.json', 'format' = 'json');
CREATE TABLE t (id STRING, v INT) WITH ('connector' = 'jdbc', 'url' = '{server.url}',
  'table-name' = 't', 'username' = 'weir', 'password' = 'weir-secret');
CREATE TABLE s (n INT, v INT) WITH ('connector' = 'print');
INSERT INTO s SELECT n, v FROM o LEFT JOIN t FOR SYSTEM_TIME AS OF o.p ON o.id = t.id;
""")
    assert printed(done.stdout) == ["+I[0, 5]", "+I[1, null]", "+I[2, 5]", "+I[3, null]"], done.stdout
    found = letters(weir, "t")
    assert [letter["code"] for letter in found] == ["WR3306", "WR3306"], found
    assert any("uuid" in letter["reason"] for letter in found), found


def test_a_key_with_many_rows(box):
    """Not a key of the database: all its rows are found, however many."""
    for server in (Maria(box), Pg(box)):
        weir = box.weir()
        server.sql("CREATE TABLE t (id INT, v VARCHAR(20))")
        for start in range(0, 5000, 1000):
            server.sql("INSERT INTO t VALUES " +
                       ", ".join(f"(1, 'v{i}')" for i in range(start, start + 1000)))
        file_of(weir, [{"id": 1, "n": 1}, {"id": 2, "n": 2}])
        done = finish(weir, FROM_FILE + TO_PRINT + server.table() + "INSERT INTO s SELECT n, v " +
                      JOIN.format(kind="LEFT"))
        assert printed(done.stdout) == sorted([f"+I[1, v{i}]" for i in range(5000)] +
                                              ["+I[2, null]"]), server.NAME


def test_redis_structures(box):
    """What the sink writes is looked up: hash fields, scores, rows, a hash per row."""
    redis, weir = box.redis(), box.weir()
    redis("HSET", "h", "f", "7")
    redis("ZADD", "z", "2.5", "m")
    redis("SET", "r", "r\x01-3\x012024-01-02")
    redis("HSET", "u:1:a", "v", "5", "w", "x")
    weir.write("in.json", json.dumps({"id": 1, "n": 1}) + "\n")
    link = f"'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{redis.port}'"
    done = finish(weir, FROM_FILE + f"""
CREATE TABLE h (k STRING, f STRING, v INT) WITH ({link}, 'command' = 'HGET');
CREATE TABLE z (k STRING, score DOUBLE, m STRING) WITH ({link}, 'command' = 'ZADD');
CREATE TABLE r (k STRING, v INT, d DATE) WITH ({link}, 'command' = 'SET',
  'value.data.structure' = 'row');
CREATE TABLE u (a INT, b STRING, v INT, w STRING, y STRING, PRIMARY KEY (a, b) NOT ENFORCED)
  WITH ({link}, 'command' = 'HSET', 'value.data.structure' = 'hash', 'key.prefix' = 'u:');
CREATE TABLE s (h INT, z DOUBLE, r INT, v INT, w STRING, y STRING) WITH ('connector' = 'print');
INSERT INTO s SELECT h.v, z.score, r.v, u.v, u.w, u.y FROM o
  LEFT JOIN h FOR SYSTEM_TIME AS OF o.p ON h.k = 'h' AND h.f = 'f'
  LEFT JOIN z FOR SYSTEM_TIME AS OF o.p ON z.k = 'z' AND z.m = 'm'
  LEFT JOIN r FOR SYSTEM_TIME AS OF o.p ON r.k = 'r' AND r.v = -3
  LEFT JOIN u FOR SYSTEM_TIME AS OF o.p ON u.a = o.id AND u.b = 'a';
""")
    assert printed(done.stdout) == ["+I[7, 2.5, -3, 5, x, null]"], done.stdout


@each
def test_a_value_of_another_type_is_a_dead_letter(server, box):
    server.fill({1: "17", 2: "twelve"})
    weir = box.weir()
    file_of(weir, [{"id": 1, "n": 1}, {"id": 2, "n": 2}, {"id": 3, "n": 3}])
    done = finish(weir, FROM_FILE + TO_PRINT.replace("v STRING", "v INT") + server.table("INT") +
                  "INSERT INTO s SELECT n, v " + JOIN.format(kind="LEFT"))
    assert printed(done.stdout) == ["+I[1, 17]", "+I[2, null]", "+I[3, null]"], done.stdout
    found = letters(weir, "t")
    assert len(found) == 1 and found[0]["code"] == "WR3306", found
    assert "'twelve' is no INT" in found[0]["reason"], found


def test_a_table_or_column_that_is_not_there_is_said_at_the_start(box):
    for server in (Maria(box), Pg(box)):
        weir = box.weir()
        file_of(weir, [{"id": 1, "n": 1}])
        text = FROM_FILE + TO_PRINT + server.table() + "INSERT INTO s SELECT n, v " + JOIN.format(kind="")
        done = finish(weir, text, 65)
        assert "WR3312" in done.stderr, done.stderr
        server.sql("CREATE TABLE t (id INT, value INT)")
        done = finish(weir, text, 65)
        assert "WR3312" in done.stderr and "names in the database" in done.stderr, done.stderr


@each
def test_no_server_is_said_at_the_start(server, box):
    server.fill({1: "one"})
    check = box.weir(FROM_FILE + TO_PRINT + server.table() + "INSERT INTO s SELECT n, v " +
                     JOIN.format(kind=""))
    file_of(check, [])
    assert check.call("check", "pipeline.sql").returncode == 0
    server.server.stop()
    weir = box.weir()
    file_of(weir, [{"id": 1, "n": 1}])
    done = finish(weir, FROM_FILE + TO_PRINT + server.table() + "INSERT INTO s SELECT n, v " +
                  JOIN.format(kind=""), 69)
    assert str(server.server.port) in done.stderr, done.stderr
    done = check.call("check", "pipeline.sql")
    assert done.returncode != 0 and str(server.server.port) in done.stderr, done.stderr
    assert check.call("check", "--no-connect", "pipeline.sql").returncode == 0


def test_a_wrong_password_is_said_at_the_start(box):
    for server in (Maria(box), Pg(box)):
        server.fill({1: "one"})
        weir = box.weir()
        file_of(weir, [{"id": 1, "n": 1}])
        table = server.table().replace("weir-secret", "wrong-canary")
        done = finish(weir, FROM_FILE + TO_PRINT + table + "INSERT INTO s SELECT n, v " +
                      JOIN.format(kind=""), 77)
        assert "WR3312" in done.stderr, done.stderr
        assert "wrong-canary" not in done.stderr + done.stdout


# ---------------------------------------------------------------- files

ITEMS = ("CREATE TABLE t (id INT, v STRING) WITH ('connector' = 'filesystem', 'path' = 'items', "
         "'format' = 'json'{more});\n")


def test_files_are_looked_up_in_memory(box):
    weir = box.weir()
    weir.write("items/a.json", '{"id": 1, "v": "one"}\n{"id": 3, "v": "three"}\n')
    weir.write("items/b.json", '{"id": 1, "v": "uno"}\n{"id": null, "v": "none"}\n')
    file_of(weir, [{"id": 1, "n": 1}, {"id": 2, "n": 2}, {"id": None, "n": 3}, {"id": 3, "n": 4}])
    text = FROM_FILE + TO_PRINT + ITEMS.format(more="") + "INSERT INTO s SELECT n, v "
    done = finish(weir, text + JOIN.format(kind="LEFT"))
    assert printed(done.stdout) == ["+I[1, one]", "+I[1, uno]", "+I[2, null]", "+I[3, null]",
                                    "+I[4, three]"], done.stdout
    done = weir.call("check", "--portable", "pipeline.sql")
    assert done.returncode != 0 and "as in table `t`" in done.stdout + done.stderr, done


def test_files_that_change_are_read_anew(box):
    """The old copy serves until the new one is complete, also when that cannot be read."""
    weir = box.weir(
        "CREATE TABLE o (n INT, p AS PROCTIME()) WITH ('connector' = 'datagen', "
        "'rows-per-second' = '20', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', "
        "'fields.n.end' = '1000000');\n" + TO_PRINT +
        ITEMS.format(more=", 'lookup.full-cache.periodic-reload.interval' = '1 s'") +
        "INSERT INTO s SELECT n, v FROM o LEFT JOIN t FOR SYSTEM_TIME AS OF o.p ON t.id = 1;\n")
    weir.write("items/a.json", '{"id": 1, "v": "old"}\n')
    weir.start()
    wait_until(lambda: "old]" in weir.stdout(), "the first rows", process=weir)
    weir.write("items/a.json", '{"id": 1, "v": "new"}\n')
    wait_until(lambda: "new]" in weir.stdout(), "rows of the changed file", process=weir)
    weir.path("items").rename(weir.path("away"))
    wait_until(lambda: "could not be read anew" in weir.stderr(), "a reading that fails",
               process=weir)
    before = len(printed(weir.stdout()))
    wait_until(lambda: len(printed(weir.stdout())) > before + 20, "rows of the old copy",
               process=weir)
    weir.path("away").rename(weir.path("items"))
    weir.write("items/a.json", '{"id": 1, "v": "last"}\n')
    wait_until(lambda: "last]" in weir.stdout(), "rows of the files that are back", process=weir)
    assert weir.stop() == 0, weir.log()
    assert "null]" not in weir.stdout()


# ---------------------------------------------------------------- many

@each
def test_a_hundred_thousand_keys(server, box):
    """Each asked for once, none in the cache before."""
    count = 100_000
    rows = {i: f"v{i}" for i in range(0, count, 2)}
    server.fill({0: "v0"})
    keys = list(rows)[1:]
    for start in range(0, len(keys), 10_000):
        server.put({key: rows[key] for key in keys[start:start + 10_000]})
    weir = box.weir()
    weir.write("in.csv", "".join(f"{i},{i}\n" for i in range(count)))
    text = (FROM_FILE.replace("in.json", "in.csv").replace("'json'", "'csv'") +
            "CREATE TABLE s (n INT, v STRING) WITH ('connector' = 'filesystem', 'path' = 'out', "
            "'format' = 'csv');\n" + server.table() + "INSERT INTO s SELECT n, v " +
            JOIN.format(kind="LEFT"))
    began = time.monotonic()
    finish(weir, text, seconds=120)
    took = time.monotonic() - began
    lines = sorted(int(line.split(",")[0]) for path in weir.path("out").rglob("*")
                   if path.is_file() for line in path.read_text().splitlines()
                   if (line.split(",")[1] != "") == (int(line.split(",")[0]) % 2 == 0))
    assert lines == list(range(count)), len(lines)
    print(f"     {server.NAME}: {count / took:,.0f} keys a second")


main()
