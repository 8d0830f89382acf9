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


if __name__ == "__main__":
    main()
