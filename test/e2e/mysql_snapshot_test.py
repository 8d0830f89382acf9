"""mysql-cdc: what is read before the first change: snapshots that end, and tables that cannot be read exactly."""

import json

from lib import main, wait_until
from mysql_test import SIMPLE, Proxy, pipeline, simple


def bounded(box, db, between):
    """`scan.startup.mode = 'snapshot'` into files, killed in the middle of the table; `between` is run on the server before
    it goes on. It must end by itself. What the files hold: id and n."""
    proxy = Proxy(db.port)
    proxy.piece, proxy.pause = 8192, 0.03
    weir = box.weir(pipeline(proxy.port, SIMPLE, scan__startup__mode="snapshot").replace(
        "'connector' = 'print'", "'connector' = 'filesystem', 'path' = 'o', 'format' = 'json'"))
    weir.start()
    wait_until(lambda: "reading 1 table" in weir.stderr(), "the snapshot", process=weir)
    before = set(weir.data.rglob("MANIFEST"))
    for _ in range(2):  # checkpoints; the second one has rows in front of it
        wait_until(lambda: set(weir.data.rglob("MANIFEST")) - before, "a checkpoint", process=weir)
        before |= set(weir.data.rglob("MANIFEST"))
    weir.kill()
    assert "the snapshot is read" not in weir.stderr(), "too quick"
    between()
    proxy.pause = 0
    weir.start()
    assert weir.wait(30) == 0, weir.log()
    assert "resumed from checkpoint" in weir.stderr() and "reading the binlog" not in weir.stderr(), weir.log()
    proxy.close()
    lines = [json.loads(line) for path in weir.folder.glob("o/[!._]*") for line in path.read_text().splitlines()]
    return sorted((line["id"], line["n"]) for line in lines)


def test_a_bounded_snapshot_that_was_killed_ends(box):
    """On a server where nothing happens; where the binlog has only begun a new file; without a binlog; and where rows
    change: each is as it was on one side of the cut, and none comes twice or is taken back."""
    db = simple(box, rows=60000)

    def rows(server=db):
        return sorted((int(key), int(n)) for key, n in server.sql("SELECT id, n FROM s.t"))

    assert bounded(box, db, lambda: None) == rows()
    assert bounded(box, db, lambda: db.sql("FLUSH BINARY LOGS")) == rows()
    old = rows()
    found = bounded(box, db, lambda: db.sql("UPDATE t SET n = n + 1000; DELETE FROM t WHERE id % 100 = 1", "s"))
    new = rows()
    cut = next(key for key, n in found if n >= 1000)
    assert 2000 < cut < 60000, cut
    assert found == [row for row in old if row[0] < cut] + [row for row in new if row[0] >= cut]
    bare = simple(box, rows=60000, skip_log_bin="")
    assert bounded(box, bare, lambda: None) == rows(bare)


def test_warns_of_what_it_cannot_read_exactly(box):
    """Engines without consistent reads, and foreign keys that change rows below the binlog: of the tables that are read,
    and of no others; at the start and in `weir check`."""
    db = box.mariadb()
    db.sql("CREATE DATABASE s; USE s; CREATE TABLE t (id BIGINT PRIMARY KEY, n INT, v VARCHAR(9)) ENGINE = MyISAM; "
           "CREATE TABLE t1 LIKE t; ALTER TABLE t1 ENGINE = Aria; CREATE TABLE t2 LIKE t; ALTER TABLE t2 ENGINE = InnoDB; "
           "CREATE TABLE t3 (id BIGINT PRIMARY KEY, n BIGINT, v VARCHAR(9), CONSTRAINT goes FOREIGN KEY (n) REFERENCES t2 (id) "
           "ON DELETE CASCADE); CREATE TABLE t4 (id BIGINT PRIMARY KEY, n BIGINT, v VARCHAR(9), CONSTRAINT stays FOREIGN KEY (n) "
           "REFERENCES t2 (id)); CREATE TABLE other LIKE t1; INSERT INTO t2 VALUES (1, 1, 'row')")
    engines, keys = "s.t (MyISAM), s.t1 (Aria)", "s.t3 (goes)"
    for pattern, mode, told in ((r"t\d?", "initial", {engines, keys}), (r"t\d?", "latest-offset", {keys}),
                                (r"t\d?", "snapshot", {engines}), ("t2", "initial", set())):
        weir = box.weir(pipeline(db.port, SIMPLE.replace("n INT", "n BIGINT"), table_name=pattern,
                                 key="", scan__startup__mode=mode))
        done = weir.call("check", "pipeline.sql")
        assert done.returncode == 0, done.stderr
        for text in (engines, keys):
            assert (text in done.stderr) == (text in told), (pattern, mode, text, done.stderr)
        assert "other" not in done.stderr and "stays" not in done.stderr, done.stderr
        assert done.stderr.count("level=warn") == len(told), done.stderr
    weir.start()
    wait_until(lambda: "+I[1, 1, row]" in weir.stdout(), "the row", process=weir)
    assert weir.stop() == 0 and "level=warn" not in weir.stderr(), weir.log()


if __name__ == "__main__":
    main()
