"""kafka-python: ADDRESS → results."""

import json
import os
import sys
import threading

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic)
from kafka.structs import OffsetAndMetadata

TOLD = json.loads(os.environ.get("SECURITY", "{}"))
SERVER = {"bootstrap_servers": sys.argv[1], **{
    ours: TOLD[key] for key, ours in (("security.protocol", "security_protocol"), ("ssl.ca.location", "ssl_cafile"),
                                      ("sasl.mechanism", "sasl_mechanism"), ("sasl.username", "sasl_plain_username"),
                                      ("sasl.password", "sasl_plain_password")) if key in TOLD}}
KEEP = {"retention.ms": "-1"}


def error_of(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except Exception as error:  # pylint: disable=broad-except
        return type(error).__name__
    return None


def read(topic, partitions=1, **more):
    consumer = KafkaConsumer(**SERVER, consumer_timeout_ms=1500, **more)
    parts = [TopicPartition(topic, p) for p in range(partitions)]
    consumer.assign(parts)
    consumer.seek_to_beginning()
    got = [[m.partition, m.offset, m.key and m.key.decode(), m.value and m.value.decode(),
            [[k, v.decode()] for k, v in m.headers]] for m in consumer]
    consumer.close()
    return sorted(got)


def topics(admin):
    admin.create_topics([NewTopic("py", 3, 1, topic_configs=KEEP)])
    out = [error_of(admin.create_topics, [topic]) for topic in (
        NewTopic("py", 3, 1), NewTopic("py1", 1, 1, topic_configs={"segment.bites": "1"}),
        NewTopic("py1", 1, 1, topic_configs={"retention.ms": "x"}), NewTopic("a/b", 1, 1), NewTopic("..", 1, 1),
        NewTopic("py1", 0, 1))]
    admin.create_partitions({"py": 4})
    out.append(error_of(admin.create_partitions, {"py": 2}))
    out.append(error_of(admin.create_partitions, {"nowhere": 2}))
    consumer = KafkaConsumer(**SERVER)
    out.append(sorted(consumer.partitions_for_topic("py")))
    admin.create_topics([NewTopic("py-gone", 1, 1)])
    admin.delete_topics(["py-gone"])
    out.append(error_of(admin.delete_topics, ["py-gone"]))
    out.append("py-gone" in admin.list_topics())
    return out


def produce(_admin):
    out = {}
    for codec in (None, "gzip"):  # the others need more libraries
        producer = KafkaProducer(**SERVER, compression_type=codec, linger_ms=20)
        topic = f"py-{codec}"
        sent = [producer.send(topic, (b"v%d " % i) * (i % 7), key=b"k%d" % i if i % 3 else None,
                              headers=[("h", b"%d" % i)] if i % 2 else None) for i in range(50)]
        producer.flush()
        out[topic] = [f.get(10).offset for f in sent] == list(range(50)) and read(topic)
        producer.close()
    return out


def times(admin):
    admin.create_topics([NewTopic("py-times", 1, 1, topic_configs=KEEP)])
    producer = KafkaProducer(**SERVER)
    for at in (1000, 3000, 2000, 5000):
        producer.send("py-times", b"x", timestamp_ms=at).get(10)
    consumer = KafkaConsumer(**SERVER)
    part = TopicPartition("py-times", 0)
    found = [consumer.offsets_for_times({part: at})[part] for at in (0, 1000, 1001, 3001, 5001)]
    return [[f.offset, f.timestamp] if f else None for f in found] + [
        consumer.beginning_offsets([part])[part], consumer.end_offsets([part])[part]]


def groups(admin):
    admin.create_topics([NewTopic("py-group", 4, 1)])
    producer = KafkaProducer(**SERVER)
    for i in range(200):
        producer.send("py-group", b"%d" % i, partition=i % 4)
    producer.flush()
    got, together, lock = [], set(), threading.Lock()

    def run(name):
        consumer = KafkaConsumer("py-group", **SERVER, group_id="py-readers", client_id=name,
                                 auto_offset_reset="earliest", enable_auto_commit=False, consumer_timeout_ms=3000,
                                 heartbeat_interval_ms=300, session_timeout_ms=6000)
        for message in consumer:
            with lock:
                got.append(int(message.value))
                together.add((name, message.partition))
        consumer.commit()
        consumer.close()

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = admin.list_group_offsets("py-readers")["py-readers"]
    ends = sorted([tp.partition, meta.offset] for tp, meta in told.items())
    return [sorted(set(got)) == list(range(200)), ends]


def offsets(_admin):
    part = TopicPartition("py", 0)
    consumer = KafkaConsumer(**SERVER, group_id="py-alone", enable_auto_commit=False)
    consumer.assign([part])
    out = [consumer.committed(part)]
    consumer.commit({part: OffsetAndMetadata(7, "words", -1)})
    out.append(consumer.committed(part))
    out.append(error_of(consumer.commit, {TopicPartition("nowhere-at-all", 0): OffsetAndMetadata(1, "", -1)}))
    return out


def transactions(_admin):
    producer = KafkaProducer(**SERVER, transactional_id="py-tx")
    producer.init_transactions()
    for number in range(4):
        producer.begin_transaction()
        for i in range(5):
            producer.send("py-tx", b"%d-%d" % (number, i), partition=0)
        producer.flush()
        producer.send_offsets_to_transaction({TopicPartition("py", 1): OffsetAndMetadata(number, "", -1)}, "py-tx")
        (producer.commit_transaction if number % 2 == 0 else producer.abort_transaction)()
    consumer = KafkaConsumer(**SERVER, group_id="py-tx")
    second = KafkaProducer(**SERVER, transactional_id="py-tx")
    second.init_transactions()
    producer.begin_transaction()
    fenced = error_of(lambda: (producer.send("py-tx", b"late", partition=0).get(10), producer.commit_transaction()))
    return [read("py-tx", isolation_level="read_committed"), read("py-tx"), consumer.committed(TopicPartition("py", 1)),
            fenced]


def configs(admin):
    resource = ConfigResource(ConfigResourceType.TOPIC, "py")

    def told():
        answer = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "py", ["retention.ms", "cleanup.policy"])])
        return json.loads(json.dumps(answer, default=str))

    out = [told()]
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "py", {"retention.ms": "12345678"})])
    out.append(told())
    out.append(error_of(admin.alter_configs, [ConfigResource(ConfigResourceType.TOPIC, "py", {"retention.ms": "x"})]))
    _ = resource
    return out


def main():
    admin = KafkaAdminClient(**SERVER)
    print(json.dumps({scenario.__name__: scenario(admin) for scenario in (
        topics, produce, times, groups, offsets, transactions, configs)}, default=str))


main()
