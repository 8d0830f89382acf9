"""OffsetForLeaderEpoch by hand, and ListOffsets: the hub answers as a real Kafka does."""

import struct

from lib import main, wait_until
from topics import on
from wire import Wire, text

ASK_EPOCH, UNKNOWN_LEADER_EPOCH = 23, 75


def epoch_end(wire, topic, current, epoch):
    """(error, epoch, end offset)"""
    answer = wire.ask(ASK_EPOCH, 3, struct.pack(">ii", -1, 1) + text(topic) + struct.pack(">iiii", 1, 0, current, epoch))
    code, _, found, end = struct.unpack(">hiiq", answer[4 + 4 + 2 + len(topic) + 4:])
    return code, found, end


@on("hub", "kafka")
def test_what_there_is_of_an_epoch(topics, box):
    topics.make("t")
    topics.make("none")
    topics.put("t", ["x", "y", "z"])
    wire = Wire(topics.server.port)
    wait_until(lambda: epoch_end(wire, "t", -1, 0) == (0, 0, 3), "the end of the one epoch")
    assert epoch_end(wire, "t", 0, 0) == (0, 0, 3)
    assert epoch_end(wire, "none", -1, 0) == (0, 0, 0)
    assert epoch_end(wire, "t", -1, 5) == (0, -1, -1)
    assert epoch_end(wire, "t", -1, -1) == (0, -1, -1)
    assert epoch_end(wire, "t", 5, 0)[0] == UNKNOWN_LEADER_EPOCH
    assert box is not None


@on("hub", "kafka")
def test_offsets_by_time(topics, box):
    """From the first to that of the largest time, which is not the last."""
    topics.make("t", **{"retention.ms": "-1"})
    topics.make("none")
    told = topics.python("""
import json
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
producer, admin = Producer({"bootstrap.servers": ADDRESS}), AdminClient({"bootstrap.servers": ADDRESS})
for at in (1700000000000, 1700000005000, 1700000005000, 1700000003000):
    producer.produce("t", b"x", timestamp=at)
    producer.flush()
told = {}
for name, spec in (("earliest", OffsetSpec.earliest()), ("latest", OffsetSpec.latest()), ("largest", OffsetSpec.max_timestamp()),
                   ("between", OffsetSpec.for_timestamp(1700000001000)), ("behind", OffsetSpec.for_timestamp(1700000009000))):
    found = admin.list_offsets({TopicPartition(topic, 0): spec for topic in ("t", "none")})
    told[name] = [[one.result().offset, one.result().timestamp] for _, one in sorted(found.items(), key=lambda i: i[0].topic)]
print(json.dumps(told))""")
    assert told == {"earliest": [[0, -1], [0, -1]], "latest": [[0, -1], [4, -1]], "largest": [[-1, -1], [1, 1700000005000]],
                    "between": [[-1, -1], [1, 1700000005000]], "behind": [[-1, -1], [-1, -1]]}, told
    assert box is not None


main()
