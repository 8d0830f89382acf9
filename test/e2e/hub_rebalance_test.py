"""A group of 50 members, of librdkafka and of Java, that come, leave and are killed: no partition is ever read by
two of them, and in the end none by nobody. With a real Kafka as well, in a soak."""

import os
import random
import signal
import time

import kafka
from hub import install
from lib import TIME_SCALE, TOP, Skip, main, wait_until
from topics import servers

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
ROUNDS = int(os.environ.get("WEIR_ROUNDS", "6"))
PARTITIONS, EACH = 60, 5
CLIENTS = TOP / "test" / "clients"


class Crowd:
    """Processes of five members each, and what they say."""

    def __init__(self, box, address):
        self.box, self.address = box, address
        self.running, self.over = {}, []  # name -> process; (process, when it was killed)
        self.started = 0

    def start(self, kind, name=None):
        self.started += 1
        name = name or f"{kind}{self.started}"
        what = [self.address, "t", "g", name, EACH]
        if kind == "java":
            argv = ["java", "-Dslf4j.internal.verbosity=ERROR", *kafka.HEAP, "-cp", kafka.jars(), CLIENTS / "Sharing.java", *what]
        else:
            argv = [install(), CLIENTS / "sharing.py", *what, *(["static"] if kind == "static" else [])]
        self.running[name] = self.box.process(f"{name}-{self.started}", argv)

    def kill(self, name):
        process = self.running.pop(name)
        process.kill()
        self.over.append((process, time.monotonic_ns()))

    def leave(self, name):
        process = self.running.pop(name)
        assert process.stop(signal.SIGTERM, 60) in (0, 128 + signal.SIGTERM), process.log_tail()
        self.over.append((process, time.monotonic_ns()))

    def spells(self):
        """By partition: [from, to or None, member, whether it was lost], and whoever ended says nothing more."""
        spells = [[] for _ in range(PARTITIONS)]
        told = [(process, None) for process in self.running.values()] + self.over
        for process, end in told:
            has = {}
            for line in process.stdout().splitlines():
                at, sign, member, *parts = line.split()
                for part in map(int, parts):
                    if sign == "+":
                        has[part, member] = spell = [int(at), end, member, False]
                        spells[part].append(spell)
                    elif (part, member) in has:
                        spell = has.pop((part, member))
                        spell[1], spell[3] = int(at), sign == "!"
        for one in spells:
            one.sort(key=lambda spell: spell[0])
        return spells

    def is_shared(self):
        """Every partition has one who reads it."""
        return all(sum(spell[1] is None for spell in one) == 1 for one in self.spells())

    def await_shared(self):
        wait_until(self.is_shared, "every partition to be read by one member", 120, every=0.3)

    def check(self):
        """Nobody begins before the one before has ended; who is silent for too long loses what it has, and hears of it
        later. How often that was."""
        lost = 0
        for part, one in enumerate(self.spells()):
            for before, after in zip(one, one[1:]):
                lost += before[3]
                is_over = before[1] is not None and before[1] <= after[0]
                assert is_over or before[3], (SEED, part, before, after)
        return lost


def described(topics):
    """What the server says that members read, and where they come from: {partition: how many}, hosts."""
    counts, hosts = topics.python("""
import collections, json
from confluent_kafka.admin import AdminClient
admin = AdminClient({"bootstrap.servers": ADDRESS})
group = admin.describe_consumer_groups(["g"])["g"].result()
print(json.dumps([collections.Counter(one.partition for m in group.members for one in m.assignment.topic_partitions),
                  sorted({m.host for m in group.members})]))
""")
    return {int(k): n for k, n in counts.items()}, hosts


def churn(box, topics):
    print(f"     seed {SEED}")
    topics.make("t", PARTITIONS)
    chance = random.Random(SEED)
    crowd = Crowd(box, topics.address)
    has_java = True
    try:
        kafka.jars()
    except Skip as why:
        print(f"     without the Java client: {why}")
        has_java = False
    for kind in ["plain"] * 5 + ["static"] * 3 + (["java"] * 2 if has_java else ["plain"] * 2):
        crowd.start(kind)
    crowd.await_shared()
    for _ in range(ROUNDS):
        name = chance.choice(sorted(crowd.running))
        kind = name.rstrip("0123456789")
        comes_back = chance.random() < 0.7
        if chance.random() < 0.6 or kind == "static":
            crowd.kill(name)
        else:
            crowd.leave(name)
        time.sleep(chance.random() * 4 * TIME_SCALE)
        crowd.start(kind, name if kind == "static" and comes_back else None)
        time.sleep(chance.random() * 4 * TIME_SCALE)
        crowd.check()
    crowd.await_shared()
    lost = crowd.check()
    everything = ({p: 1 for p in range(PARTITIONS)}, ["/127.0.0.1"])
    wait_until(lambda: described(topics) == everything, "the server to say the same", 60, every=1)
    moves = sum(map(len, crowd.spells())) - PARTITIONS
    assert not lost or os.getloadavg()[0] > os.cpu_count(), (SEED, lost)
    print(f"     {len(crowd.running) * EACH} members, {ROUNDS} changes, {moves} moves of {PARTITIONS} partitions, "
          f"{lost} lost to silence")
    for name in sorted(crowd.running):
        if not name.startswith("static"):
            crowd.leave(name)
    crowd.check()


def test_fifty_members_share_while_they_come_and_go(box):
    for topics in servers(box, ("hub",)):
        churn(box, topics)


def soak_fifty_members_share_at_a_kafka(box):
    for topics in servers(box, ("kafka",)):
        churn(box, topics)


main()
