"""One client in a history of a topic (hub_history_test.py), run apart so that it can be killed:

    hub_worker.py ADDRESS transactional NAME TOPIC PARTITIONS SEED FIRST
    hub_worker.py ADDRESS idempotent NAME TOPIC PARTITIONS SEED FIRST
    hub_worker.py ADDRESS copy NAME FROM TO
    hub_worker.py ADDRESS read NAME TOPIC PARTITIONS committed|uncommitted

Prints what it does and what it is told, one JSON array a line:

    ["begin", number]           a transaction, before anything is sent
    ["sent", number, values]    all of it was acknowledged
    ["end", number, how]        "commit" or "abort": what is asked for now; then
    ["ended", number, how]      what the hub has confirmed
    ["acked", value, partition, offset]
    ["read", partition, offset, value]
    ["copied", count, {partition: end}], ["failed", why], ["trouble", what]
"""

import json
import random
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition


def say(*what):
    print(json.dumps(what), flush=True)


def wait_for_topic(address, topic):
    client = Producer({"bootstrap.servers": address})
    while True:
        try:
            if client.list_topics(topic, 2).topics[topic].error is None:
                return
        except KafkaException:
            pass
        time.sleep(0.1)


def transactional(address, name, topic, partitions, seed, first):
    """Small transactions over several partitions; about a third is aborted."""
    chance = random.Random(int(seed))
    producer = Producer({"bootstrap.servers": address, "transactional.id": name, "linger.ms": 1,
                         "transaction.timeout.ms": 10000, "message.timeout.ms": 9000})
    producer.init_transactions(30)
    number = int(first)
    while True:
        number += 1
        values = [f"{name}:{number}:{i}" for i in range(chance.randint(1, 8))]
        say("begin", number)
        try:
            producer.begin_transaction()
            for value in values:
                producer.produce(topic, value, value, partition=chance.randrange(int(partitions)))
            assert producer.flush(9) == 0
            say("sent", number, values)
            how = "abort" if chance.random() < 0.3 else "commit"
            say("end", number, how)
            (producer.abort_transaction if how == "abort" else producer.commit_transaction)(30)
            say("ended", number, how)
        except (KafkaException, AssertionError) as error:
            if isinstance(error, KafkaException) and error.args[0].txn_requires_abort():
                producer.abort_transaction(30)
                say("ended", number, "abort")
            else:
                raise
        time.sleep(chance.random() * 0.01)


def idempotent(address, name, topic, partitions, seed, first):
    chance = random.Random(int(seed))
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 1})
    number = int(first)

    def done(error, message):
        if error is None:
            say("acked", message.value().decode(), message.partition(), message.offset())

    while True:
        number += 1
        value = f"{name}:{number}"
        producer.produce(topic, value, value, partition=chance.randrange(int(partitions)), on_delivery=done)
        producer.poll(0.003)
        while len(producer) > 200:
            producer.poll(0.05)


def copy(address, name, source, target):
    """Each record of `source` once into `target`, by transactions that hold the offsets too."""
    producer = Producer({"bootstrap.servers": address, "transactional.id": name, "linger.ms": 1,
                         "transaction.timeout.ms": 10000})
    producer.init_transactions(30)
    consumer = Consumer({"bootstrap.servers": address, "group.id": "copies", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "auto.offset.reset": "earliest",
                         "session.timeout.ms": 6000, "heartbeat.interval.ms": 500})
    consumer.subscribe([source])
    while True:
        got = consumer.consume(500, 0.2)
        for m in got:
            if m.error() is not None:
                say("trouble", str(m.error()))
        messages = [m for m in got if m.error() is None]
        if not messages:
            continue
        try:
            producer.begin_transaction()
            for message in messages:
                producer.produce(target, message.value(), message.key(), partition=message.partition())
            ends = {m.partition(): m.offset() + 1 for m in messages}
            producer.send_offsets_to_transaction([TopicPartition(source, p, o) for p, o in ends.items()],
                                                 consumer.consumer_group_metadata(), 30)
            producer.commit_transaction(30)
            say("copied", len(messages), ends)
        except KafkaException as error:
            # The next one reads again from where the group is.
            say("failed", str(error))
            return


def read(address, _name, topic, partitions, level):
    consumer = Consumer({"bootstrap.servers": address, "group.id": "none", "enable.auto.commit": False,
                         "isolation.level": "read_" + level, "fetch.wait.max.ms": 50})
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(int(partitions))])
    while True:
        for message in consumer.consume(500, 0.2):
            if message.error() is None:
                say("read", message.partition(), message.offset(), message.value().decode())


def main():
    address, kind, *rest = sys.argv[1:]
    wait_for_topic(address, rest[1])
    {"transactional": transactional, "idempotent": idempotent, "copy": copy, "read": read}[kind](address, *rest)


main()
