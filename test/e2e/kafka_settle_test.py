"""A transaction that is prepared when weir is killed: what the next run makes of it. A proxy in front of
Apache Kafka, or of the hub, keeps the request that would commit from the cluster, so that the moment is met
each time."""

import contextlib
import json
import re
import shutil
import socket
import struct
import threading
import time

from hub import Hub
from kafka import Kafka
from lib import Skip, free_port, http_get, main, wait_until
from topics import Topics, table

END_TRANSACTION = 26


class Proxy:
    """Passes on what clients and the broker say; with `holds`, connections on which a transaction is to be
    ended go silent from that request on."""

    def __init__(self, port, target):
        self.target, self.holds, self.held = target, False, 0
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                threading.Thread(target=self._pass_requests, args=(client, server), daemon=True).start()
                threading.Thread(target=self._pass_answers, args=(server, client), daemon=True).start()

    @staticmethod
    def _pass_answers(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.close()

    def _pass_requests(self, client, server):
        stream = client.makefile("rb")
        with contextlib.suppress(OSError, struct.error):
            while True:
                head = stream.read(4)
                body = stream.read(struct.unpack(">i", head)[0])
                if self.holds and struct.unpack(">h", body[:2])[0] == END_TRANSACTION:
                    self.held += 1
                    continue
                server.sendall(head + body)
        with contextlib.suppress(OSError):
            server.close()

    def close(self):
        self.listener.close()


def behind_proxy(box, **properties):
    """A Kafka whose clients all come through the proxy."""
    port = free_port()
    kafka = Kafka(box, **{"advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}", **properties})
    proxy = Proxy(port, kafka.port)
    kafka.address = f"127.0.0.1:{port}"
    return Topics("kafka", kafka), proxy


def hub_behind_proxy(box, **_):
    port = free_port()
    hub = box.keep(Hub(box, "--no-http", "--advertise", f"127.0.0.1:{port}")).start()
    proxy = Proxy(port, hub.port)
    hub.address = f"127.0.0.1:{port}"
    return Topics("hub", hub), proxy


def with_each(test):
    """The test with the hub, and with Apache Kafka where that is set up."""
    def run(box):
        test(box, hub_behind_proxy)
        try:
            test(box, behind_proxy)
        except Skip as why:
            print(f"     without Apache Kafka: {why}", flush=True)
    run.__doc__ = test.__doc__
    return run


# Transactions that are over their time are found soon.
SOON = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"}


def pipeline(topics, more="", rows=10 ** 9):
    return ("SET 'execution.checkpointing.interval' = '100 ms';\n"
            "SET 'execution.checkpointing.num-retained' = '20';\n"
            "CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', "
            f"'fields.n.start' = '1', 'fields.n.end' = '{rows}', 'rows-per-second' = '1000');\n" +
            table(topics, "s", "n BIGINT", "t", "'sink.delivery-guarantee' = 'exactly-once', "
                  f"'sink.transactional-id-prefix' = 'p'{more}") + "INSERT INTO s SELECT n FROM g;\n")


def numbers(topics):
    return [row["n"] for row in topics.values("t")]


def kill_with_one_prepared(weir, topics, proxy):
    """Rows are there, then a commit is kept back, then weir is no more."""
    weir.start()
    before = topics.end("t")
    wait_until(lambda: topics.end("t") > before + 100, "rows", 60, process=weir)
    proxy.holds, proxy.held = True, 0
    wait_until(lambda: proxy.held > 0, "a commit", 60, process=weir)
    weir.kill()
    proxy.holds = False


def ends_well(weir, topics):
    weir.start("run", "-v", "pipeline.sql")
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)
    time.sleep(0.5)
    assert weir.stop() == 0, weir.log()
    rows = numbers(topics)
    assert rows == list(range(1, len(rows) + 1)), (len(rows), len(set(rows)), max(rows))


def test_what_was_prepared_is_committed_by_the_next_run(box):
    """Its rows are seen as soon as it starts, before anything else is written."""
    topics, proxy = behind_proxy(box)
    topics.make("t", 1)
    weir = box.weir(pipeline(topics))
    for _ in range(3):
        kill_with_one_prepared(weir, topics, proxy)
        ends_well(weir, topics)
        assert "is committed" in weir.stderr(), weir.log()


def test_what_was_committed_already_is_not_asked_for_again(box):
    """The old process has committed behind its last checkpoint: the note says so."""
    topics, proxy = behind_proxy(box)
    topics.make("t", 1)
    weir = box.weir(pipeline(topics))
    kill_with_one_prepared(weir, topics, proxy)
    weir.start("run", "-v", "pipeline.sql")
    wait_until(lambda: "is committed" in weir.stderr(), "the commit", 60, process=weir)
    weir.kill()  # perhaps before a checkpoint of its own
    ends_well(weir, topics)


def test_what_the_cluster_has_given_up_is_said(box):
    """The transaction has timed out: no row is lost in silence, and the checkpoint before has them."""
    topics, proxy = behind_proxy(box, **SOON)
    topics.make("t", 1)
    weir = box.weir(pipeline(topics, ", 'properties.transaction.timeout.ms' = '2000'").replace("'20'", "'1'"))
    kill_with_one_prepared(weir, topics, proxy)
    rows = len(numbers(topics))
    time.sleep(6)
    weir.start()
    assert weir.wait(60) == 78, weir.log()
    assert "WR3432" in weir.stderr() and "state-recovery.path" in weir.stderr(), weir.log()
    assert len(numbers(topics)) == rows
    kept = shutil.copytree(weir.data, weir.path("kept"))
    chosen = [path for path in sorted(kept.rglob("chk-*"), key=lambda path: int(path.name[4:]))
              if path.is_dir()][-2]
    weir.start("run", "pipeline.sql", "--fresh", "-D", f"execution.state-recovery.path={chosen}")
    end = topics.end("t")
    wait_until(lambda: topics.end("t") > end + 100, "more rows", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    got = numbers(topics)
    assert got == list(range(1, len(got) + 1)), (len(got), len(set(got)), max(got))


@with_each
def test_a_note_of_the_run_before_is_none_of_a_later_one(box, server):
    """The first transaction of a run is given up by the cluster. What stands there is the note of the run before it."""
    topics, proxy = server(box, **SOON)
    topics.make("t", 1)
    weir = box.weir(pipeline(topics, ", 'properties.transaction.timeout.ms' = '2000'"))
    weir.start()
    wait_until(lambda: topics.end("t") > 100, "rows", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    rows = numbers(topics)
    assert rows == list(range(1, len(rows) + 1)), (len(rows), max(rows))
    proxy.holds, proxy.held = True, 0
    weir.start()
    wait_until(lambda: proxy.held > 0, "a commit", 60, process=weir)
    weir.kill()
    proxy.holds = False
    time.sleep(6)
    weir.start()
    assert weir.wait(60) == 78, weir.log()
    assert "WR3432" in weir.stderr(), weir.log()
    assert numbers(topics) == rows


@with_each
def test_a_run_that_came_later_has_settled_it(box, server):
    """Who goes back to an older checkpoint is told that all behind it comes once more, and gets it."""
    topics, proxy = server(box)
    topics.make("t", 1)
    weir = box.weir(pipeline(topics))
    kill_with_one_prepared(weir, topics, proxy)
    old = shutil.copytree(weir.data, weir.path("old"))
    ends_well(weir, topics)
    end = topics.end("t")
    shutil.rmtree(weir.data)
    shutil.copytree(old, weir.data)
    weir.start("run", "-v", "pipeline.sql")
    wait_until(lambda: topics.end("t") > end + 200, "rows", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    assert "a later run has written" in weir.stderr(), weir.log()
    rows = numbers(topics)
    assert set(rows) == set(range(1, max(rows) + 1)) and len(rows) > max(rows), (len(rows), max(rows))


def rows_read(weir):
    """By this run: what it commits of the one before becomes visible, too."""
    text = http_get(weir.url + "/metrics").text()
    return sum(map(int, re.findall(r"^weir_source_records_total\{.*\} (\d+)$", text, re.M)))


def goes_back(weir, old):
    """Once more from the folder as it was."""
    shutil.rmtree(weir.data)
    shutil.copytree(old, weir.data)
    weir.start("run", "-v", "pipeline.sql")
    wait_until(lambda: rows_read(weir) > 300, "rows of its own", 60, process=weir)
    assert weir.stop() == 0, weir.log()


@with_each
def test_by_a_pattern_it_is_known_as_well_who_came_later(box, servers):
    """Whichever topic the notes stand at."""
    topics, proxy = servers(box)
    topics.make("t", 1)
    topics.make("u", 1)
    sql = pipeline(topics).replace("'topic' = 't'", "'topic-pattern' = '[tu]'").replace(
        "s` (n", "s` (topic STRING NOT NULL METADATA, n")
    half = "INSERT INTO s SELECT CASE WHEN MOD(n / 50, 2) = 0 THEN 't' ELSE 'u' END, n FROM g;\n"
    weir = box.weir(sql.replace("INSERT INTO s SELECT n FROM g;\n", half))
    kill_with_one_prepared(weir, topics, proxy)
    old = shutil.copytree(weir.data, weir.path("old"))
    for _ in range(2):
        goes_back(weir, old)
    assert "a later run has written" in weir.stderr(), weir.log()
    rows = numbers(topics) + [row["n"] for row in topics.values("u")]
    assert set(rows) == set(range(1, max(rows) + 1)) and len(rows) > max(rows), (len(rows), max(rows))


def forget_who_was_before(folder):
    """What checkpoints of an older version do not say, as a number that no version knows. The name of the run that
    stands behind it, and which is passed over then, takes what keeps the checksum as it was: a CRC is linear."""
    crc = 0
    for byte in (1, 0, 0, 0):  # the number, and three bytes that stay
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    changed = 0
    for path in folder.rglob("state-*"):
        data = bytearray(path.read_bytes())
        found = re.search(rb"-0(\x02)\x10[0-9a-f]\xff", data)  # the last: all of a word is there
        if found is None:
            continue
        at = found.start(1)
        data[at] ^= 1
        for i, byte in enumerate(struct.pack("<I", crc)):
            data[at + 4 + i] ^= byte
        path.write_bytes(data)
        changed += 1
    assert changed > 0


def test_where_nothing_can_be_told_the_table_may_say_it(box):
    """A checkpoint of an older version: the run stops, and says how to go on, which works."""
    topics, proxy = hub_behind_proxy(box)
    topics.make("t", 1)
    sql = pipeline(topics)
    weir = box.weir(sql)
    weir.start()
    wait_until(lambda: topics.end("t") > 100, "rows", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    kill_with_one_prepared(weir, topics, proxy)
    old = weir.path("old")
    shutil.copytree(weir.data, old)
    forget_who_was_before(old)
    ends_well(weir, topics)
    shutil.rmtree(weir.data)
    shutil.copytree(old, weir.data)
    weir.start("run", "-v", "pipeline.sql")
    assert weir.wait(60) == 78, weir.log()
    assert "WR3437" in weir.stderr() and "sink.in-doubt-transaction" in weir.stderr(), weir.log()
    weir.write("pipeline.sql", sql.replace("'p'", "'p', 'sink.in-doubt-transaction' = 'committed'"))
    goes_back(weir, old)
    assert "taken for committed" in weir.stderr(), weir.log()
    rows = numbers(topics)
    assert set(rows) == set(range(1, max(rows) + 1)) and len(rows) > max(rows), (len(rows), max(rows))


@with_each
def test_a_table_that_is_no_more_exactly_once_commits_what_was(box, server):
    """At once: readers do not wait for a transaction that nobody ends."""
    topics, proxy = server(box)
    topics.make("t", 1)
    sql = pipeline(topics)
    weir = box.weir(sql)
    kill_with_one_prepared(weir, topics, proxy)
    exact = "'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'p'"
    assert exact in sql
    weir.write("pipeline.sql", sql.replace(exact, "'sink.delivery-guarantee' = 'at-least-once'"))
    ends_well(weir, topics)
    assert "is committed" in weir.stderr(), weir.log()


@with_each
def test_another_prefix_commits_what_was_under_the_old_one(box, server):
    topics, proxy = server(box)
    topics.make("t", 1)
    sql = pipeline(topics)
    weir = box.weir(sql)
    kill_with_one_prepared(weir, topics, proxy)
    weir.write("pipeline.sql", sql.replace("'p'", "'q'"))
    ends_well(weir, topics)
    assert "is committed" in weir.stderr(), weir.log()


def test_two_runs_of_one_name_do_not_both_write(box):
    """The older one is shut out and says why; nothing of it is seen any more."""
    topics, _ = behind_proxy(box)
    topics.make("t", 1)
    first, second = box.weir(pipeline(topics)), box.weir(pipeline(topics, rows=500))
    first.start()
    wait_until(lambda: topics.end("t") > 100, "rows", 60, process=first)
    second.start()
    assert first.wait(60) != 0
    assert "WR3431" in first.stderr(), first.log()
    assert second.wait(60) == 0, second.log()
    assert json.dumps(numbers(topics)).endswith("499, 500]")


main()
