"""Rows written to MariaDB and PostgreSQL exactly once, by a process that is killed at random
moments and a server that goes away: the table is compared with a ledger, row by row.

The source counts without end; the ledger is what the numbers must be up to the largest one seen."""

import contextlib
import os
import random
import select
import shutil
import signal
import socket
import threading
import time

from lib import http_get, main, wait_until
from jdbc_sink_test import both, sink
from lookups import letters

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
KILLS = int(os.environ.get("WEIR_KILLS", "12"))
EXACT = "'sink.delivery-guarantee' = 'exactly-once'"


def pipeline(*tables, interval="30 ms", rate=20000):
    return (f"SET 'execution.checkpointing.interval' = '{interval}';\n"
            f"CREATE TABLE o (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{rate}', "
            "'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000000');\n" +
            "".join(tables))


def count(server, table="t"):
    return int(server.sql(f"SELECT count(*) FROM {table}")[0][0])


def ledger(server, table="t", column="n"):
    """Every number from 1 up to the largest is there once."""
    rows, distinct, least, most = map(int, server.sql(
        f"SELECT count(*), count(DISTINCT {column}), coalesce(min({column}), 1), "
        f"coalesce(max({column}), 0) FROM {table}")[0])
    assert rows == distinct == most and least == 1, (table, rows, distinct, least, most, SEED)
    return most


def end(weir):
    """Stop for good; what was in doubt is settled by a run that ends in order."""
    if not weir.is_alive():
        weir.start()
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)
    assert weir.stop() == 0, weir.log()


def kill_often(server, weir, kills, look):
    chance = random.Random(SEED)
    for i in range(kills):
        weir.start()
        if i % 4 == 3:
            # While it starts, too.
            time.sleep(chance.random() * 0.2)
        else:
            before = count(server)
            wait_until(lambda before=before: count(server) > before, "rows", 60, process=weir)
            time.sleep(chance.random() * 0.3)
        weir.kill()
        look()


@both
def test_killed_at_random_moments(server, box):
    """Appended rows, staged rows, and changes by key, from one source into three tables."""
    print(f"     seed {SEED}")
    server.sql("CREATE TABLE t (n BIGINT); CREATE TABLE staged (n BIGINT, s VARCHAR(100)); "
               "CREATE TABLE sums (k BIGINT PRIMARY KEY, n BIGINT, total BIGINT)")
    weir = box.weir(pipeline(
        sink(server, "n BIGINT", more=EXACT),
        sink(server, "n BIGINT, s STRING", "staged", "staged",
             EXACT + ", 'sink.exactly-once.memory' = '1 kb'"),
        sink(server, "k BIGINT, n BIGINT, total BIGINT, PRIMARY KEY (k) NOT ENFORCED", "sums",
             "sums", EXACT),
        "INSERT INTO t SELECT n FROM o;\n",
        "INSERT INTO staged SELECT n, REPEAT('x', 100) FROM o;\n",
        "INSERT INTO sums SELECT n / 100, COUNT(*), SUM(n) FROM o GROUP BY n / 100;\n"))

    def look():
        # Before what is in doubt is settled, rows may be missing, never be there twice.
        for table in ("t", "staged"):
            assert server.sql(f"SELECT count(*) - count(DISTINCT n) FROM {table}") == [["0"]], SEED
    kill_often(server, weir, KILLS, look)
    end(weir)
    most = ledger(server)
    assert most > 0 and ledger(server, "staged") == most
    groups = server.sql("SELECT k, n, total FROM sums ORDER BY k")
    assert [list(map(int, group)) for group in groups] == [
        [k, len(part), sum(part)] for k in range(most // 100 + 1)
        for part in [range(max(1, k * 100), min(k * 100 + 99, most) + 1)]], SEED
    assert count(server, "weir_staged") == 0


@both
def test_a_server_that_goes_away(server, box):
    """It is killed and started again while rows are written: the job waits and goes on."""
    server.sql("CREATE TABLE t (n BIGINT); CREATE TABLE u (n BIGINT PRIMARY KEY)")
    weir = box.weir(pipeline(
        sink(server, "n BIGINT", more=EXACT),
        sink(server, "n BIGINT, PRIMARY KEY (n) NOT ENFORCED", "u", "u"),
        "INSERT INTO t SELECT n FROM o;\nINSERT INTO u SELECT n FROM o;\n")).start()
    chance = random.Random(SEED)
    for _ in range(3):
        before = count(server)
        wait_until(lambda before=before: count(server) > before, "rows", 60, process=weir)
        time.sleep(chance.random() * 0.2)
        server.server.kill()
        time.sleep(chance.random() * 0.5)
        server.server.start()
    before = count(server)
    wait_until(lambda: count(server) > before, "rows again", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    assert ledger(server) == ledger(server, "u") > 0
    assert not letters(weir, "t") and not letters(weir, "u")


@both
def test_connections_that_are_cut(server, box):
    """The server ends the sink's connection again and again: a commit in doubt is decided by its
    record."""
    server.sql("CREATE TABLE t (n BIGINT)")
    weir = box.weir(pipeline(sink(server, "n BIGINT", more=EXACT),
                             "INSERT INTO t SELECT n FROM o;\n", interval="10 ms")).start()
    wait_until(lambda: count(server) > 0, "rows", 60, process=weir)
    chance = random.Random(SEED)
    for _ in range(30):
        time.sleep(chance.random() * 0.1)
        if server.NAME == "postgres":
            server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                       "WHERE pid <> pg_backend_pid() AND client_addr IS NOT NULL")
        else:
            for (number,) in server.sql("SELECT id FROM information_schema.processlist WHERE user = 'weir'"):
                try:
                    server.sql(f"KILL {number}")
                except AssertionError as error:
                    assert "ERROR 1094" in str(error)  # it has ended by itself
    before = count(server)
    wait_until(lambda: count(server) > before, "rows again", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    assert "trying again" in weir.log()
    assert ledger(server) > 0


class CommitCutter(threading.Thread):
    """Between the job and its database: every third COMMIT is given to the server, and when the
    server has done it, the connection ends without the answer."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.server_port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.commits = self.cuts = 0

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server_port))
                threading.Thread(target=self.carry, args=(client, server), daemon=True).start()

    def carry(self, client, server):
        with contextlib.suppress(OSError), client, server:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for side in ready:
                    data = side.recv(1 << 16)
                    if not data:
                        return
                    (server if side is client else client).sendall(data)
                    if side is client and b"COMMIT" in data and b"weir" not in data:
                        self.commits += 1
                        if self.commits % 3 == 0:
                            server.recv(1 << 16)
                            self.cuts += 1
                            return


@both
def test_commits_whose_answer_is_lost(server, box):
    """Done, but the job does not hear of it: its record says so, and nothing is written twice."""
    server.sql("CREATE TABLE t (n BIGINT); CREATE TABLE u (n BIGINT PRIMARY KEY, m BIGINT)")
    cutter = CommitCutter(server.server.port)
    cutter.start()
    server.url = server.url.replace(str(server.server.port), str(cutter.port))
    weir = box.weir(pipeline(
        sink(server, "n BIGINT", more=EXACT),
        sink(server, "n BIGINT, m BIGINT, PRIMARY KEY (n) NOT ENFORCED", "u", "u", EXACT +
             ", 'sink.exactly-once.memory' = '1 kb'"),
        "INSERT INTO t SELECT n FROM o;\nINSERT INTO u SELECT n, n FROM o;\n", rate=2000)).start()
    wait_until(lambda: cutter.cuts >= 20, "20 cuts", 60, process=weir)
    weir.kill()
    end(weir)
    assert ledger(server) == ledger(server, "u") > 0
    cutter.listener.close()


@both
def test_by_key_at_least_once_converges(server, box):
    """Killed and gone on with, the table by key is the same as if it never had been."""
    server.sql("CREATE TABLE t (n BIGINT PRIMARY KEY, twice BIGINT)")
    weir = box.weir(pipeline(
        sink(server, "n BIGINT, twice BIGINT, PRIMARY KEY (n) NOT ENFORCED"),
        "INSERT INTO t SELECT n, 2 * n FROM o;\n"))
    kill_often(server, weir, 5, lambda: None)
    end(weir)
    ledger(server)
    assert server.sql("SELECT count(*) FROM t WHERE twice <> 2 * n") == [["0"]]


# ---------------------------------------------------------------- runs that should not be

def stop_outside_of_transactions(server, weir):
    """A process that is stopped in one would keep its locks for as long."""
    ask = ("SELECT count(*) FROM pg_stat_activity WHERE client_addr IS NOT NULL AND state <> 'idle'"
           if server.NAME == "postgres" else "SELECT count(*) FROM information_schema.innodb_trx")

    def is_outside():
        weir.process.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        if server.sql(ask) == [["0"]]:
            return True
        weir.process.send_signal(signal.SIGCONT)
        time.sleep(0.01)
        return False
    wait_until(is_outside, "a moment between two transactions", 120, process=weir)


@both
def test_a_run_that_was_taken_over_commits_nothing(server, box):
    """A copy of the data folder is gone on with while the old run is stopped: when it wakes, it
    ends, and nothing is there twice."""
    server.sql("CREATE TABLE t (n BIGINT)")
    text = pipeline(sink(server, "n BIGINT", more=EXACT), "INSERT INTO t SELECT n FROM o;\n")
    old, new = box.weir(text), box.weir(text)
    old.start()
    wait_until(lambda: count(server) > 0, "rows", 60, process=old)
    stop_outside_of_transactions(server, old)
    shutil.copytree(old.data, new.data)
    before = count(server)
    new.start()
    wait_until(lambda: count(server) > before + 1000, "rows of the new run", 60, process=new)
    old.process.send_signal(signal.SIGCONT)
    assert old.wait() != 0
    assert "WR3316" in old.log(), old.log()
    assert new.stop() == 0, new.log()
    ledger(server)


@both
def test_a_savepoint_that_is_gone_on_from_twice(server, box):
    """Its rows are not written again, and those of the second run are, although their checkpoints
    have numbers that were used."""
    server.sql("CREATE TABLE t (n BIGINT)")
    text = pipeline(sink(server, "n BIGINT", more=EXACT), "INSERT INTO t SELECT n FROM o;\n")
    first = box.weir(text).start()
    wait_until(lambda: count(server) > 0, "rows", 60, process=first)
    assert first.stop() == 0
    upto = ledger(server)
    ends = []
    for _ in range(2):
        weir = box.weir(text)
        shutil.copytree(first.data, weir.data)
        before = count(server)
        weir.start()
        wait_until(lambda before=before: count(server) > before + 100, "rows", 60, process=weir)
        assert weir.stop() == 0, weir.log()
        ends.append(count(server) - before)
    twice = server.sql("SELECT count(*), min(n) FROM (SELECT n FROM t GROUP BY n "
                       "HAVING count(*) > 1) AS twice")[0]
    assert list(map(int, twice)) == [min(ends), upto + 1], (twice, ends, upto)



@both
def test_a_database_that_was_set_back_is_noticed(server, box):
    """Rows that were committed are gone, and their record with them: a run does not go on as if
    they were there."""
    server.sql("CREATE TABLE t (n BIGINT)")
    weir = box.weir(pipeline(sink(server, "n BIGINT", more=EXACT), "INSERT INTO t SELECT n FROM o;\n"))
    weir.start()
    wait_until(lambda: int(server.sql("SELECT coalesce(max(checkpoint), 0) FROM weir_commits")[0][0]) > 3,
               "commits", 60, process=weir)
    server.sql("UPDATE weir_commits SET checkpoint = 1")
    assert weir.wait() != 0
    assert "WR3316" in weir.log() and "has lost rows" in weir.log(), weir.log()
    weir.start()
    assert weir.wait() != 0
    assert weir.log().count("has lost rows") >= 1 and "WR3316" in weir.log(), weir.log()


@both
def test_without_its_records_a_run_commits_nothing(server, box):
    """weir_commits is emptied while the pipeline runs, and while it does not: nobody knows then what was
    committed. With its rows put back it goes on."""
    server.sql("CREATE TABLE t (n BIGINT)")
    weir = box.weir(pipeline(sink(server, "n BIGINT", more=EXACT), "INSERT INTO t SELECT n FROM o;\n"))
    weir.start()
    wait_until(lambda: count(server) > 1000, "rows", 60, process=weir)
    weir.kill()
    server.sql("CREATE TABLE kept AS SELECT * FROM weir_commits")
    server.sql("DELETE FROM weir_commits")
    upto = ledger(server)
    for _ in range(2):
        weir.start()
        assert weir.wait(60) == 78 and "WR3316" in weir.log() and "put its rows back" in weir.log(), weir.log()
    assert ledger(server) == upto
    server.sql("INSERT INTO weir_commits SELECT * FROM kept")
    weir.start()
    wait_until(lambda: count(server) > upto + 1000, "more rows", 60, process=weir)
    server.sql("DELETE FROM weir_commits")
    for _ in range(2):
        assert weir.wait(60) == 78 and "WR3316" in weir.log() and "put its rows back" in weir.log(), weir.log()
        upto = ledger(server)
        weir.start()
    assert weir.wait(60) == 78, weir.log()
    assert ledger(server) == upto


main()
