"""A history of a topic under fire: transactional and idempotent producers, copies by transactions, and
readers, while the hub is killed and stopped and the clients are killed. What must hold is worked out
here from what the clients were told:

- what was acknowledged is there, at its offset, once;
- of a transaction that was committed all is there, once; of one that was aborted nobody who reads
  what is committed has seen anything; of one whose end nobody knows, all or nothing;
- of each producer the order is kept; all readers see the same record at an offset;
- a copy by transactions has each committed record once.

With odd seeds the topics are compacted all the while; each record has a key of its own.

WEIR_HISTORY_SECONDS (20), WEIR_SEED."""

import collections
import json
import os
import pathlib
import random
import signal
import time

from hub import Hub, install
from lib import Process, main, wait_until

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
SECONDS = float(os.environ.get("WEIR_HISTORY_SECONDS", "20"))
WORKER = pathlib.Path(__file__).parent / "hub_worker.py"
PARTITIONS = 3


class Client:
    """A worker that is started again under its name when it has ended or was killed."""

    def __init__(self, box, hub, kind, name, *arguments, has_seed=False):
        self.box, self.hub, self.kind, self.name = box, hub, kind, name
        self.arguments, self.has_seed = arguments, has_seed
        self.runs = []
        self.heard = (0, 0.0)  # how much the run had said, and when that was new

    def start(self, chance):
        self.heard = (0, time.monotonic())
        more = [chance.randrange(1 << 30), len(self.runs) * 1000000] if self.has_seed else []
        self.runs.append(self.box.keep(Process(
            f"{self.name}-{len(self.runs)}", self.box.path(""),
            [install(), WORKER, self.hub.address, self.kind, self.name, *map(str, self.arguments), *map(str, more)])))

    def kill(self):
        if self.runs[-1].is_alive():
            self.runs[-1].kill()

    def is_alive(self):
        return self.runs[-1].is_alive()

    def is_silent(self, seconds):
        """Whether it has said nothing for so long. librdkafka's send_offsets_to_transaction() may wait forever for a
        coordinator that was killed meanwhile, whatever its timeout (librdkafka issue 5456)."""
        size, now = self.runs[-1].out_path.stat().st_size, time.monotonic()
        if size != self.heard[0]:
            self.heard = (size, now)
        return now - self.heard[1] > seconds

    def said(self):
        """The lines of each run; one that is cut off by a kill is left out."""
        return [[json.loads(line) for line in run.stdout().splitlines(keepends=True) if line.endswith("\n")]
                for run in self.runs]


def misfortune(hub, clients, chance, seconds):
    """Until the time is over: kills, pauses, and clients that are killed or end are started again."""
    until, count = time.monotonic() + seconds, collections.Counter()
    while time.monotonic() < until:
        time.sleep(chance.random() * 1.5)
        what = chance.choice(["kill", "kill", "pause", "client", "client"])
        count[what] += 1
        if what == "kill":
            hub.kill()
            time.sleep(chance.random() * 0.3)
            hub.start()
        elif what == "pause":
            hub.process.send_signal(signal.SIGSTOP)
            time.sleep(chance.random())
            hub.process.send_signal(signal.SIGCONT)
        else:
            chance.choice(clients).kill()
        for client in clients:
            if not client.is_alive():
                client.start(chance)
    return count


def read_all(hub, topic, level):
    """{partition: [(offset, value)]} by kcat."""
    return {p: [(int(offset), value) for offset, value in
                (line.split(" ") for line in
                 hub.kcat("-C", "-t", topic, "-p", p, "-o", "beginning", "-e", "-q", "-f", "%o %s\\n",
                          "-X", f"isolation.level=read_{level}").splitlines())]
            for p in range(PARTITIONS)}


def times(log):
    return collections.Counter(value for rows in log.values() for _, value in rows)


def check_transactions(client, seen):
    """Number of transactions that were committed."""
    committed = 0
    for run in client.said():
        values, ends, ended = {}, {}, {}
        for what, number, *rest in run:
            if what == "sent":
                values[number] = rest[0]
            elif what == "end":
                ends[number] = rest[0]
            elif what == "ended":
                ended[number] = rest[0]
        for number, rows in values.items():
            counts = [seen[value] for value in rows]
            if ended.get(number) == "commit":
                committed += 1
                assert counts == [1] * len(rows), (client.name, number, "committed", counts)
            elif ended.get(number) == "abort" or ends.get(number) != "commit":
                assert counts == [0] * len(rows), (client.name, number, "aborted", counts)
            else:
                assert counts in ([1] * len(rows), [0] * len(rows)), (client.name, number, "torn", counts)
    return committed


def check_order(log):
    for partition, rows in log.items():
        last = {}
        for offset, value in rows:
            name, *numbers = value.split(":")
            key = tuple(map(int, numbers))
            assert last.get(name, (-1,)) < key, (partition, offset, value, last[name])
            last[name] = key


def check_reader(client, log, is_committed, may_go=lambda value: False):
    there = {(p, offset): value for p, rows in log.items() for offset, value in rows}
    count = 0
    for run in client.said():
        last = {}
        for _, partition, offset, value in run:
            assert last.get(partition, -1) < offset, (client.name, partition, offset, "again")
            last[partition] = offset
            found = there.get((partition, offset))
            assert found == value or (found is None and may_go(value)), (
                client.name, partition, offset, value, found, is_committed)
            count += 1
    return count


ARE_STABLE = """
from confluent_kafka import Consumer, TopicPartition
def ends(level):
    consumer = Consumer({'bootstrap.servers': ADDRESS, 'group.id': 'none', 'isolation.level': level})
    return [consumer.get_watermark_offsets(TopicPartition('all', p), 5)[1] for p in range(3)]
print('true' if ends('read_committed') == ends('read_uncommitted') else 'false')
"""


COMPACT = """
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic
CONFIG = {'segment.bytes': '30000', 'delete.retention.ms': '500', 'min.cleanable.dirty.ratio': '0.01'}
admin = AdminClient({'bootstrap.servers': ADDRESS})
def create(*names):
    made = admin.create_topics([NewTopic(name, 3, 1, config={'cleanup.policy': 'compact', **CONFIG}) for name in names])
    return [future.result() for future in made.values()]
def alter(name):
    entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in CONFIG.items()]
    changed = admin.incremental_alter_configs([ConfigResource('topic', name, incremental_configs=entries)])
    return [future.result() for future in changed.values()]
"""


def test_a_history_under_fire(box):
    """The whole of it; see above."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    hub = box.keep(Hub(box, "--partitions", PARTITIONS)).start()
    compacts = SEED % 2 == 1
    if compacts:
        hub.python(COMPACT + "create('all', 'copied')\nprint('true')")
    writers = [Client(box, hub, "transactional", f"tx{i}", "all", PARTITIONS, has_seed=True) for i in range(3)]
    sure = [Client(box, hub, "idempotent", f"id{i}", "all", PARTITIONS, has_seed=True) for i in range(2)]
    copies = [Client(box, hub, "copy", f"copy{i}", "all", "copied") for i in range(2)]
    readers = [Client(box, hub, "read", level, "all", PARTITIONS, level) for level in ("committed", "uncommitted")]
    clients = writers + sure + copies + readers
    for client in clients:
        client.start(chance)
    wait_until(lambda: all(len(client.said()[0]) > 20 for client in writers + sure + readers), "everybody to work", 60)
    if compacts:
        hub.python(COMPACT + "alter('__consumer_offsets')\nprint('true')")
    count = misfortune(hub, clients, chance, SECONDS)
    for client in writers + sure:
        client.kill()
    # Transactions that nobody ends are aborted at their time: then the copies come to the end.
    committed = {}

    def are_copied():
        for client in copies:
            if client.is_silent(10):
                client.kill()
            if not client.is_alive():
                client.start(chance)
        committed.clear()
        committed.update(read_all(hub, "all", "committed"))
        return set(times(committed)) <= set(times(read_all(hub, "copied", "committed")))

    wait_until(lambda: hub.python(ARE_STABLE), "transactions that nobody ends to be aborted", 60, every=1)
    wait_until(are_copied, "the copies to come to the end", 90, every=1)
    for client in copies + readers:
        client.kill()
    copied = times(read_all(hub, "copied", "committed"))
    seen = times(committed)
    wrong = {value: (copied[value], seen[value]) for value in set(copied) | set(seen) if copied[value] != 1}
    assert not wrong, (SEED, wrong)
    done = sum(check_transactions(client, seen) for client in writers)
    there = {(p, offset): value for p, rows in committed.items() for offset, value in rows}
    acked = [row for client in sure for run in client.said() for row in run]
    for _, value, partition, offset in acked:
        assert there.get((partition, offset)) == value and seen[value] == 1, (SEED, value, partition, offset)
    assert max(seen.values()) == 1, SEED
    check_order(committed)
    reads = check_reader(readers[0], committed, True)
    gone = []
    reads += check_reader(readers[1], read_all(hub, "all", "uncommitted"), False,
                          may_go=lambda value: compacts and seen[value] == 0 and not gone.append(value))
    assert bool(gone) == compacts, (SEED, len(gone), "of what was aborted is gone")
    hub.stop()
    code, report = hub.fsck()
    assert code == 0 and report["findings"] == [], (SEED, report)
    print(f"     {dict(count)}: {done} transactions, {len(acked)} acknowledged, {reads} reads, "
          f"{len(copied)} copied, {len(gone)} compacted")
    assert done > 20 and len(acked) > 100 and reads > 100


main()
