"""confluent-kafka: ADDRESS → results."""

import json
import os
import sys
import time

from confluent_kafka import (OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaException,
                             Producer, TopicPartition)
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic,
                                   OffsetSpec)

ADDRESS = sys.argv[1]
SERVER = {"bootstrap.servers": ADDRESS, **json.loads(os.environ.get("SECURITY", "{}"))}
ADMIN = AdminClient(SERVER)


def error_of(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except KafkaException as error:
        return error.args[0].name()
    return None


def done(futures):
    """{name: None or the error}"""
    return {str(getattr(key, "name", key)): error_of(future.result) for key, future in futures.items()}


def read(topic, partitions=1, level="read_uncommitted"):
    consumer = Consumer({**SERVER, "group.id": "cf-none", "isolation.level": level,
                         "enable.partition.eof": True, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(partitions)])
    got, ends = [], 0
    while ends < partitions:
        message = consumer.poll(20)
        assert message is not None
        if message.error():
            ends += 1
        else:
            got.append([message.partition(), message.offset(), message.value().decode()])
    consumer.close()
    return sorted(got)


def read_keys(topic, level):
    consumer = Consumer({**SERVER, "group.id": "cf-none", "isolation.level": level,
                         "enable.partition.eof": True, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    got = []
    while not (message := consumer.poll(20)).error():
        value = message.value()
        got.append([message.offset(), message.key().decode(), None if value is None else value.decode()])
    consumer.close()
    return got


def topics():
    out = [done(ADMIN.create_topics([NewTopic("cf", 3, 1, config={"retention.ms": "-1"}), NewTopic("cf-two", 1, 1)])),
           done(ADMIN.create_topics([NewTopic("cf", 3, 1), NewTopic("bad/name", 1, 1),
                                     NewTopic("cf-x", 1, 1, config={"nothing": "1"})])),
           done(ADMIN.create_topics([NewTopic("cf-dry", 1, 1)], validate_only=True)),
           done(ADMIN.create_partitions([NewPartitions("cf", 5)])), done(ADMIN.create_partitions([NewPartitions("cf", 5)])),
           done(ADMIN.delete_topics(["cf-two"])), done(ADMIN.delete_topics(["cf-two"]))]
    for _ in range(100):  # Kafka tells a little later
        told = len(ADMIN.list_topics("cf", timeout=10).topics["cf"].partitions)
        if told == 5:
            break
        time.sleep(0.1)
    out.append(told)
    return out


def produce():
    out = {}
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        producer = Producer({**SERVER, "compression.type": codec, "enable.idempotence": True})
        offsets = []
        for i in range(100):
            producer.produce(f"cf-{codec}", f"{i} " * (i % 9), partition=0,
                             on_delivery=lambda error, m: offsets.append(str(error) if error else m.offset()))
        producer.flush(20)
        out[codec] = [offsets == list(range(100)), len(read(f"cf-{codec}"))]
    big = Producer({**SERVER, "message.max.bytes": 3000000})
    told = []
    big.produce("cf-none", b"x" * 2000000, on_delivery=lambda error, m: told.append(error.name() if error else None))
    big.flush(20)
    return [out, told]


def groups(strategy):
    topic, group = f"cf-g-{strategy}", f"cf-{strategy}"
    done(ADMIN.create_topics([NewTopic(topic, 6, 1)]))
    producer = Producer(SERVER)
    for i in range(120):
        producer.produce(topic, str(i), partition=i % 6)
    producer.flush(20)

    def member(name, **more):
        consumer = Consumer({**SERVER, "group.id": group, "client.id": name, "enable.auto.commit": False,
                             "auto.offset.reset": "earliest", "partition.assignment.strategy": strategy,
                             "heartbeat.interval.ms": 200, "session.timeout.ms": 6000, **more})
        consumer.subscribe([topic])
        return consumer

    members = [member("a")]
    got = set()

    def poll_until(condition):
        for _ in range(600):
            for each in members:
                message = each.poll(0.05)
                if message is not None and message.error() is None:
                    got.add(int(message.value()))
                    error_of(each.commit, message, asynchronous=False)  # not during a rebalance
            if condition():
                return True
        return False

    def sizes():
        return sorted(len(each.assignment()) for each in members)

    out = [poll_until(lambda: sizes() == [6])]
    members.append(member("b"))
    out.append(poll_until(lambda: sizes() == [3, 3]))
    members.append(member("c", **{"group.instance.id": "static-c"}))
    out.append(poll_until(lambda: sizes() == [2, 2, 2]))
    told = ADMIN.describe_consumer_groups([group])[group].result()
    out.append([told.state.name, told.partition_assignor, sorted(m.client_id for m in told.members),
                [m.group_instance_id for m in told.members if m.group_instance_id]])
    out.append(done(ADMIN.delete_consumer_groups([group])))
    members.pop(0).close()
    out.append(poll_until(lambda: sizes() == [3, 3]))
    out.append(poll_until(lambda: got == set(range(120))))
    for each in members:
        each.close()
    return out


def offsets():
    part = TopicPartition("cf", 0)
    consumer = Consumer({**SERVER, "group.id": "cf-alone", "enable.auto.commit": False})
    out = [[p.offset for p in consumer.committed([part], 10)]]
    consumer.commit(offsets=[TopicPartition("cf", 0, 11), TopicPartition("cf", 1, 12)], asynchronous=False)
    out.append([p.offset for p in consumer.committed([part], 10)])
    consumer.close()
    listed = ADMIN.list_consumer_groups().result()
    out.append(sorted((g.group_id, g.state.name, g.is_simple_consumer_group) for g in listed.valid
                      if g.group_id == "cf-alone"))
    told = ADMIN.list_consumer_group_offsets([ConsumerGroupTopicPartitions("cf-alone")])["cf-alone"].result()
    out.append(sorted((p.topic, p.partition, p.offset) for p in told.topic_partitions))
    ADMIN.alter_consumer_group_offsets(
        [ConsumerGroupTopicPartitions("cf-alone", [TopicPartition("cf", 0, 3)])])["cf-alone"].result()
    told = ADMIN.list_consumer_group_offsets([ConsumerGroupTopicPartitions("cf-alone")])["cf-alone"].result()
    out.append(sorted((p.topic, p.partition, p.offset) for p in told.topic_partitions))
    out.append(done(ADMIN.delete_consumer_groups(["cf-alone", "cf-nobody"])))
    told = ADMIN.list_consumer_group_offsets([ConsumerGroupTopicPartitions("cf-alone")])["cf-alone"].result()
    out.append(sorted((p.topic, p.partition, p.offset) for p in told.topic_partitions))
    return out


def transactions():
    producer = Producer({**SERVER, "transactional.id": "cf-tx", "linger.ms": 0})
    producer.init_transactions(30)
    for number in range(4):
        producer.begin_transaction()
        for i in range(6):
            producer.produce("cf", f"{number}-{i}", partition=i % 3)
        producer.flush(10)
        (producer.commit_transaction if number % 2 == 0 else producer.abort_transaction)(30)
    out = [read("cf", 3, "read_committed"), len(read("cf", 3))]
    producer.begin_transaction()
    producer.produce("cf", "open", partition=0)
    producer.flush(10)
    plain = Producer(SERVER)
    plain.produce("cf", "behind", partition=0)
    plain.flush(10)
    out.append([value for _, _, value in read("cf", 1, "read_committed")])
    specs = {TopicPartition("cf", 0): OffsetSpec.latest()}
    out.append([[f.result().offset for f in ADMIN.list_offsets(specs, isolation_level=level).values()]
                for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)])
    second = Producer({**SERVER, "transactional.id": "cf-tx"})
    second.init_transactions(30)
    out.append([value for _, _, value in read("cf", 1, "read_committed")])
    out.append(error_of(producer.commit_transaction, 10))
    return out


def compaction():
    """What a new reader finds when all that may go has gone: superseded values, a tombstone, what was aborted, and
    then the markers. Of the same producer something was committed behind what was aborted."""
    topic = "cf-compact"
    done(ADMIN.create_topics([NewTopic(topic, 1, 1, config={
        "cleanup.policy": "compact", "segment.ms": "50", "delete.retention.ms": "100", "min.cleanable.dirty.ratio": "0.01"})]))
    plain = Producer({**SERVER, "linger.ms": 0})
    writer = Producer({**SERVER, "transactional.id": "cf-compact", "linger.ms": 0})
    writer.init_transactions(30)

    def put(producer, key, value):
        at = []
        producer.produce(topic, value, key, on_delivery=lambda error, message: at.append(message.offset()))
        assert producer.flush(30) == 0
        return at[0]

    def in_transaction(end, *pairs):
        writer.begin_transaction()
        for pair in pairs:
            put(writer, *pair)
        end(30)

    def found(level):
        return [[at, key, value] for at, key, value in read_keys(topic, level) if key not in ("fill", "canary")]

    def cleaned():
        """The cleaner has been: it has taken the older of two."""
        first = put(plain, "canary", "1")
        for attempt in range(200):
            put(plain, "canary", "2")
            time.sleep(0.1)  # the next one begins a segment
            put(plain, "fill", "x")
            if attempt % 5 == 4 and all(at != first for at, _, _ in read_keys(topic, "read_uncommitted")):
                return
        raise AssertionError("nothing has been compacted")

    for i in range(12):
        put(plain, f"k{i % 4}", str(i))
    put(plain, "k3", None)
    in_transaction(writer.abort_transaction, ("aborted", "1"), ("k0", "aborted"))
    in_transaction(writer.commit_transaction, ("c0", "1"), ("c1", "1"))
    in_transaction(writer.commit_transaction, ("c1", "2"), ("k1", "committed"))
    for _ in range(4):
        cleaned()
    out = [found("read_committed"), found("read_uncommitted")]
    in_transaction(writer.commit_transaction, ("c2", "1"))
    return [*out, [[key, value] for _, key, value in found("read_committed")]]


def configs():
    def told():
        resource = ConfigResource(ConfigResource.Type.TOPIC, "cf")
        entries = ADMIN.describe_configs([resource])[resource].result()
        return {name: [entries[name].value, entries[name].source, entries[name].is_default, entries[name].is_read_only]
                for name in ("cleanup.policy", "retention.ms", "segment.bytes", "max.message.bytes")}

    def alter(*entries):
        return done(ADMIN.incremental_alter_configs([ConfigResource(
            ConfigResource.Type.TOPIC, "cf",
            incremental_configs=[ConfigEntry(name, value, incremental_operation=op) for name, value, op in entries])]))

    return [told(), alter(("retention.ms", "5000000", AlterConfigOpType.SET),
                          ("cleanup.policy", "compact", AlterConfigOpType.APPEND)), told(),
            alter(("retention.ms", None, AlterConfigOpType.DELETE),
                  ("cleanup.policy", "compact", AlterConfigOpType.SUBTRACT)), told(),
            list(alter(("retention.ms", "soon", AlterConfigOpType.SET)).values()),
            list(alter(("no.such.key", "1", AlterConfigOpType.SET)).values())]


def records():
    producer = Producer(SERVER)
    for i in range(20):
        producer.produce("cf-records", str(i), partition=0)
    producer.flush(10)
    part = TopicPartition("cf-records", 0, 15)
    out = [[f.result().low_watermark for f in ADMIN.delete_records([part]).values()]]
    out.append([value for _, _, value in read("cf-records")])
    out.append(done(ADMIN.delete_records([TopicPartition("cf-records", 0, 100)])).popitem()[1])
    ends = {spec: list(ADMIN.list_offsets({TopicPartition("cf-records", 0): getattr(OffsetSpec, spec)()}).values())[0]
            .result().offset for spec in ("earliest", "latest", "max_timestamp")}
    out.append([ends["earliest"], ends["latest"], ends["max_timestamp"] >= 0])
    told = ADMIN.describe_topics(__import__("confluent_kafka").TopicCollection(["cf-records"]))["cf-records"].result()
    out.append([told.name, told.is_internal, [[p.id, p.leader.id, len(p.replicas)] for p in told.partitions]])
    cluster = ADMIN.describe_cluster().result()
    out.append([len(cluster.nodes), cluster.controller.id])
    return out


def main():
    scenarios = {"topics": topics, "produce": produce, "range": lambda: groups("range"),
                 "cooperative": lambda: groups("cooperative-sticky"), "offsets": offsets, "transactions": transactions,
                 "compaction": compaction, "configs": configs, "records": records}
    print(json.dumps({name: call() for name, call in scenarios.items() if not sys.argv[2:] or name in sys.argv[2:]}))


main()
