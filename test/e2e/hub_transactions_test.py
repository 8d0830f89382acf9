"""Transactions of the hub, by kafka-python and librdkafka: what is committed is read as a whole, what is
aborted is not, whoever takes over fences the one before, and a kill changes none of it."""

import os
import random
import time

from hub import Hub, install
from lib import main, wait_until

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))

CONFLUENT = """
import json
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition, OFFSET_BEGINNING
def producer(name, **more):
    made = Producer({'bootstrap.servers': ADDRESS, 'transactional.id': name, **more})
    made.init_transactions(20)
    return made
def read(topic, level='read_committed', partitions=1):
    consumer = Consumer({'bootstrap.servers': ADDRESS, 'group.id': 'none', 'isolation.level': level,
                         'enable.partition.eof': True})
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(partitions)])
    got, ends = [], 0
    while ends < partitions:
        message = consumer.poll(10)
        assert message is not None
        if message.error() is not None:
            ends += 1
        else:
            got.append(message.value().decode())
    consumer.close()
    return got
def code_of(call, *arguments):
    try:
        call(*arguments)
    except KafkaException as error:
        return error.args[0].name()
"""


def committed(hub, topic, partition=0, level="committed"):
    return hub.kcat("-C", "-t", topic, "-p", partition, "-o", "beginning", "-e", "-q", "-f", "%s ",
                    "-X", f"isolation.level=read_{level}").split()


def test_committed_is_read_and_aborted_is_not(box):
    """Over several partitions, large and small, by two clients; the offsets of a group with them."""
    hub = box.keep(Hub(box, "--partitions", "3")).start()
    found = hub.python("""
import json
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata
producer = KafkaProducer(bootstrap_servers=ADDRESS, transactional_id='one', enable_idempotence=True)
producer.init_transactions()
for number in range(10):
    producer.begin_transaction()
    for i in range(30):
        producer.send('t', b'%d-%d' % (number, i), partition=i % 3)
    # kafka-python sends what waits before it aborts only if it is told to.
    producer.flush()
    if number % 2 == 0:
        producer.send_offsets_to_transaction({TopicPartition('t', 0): OffsetAndMetadata(number, '', -1)}, 'group')
        producer.commit_transaction()
    else:
        producer.send_offsets_to_transaction({TopicPartition('t', 0): OffsetAndMetadata(1000, '', -1)}, 'group')
        producer.abort_transaction()
def read(level):
    consumer = KafkaConsumer(bootstrap_servers=ADDRESS, isolation_level=level, consumer_timeout_ms=2000, group_id='group')
    consumer.assign([TopicPartition('t', p) for p in range(3)])
    consumer.seek_to_beginning()
    return sorted(m.value.decode() for m in consumer), consumer.committed(TopicPartition('t', 0))
print(json.dumps([read('read_committed'), read('read_uncommitted')]))
""")
    rows = sorted(f"{n}-{i}" for n in range(10) for i in range(30))
    assert found[1][0] == rows
    assert found[0][0] == [row for row in rows if int(row.split("-")[0]) % 2 == 0]
    assert found[0][1] == 8, found[0][1]
    assert sorted(sum((committed(hub, "t", p) for p in range(3)), [])) == found[0][0]
    hub.stop()
    hub.start()
    assert sorted(sum((committed(hub, "t", p) for p in range(3)), [])) == found[0][0]


def test_an_open_transaction_hides_what_follows(box):
    """Until it ends; and whoever takes over its id fences it and aborts it."""
    hub = box.keep(Hub(box)).start()
    found = hub.python(CONFLUENT + """
first = producer('x')
first.begin_transaction()
first.produce('t', 'a')
first.flush()
plain = Producer({'bootstrap.servers': ADDRESS})
plain.produce('t', 'b')
plain.flush()
out = [read('t'), read('t', 'read_uncommitted')]
second = producer('x')
out.append(read('t'))
out.append(code_of(first.commit_transaction, 10))
second.begin_transaction()
second.produce('t', 'c')
second.commit_transaction()
out.append(read('t'))
print(json.dumps(out))
""")
    assert found == [[], ["a", "b"], ["b"], "_FENCED", ["b", "c"]], found


def test_a_transaction_goes_on_after_a_kill(box):
    """The hub is killed while one is open, its producer commits it then; another is left and ends at its time."""
    hub = box.keep(Hub(box, "--partitions", "2")).start()
    steps = box.path("steps")
    steps.mkdir()
    script = box.path("client.py")
    script.write_text(f"ADDRESS = {hub.address!r}\n{CONFLUENT}" + f"""
import os, time
def step(name):
    open({str(steps)!r} + '/' + name, 'w').close()
def wait(name):
    while not os.path.exists({str(steps)!r} + '/' + name):
        time.sleep(0.01)
one, two = producer('one'), producer('two', **{{'transaction.timeout.ms': 3000, 'message.timeout.ms': 2500}})
for made, value in ((one, 'kept'), (two, 'left')):
    made.begin_transaction()
    for p in range(2):
        made.produce('t', value, partition=p)
    made.flush()
step('open')
wait('killed')
one.produce('t', 'more', partition=0)
one.commit_transaction(30)
step('committed')
wait('aborted')
code = code_of(two.commit_transaction, 10)
print(json.dumps(code))
""")
    client = box.process("client", [install(), script])
    wait_until((steps / "open").exists, "two transactions", process=client)
    hub.kill()
    hub.start()
    (steps / "killed").touch()
    wait_until((steps / "committed").exists, "the commit", 40, process=client)
    wait_until(lambda: committed(hub, "t", 0) == ["kept", "more"] and committed(hub, "t", 1) == ["kept"],
               "the other transaction to be aborted at its time")
    assert committed(hub, "t", 1, "uncommitted") == ["kept", "left"]
    (steps / "aborted").touch()
    assert client.wait() == 0, client.log_tail()
    assert client.stdout().strip() not in ("null", ""), "a transaction whose time was over was committed"


def test_kills_within_commits(box):
    """The hub dies at any moment of a commit; what comes back is all of it in all partitions, or nothing."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    hub = box.keep(Hub(box, "--partitions", "4")).start()
    script = box.path("client.py")
    script.write_text(f"ADDRESS = {hub.address!r}\n{CONFLUENT}" + """
import sys
made = producer('x', **{'linger.ms': 0})
number = int(sys.argv[1])
while True:
    number += 1
    made.begin_transaction()
    for p in range(4):
        made.produce('t', str(number), partition=p)
    made.flush()
    made.commit_transaction(30)
    print(number, flush=True)
""")
    told = set()

    def read_all():
        lines = hub.kcat("-C", "-t", "t", "-o", "beginning", "-e", "-q", "-f", "%p %s\\n",
                         "-X", "isolation.level=read_committed").splitlines()
        return [[line[2:] for line in lines if line[0] == str(p)] for p in range(4)]

    for round_number in range(4):
        client = box.process(f"client-{round_number}", [install(), script, round_number * 1000000])
        wait_until(lambda: len(client.stdout()) > 100, "some commits", process=client)
        time.sleep(chance.random() * 0.05)
        hub.kill()
        client.kill()
        hub.start()
        told.update(line for line in client.stdout().splitlines(keepends=True) if line.endswith("\n"))
        # What was decided is ended behind the start: for a moment some partitions have their marker.
        wait_until(lambda: len({tuple(row) for row in read_all()}) == 1, f"all partitions to agree, seed {SEED}")
        rows = read_all()
        assert {line.strip() for line in told} <= set(rows[0]), SEED
        assert len(set(rows[0])) == len(rows[0]), SEED
        assert sorted(rows[0], key=int) == rows[0], SEED


def test_what_no_transaction_may(box):
    """Committing twice, other ids, a timeout that is too long; topics of the hub's own."""
    hub = box.keep(Hub(box)).start()
    found = hub.python(CONFLUENT + """
out = []
made = Producer({'bootstrap.servers': ADDRESS, 'transactional.id': 'long', 'transaction.timeout.ms': 900001})
out.append(code_of(made.init_transactions, 10))
one = producer('one')
one.begin_transaction()
one.produce('t', 'x')
one.commit_transaction()
out.append(code_of(one.commit_transaction, 10))
plain = Producer({'bootstrap.servers': ADDRESS, 'topic.metadata.refresh.interval.ms': 100})
errors = []
for topic in ('__transaction_state', '__consumer_offsets'):
    plain.produce(topic, 'x', on_delivery=lambda error, message: errors.append(error.name() if error else None))
plain.flush(10)
print(json.dumps(out + [errors]))
""")
    assert found[0] == "INVALID_TRANSACTION_TIMEOUT" and found[1] == "_STATE", found
    assert None not in found[2] and len(found[2]) == 2, found


main()
