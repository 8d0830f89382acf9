"""mysql-cdc and XA transactions: rows count where the XA COMMIT stands, and not at all behind an XA ROLLBACK.

The oracle is MariaDB: what was printed or written in all runs, folded into a table, is what SELECT answers."""

import os
import random
import time

from lib import main, wait_until
from mysql_history_test import Files, ended
from mysql_test import SIMPLE, SIMPLE_SQL, Output, pipeline, refused, simple, started

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
ROUNDS = int(os.environ.get("WEIR_XA_ROUNDS", "20"))


def prepare(session, xid, *statements):
    for sql in (f"XA START {xid}", *statements, f"XA END {xid}", f"XA PREPARE {xid}"):
        session.run(sql)


def nothing_comes(out, *texts):
    """What was prepared is not given, though what was committed behind it is."""
    for text in texts:
        assert text not in out.text(), out.text()


def test_counts_where_it_is_committed(box):
    check_where_it_counts(box, simple(box, rows=10, sync_binlog="1", innodb_flush_log_at_trx_commit="1"))


def check_where_it_counts(box, db):
    """Prepared, then committed or rolled back, by the same session or another, over a kill -9 of weir and of the server,
    in another order than prepared, with other transactions in between."""
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    one, two = db.session("s"), db.session("s")
    prepare(one, "'one'", "INSERT INTO t VALUES (100, 1, 'prepared one')", "UPDATE t SET v = 'one' WHERE id = 1")
    prepare(two, "'a b', 'it''s', 7", "INSERT INTO t VALUES (101, 2, 'prepared two'), (102, 2, NULL)", "DELETE FROM t WHERE id = 2")
    db.sql("INSERT INTO t VALUES (103, 3, 'between')", "s")
    out.expect(db, SIMPLE_SQL)
    nothing_comes(out, "prepared", "one]", "-D[2,")
    out.stop()
    out.weir.start()
    two.run("XA COMMIT 'a b', 'it''s', 7")
    db.sql("UPDATE t SET n = n + 1 WHERE id > 100", "s")
    out.expect(db, SIMPLE_SQL)
    nothing_comes(out, "prepared one")
    db.kill()
    db.start()
    db.sql("XA COMMIT 'one'")
    out.expect(db, SIMPLE_SQL)
    three = db.session("s")
    prepare(three, "'three'", "UPDATE t SET v = 'rolled back'", "INSERT INTO t VALUES (200, 1, 'rolled back')")
    out.stop()
    three.run("XA ROLLBACK 'three'")
    prepare(three, "'three'", "UPDATE t SET v = 'the name again' WHERE id = 5")  # which is free
    out.weir.start()
    three.run("XA COMMIT 'three'")
    for sql in ("XA START 'four'", "INSERT INTO t VALUES (300, 1, 'one phase')", "XA END 'four'", "XA COMMIT 'four' ONE PHASE",
                "XA START 'five'", "DELETE FROM t", "XA END 'five'", "XA ROLLBACK 'five'"):
        three.run(sql)
    out.expect(db, SIMPLE_SQL)
    out.stop()
    assert "rolled back" not in out.before and "one phase" in out.before


def test_killed_while_it_is_committed(box):
    """A large one, killed with some of its rows delivered; it goes on behind them."""
    db = simple(box, rows=10)
    files = Files(box, db.port, "t")
    weir = files.weir.start()
    session = db.session("s")
    prepare(session, "'large'", "INSERT INTO t (n, v) SELECT seq, REPEAT('x', 100) FROM seq_1_to_100000")
    db.sql("INSERT INTO s.t (n) VALUES (7)")
    files.wait_for(7)
    size = files.size()
    session.run("XA COMMIT 'large'")
    wait_until(lambda: files.size() > size, "more rows", process=weir)
    for _ in range(3):
        weir.kill()
        weir.start()
        time.sleep(random.uniform(0.1, 0.6))  # nothing to wait for: all rows may be there after any start
    db.sql("INSERT INTO s.t (n) VALUES (424242)")
    files.wait_for(424242)
    assert weir.stop() == 0, weir.log()
    files.check(db, ["t"])


def test_prepared_in_front_of_the_snapshot(box):
    check_in_front(box, simple(box, rows=10))


def check_in_front(box, db):
    """It is waited for; when that takes too long, the error says what to do. A start at a position says what it misses."""
    session = db.session("s")
    prepare(session, "'early'", "INSERT INTO t VALUES (100, 1, 'early')")
    weir = box.weir(pipeline(db.port, SIMPLE)).start()
    out = Output(weir)
    wait_until(lambda: "X'6561726c79',X'',1" in weir.stderr(), "the wait", process=weir)
    session.run("XA COMMIT 'early'")
    out.expect(db, SIMPLE_SQL)
    out.stop()
    assert "early" in out.before
    prepare(session, "'forgotten'", "UPDATE t SET n = 5 WHERE id = 100")
    refused(box, db, SIMPLE, "WR3144", "X'666f72676f7474656e'", "XA RECOVER FORMAT='SQL'")
    late = started(box, db, SIMPLE, scan__startup__mode="latest-offset")
    wait_until(lambda: "reading the binlog" in late.weir.stderr(), "the stream", process=late.weir)
    session.run("XA COMMIT 'forgotten'")
    db.sql("INSERT INTO s.t VALUES (101, 1, 'last')")
    wait_until(lambda: "last" in late.text(), "the last row", process=late.weir)
    assert "was prepared in front of the position" in late.weir.stderr(), late.weir.log()
    late.stop()


def test_prepared_where_no_log_shows_it(box):
    """Its XA COMMIT comes, and its rows were never in the binlog: the pipeline does not go on with a gap."""
    db = simple(box, rows=10)
    out = started(box, db, SIMPLE)
    out.expect(db, SIMPLE_SQL)
    root = db.session("s")
    root.run("SET sql_log_bin = 0")
    prepare(root, "'hidden'", "INSERT INTO t VALUES (100, 1, 'hidden')")
    root.close()
    wait_until(lambda: not db.sql("SELECT 1 FROM information_schema.processlist WHERE db = 's'"), "the session to end")
    db.sql("XA COMMIT 'hidden'")
    ended(out, "WR3144", "X'68696464656e'", "--fresh")


def test_more_than_memory_may_hold(box):
    """It stops in front of the XA PREPARE, and goes on when there is room."""
    db = simple(box, rows=10)
    text = pipeline(db.port, SIMPLE)
    weir = box.weir("SET 'weir.memory.limit' = '64 mb';\n" + text).start()
    out = Output(weir)
    out.expect(db, SIMPLE_SQL)
    session = db.session("s")
    prepare(session, "'vast'", "INSERT INTO t (n, v) SELECT seq, REPEAT('x', 200) FROM seq_1_to_80000")
    ended(out, "WR3145", "weir.memory.limit", "16 MiB")
    weir.write("pipeline.sql", text)
    weir.start()
    db.sql("INSERT INTO s.t (n) VALUES (7)")
    wait_until(lambda: ", 7, null" in out.text(), "the row behind it", process=weir)
    session.run("XA COMMIT 'vast'")
    out.expect(db, SIMPLE_SQL, 60)
    out.stop()


def load(chance, sessions, number):
    """Each session begins, prepares, ends and leaves open at random."""
    for which, session in enumerate(sessions):
        xid, low = f"'{number}-{which}'", 1000 * (which + 1)
        if chance.random() < 0.3:
            session.send(f"INSERT INTO t VALUES ({low + number}, {number}, 'plain')")
            continue
        for sql in (f"XA START {xid}", f"INSERT INTO t VALUES ({low + number}, {number}, 'xa')",
                    f"UPDATE t SET n = n + 1 WHERE id BETWEEN {low} AND {low + 999} AND id % 7 = {number % 7}",
                    f"DELETE FROM t WHERE id = {low + chance.randrange(number + 1)}", f"XA END {xid}", f"XA PREPARE {xid}"):
            session.send(sql)
        if chance.random() < 0.3:
            session.send(f"DO SLEEP({chance.random() * 0.2})")
        session.send(f"XA {chance.choice(['COMMIT', 'COMMIT', 'ROLLBACK'])} {xid}")


def test_a_server_full_of_them(box):
    check_full(box, simple(box))


def check_full(box, db):
    """Sessions prepare, commit and roll back all the time, while pipelines begin with a snapshot and are killed."""
    chance = random.Random(SEED)
    sessions = [db.session("s") for _ in range(6)]
    pipelines = []
    for number in range(ROUNDS):
        load(chance, sessions, number)
        for session in sessions:
            session.child.stdin.flush()
        if number % 5 == 2:
            pipelines.append(Files(box, db.port, "t"))
            pipelines[-1].weir.start()
        for files in pipelines:
            if chance.random() < 0.2:
                files.weir.kill()
                files.weir.start()
        time.sleep(0.1)
    for session in sessions:
        session.sync()
    db.sql("INSERT INTO s.t VALUES (900000, 424242, 'last')")
    for files in pipelines:
        files.wait_for(424242)
        assert files.weir.stop() == 0, files.weir.log()
        files.check(db, ["t"])
    print(f"     {ROUNDS} rounds, {len(pipelines)} pipelines, seed {SEED}")


if __name__ == "__main__":
    main()
