"""Where mysql-cdc goes on, and where it must not: columns that go away, servers that take over, history that is lost.

The oracle is MariaDB: what was printed in all runs, folded into a table, is what SELECT answers; or the run ends with
the error that says what is missing and what to do, and nothing behind the gap is printed."""

import collections
import json
import os
import random
import re
import time

from lib import main, wait_until
from mysql_test import SIMPLE, SIMPLE_SQL, Output, Proxy, changes, folded, pipeline, simple, started, table

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
FAILOVERS = int(os.environ.get("WEIR_FAILOVERS", "20"))
KILLS = int(os.environ.get("WEIR_SNAPSHOT_KILLS", "5"))


def ended(out, *texts):
    """The run ends with an error that holds the texts; what it printed until then is kept."""
    assert out.weir.wait(60) != 0, out.weir.log()
    log = out.weir.stderr()
    for text in texts:
        assert text in log, (text, log)
    out.before += out.weir.stdout()
    return log


def edited(out, port, columns, **options):
    """The same pipeline and data folder, with another CREATE TABLE."""
    out.weir.write("pipeline.sql", pipeline(port, columns, **options))
    out.weir.start()


# ---------------------------------------------------------------- columns that go away

GOING = [  # statement, columns declared behind it, the error's texts, what SELECT then shows of old rows
    ("DROP COLUMN v", "id BIGINT, n INT", ("WR3140", "- `v` varchar(200)", "ALTER TABLE t DROP COLUMN v")),
    ("CHANGE v w TEXT FIRST", "id BIGINT, n INT, w STRING", ("WR3140", "- `v` varchar(200)", "+ `w` text")),
    ("MODIFY n BIGINT UNSIGNED FIRST", "id BIGINT, n DECIMAL(20, 0), v STRING",
     ("WR3141", "- `n` int(11)", "+ `n` bigint unsigned", "declare a wider integer")),
    ("RENAME COLUMN n TO m, ADD COLUMN z INT FIRST", "id BIGINT, m INT, v STRING",
     ("WR3140", "- `n` int(11)", "+ `m` int(11)", "+ `z` int")),
]


def test_stops_in_front_of_what_takes_a_column_and_goes_on(box):
    """Rows before and behind the statement are each printed once; the checkpoint stands right between them, so rows
    in front of it need not be read by the new declaration. Rows of one transaction, and a kill -9 before the edit."""
    cases = GOING if os.environ.get("WEIR_SOAK") else random.Random(SEED).sample(GOING, 2)
    for number, (statement, columns, texts) in enumerate(cases):
        db = simple(box, rows=5)
        # Checkpoints come by time only every ten minutes: the one that counts is that of the stop.
        weir = box.weir(pipeline(db.port, SIMPLE).replace("50 ms", "10 min"))
        out = Output(weir.start() and weir)
        wait_until(lambda w=weir: "reading the binlog" in w.stderr(), "the stream", process=weir)
        db.sql(f"BEGIN; INSERT INTO t (n, v) VALUES (7, 'before'); UPDATE t SET n = n + 1; ALTER TABLE t {statement};"
               "INSERT INTO t (id) VALUES (1000); UPDATE t SET id = id + 2000 WHERE id < 3; COMMIT", "s")
        log = ended(out, *texts, "binlog.000001:", "run again with the same data folder")
        assert folded(out.before)["1, 2, row 1"] == 1 and len(changes(out.before)) == 18, out.before
        weir.start()  # nothing has changed: it comes by the same place again, with nothing printed
        log = ended(out, *texts)
        assert "resumed from checkpoint" in log and weir.stdout() == "", log + weir.stdout()
        edited(out, db.port, columns)
        names = ", ".join(re.findall(r"(\w+) [A-Z]+", re.sub(r"\(.*?\)", "", columns)))
        if number == 1:
            weir.kill()
            weir.start()
        wait_until(lambda o=out: "+I[1000" in o.text(), "the row behind it", process=weir)
        # Old rows stay as they were printed; those that changed behind the statement are as the server has them.
        wait_until(lambda o=out: "2001" in o.text() and "2002" in o.text(), "all rows", process=weir)
        time.sleep(0.2)
        out.stop()
        assert number == 1 or len(changes(out.before)) == 18 + 5, out.before
        last = {row.split(",")[0]: row for kind, row in changes(out.before) if kind in ("+I", "+U")}
        for row in table(db, f"SELECT {names} FROM s.t WHERE id >= 1000"):
            assert last[row.split(",")[0]] == row, (statement, row, last)
        db.stop()


def test_says_when_a_statement_is_beyond_it(box):
    """Not understood, or about a table that it never saw: the error shows the statement, when rows come."""
    beyond = {
        "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; ALTER TABLE t0 ADD x VARCHAR(9) DEFAULT '\\' FIRST": "backslash",
        "CREATE DATABASE other; CREATE TABLE other.t LIKE t1; DROP TABLE t1; RENAME TABLE other.t TO t1": "RENAME TABLE",
        "ALTER TABLE t2 ADD SYSTEM VERSIONING": "SYSTEM VERSIONING",
        "SET NAMES cp1250; ALTER TABLE t3 ADD x INT COMMENT '\xe9' FIRST": "character set",
    }
    db = simple(box)
    for number, (statement, text) in enumerate(beyond.items()):
        name = f"t{number}"
        db.sql(f"CREATE TABLE {name} LIKE t; INSERT INTO {name} (n, v) VALUES (1, 'row')", "s")
        out = started(box, db, SIMPLE, table_name=name)
        out.expect(db, f"SELECT id, n, v FROM s.{name}")
        db.sql(f"USE s; {statement}; INSERT INTO {name} (id, n, v) VALUES (77, 5, 'behind')".encode("latin1"))
        log = ended(out, "WR3142", text, "binlog_row_metadata")
        assert "77" not in out.before and "binlog.000001:" in log, log


def test_names_in_the_binlog_make_up_for_it(box):
    """With full metadata nothing is beyond it."""
    db = simple(box, rows=3, binlog_row_metadata="FULL")
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    db.sql("USE s; SET sql_mode = 'NO_BACKSLASH_ESCAPES'; ALTER TABLE t ADD x VARCHAR(9) DEFAULT '\\' FIRST, MODIFY v TEXT "
           "CHARACTER SET latin1 FIRST; INSERT INTO t (n, v) VALUES (5, 'ü'); UPDATE t SET n = n + 1")
    out.expect(db, SIMPLE_SQL)
    out.stop()


def test_an_old_position_with_a_change_behind_it(box):
    """Only the definition of now is known; a column that came in between shows that it is not that of then."""
    db = simple(box, rows=3)
    db.sql("FLUSH BINARY LOGS; INSERT INTO t (n, v) VALUES (1, 'then'); ALTER TABLE t ADD x INT; INSERT INTO t (n, v) VALUES "
           "(2, 'now')", "s")
    out = started(box, db, SIMPLE, scan__startup__mode="specific-offset",
                  scan__startup__specific_offset__file="binlog.000002")
    ended(out, "WR3142")
    assert not changes(out.before), out.before
    db.sql("ALTER TABLE t DROP COLUMN x, ADD INDEX (n); INSERT INTO t (n, v) VALUES (3, 'later')", "s")
    out = started(box, db, SIMPLE, scan__startup__mode="specific-offset",
                  scan__startup__specific_offset__file="binlog.000002")
    ended(out, "WR3142", "read at a later position", "ADD x INT")
    assert "1, then" in out.before and "now" not in out.before, out.before


# ---------------------------------------------------------------- another server takes over

def follow(primary):
    return (f"CHANGE MASTER TO master_host = '127.0.0.1', master_port = {primary.port}, master_user = 'r', "
            "master_password = 'r', master_use_gtid = slave_pos; START SLAVE;")


def pair(box, **options):
    """A primary with table s.t, and a replica of it."""
    primary = box.mariadb(server_id="11", log_slave_updates="1", **options)
    replica = box.mariadb(server_id="12", log_slave_updates="1", **options)
    primary.sql("CREATE DATABASE s; CREATE TABLE s.t (id BIGINT PRIMARY KEY AUTO_INCREMENT, n INT, v VARCHAR(200)); "
                "CREATE USER r IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* TO r;")
    # Its binlog has other files and offsets.
    replica.sql("RESET MASTER; FLUSH BINARY LOGS; FLUSH BINARY LOGS; DROP USER IF EXISTS 'weir'@'%'; "
                "SET GLOBAL gtid_slave_pos = '';" + follow(primary))
    return primary, replica


def catch_up(primary, replica):
    end = primary.value("SELECT @@gtid_binlog_pos")
    wait_until(lambda: replica.value("SELECT @@gtid_slave_pos") == end, "the replica", 30)


PROMOTE = "STOP SLAVE; RESET SLAVE ALL;"


def test_failover_by_another_address(box):
    """The primary is killed in the middle of the work, the replica promoted, and CREATE TABLE points to it: with
    the same data folder the pipeline goes on at the transaction, and in the middle of it, that it had come to."""
    primary, replica = pair(box)
    primary.sql("INSERT INTO t (n, v) SELECT seq, 'first' FROM seq_1_to_1000", "s")
    proxy = Proxy(primary.port)
    proxy.cut_after = 300000  # of the stream, in the middle of the last transaction
    out = started(box, primary, SIMPLE, port=proxy.port)
    out.expect(primary, SIMPLE_SQL)
    primary.sql("UPDATE t SET v = 'second' WHERE id % 2 = 0; ALTER TABLE t ADD COLUMN x INT FIRST; INSERT INTO t (n, v) "
                "SELECT seq, 'third' FROM seq_1_to_50000", "s")
    wait_until(lambda: proxy.cuts > 0, "the cut", process=out.weir)
    proxy.is_refusing = True
    out.stop()
    assert 0 < out.before.count("third") < 50000, out.before.count("third")
    catch_up(primary, replica)
    primary.kill()
    replica.sql(PROMOTE + "ALTER TABLE s.t DROP COLUMN x, ADD COLUMN y INT AFTER id; INSERT INTO s.t (n, v) VALUES (1, 'there'); "
                "DELETE FROM s.t WHERE id % 3 = 0")
    edited(out, replica.port, SIMPLE)
    out.expect(replica, SIMPLE_SQL, 60)
    assert "from GTID" in out.weir.stderr() and "behind 0-11-" in out.weir.stderr(), out.weir.stderr()
    proxy.close()
    # It stays there by file and offset.
    out.weir.kill()
    out.before += out.weir.stdout()
    replica.sql("UPDATE s.t SET v = 'last' WHERE id % 5 = 0")
    out.weir.start()
    wait_until(lambda: ", last]" in out.text(), "the last change", process=out.weir)
    time.sleep(0.3)
    out.stop()
    last = {row.split(",")[0]: row if kind in ("+I", "+U") else None for kind, row in changes(out.before)}
    assert sorted(filter(None, last.values())) == sorted(table(replica, SIMPLE_SQL).elements())


def test_failover_within_the_snapshot(box):
    """The rest is read from the replica; changes count by GTID then, as the positions are of two servers."""
    primary, replica = pair(box)
    primary.sql("CREATE TABLE t2 LIKE t; CREATE TABLE t3 LIKE t; " + "".join(
        f"INSERT INTO {name} (n, v) SELECT seq, 'first' FROM seq_1_to_60000;" for name in ("t", "t2", "t3")), "s")
    columns = SIMPLE + ", tn STRING METADATA FROM 'table_name' VIRTUAL"
    sql = " UNION ALL ".join(f"SELECT id, n, v, '{name}' FROM s.{name}" for name in ("t", "t2", "t3"))
    options = {"key": "", "table_name": "t.?"}
    proxy = Proxy(primary.port)
    proxy.piece, proxy.pause = 16384, 0.005
    out = started(box, primary, columns, port=proxy.port, **options)
    wait_until(lambda: out.text().count("\n") > 70000, "some rows", process=out.weir)
    proxy.is_refusing = True
    proxy.cut()
    out.stop()
    proxy.close()
    assert "the snapshot is read" not in out.weir.stderr(), "too quick"
    change = "".join(f"UPDATE {name} SET n = n + 1 WHERE id % 7 = 0; DELETE FROM {name} WHERE id % 11 = 0; INSERT INTO {name} "
                     "(n, v) VALUES (5, 'new'); UPDATE {0} SET id = id + 100000 WHERE id % 1001 = 0;".format(name)
                     for name in ("t", "t2", "t3"))
    primary.sql(change, "s")
    catch_up(primary, replica)
    primary.kill()
    replica.sql(PROMOTE + "USE s;" + change.replace("n + 1", "n + 2"))
    edited(out, replica.port, columns, **options)
    out.expect(replica, sql, 60)
    replica.sql(change.replace("'new'", "'newer'").replace("100000", "300000"), "s")
    out.expect(replica, sql, 60)
    out.stop()


class Files:
    """weir, which writes every change of some tables to files, where it appears once."""

    def __init__(self, box, port, tables, **options):
        self.options = {"key": "", "table_name": tables, "scan__read_changelog_as_append_only__enabled": "true", **options}
        self.weir = box.weir(self.pipeline(port))

    def pipeline(self, port):
        columns = (SIMPLE + ", tn STRING METADATA FROM 'table_name' VIRTUAL, rk STRING METADATA FROM 'row_kind' VIRTUAL")
        return (pipeline(port, columns, **self.options)
                .replace("'connector' = 'print'", "'connector' = 'filesystem', 'path' = 'o', 'format' = 'json', "
                         "'sink.rolling-policy.rollover-interval' = '50 ms', 'sink.rolling-policy.check-interval' = '50 ms'")
                .replace("50 ms", "20 ms"))

    def size(self):
        return sum(path.stat().st_size for path in self.weir.folder.glob("o/[!._]*"))

    def rows(self):
        """(id, n, v, table, kind) of each change."""
        return [tuple(json.loads(line).values()) for path in self.weir.folder.glob("o/[!._]*")
                for line in path.read_text().splitlines()]

    def wait_for(self, n):
        """Until a row with this n, which is the last one, is there."""
        wait_until(lambda: any(f'"n":{n},' in path.read_text() for path in self.weir.folder.glob("o/[!._]*")),
                   f"the row {n}", 60, every=0.1, process=self.weir)

    def check(self, db, names):
        """All that was written makes the tables that the server has."""
        found = collections.Counter()
        for key, n, v, name, kind in self.rows():
            found[name, str(key), str(n), v] += 1 if kind in ("+I", "+U") else -1
        wanted = collections.Counter((name, *row) for name in names for row in db.sql(f"SELECT id, n, v FROM s.{name}"))
        assert {key: count for key, count in found.items() if count} == wanted, (
            SEED, list((found - wanted).items())[:3], list((wanted - found).items())[:3])


def soak_failovers(box):
    """Again and again the server is killed, its replica takes over and gets a replica in turn. The pipeline is told
    by a proxy, or by another port in CREATE TABLE after a stop or kill -9; it is killed in between as well."""
    chance = random.Random(SEED)
    primary, replica = pair(box, sync_binlog="1", innodb_flush_log_at_trx_commit="1")
    primary.sql("INSERT INTO t (n, v) SELECT seq, 'first' FROM seq_1_to_2000", "s")
    files = Files(box, primary.port, "t")
    weir = files.weir
    proxy = Proxy(primary.port)
    weir.write("pipeline.sql", files.pipeline(proxy.port))
    weir.start()
    for number in range(FAILOVERS):
        statements = [
            f"UPDATE t SET n = n + 1 WHERE id % {chance.randrange(2, 90)} = 0",
            f"DELETE FROM t WHERE id % {chance.randrange(50, 200)} = 1",
            f"INSERT INTO t (n, v) SELECT seq, 'round {number}' FROM seq_1_to_{chance.randrange(1, 3000)}",
            f"ALTER TABLE t ADD x{number} INT {chance.choice(['FIRST', 'AFTER id', ''])}",
            f"BEGIN; INSERT INTO t (n) VALUES ({number}); UPDATE t SET v = 'u{number}' WHERE id % 7 = 2; COMMIT",
        ]
        for _ in range(2):
            chance.shuffle(statements)
            primary.sql(";".join(statement.replace(f"x{number}", f"x{number}_{_}") for statement in statements), "s")
            if chance.random() < 0.3 and weir.is_alive():
                weir.kill()
            if not weir.is_alive():
                weir.start()
        catch_up(primary, replica)
        primary.kill()
        by_edit = chance.random() < 0.5
        if by_edit:
            time.sleep(chance.random())
            weir.kill() if chance.random() < 0.5 else weir.stop()
        primary, replica = replica, primary
        primary.sql(PROMOTE + f"USE s; UPDATE t SET n = n + 7 WHERE id % 11 = {number % 11}")
        if by_edit:
            weir.write("pipeline.sql", files.pipeline(primary.port))
            weir.start()
        else:
            weir.write("pipeline.sql", files.pipeline(proxy.port))
            proxy.target = primary.port
            proxy.cut()
            if not weir.is_alive() or chance.random() < 0.5:
                weir.kill()
                weir.start()
        replica.start()
        replica.sql("SET GLOBAL gtid_slave_pos = @@gtid_current_pos;" + follow(primary))
    primary.sql("INSERT INTO s.t (n) VALUES (424242)")
    files.wait_for(424242)
    assert weir.stop() == 0, weir.log()
    files.check(primary, ["t"])
    proxy.close()
    print(f"     {FAILOVERS} failovers, {len(files.rows())} changes, seed {SEED}")


def test_a_replica_that_is_behind_or_keeps_no_log(box):
    primary, replica = pair(box)
    primary.sql("INSERT INTO t (n, v) VALUES (1, 'both')", "s")
    catch_up(primary, replica)
    replica.sql("STOP SLAVE")
    primary.sql("INSERT INTO t (n, v) VALUES (2, 'primary')", "s")
    out = started(box, primary, SIMPLE)
    out.expect(primary, SIMPLE_SQL)
    primary.sql("INSERT INTO t (n, v) VALUES (3, 'primary')", "s")
    out.expect(primary, SIMPLE_SQL)
    out.stop()
    edited(out, replica.port, SIMPLE)
    ended(out, "WR3138", "server 12", "caught up")
    # Now it catches up, and the pipeline goes on.
    replica.sql("START SLAVE")
    catch_up(primary, replica)
    primary.sql("INSERT INTO t (n, v) VALUES (4, 'primary')", "s")
    catch_up(primary, replica)
    out.weir.start()
    out.expect(replica, SIMPLE_SQL)
    out.stop()
    # Another one was promoted too early: it has other transactions under the numbers of those that were read.
    replica.sql("STOP SLAVE")
    primary.sql("INSERT INTO t (n, v) VALUES (5, 'only here'); INSERT INTO t (n, v) VALUES (6, 'only here')", "s")
    edited(out, primary.port, SIMPLE)
    out.expect(primary, SIMPLE_SQL)
    out.stop()
    replica.sql(PROMOTE + "INSERT INTO s.t (n, v) VALUES (7, 'other'), (8, 'other'); INSERT INTO s.t (n) VALUES (9); "
                "INSERT INTO s.t (n) VALUES (10); DELETE FROM s.t WHERE n = 10")
    edited(out, replica.port, SIMPLE)
    ended(out, "WR3139", "--fresh")
    assert "other" not in out.before, out.before


# ---------------------------------------------------------------- history that is lost

def lost(box, forget, *texts, is_running=False, heartbeat="30 s", db=None):
    """A pipeline that has read all; `forget` takes the history away; what comes next must not be read."""
    db = db or simple(box, rows=10)
    out = started(box, db, SIMPLE, heartbeat__interval=heartbeat)
    out.expect(db, SIMPLE_SQL)
    db.sql("INSERT INTO s.t (n) VALUES (1)")
    out.expect(db, SIMPLE_SQL)
    if not is_running:
        out.stop()
    forget(db, out)
    if not is_running:
        out.weir.start()
    log = ended(out, *texts, "--fresh")
    assert "gap" not in out.before, out.before
    # It does not come to another opinion by and by, and a fresh start goes on.
    out.weir.start()
    ended(out, *texts)
    out.weir.start("run", "pipeline.sql", "--fresh")
    wait_until(lambda: "gap" in out.weir.stdout(), "a fresh snapshot", process=out.weir)
    assert out.weir.stop() == 0
    return log


def purge(db, _out=None):
    db.sql("INSERT INTO s.t (n, v) VALUES (1, 'gap'); FLUSH BINARY LOGS; INSERT INTO s.t (n) VALUES (2); FLUSH BINARY LOGS")

    def is_purged():  # refused until the server has noticed that its reader is gone
        db.sql("PURGE BINARY LOGS TO 'binlog.000003'")
        return db.sql("SHOW BINARY LOGS")[0][0] == "binlog.000003"
    wait_until(is_purged, "the binlog to be purged", 60)


def test_purged_while_down(box):
    lost(box, purge, "WR3130", "binlog.000001:")


def test_begun_anew_while_down(box):
    """The first file is there again, shorter, or longer and with other transactions at the place."""
    def reset(db, _out):
        db.sql("RESET MASTER; INSERT INTO s.t (n, v) VALUES (1, 'gap')")
    lost(box, reset, "WR3137")

    def reset_and_more(db, _out):
        reset(db, _out)
        db.sql("INSERT INTO t (n) SELECT seq FROM seq_1_to_2000; " + "INSERT INTO t (n) VALUES (1);" * 100, "s")
    lost(box, reset_and_more, "WR3137")


def test_begun_anew_while_running(box):
    def reset(db, _out):
        db.sql("RESET MASTER; INSERT INTO s.t (n, v) VALUES (1, 'gap')")
    lost(box, reset, "WR3137", is_running=True, heartbeat="2 s")

    # The file is deleted under its reader, who would go on with the next one.
    def reset_and_more(db, _out):
        reset(db, _out)
        db.sql("FLUSH BINARY LOGS; INSERT INTO s.t (n, v) VALUES (1, 'gap')")
    lost(box, reset_and_more, "WR3137", is_running=True, heartbeat="2 s")


def test_purged_while_running(box):
    """Cut off for a while, it comes back to a server that has thrown away what it needs."""
    db = simple(box, rows=10)
    proxy = Proxy(db.port)
    out = started(box, db, SIMPLE, port=proxy.port)
    out.expect(db, SIMPLE_SQL)
    proxy.is_refusing = True
    proxy.cut()
    purge(db)
    proxy.is_refusing = False
    ended(out, "WR3130", "binlog.000001:", "--fresh")
    assert "gap" not in out.before, out.before
    proxy.close()


def test_another_server_of_the_same_name(box):
    """It has the same server_id and a file of the same name, with as many transactions, and runs in its stead."""
    other = simple(box, rows=10)
    other.sql("INSERT INTO s.t (n, v) VALUES (1, 'gap'); INSERT INTO s.t (n, v) VALUES (1, 'gap')")
    def replace(db, _out):
        db.stop()
        other.stop()
        other.port = db.port
        other.start()
    lost(box, replace, "WR3137", "server_id")


def test_another_server_of_another_name_without_history(box):
    other = simple(box, rows=10, server_id="77")
    other.sql("INSERT INTO s.t (n, v) VALUES (1, 'gap')")
    db = simple(box, rows=10)
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    db.sql("INSERT INTO s.t (n) VALUES (1); INSERT INTO s.t (n) VALUES (1); INSERT INTO s.t (n) VALUES (1)")
    out.expect(db, SIMPLE_SQL)
    out.stop()
    edited(out, other.port, SIMPLE)
    ended(out, "WR3138")
    other.sql("INSERT INTO t (n) VALUES (1); " * 20, "s")
    out.weir.start()
    ended(out, "WR3139")
    assert "gap" not in out.before, out.before


def test_the_same_server_under_another_name(box):
    """A server_id that was changed is no other history: GTIDs find the place."""
    db = simple(box, rows=1)
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    out.stop()
    db.stop()
    db.options["server_id"] = "77"
    db.start()
    out.weir.start()
    db.sql("INSERT INTO s.t (n) VALUES (5)")
    out.expect(db, SIMPLE_SQL)
    out.stop()


def test_other_names_over_a_checkpoint_are_other_tables(box):
    db = simple(box, rows=3)
    db.sql("CREATE TABLE u LIKE t; INSERT INTO u (n, v) VALUES (1, 'other')", "s")
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    out.stop()
    edited(out, db.port, SIMPLE, table_name="u")
    ended(out, "WR3123", "`s.t`", "--fresh")
    edited(out, db.port, SIMPLE, table_name="[tu]")
    wait_until(lambda: "table s.u is read from here on" in out.weir.stderr(), "the warning", process=out.weir)
    db.sql("INSERT INTO u (n, v) VALUES (2, 'from here on'); UPDATE t SET n = n + 1", "s")
    wait_until(lambda: "from here on" in out.text(), "the row", process=out.weir)
    out.stop()
    assert "other" not in out.before, out.before


# ---------------------------------------------------------------- the snapshot

def begins_while_tables_change(box, rounds):
    """Columns come in front of those that are read while the pipeline connects and reads table after table:
    some definitions change between being read and being used."""
    chance = random.Random(SEED)
    db = simple(box)
    names = [f"t{i}" for i in range(6)]
    for name in names:
        db.sql(f"CREATE TABLE {name} LIKE t; INSERT INTO {name} (n, v) SELECT seq, 'row' FROM seq_1_to_3000", "s")
    resumed = 0
    for number in range(rounds):
        session = db.session("s")
        for i in range(40):
            name = chance.choice(names)
            session.send(f"ALTER TABLE {name} ADD a{number}_{i} INT {chance.choice(['FIRST', 'AFTER id'])}")
            session.send(f"UPDATE {name} SET n = n + 1 WHERE id % 500 = {i}")
            session.send(f"INSERT INTO {name} (n, v) VALUES ({i}, 'new')")
            session.send(f"ALTER TABLE {name} MODIFY n {chance.choice(['INT', 'BIGINT', 'MEDIUMINT'])}")
        session.child.stdin.flush()
        proxy = Proxy(db.port)
        proxy.piece, proxy.pause = 4096, 0.002
        files = Files(box, proxy.port, r"t\d")
        files.weir.write("pipeline.sql", files.pipeline(proxy.port).replace("n INT", "n BIGINT"))
        time.sleep(chance.random() * 0.3)
        files.weir.start()
        session.sync()
        db.sql("INSERT INTO t5 (n) VALUES (424242)", "s")  # the last row of the last table
        files.wait_for(424242)
        assert files.weir.stop() == 0, files.weir.log()
        resumed += files.weir.stderr().count("before the snapshot came to it")
        files.check(db, names)
        db.sql("DELETE FROM t5 WHERE n = 424242", "s")
        proxy.close()
    print(f"     {rounds} rounds, {resumed} tables were changed before their turn, seed {SEED}")


def test_begins_while_tables_change(box):
    begins_while_tables_change(box, 1)


def soak_begins_while_tables_change(box):
    begins_while_tables_change(box, int(os.environ.get("WEIR_STARTS", "20")))


def test_killed_in_the_snapshot_it_never_begins_again(box):
    """kill -9 at random moments while five tables are read and changed. The server's log of queries says what was
    asked for: a table that was read is not read again, and each is gone on with behind its last key."""
    chance = random.Random(SEED)
    db = simple(box, general_log="1", log_output="FILE", general_log_file="queries.log")
    names = [f"t{i}" for i in range(5)]
    for name in names:
        db.sql(f"CREATE TABLE {name} LIKE t; INSERT INTO {name} (n, v) SELECT seq, 'row' FROM seq_1_to_40000", "s")
    proxy = Proxy(db.port)
    proxy.piece, proxy.pause = 16384, 0.005
    files = Files(box, proxy.port, r"t\d")
    weir = files.weir
    kills = 0
    floors = []  # how far the files reached when it was killed
    weir.start()
    while kills < KILLS:
        # What the run before has left is made visible at the start; rows of this one come behind that.
        wait_until(lambda: "reading the binlog" in weir.stderr() or "tables as of" in weir.stderr(), "a query", process=weir)
        before = files.size()
        wait_until(lambda before=before: "the snapshot is read" in weir.stderr() or files.size() > before, "more rows", 60,
                   process=weir)
        time.sleep(chance.random() * 0.1)
        if "the snapshot is read" in weir.stderr():
            break
        weir.kill()
        kills += 1
        floors.append(max((row[3], row[0]) for row in files.rows() if row[1] < 1000000 and row[2] == "row"))
        db.sql(f"SELECT 'life {kills}'")
        name = chance.choice(names)
        db.sql(f"UPDATE {name} SET n = n + 1000000 WHERE id = {chance.randrange(1, 40000)}; INSERT INTO {name} (n, v) "
               f"VALUES ({kills}, 'row'); ALTER TABLE {name} ADD x{kills} INT FIRST", "s")
        weir.start()
    db.sql("".join(f"INSERT INTO {name} (n, v) VALUES (424242, 'last');" for name in names), "s")
    wait_until(lambda: sum(row[1] == 424242 for row in files.rows()) == 5, "the last rows", 60, every=0.2, process=weir)
    assert weir.stop() == 0, weir.log()
    proxy.close()
    files.check(db, names)
    # Queries behind each kill: what the files have is not asked for again, nor any table in front of it.
    lives = re.split(r"SELECT 'life \d+'", (db.data / "queries.log").read_text("utf-8", "replace"))[1:]
    chunks = [re.findall(r"SELECT `id`.* FROM `s`\.`(t\d)`(?: WHERE \(`id` > (\d+)\))? ORDER BY", life) for life in lives]
    for floor, asked in zip(floors, chunks):
        assert all((name, int(key or 0)) >= floor for name, key in asked), (SEED, floor, asked)
    print(f"     {kills} kills, {sum(map(len, chunks))} queries behind them, seed {SEED}")
    assert len(lives) == kills >= 3 and all(chunks[:3]), (kills, chunks)


if __name__ == "__main__":
    main()
