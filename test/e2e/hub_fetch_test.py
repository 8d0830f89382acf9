"""Sessions of Fetch (KIP-227), by hand: what is asked for once stays asked for, and an answer has only what is new."""

import struct
import threading

from hub import Hub
from lib import main
from wire import Wire, text

FETCH, VERSION = 1, 11
UNKNOWN_TOPIC, STORAGE_ERROR, NO_SESSION, WRONG_EPOCH = 3, 56, 70, 71


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def number(value):
    """As flexible versions write lengths."""
    return bytes([value & 127 | 128]) + number(value >> 7) if value > 127 else bytes([value])


class Answer:
    def __init__(self, content):
        self.content, self.at = content, 0

    def read(self, form):
        values = struct.unpack_from(">" + form, self.content, self.at)
        self.at += struct.calcsize(">" + form)
        return values if len(values) > 1 else values[0]

    def take(self, length):
        self.at += length
        return self.content[self.at - length:self.at]


class Reader:
    """A connection that fetches; the session that it has."""

    def __init__(self, hub, committed=False):
        self.wire = Wire(hub.port)
        self.committed = committed
        self.session, self.epoch = 0, 0

    def ask(self, asked=(), forgotten=(), wait_ms=0, max_bytes=1 << 20, session=None, epoch=None):
        """(error, session, {(topic, partition): (error, high watermark, start, bytes of records)}); `asked` are
        (topic, partition, offset)."""
        session = self.session if session is None else session
        epoch = self.epoch if epoch is None else epoch
        topics = array([text(topic) + array([struct.pack(">iiqqi", part, -1, offset, -1, 1 << 20)])
                        for topic, part, offset in asked])
        gone = array([text(topic) + array([struct.pack(">i", part)]) for topic, part in forgotten])
        body = struct.pack(">iiiibii", -1, wait_ms, 1, max_bytes, self.committed, session, epoch) + topics + gone + text("")
        answer = Answer(self.wire.ask(FETCH, VERSION, body))
        _, error, session, topics = answer.read("ihii")
        found = {}
        for _ in range(topics):
            topic = answer.take(answer.read("h")).decode()
            for _ in range(answer.read("i")):
                part, code, high, _, start = answer.read("ihqqq")
                answer.take(16 * max(answer.read("i"), 0))
                _, length = answer.read("ii")
                assert (topic, part) not in found
                found[topic, part] = (code, high, start, length)
                answer.take(length)
        assert answer.at == len(answer.content)
        return error, session, found

    def begin(self, asked):
        """A new session."""
        error, self.session, found = self.ask(asked, session=0, epoch=0)
        assert error == 0 and self.session > 0, (error, self.session)
        self.epoch = 1
        return found

    def next(self, *asked, **more):
        error, session, found = self.ask(asked, **more)
        assert (error, session) == (0, self.session), (error, session)
        self.epoch += 1
        return found


def produce(hub, topic, part, *lines):
    hub.kcat("-P", "-t", topic, "-p", part, feed="".join(f"{line}\n" for line in lines))


def test_large_batches_come_whole_however_slowly_they_are_taken(box):
    """Records that are sent from their file: as they were, and the answers in their order, while the socket is full."""
    hub = box.keep(Hub(box, "--no-http")).start()
    lines = [f"{i:06d}" + chr(97 + i % 26) * (40 + 977 * i % 1500) for i in range(20000)]
    hub.kcat("-P", "-t", "large", "-X", "linger.ms=50", feed="".join(line + "\n" for line in lines))
    assert hub.consume("large", form="%s\n").split() == lines
    reader = Reader(hub)
    body = struct.pack(">iiiibii", -1, 0, 1, 50 << 20, 0, 0, -1) + array([text("large") + array(
        [struct.pack(">iiqqi", 0, -1, 0, -1, 50 << 20)])]) + array([]) + text("")
    for _ in range(4):
        reader.wire.send(FETCH, VERSION, body)
        reader.wire.send(18, 0, b"")
    contents = []
    with reader.wire.socket.makefile("rb") as answers:
        for number in range(1, 9):
            length, correlation = struct.unpack(">ii", answers.read(8))
            content = answers.read(length - 4)
            assert correlation == number and len(content) == length - 4
            contents += [content] * (number % 2)
    assert all(content == contents[0] for content in contents) and len(contents[0]) > 10 << 20, len(contents[0])
    assert all(line.encode() in contents[0] for line in (lines[0], lines[10000], lines[-1]))
    # Who goes away in the midst of it leaves nothing behind.
    for _ in range(20):
        gone = Reader(hub)
        gone.wire.send(FETCH, VERSION, body)
        gone.wire.socket.recv(1000)
        gone.wire.socket.close()
    assert len(Reader(hub).wire.ask(FETCH, VERSION, body)) == len(contents[0])


def test_an_answer_has_only_what_is_new(box):
    """Records, and offsets that have moved; once told, no more."""
    hub = box.keep(Hub(box, "--no-http", "--partitions", "5")).start()
    for part in range(5):
        produce(hub, "t", part, "first")
    reader = Reader(hub)
    found = reader.begin([("t", part, 1) for part in range(5)])
    assert found == {("t", part): (0, 1, 0, 0) for part in range(5)}
    assert reader.next() == {} == reader.next(wait_ms=1)
    produce(hub, "t", 3, "second")
    found = reader.next()
    assert list(found) == [("t", 3)] and found["t", 3][:3] == (0, 2, 0) and found["t", 3][3] > 60, found
    # Who does not go on gets it again.
    assert reader.next() == found
    assert reader.next(("t", 3, 2)) == {}
    hub.python("""
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
KafkaAdminClient(bootstrap_servers=ADDRESS).delete_records({TopicPartition('t', 2): 1})
print(1)""")
    assert reader.next() == {("t", 2): (0, 1, 1, 0)}
    assert reader.next() == {}
    # What is forgotten is told no more, until it is asked for again.
    assert reader.next(forgotten=[("t", 4), ("t", 9)]) == {}
    produce(hub, "t", 4, "second")
    assert reader.next() == {}
    assert reader.next(("t", 4, 1))["t", 4][1] == 2
    assert reader.next(("t", 4, 0))["t", 4][1] == 2
    hub.stop()


def test_a_request_that_waits_hears_of_its_partitions(box):
    """And of no others."""
    hub = box.keep(Hub(box, "--no-http", "--partitions", "3")).start()
    produce(hub, "t", 0, "x")
    produce(hub, "other", 0, "x")
    reader = Reader(hub)
    reader.begin([("t", part, 0 if part else 1) for part in range(3)])
    heard = []
    waits = threading.Thread(target=lambda: heard.append(reader.next(wait_ms=60000)))
    waits.start()
    produce(hub, "other", 0, "y")
    produce(hub, "t", 1, "y")
    waits.join(20)
    assert [list(found) for found in heard] == [[("t", 1)]], heard


def test_sessions_end(box):
    """By a number that is wrong, by the client's word, when all is forgotten, and with the hub."""
    hub = box.keep(Hub(box, "--no-http")).start()
    produce(hub, "t", 0, "x")
    reader = Reader(hub)
    assert reader.ask([("t", 0, 0)], session=reader.session + 12345, epoch=1) == (NO_SESSION, 0, {})
    reader.begin([("t", 0, 1)])
    assert reader.ask(epoch=2) == (WRONG_EPOCH, 0, {})
    assert reader.next() == {}
    # A whole request with its number ends it, and begins another.
    before = reader.session
    error, after, found = reader.ask([("t", 0, 0)], epoch=0)
    assert error == 0 and after not in (0, before) and list(found) == [("t", 0)]
    assert reader.ask(session=before, epoch=2) == (NO_SESSION, 0, {})
    assert reader.ask(session=after, epoch=-1) == (0, 0, {})
    assert reader.ask(session=after, epoch=1) == (NO_SESSION, 0, {})
    reader.begin([("t", 0, 1)])
    assert reader.ask(forgotten=[("t", 0)]) == (0, 0, {})
    assert reader.ask(epoch=2) == (NO_SESSION, 0, {})
    reader.begin([("t", 0, 1)])
    hub.kill()
    hub.start()
    again = Reader(hub)
    again.session, again.epoch = reader.session, 1
    assert again.ask() == (NO_SESSION, 0, {})


def test_one_that_waits_does_not_outlive_its_session(box):
    """The client has begun another one meanwhile, on another connection."""
    hub = box.keep(Hub(box, "--no-http")).start()
    produce(hub, "t", 0, "x")
    reader, other = Reader(hub), Reader(hub)
    reader.begin([("t", 0, 1)])
    heard = []
    waits = threading.Thread(target=lambda: heard.append(reader.ask(wait_ms=60000)))
    waits.start()
    assert other.ask([("t", 0, 1)], session=reader.session, epoch=0)[0] == 0
    produce(hub, "t", 0, "y")
    waits.join(20)
    assert heard == [(NO_SESSION, 0, {})], heard


def test_those_that_have_got_something_wait_for_the_others(box):
    """An answer that has room for one partition alone is another one's the next time."""
    hub = box.keep(Hub(box, "--no-http", "--partitions", "4")).start()
    for part in range(4):
        produce(hub, "t", part, "x" * 2000)
    reader = Reader(hub)
    reader.begin([("t", part, 1) for part in range(4)])
    asked = [("t", part, 0) for part in range(4)]
    order = []
    for round_number in range(8):
        found = reader.next(*(asked if round_number == 0 else ()), max_bytes=1000)
        order += [part for (_, part), told in found.items() if told[3] > 0]
    assert order == [0, 1, 2, 3] * 2, order


def test_what_becomes_of_a_topic_is_told(box):
    """It is deleted, it comes back, it is damaged: also where there was nothing to read."""
    hub = box.keep(Hub(box, "--no-http")).start()
    produce(hub, "t", 0, "x")
    produce(hub, "bad", 0, "x")
    reader = Reader(hub)
    reader.begin([("t", 0, 1), ("bad", 0, 1), ("none", 0, 0)])
    assert list(reader.next()) == [("none", 0)]
    assert reader.next(forgotten=[("none", 0)]) == {}
    hub.python("""
from kafka.admin import KafkaAdminClient
KafkaAdminClient(bootstrap_servers=ADDRESS).delete_topics(['t'])
print(1)""")
    assert {key: told[0] for key, told in reader.next().items()} == {("t", 0): UNKNOWN_TOPIC}
    assert {key: told[0] for key, told in reader.next().items()} == {("t", 0): UNKNOWN_TOPIC}
    produce(hub, "t", 0, "a", "b")
    assert reader.next()["t", 0][:3] == (0, 2, 0)
    assert reader.next(("t", 0, 2)) == {}
    path = next(box.path("hub").rglob("bad.*/0/*.log"))
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    assert Reader(hub).ask([("bad", 0, 0)])[2]["bad", 0][0] == STORAGE_ERROR
    assert reader.next()["bad", 0][0] == STORAGE_ERROR


def test_what_is_committed_is_told_with_the_commit(box):
    """A reader of what is committed waits for the end of the transaction, and gets all of it then."""
    hub = box.keep(Hub(box, "--no-http")).start()
    produce(hub, "t", 0, "x")
    reader = Reader(hub, committed=True)
    reader.begin([("t", 0, 1)])
    heard = []
    waits = threading.Thread(target=lambda: heard.append(reader.next(wait_ms=60000)))
    waits.start()
    hub.python("""
from confluent_kafka import Producer
made = Producer({'bootstrap.servers': ADDRESS, 'transactional.id': 'one'})
made.init_transactions(20)
made.begin_transaction()
made.produce('t', 'y')
made.flush()
made.commit_transaction(20)
print(1)""")
    waits.join(20)
    assert len(heard) == 1 and heard[0]["t", 0][:2] == (0, 3) and heard[0]["t", 0][3] > 60, heard


def test_who_reads_all_from_then_on(box):
    """A session that waits at an open transaction is asked for what is not committed, and back."""
    hub = box.keep(Hub(box, "--no-http")).start()
    produce(hub, "t", 0, "x")
    hub.python("""
from confluent_kafka import Producer
made = Producer({'bootstrap.servers': ADDRESS, 'transactional.id': 'one'})
made.init_transactions(20)
made.begin_transaction()
made.produce('t', 'y')
made.flush()
print(1)""")
    reader = Reader(hub, committed=True)
    reader.begin([("t", 0, 1)])
    assert reader.next() == {}
    reader.committed = False
    assert reader.next()["t", 0][3] > 60
    reader.committed = True
    assert reader.next() == {}


def test_names_that_no_topic_has(box):
    """Are refused, and not kept: neither by a session nor once for each partition."""
    hub = box.keep(Hub(box, "--no-http")).start()
    produce(hub, "t", 0, "x")
    reader = Reader(hub)
    reader.begin([("t", 0, 1)])
    long = "n" * 30000
    assert reader.next((long, 0, 0), ("no/topic", 1, 0)) == {key: (UNKNOWN_TOPIC, -1, -1, 0)
                                                            for key in ((long, 0), ("no/topic", 1))}
    assert reader.next() == {}
    assert reader.ask([(long, 0, 0)], session=0, epoch=0)[:2] == (0, 0)
    parts = 4000
    asked = b"".join(struct.pack(">iiqiqi", part, -1, 0, -1, -1, 1 << 20) + b"\0" for part in range(parts))
    topic = number(1 << 20) + b"n" * ((1 << 20) - 1) + number(parts + 1) + asked + b"\0"
    body = struct.pack(">iiiibii", -1, 0, 1, 1 << 20, 0, 0, 0) + number(2) + topic + number(1) + number(1) + b"\0"
    answer = Answer(Wire(hub.port).flexible(FETCH, 12, body))
    assert answer.read("ihi") == (0, 0, 0)
    assert len(answer.content) > 1 << 20
    # Forgetting costs no look at the name for each partition, either: it would take minutes.
    gone = number((32 << 20) + 1) + b"n" * (32 << 20) + number(50001) + b"\0\0\0\7" * 50000 + b"\0"
    body = struct.pack(">iiiibii", -1, 0, 1, 1 << 20, 0, reader.session, reader.epoch) + number(1) + number(2) + gone + number(1) + b"\0"
    assert Answer(Wire(hub.port).flexible(FETCH, 12, body)).read("ihi") == (0, 0, reader.session)
    assert hub.process.memory_bytes("VmHWM") < 500 << 20


main()
