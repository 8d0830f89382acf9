"""Transactions of the hub, by kafka-python and librdkafka: what is committed is read as a whole, what is
aborted is not, whoever takes over fences the one before, and a kill changes none of it."""

import os
import random
import time

import kafka
from hub import Hub, install
from lib import TOP, main, wait_until

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


def test_what_is_not_decided_yet_is_not_told(box):
    """Neither the place of a time, by who reads what is committed, nor offsets of all topics, by who asks for
    those that stand."""
    hub = box.keep(Hub(box)).start()
    found = hub.python(CONFLUENT + """
from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel
from confluent_kafka.admin import AdminClient, OffsetSpec
admin = AdminClient({'bootstrap.servers': ADDRESS})
plain = Producer({'bootstrap.servers': ADDRESS})
plain.produce('t', b'before', timestamp=1000)
plain.flush()
consumer = Consumer({'bootstrap.servers': ADDRESS, 'group.id': 'g'})
place = TopicPartition('t', 0)
consumer.commit(offsets=[TopicPartition('t', 0, 0)], asynchronous=False)
def offset_of(time, level):
    return admin.list_offsets({place: OffsetSpec.for_timestamp(time)}, isolation_level=level)[place].result().offset
def stable():
    group = ConsumerGroupTopicPartitions('g')
    try:
        answer = admin.list_consumer_group_offsets([group], require_stable=True, request_timeout=3)['g'].result()
    except KafkaException as error:
        return error.args[0].name()
    found = answer.topic_partitions[0]
    return found.error.name() if found.error is not None else found.offset
out = []
def note():
    out.append([offset_of(1000, IsolationLevel.READ_COMMITTED), offset_of(2000, IsolationLevel.READ_COMMITTED),
                offset_of(2000, IsolationLevel.READ_UNCOMMITTED), stable()])
one = producer('one')
one.begin_transaction()
one.produce('t', b'inside', timestamp=2000)
one.flush()
one.send_offsets_to_transaction([TopicPartition('t', 0, 1)], consumer.consumer_group_metadata())
note()
one.commit_transaction()
note()
print(json.dumps(out))
""")
    assert found[0][:3] == [0, -1, 1] and found[0][3] in ("UNSTABLE_OFFSET_COMMIT", "_TIMED_OUT"), found
    assert found[1] == [0, 1, 1, 1], found


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


def read_all(hub):
    """What is committed in each of the four partitions."""
    lines = hub.kcat("-C", "-t", "t", "-o", "beginning", "-e", "-q", "-f", "%p %s\\n",
                     "-X", "isolation.level=read_committed").splitlines()
    return [[line[2:] for line in lines if line[0] == str(p)] for p in range(4)]


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

    for round_number in range(4):
        client = box.process(f"client-{round_number}", [install(), script, round_number * 1000000])
        wait_until(lambda: len(client.stdout()) > 100, "some commits", process=client)
        time.sleep(chance.random() * 0.05)
        hub.kill()
        client.kill()
        hub.start()
        told.update(line for line in client.stdout().splitlines(keepends=True) if line.endswith("\n"))
        # What was decided is ended behind the start: for a moment some partitions have their marker.
        wait_until(lambda: len({tuple(row) for row in read_all(hub)}) == 1, f"all partitions to agree, seed {SEED}")
        rows = read_all(hub)
        assert {line.strip() for line in told} <= set(rows[0]), SEED
        assert len(set(rows[0])) == len(rows[0]), SEED
        assert sorted(rows[0], key=int) == rows[0], SEED


def test_kills_within_commits_of_version_2(box):
    """The same by one Java client that goes on through all kills, with another epoch after each end."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    hub = box.keep(Hub(box, "--no-http", "--partitions", "4")).start()
    client = box.process("client", ["java", *kafka.HEAP, "-cp", kafka.jars(), TOP / "test" / "clients" / "Commits.java",
                                    hub.address, "t", 4, 0])
    for _ in range(5):
        count = len(client.stdout().splitlines())
        wait_until(lambda: len(client.stdout().splitlines()) > count + 20, "some commits", 60, process=client)
        time.sleep(chance.random() * 0.05)
        hub.kill()
        hub.start()
    count = len(client.stdout().splitlines())
    wait_until(lambda: len(client.stdout().splitlines()) > count + 20, "commits behind the last kill", 60, process=client)
    client.kill()
    told = [line for line in client.stdout().splitlines(keepends=True) if line.endswith("\n")]
    wait_until(lambda: len({tuple(row) for row in read_all(hub)}) == 1, f"all partitions to agree, seed {SEED}")
    rows = read_all(hub)[0]
    assert {line.strip() for line in told} <= set(rows), SEED
    assert sorted(set(rows), key=int) == rows, SEED


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


SECOND = """
import json, socket, struct, time
from kafka.record.default_records import DefaultRecordBatchBuilder
PRODUCE, INIT, END, COMMIT = 0, 22, 26, 28
def varint(number):
    out = b''
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])
def text(words):
    return varint(len(words) + 1) + words.encode() if words is not None else b'\\0'
def items(*all):
    return varint(len(all) + 1) + b''.join(all)
def batch(producer, epoch, sequence, *values):
    made = DefaultRecordBatchBuilder(2, 0, producer >= 0, producer, epoch, sequence, 100000)
    for at, value in enumerate(values):
        made.append(at, int(time.time() * 1000), None, value.encode(), [])
    return bytes(made.build())
class Wire:
    def __init__(self):
        host, port = ADDRESS.split(':')
        self.socket = socket.create_connection((host, int(port)), 20)
    def send(self, key, version, body):
        frame = struct.pack('>hhih', key, version, 1, -1) + b'\\0' + body
        self.socket.sendall(struct.pack('>i', len(frame)) + frame)
    def hear(self):
        size = struct.unpack('>i', self.socket.recv(4, socket.MSG_WAITALL))[0]
        return self.socket.recv(size, socket.MSG_WAITALL)[5:]
    def init(self, name):
        self.send(INIT, 4, text(name) + struct.pack('>iqh', 60000, -1, -1) + b'\\0')
        return struct.unpack('>ihqh', self.hear()[:16])[1:]
    def send_produce(self, name, producer, epoch, sequence, partition, *values):
        records = batch(producer, epoch, sequence, *values)
        part = struct.pack('>i', partition) + varint(len(records) + 1) + records + b'\\0'
        self.send(PRODUCE, 12, text(name) + struct.pack('>hi', -1, 20000) + items(text('t') + items(part) + b'\\0') + b'\\0')
    def hear_produced(self):
        return struct.unpack('>ihq', self.hear()[4:18])[1:]
    def produce(self, *asked):
        self.send_produce(*asked)
        return self.hear_produced()
    def produce_beside(self, name, producer, epoch, value):
        '''A batch of the transaction to partition 0 and one of nobody to partition 1; the codes.'''
        parts = [struct.pack('>i', part) + varint(len(records) + 1) + records + b'\\0'
                 for part, records in enumerate([batch(producer, epoch, 0, value), batch(-1, -1, -1, value)])]
        self.send(PRODUCE, 12, text(name) + struct.pack('>hi', -1, 20000) + items(text('t') + items(*parts) + b'\\0') + b'\\0')
        answer = self.hear()
        return [struct.unpack('>ih', answer[at:at + 6])[1] for at in (4, 37)]
    def end(self, name, producer, epoch, commits):
        self.send(END, 5, text(name) + struct.pack('>qhb', producer, epoch, commits) + b'\\0')
        return struct.unpack('>ihqh', self.hear()[:16])[1:]
    def commit(self, name, producer, epoch, offset):
        part = struct.pack('>iqi', 0, offset, -1) + text('') + b'\\0'
        self.send(COMMIT, 5, text(name) + text('g') + struct.pack('>qhi', producer, epoch, -1) + text('') + b'\\0'
                  + items(text('t') + items(part) + b'\\0') + b'\\0')
        return struct.unpack('>ih', self.hear()[8:14])[1]
"""


def test_version_2_by_hand(box):
    """Partitions and offsets join by themselves, batches that follow wait for the first, each end gives another epoch, and
    what comes late is refused."""
    hub = box.keep(Hub(box, "--partitions", "2")).start()
    hub.kcat("-P", "-t", "t", "-p", 1, feed="x\n")
    found = hub.python(SECOND + """
wire = Wire()
error, producer, epoch = wire.init('one')
out = {'init': [error, epoch]}
for sequence in range(20):
    wire.send_produce('one', producer, epoch, sequence, 0, 'v%d' % sequence)
out['produced'] = [wire.hear_produced() for _ in range(20)]
out['end'] = [[error, id == producer, then - epoch] for error, id, then in
              [wire.end('one', producer, epoch, 1), wire.end('one', producer, epoch, 1), Wire().end('one', producer, epoch, 1)]]
out['late'] = [wire.produce('one', producer, epoch, 20, part, 'late') for part in (0, 1)]
out['late end'] = wire.end('one', producer, epoch, 0)[0]
out['offset'] = wire.commit('one', producer, epoch + 1, 5)
out['abort'] = wire.end('one', producer, epoch + 1, 0)[0]
out['nothing'] = [wire.end('one', producer, epoch + 2, 1)[0], wire.end('one', producer, epoch + 2, 0)[0]]
out['late offset'] = wire.commit('one', producer, epoch + 2, 6)
out['stranger'] = [wire.produce('two', producer, epoch + 3, 0, 0, 'x')[0], wire.produce(None, producer, epoch + 3, 0, 0, 'x')[0]]
out['again'] = [wire.produce('one', producer, epoch + 3, 0, 0, 'next'), wire.commit('one', producer, epoch + 3, 9),
                wire.end('one', producer, epoch + 3, 1)[0]]
out['beside'] = wire.produce_beside('one', producer, epoch, 'beside')
print(json.dumps(out))
""")
    fenced, wrong_state, unknown = 47, 48, 49
    assert found == {"init": [0, 0], "produced": [[0, offset] for offset in range(20)], "end": [[0, True, 1]] * 3,
                     "late": [[fenced, -1]] * 2, "late end": 90, "offset": 0, "abort": 0, "nothing": [wrong_state, 0],
                     "late offset": fenced, "stranger": [unknown] * 2, "again": [[0, 21], 0, 0], "beside": [fenced, 0]}, found
    assert committed(hub, "t") == [f"v{i}" for i in range(20)] + ["next"]
    assert committed(hub, "t", 1) == ["x", "beside"]
    assert hub.python("""
import json
from kafka import KafkaConsumer, TopicPartition
print(json.dumps(KafkaConsumer(bootstrap_servers=ADDRESS, group_id='g').committed(TopicPartition('t', 0))))""") == 9


def test_version_2_outlives_kills(box):
    """Before and after the end, which is asked for again."""
    hub = box.keep(Hub(box)).start()
    hub.kcat("-P", "-t", "t", feed="x\n")
    state = hub.python(SECOND + """
wire = Wire()
error, producer, epoch = wire.init('one')
print(json.dumps([producer, epoch, wire.produce('one', producer, epoch, 0, 0, 'kept')]))
""")
    producer, epoch = state[:2]
    assert state[2] == [0, 1], state
    ask = SECOND + f"print(json.dumps(Wire().end('one', {producer}, {epoch}, 1)))"
    hub.kill()
    hub.start()
    assert hub.python(ask) == [0, producer, epoch + 1]
    hub.kill()
    hub.start()
    assert hub.python(ask) == [0, producer, epoch + 1]
    assert hub.python(SECOND + f"print(json.dumps(Wire().produce('one', {producer}, {epoch}, 1, 0, 'late')))") == [47, -1]
    assert committed(hub, "t") == ["x", "kept"]


main()
