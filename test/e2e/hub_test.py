"""The hub and clients that others have written: what they produce is what they consume, and what
was acknowledged outlives a kill."""

import os
import pathlib
import random
import socket
import struct
import subprocess
import time

from hub import Hub, install
from lib import BINARY, main, wait_until

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
KILLS = int(os.environ.get("WEIR_HUB_KILLS", "3"))


def test_kcat_reads_what_it_wrote(box):
    """Keys, values and headers in each compression, by librdkafka, across a stop."""
    hub = box.keep(Hub(box)).start()
    expected = {}
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        lines = [f"k{i}:value {i} {'x' * (i * 37 % 500)}" for i in range(200)]
        hub.kcat("-P", "-t", codec, "-K", ":", "-z", codec, "-H", "a=b", feed="\n".join(lines) + "\n")
        expected[codec] = "".join(f"{i} {line.replace(':', ' ', 1)} a=b\n"
                                  for i, line in enumerate(lines))
        assert hub.consume(codec, form="%o %k %s %h\\n") == expected[codec]
    hub.stop()
    code, report = hub.fsck()
    assert code == 0 and report["findings"] == [], report
    assert sum(part["records"] for part in report["partitions"]) == 1000
    hub.start()
    for codec, rows in list(expected.items())[-2:]:
        assert hub.consume(codec, form="%o %k %s %h\\n") == rows
        assert hub.consume(codec, offset=-10) == "".join(
            line[:-5] + "\n" for line in rows.splitlines(keepends=True)[-10:])


def test_kafka_python_makes_topics_and_finds_times(box):
    """Topics with configuration, partitions, timestamps, deletion."""
    hub = box.keep(Hub(box)).start()
    found = hub.python("""
import json
from kafka import KafkaProducer, KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
admin = KafkaAdminClient(bootstrap_servers=ADDRESS)
out = {}
def refused(*topics):
    try:
        admin.create_topics(list(topics))
    except Exception as error:
        return type(error).__name__
admin.create_topics([NewTopic('t', 3, 1, topic_configs={'segment.bytes': '20000', 'retention.ms': '-1'})])
out['again'] = refused(NewTopic('t', 3, 1))
out['config'] = refused(NewTopic('u', 1, 1, topic_configs={'segment.bites': '1'}))
out['replicas'] = refused(NewTopic('u', 1, 3))
out['name'] = refused(NewTopic('a/b', 1, 1))
producer = KafkaProducer(bootstrap_servers=ADDRESS, compression_type='gzip', linger_ms=5)
sent = [producer.send('t', b'v%d' % i, key=b'k%d' % i, partition=i % 3, timestamp_ms=1000 * i)
        for i in range(300)]
producer.flush()
out['offsets'] = [f.get().offset for f in sent] == [i // 3 for i in range(300)]
consumer = KafkaConsumer(bootstrap_servers=ADDRESS, consumer_timeout_ms=5000)
parts = [TopicPartition('t', i) for i in range(3)]
consumer.assign(parts)
out['ends'] = sorted(consumer.end_offsets(parts).values())
times = consumer.offsets_for_times({parts[0]: 5000, parts[1]: 299000})
out['times'] = [times[parts[0]].offset, times[parts[0]].timestamp, times[parts[1]]]
consumer.seek_to_beginning()
got = {}
for message in consumer:
    got.setdefault(message.partition, []).append((message.offset, message.timestamp, message.value.decode()))
    if sum(map(len, got.values())) == 300:
        break
out['read'] = all(got[p] == [(o, 1000 * (3 * o + p), 'v%d' % (3 * o + p)) for o in range(100)]
                  for p in range(3))
admin.delete_topics(['t'])
out['left'] = [name for name in admin.list_topics()]
print(json.dumps(out))
""")
    assert found == {"again": "TopicAlreadyExistsError", "config": "InvalidConfigurationError",
                     "replicas": "InvalidReplicationFactorError", "name": "InvalidTopicError",
                     "offsets": True, "ends": [100, 100, 100], "times": [2, 6000, None],
                     "read": True, "left": []}, found
    hub.stop()
    assert hub.fsck()[1]["partitions"] == []


PRODUCER = """
import sys
from kafka import KafkaProducer
producer = KafkaProducer(bootstrap_servers=ADDRESS, acks='all', linger_ms=1, retries=0,
                         enable_idempotence=False, max_block_ms=2000, request_timeout_ms=2000)
number = int(sys.argv[1])
def done(number):
    return lambda meta: print(number, meta.partition, meta.offset, flush=True)
for i in range(1000000):
    producer.send('acked', b'%d' % (number + i), partition=i % 2).add_callback(done(number + i))
"""


def test_what_was_acknowledged_outlives_a_kill(box):
    """kill -9 under load: each acknowledged record is at its offset, and fsck has nothing to say."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    hub = box.keep(Hub(box, "--partitions", "2")).start()
    acked = {}
    for round_number in range(KILLS):
        with open(box.path(f"acked{round_number}"), "w+", encoding="ascii") as said:
            script = f"ADDRESS = {hub.address!r}\n{PRODUCER}"
            with subprocess.Popen([install(), "-c", script, str(round_number * 10000000)],
                                  stdout=said, stderr=subprocess.DEVNULL) as client:
                try:
                    wait_until(lambda: os.path.getsize(said.name) > 2000, "records to be acknowledged")
                    time.sleep(chance.random() * 0.3)
                    hub.kill()
                finally:
                    client.kill()
            said.seek(0)
            for line in said.read().splitlines(keepends=True):
                if line.endswith("\n"):
                    value, partition, offset = map(int, line.split())
                    acked[(partition, offset)] = value
        code, report = hub.fsck()
        assert code == 0, report
        hub.start()
        for partition in range(2):
            there = dict(map(int, line.split()) for line in
                         hub.consume("acked", partition, form="%o %s\\n").splitlines())
            wrong = {offset: value for (part, offset), value in acked.items()
                     if part == partition and there.get(offset) != value}
            assert not wrong, f"seed {SEED}: of {len(acked)} acknowledged, {wrong} are not there"
            assert sorted(there) == list(range(len(there)))
    assert len(acked) > 100 * KILLS, len(acked)


GROUP = """
import json, sys
from kafka import KafkaConsumer
def consume(limit, topic='shared', seconds=6, commits=True, closes=True, client='a'):
    consumer = KafkaConsumer(topic, bootstrap_servers=ADDRESS, group_id='readers', client_id=client,
                             auto_offset_reset='earliest', consumer_timeout_ms=seconds * 1000,
                             enable_auto_commit=False, session_timeout_ms=6000,
                             heartbeat_interval_ms=300, max_poll_records=50)
    got = []
    for message in consumer:
        got.append((message.partition, message.offset))
        if len(got) >= limit:
            break
    if commits:
        consumer.commit()
    if closes:
        consumer.close()
    return got
"""


def test_groups_share_and_go_on(box):
    """Members share the partitions; what was committed is where the next one begins, after a kill
    too; a topic that is made anew begins anew."""
    hub = box.keep(Hub(box, "--partitions", "4")).start()
    for partition in range(4):
        hub.kcat("-P", "-t", "shared", "-p", partition,
                 feed="".join(f"{i}\n" for i in range(100)))
    first = hub.python(GROUP + "print(json.dumps(consume(150)))")
    hub.kill()
    hub.start()
    second = hub.python(GROUP + "print(json.dumps(consume(250)))")
    everything = {(p, o) for p in range(4) for o in range(100)}
    assert {tuple(x) for x in first} | {tuple(x) for x in second} == everything
    assert len(first) + len(second) == 400
    for partition in range(4):
        hub.kcat("-P", "-t", "shared", "-p", partition,
                 feed="".join(f"{i}\n" for i in range(100, 150)))
    shared = hub.python(GROUP + """
import threading
got = {}
def run(name):
    got[name] = consume(10000, seconds=3, client=name)
# Three seconds without anything to read are the end.
threads = [threading.Thread(target=run, args=(name,)) for name in 'abc']
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(got))
""")
    together = [tuple(x) for part in shared.values() for x in part]
    assert sorted(together) == sorted((p, o) for p in range(4) for o in range(100, 150)), shared
    assert sum(bool(part) for part in shared.values()) >= 2, "one member had it all"
    hub.python("""
from kafka.admin import KafkaAdminClient
KafkaAdminClient(bootstrap_servers=ADDRESS).delete_topics(['shared'])
print(1)""")
    hub.kcat("-P", "-t", "shared", feed="again\n")
    assert hub.python(GROUP + "print(json.dumps(consume(1)))")[0][1] == 0


def test_offsets_that_nobody_has_used_are_forgotten(box):
    """Of a group without members, after the retention; not of one that has members. Time runs 100 times as fast."""
    library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    assert library is not None, "the package faketime is not installed"
    hub = box.keep(Hub(box, "--offsets-retention-minutes", "1",
                       env={"LD_PRELOAD": str(library), "FAKETIME": "+0 x100", "NO_FAKE_STAT": "1"})).start()
    assert hub.python("""
import json, time
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata
KafkaProducer(bootstrap_servers=ADDRESS).send('t', b'x').get(10)
part = TopicPartition('t', 0)
there = KafkaConsumer('t', bootstrap_servers=ADDRESS, group_id='there', session_timeout_ms=500000,
                      request_timeout_ms=510000, max_poll_interval_ms=500000, heartbeat_interval_ms=300,
                      enable_auto_commit=False)
gone = KafkaConsumer(bootstrap_servers=ADDRESS, group_id='gone', enable_auto_commit=False)
gone.assign([part])
for _ in range(50):
    there.poll(timeout_ms=200)
    if there.assignment():
        break
there.commit({part: OffsetAndMetadata(1, '', -1)})
gone.commit({part: OffsetAndMetadata(1, '', -1)})
def committed(group):
    consumer = KafkaConsumer(bootstrap_servers=ADDRESS, group_id=group, enable_auto_commit=False)
    found = consumer.committed(part)
    consumer.close()
    return found
until = time.monotonic() + 30
while committed('gone') is not None and time.monotonic() < until:
    there.poll(timeout_ms=100)
print(json.dumps([committed('gone'), committed('there')]))
""") == [None, 1]


def test_a_silent_member_loses_its_partitions(box):
    """A member that does not close is dropped after its session; the next one has its partitions."""
    hub = box.keep(Hub(box)).start()
    hub.kcat("-P", "-t", "shared", feed="".join(f"{i}\n" for i in range(10)))
    # It ends without a word to the hub.
    assert len(hub.python(GROUP + """
import os
got = consume(10, commits=False, closes=False)
print(json.dumps(got), flush=True)
os._exit(0)""")) == 10
    began = time.monotonic()
    again = hub.python(GROUP + "print(json.dumps(consume(10, seconds=20)))")
    assert len(again) == 10 and time.monotonic() - began > 2, again


def answer_to(hub, data):
    """What the hub sends back before it closes, or in half a second."""
    with socket.create_connection(("127.0.0.1", hub.port), timeout=5) as client:
        client.sendall(data)
        client.settimeout(0.5)
        try:
            return client.recv(1 << 16)
        except TimeoutError:
            return None


def join_code(hub, group, protocol):
    """The error code of a first JoinGroup, version 5, without an id."""
    def text(value):
        return struct.pack(">h", len(value)) + value.encode()
    body = (struct.pack(">hhi", 11, 5, 1) + text("client") + text(group) + struct.pack(">ii", 30000, 30000) + text("")
            + struct.pack(">h", -1) + text("consumer") + struct.pack(">i", 1) + text(protocol) + struct.pack(">i", 0))
    return struct.unpack(">h", answer_to(hub, struct.pack(">i", len(body)) + body)[12:14])[0]


def test_members_may_come_at_the_same_moment(box):
    """Each gets an id to join with, though nobody has joined: Java's client gives up on code 23."""
    hub = box.keep(Hub(box)).start()
    member_id_required = 79
    assert [join_code(hub, "new", name) for name in ("range", "range", "roundrobin")] == [member_id_required] * 3


def test_rubbish_closes_the_connection_only(box):
    """What is no request, too long, or of a version that there is not."""
    hub = box.keep(Hub(box)).start()
    chance = random.Random(7)
    header = struct.pack(">hhih", 3, 1, 77, -1)
    cases = [b"GET / HTTP/1.1\r\n\r\n", struct.pack(">i", -1), struct.pack(">i", 0),
             struct.pack(">i", 8) + struct.pack(">hhi", 3, 99, 1),
             struct.pack(">i", 8) + struct.pack(">hhi", 999, 0, 1),
             struct.pack(">i", 14) + header + struct.pack(">i", 1 << 30),
             struct.pack(">i", 40) + chance.randbytes(40)]
    for case in cases:
        assert answer_to(hub, case) == b"", case
    # Unknown versions of ApiVersions are answered: that is how clients find out.
    asked = struct.pack(">ihhih", 10, 18, 99, 5, -1)
    told = answer_to(hub, asked)
    assert struct.unpack(">iih", told[:10])[1:] == (5, 35), told
    hub.kcat("-P", "-t", "t", feed="after all\n")
    assert hub.consume("t") == "0  after all\n"


def test_addresses_are_refused_that_will_not_do(box):
    """Beyond this machine without a word, taken, or no address at all."""
    hub = box.keep(Hub(box)).start()
    for listen, code in (("0.0.0.0:0", "WR5403"), (hub.address, "WR5402"), ("9092", "WR5402"),
                         ("127.0.0.1:99999", "WR5402")):
        done = subprocess.run([BINARY, "hub", "--listen", listen, "--data-dir", box.path("other")],
                              capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode != 0 and code in done.stderr, (listen, done.stderr)
    done = subprocess.run([BINARY, "hub", "--listen", "127.0.0.1:0", "--data-dir", hub.folder],
                          capture_output=True, text=True, check=False, timeout=20)
    assert "WR5303" in done.stderr, done.stderr


def test_damage_stops_a_partition_and_not_the_others(box):
    """A bit that flips in what was acknowledged is an error for readers of that partition."""
    hub = box.keep(Hub(box)).start()
    hub.kcat("-P", "-t", "bad", feed="one\n")
    hub.kcat("-P", "-t", "good", feed="two\n")
    hub.stop()
    path = next(box.path("hub").rglob("bad.*/0/*.log"))
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    code, report = hub.fsck()
    assert code == 1 and report["findings"][0]["path"].endswith(path.name), report
    hub.start()
    assert hub.consume("good") == "0  two\n"
    # librdkafka asks again and again: somebody may put the file back.
    reader = box.process("reader", ["kcat", "-b", hub.address, "-C", "-t", "bad", "-o",
                                    "beginning", "-e"])
    wait_until(lambda: "is damaged at byte" in hub.process.stderr(), "the hub to say so")
    wait_until(lambda: "storage error" in reader.stderr().lower() or reader.is_alive(),
               "the reader to hear of it")
    assert reader.stdout() == ""
    reader.kill()
    assert hub.consume("good") == "0  two\n"


main()
