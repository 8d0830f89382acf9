"""Tables that change their shape while mysql-cdc reads them: every row is read with the columns as of its place.

Each kind of statement meets tables of its own, outside of a transaction and in the middle of one, in three ways:
`live` while the pipeline runs; `restart` with a kill -9 between the statement and the rows behind it; `down` while the
pipeline is down, with one more change behind it, so that the tables as they are now are of no help. What must come
out is computed here, from what is written. Rows go to files that appear exactly once; all tables are done at a time.

WEIR_SEED repeats the choice of the kinds; WEIR_SOAK=1 does all of them, also with full metadata."""

import collections
import json
import os
import random

from lib import main, wait_until
from mysql_test import source

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
CHECKED = 12  # kinds in `make check`
WAYS = [(when, place) for when in ("live", "restart", "down") for place in ("out", "in")]


class Table:
    """What one table holds, by the names of its columns, and what a reader of its changes must see."""

    def __init__(self, kind, when, place, seen):
        self.name = f"{kind}_{when}_{place}"
        self.place = place
        self.rows = {}
        self.next = 1
        self.seen = seen

    def see(self, kind, key, name=None):
        row = self.rows[key]
        self.seen[(name or self.name, kind, str(key), str(row["n"]), row["v"], row["e"])] += 1

    def insert(self, n=None, v=None, e="a"):
        key, self.next = self.next, self.next + 1
        self.rows[key] = {"n": key * 10 if n is None else n, "v": v or f"grün {key}", "e": e, "u": key * 10 + 5}
        row = self.rows[key]
        self.see("+I", key)
        return (f"INSERT INTO {self.name} (id, n, v, e) VALUES ({key}, {row['n']}, '{row['v']}', '{row['e']}');")

    def update(self, key):
        self.see("-U", key)
        self.rows[key]["n"] += 1
        self.see("+U", key)
        return f"UPDATE {self.name} SET n = n + 1 WHERE id = {key};"

    def delete(self, key):
        self.see("-D", key)
        del self.rows[key]
        return f"DELETE FROM {self.name} WHERE id = {key};"

    def work(self, **values):
        """Some changes of each sort."""
        keys = sorted(self.rows)
        sql = self.insert(**values) + self.insert(**values)
        if keys:
            sql += self.update(keys[0])
        if len(keys) > 2:
            sql += self.delete(keys[1])
        return f"BEGIN; {sql} COMMIT;" if self.place == "in" else sql


BASE = ("CREATE TABLE {} (id INT PRIMARY KEY, n INT, v VARCHAR(50), e ENUM('a', 'b'), u INT AS (id * 10 + 5) STORED)")
PLAIN = "CREATE TABLE {} (id INT PRIMARY KEY, n INT, v VARCHAR(50), e ENUM('a', 'b'), u INT DEFAULT 5)"


def set_all(**values):
    """The statement gives all rows that are there these values, without row events."""
    def effect(table):
        for row in table.rows.values():
            row.update(values)
    return effect


def swap(table):
    for row in table.rows.values():
        row["n"], row["u"] = row["u"], row["n"]


def empty(table):
    table.rows.clear()


def select_into(table):
    """CREATE TABLE … SELECT writes rows; what was there went without a trace."""
    for key in sorted(table.rows):
        table.see("+I", key)


def other_rows(table):
    """Another table, with a row 1000, takes the name."""
    table.rows.clear()
    table.rows[1000] = {"n": 1, "v": "other", "e": "b", "u": 0}
    table.next = 1001


class Kind:
    def __init__(self, *statements, effect=None, **values):
        self.statements = statements
        self.effect = effect
        self.values = values  # of rows behind it

    def run(self, table):
        if self.effect:
            self.effect(table)
        return "".join(statement.replace("{t}", table.name) + ";" for statement in self.statements)


def alter(text, **more):
    return Kind("ALTER TABLE {t} " + text, **more)


KINDS = {
    "add_last": alter("ADD COLUMN x INT DEFAULT 7"),
    "add_first": alter("ADD x VARCHAR(10) CHARACTER SET latin1 NOT NULL DEFAULT 'é' FIRST"),
    "add_after": alter("ADD COLUMN x INT AFTER id"),
    "add_many": alter("ADD (x INT, y DECIMAL(5, 2)), ADD COLUMN z INT FIRST, DROP u, ADD INDEX (n, x), ADD w INT AFTER z"),
    "drop": alter("DROP COLUMN u"),
    "drop_and_add": alter("DROP v, ADD v VARCHAR(30) DEFAULT 'new' FIRST", effect=set_all(v="new")),
    "modify_type": alter("MODIFY n BIGINT", n=5000000000),
    "modify_place": alter("MODIFY v VARCHAR(50) FIRST, MODIFY n INT AFTER v"),
    "change": alter("CHANGE u uu DECIMAL(10, 2) FIRST, CHANGE COLUMN n n BIGINT AFTER uu"),
    "rename_column": alter("RENAME COLUMN u TO w, ADD x INT AFTER w"),
    "swap_columns": alter("DROP u, ADD u INT DEFAULT 3", effect=set_all(u=3)),
    "swap_by_change": alter("CHANGE n u INT, CHANGE u n INT", effect=swap),
    "set_default": alter("ALTER n SET DEFAULT 5, ALTER COLUMN v SET DEFAULT (concat('a', 'b'))"),
    "convert": alter("CONVERT TO CHARACTER SET latin1 COLLATE latin1_german1_ci"),
    "column_charset": alter("MODIFY v VARCHAR(40) NOT NULL COLLATE latin1_swedish_ci"),
    "enum_members": alter("MODIFY e ENUM('c', 'b', 'a') NOT NULL", e="c"),
    "enum_to_text": alter("MODIFY e VARCHAR(10)", e="other"),
    "unsigned": alter("MODIFY n INT UNSIGNED FIRST", n=4000000000),
    "generated": alter("ADD g INT AS (n + 1) STORED FIRST, ADD h INT AS (n + 2) VIRTUAL AFTER id"),
    "invisible": alter("ADD x INT INVISIBLE DEFAULT 3 FIRST"),
    "if_exists": alter("ADD COLUMN IF NOT EXISTS x INT FIRST, ADD COLUMN IF NOT EXISTS n TEXT, DROP COLUMN IF EXISTS "
                       "nothing, MODIFY COLUMN IF EXISTS nothing INT, RENAME COLUMN IF EXISTS nothing TO more"),
    "quoted": alter("ADD `a,b (c``d` INT COMMENT 'it''s FIRST, \\' AFTER `v`' FIRST"),
    "comments": Kind("ALTER /* x */ TABLE {t} -- y, z\n ADD # more\n x INT /*!50000 FIRST */, ADD z INT /*!99999 FIRST */"),
    "online": Kind("ALTER ONLINE IGNORE TABLE {t} WAIT 5 ADD x INT DEFAULT 1 FIRST, ALGORITHM=INSTANT, LOCK=NONE"),
    "longer": alter("MODIFY v LONGTEXT FIRST", v="x" * 70000),
    "hashed": alter("ADD x TEXT FIRST, ADD UNIQUE (x)"),
    "other_key": alter("DROP PRIMARY KEY, ADD PRIMARY KEY (id, n), MODIFY n INT NOT NULL FIRST"),
    "index": Kind("CREATE INDEX i ON {t} (n)", "ALTER TABLE {t} ADD CONSTRAINT c CHECK (n > -5), DROP INDEX i, COMMENT = 'a, b'"),
    "partition": alter("ADD x INT FIRST PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (2), PARTITION p1 VALUES "
                       "LESS THAN MAXVALUE)"),
    "truncate": Kind("TRUNCATE TABLE {t}", effect=empty),
    "copy_and_rename": Kind("CREATE TABLE aside_{t} LIKE {t}", "ALTER TABLE aside_{t} ADD x INT FIRST", "INSERT INTO aside_{t} "
                            "(id, n, v, e) SELECT id, n, v, e FROM {t}", "RENAME TABLE {t} TO old_{t}, aside_{t} TO {t}",
                            "DROP TABLE old_{t}"),
    "alter_rename": Kind("CREATE TABLE aside_{t} (v VARCHAR(9), n INT, e ENUM('b', 'a'), id INT PRIMARY KEY)", "INSERT INTO "
                         "aside_{t} VALUES ('other', 1, 'b', 1000)", "DROP TABLE {t}", "ALTER TABLE aside_{t} RENAME TO {t}, "
                         "ADD x INT FIRST", effect=other_rows),
    "swap_tables": Kind("CREATE TABLE aside_{t} (v VARCHAR(9), n INT, e ENUM('b', 'a'), id INT PRIMARY KEY)", "INSERT INTO "
                        "aside_{t} VALUES ('other', 1, 'b', 1000)", "RENAME TABLE {t} TO tmp_{t}, aside_{t} TO {t}, tmp_{t} TO "
                        "aside_{t}", effect=other_rows),
    "drop_and_create": Kind("DROP TABLE {t}", "CREATE TABLE IF NOT EXISTS {t} (v VARCHAR(9), e ENUM('b', 'a'), n INT, id INT "
                            "PRIMARY KEY)", "CREATE TABLE IF NOT EXISTS {t} (id INT)", effect=empty),
    "replace": Kind("CREATE OR REPLACE TABLE {t} (v VARCHAR(9) CHARACTER SET latin1, e ENUM('b', 'a'), n INT, id INT PRIMARY "
                    "KEY)", effect=empty),
    "create_select": Kind("CREATE TABLE aside_{t} AS SELECT v, id, n, e FROM {t}", "DROP TABLE {t}", "CREATE TABLE {t} (PRIMARY "
                          "KEY (id)) SELECT * FROM aside_{t}", effect=select_into),
}
# Two columns of one type: only their names tell them apart.
KINDS["swap_columns"].statements += ("ALTER TABLE {t} RENAME COLUMN n TO u, RENAME COLUMN u TO n",)
KINDS["swap_columns"].effect = lambda table: (set_all(u=3)(table), swap(table))
KINDS["swap_by_change"].statements = ("ALTER TABLE {t} DROP u, ADD u INT DEFAULT 3",) + KINDS["swap_by_change"].statements
KINDS["swap_by_change"].effect = KINDS["swap_columns"].effect

COLUMNS = ("id BIGINT, n BIGINT, v STRING, e STRING, tn STRING METADATA FROM 'table_name' VIRTUAL, "
           "rk STRING METADATA FROM 'row_kind' VIRTUAL")


class Reader:
    """weir, which writes down every change, and what it has written."""

    def __init__(self, box, db, names):
        self.weir = box.weir(
            "SET 'execution.checkpointing.interval' = '100 ms';\n" +
            source(db.port, COLUMNS, key="", table_name=f"({'|'.join(names)})_(live|restart|down)_(in|out)|marker",
                   scan__read_changelog_as_append_only__enabled="true") +
            "CREATE TABLE o (tn STRING, rk STRING, id BIGINT, n BIGINT, v STRING, e STRING) WITH ('connector' = "
            "'filesystem', 'path' = 'o', 'format' = 'json', 'sink.rolling-policy.rollover-interval' = '100 ms', "
            "'sink.rolling-policy.check-interval' = '100 ms');\n"
            "INSERT INTO o SELECT tn, rk, id, n, v, e FROM t;\n")
        self.db = db
        self.markers = 0

    def rows(self):
        lines = [json.loads(line) for path in self.weir.folder.glob("o/[!._]*") for line in path.read_text().splitlines()]
        return collections.Counter((row["tn"], row["rk"], str(row["id"]), str(row["n"]), row["v"], row["e"]) for row in lines)

    def mark(self):
        """Wait until all that was written is in the files, and in a checkpoint."""
        self.markers += 1
        self.db.sql(f"INSERT INTO s.marker VALUES ({self.markers}, 0, 'mark', 'a')")
        mark = ("marker", "+I", str(self.markers), "0", "mark", "a")
        wait_until(lambda: self.rows()[mark], f"mark {self.markers}", 60, every=0.1, process=self.weir)


def check_kinds(box, names, db, base=BASE):
    chance = random.Random(SEED)
    seen = collections.Counter()
    tables = {(name, *way): Table(name, *way, seen) for name in names for way in WAYS}
    db.sql("CREATE DATABASE s; CREATE TABLE s.marker (id INT PRIMARY KEY, n INT, v VARCHAR(9), e ENUM('a', 'b'))")
    sql = ""
    for (name, *_), table in tables.items():
        sql += (PLAIN if "swap_" in name else base).format(table.name) + ";" + table.insert() + table.insert() + table.insert()
        if "swap_" in name:
            set_all(u=5)(table)
    db.sql(sql, "s")

    def behind(name, table):
        return table.work(**KINDS[name].values)

    def run(when, *steps):
        order = [(key[0], table) for key, table in tables.items() if key[1] in when]
        chance.shuffle(order)
        db.sql("".join(step(name, table) for name, table in order for step in steps), "s")

    def before(_name, table):
        return ("BEGIN;" if table.place == "in" else "") + table.insert()

    def statement(name, table):
        return KINDS[name].run(table)

    def newer(_name, table):
        return f"ALTER TABLE {table.name} ADD newest INT FIRST;"

    reader = Reader(box, db, names)
    reader.weir.start()
    reader.mark()
    run(["live"], before, statement, behind)
    run(["restart"], before, statement)
    reader.mark()
    reader.weir.kill()
    reader.weir.start()
    run(["restart"], behind)
    reader.mark()
    reader.weir.kill()
    run(["down"], before, statement, behind, newer, behind)
    run(["live", "restart"], newer, behind)
    reader.weir.start()
    reader.mark()
    assert reader.weir.stop() == 0, reader.weir.log()
    for number in range(reader.markers):
        seen[("marker", "+I", str(number + 1), "0", "mark", "a")] += 1
    found = reader.rows()
    assert found == seen, (f"seed {SEED}", "only weir:", sorted((found - seen).items())[:5], "only expected:",
                           sorted((seen - found).items())[:5])
    print(f"     {len(names)} kinds on {len(tables)} tables, {sum(seen.values())} changes, seed {SEED}")


def test_rows_are_read_by_the_columns_of_their_place(box):
    names = list(KINDS)
    if not os.environ.get("WEIR_SOAK"):
        names = random.Random(SEED).sample(names, CHECKED)
    check_kinds(box, names, box.mariadb())


def soak_with_full_metadata(box):
    check_kinds(box, list(KINDS), box.mariadb(binlog_row_metadata="FULL"))


def soak_with_compression(box):
    check_kinds(box, list(KINDS), box.mariadb(log_bin_compress="ON", log_bin_compress_min_len="10", binlog_checksum="NONE"))


if __name__ == "__main__":
    main()
