"""Members of one group, by confluent-kafka: ADDRESS TOPIC GROUP NAME COUNT [static].

Each says by the machine's clock what it has: `NANOSECONDS + MEMBER PARTITION …`, `-` for what it gives back,
`!` for what it has lost. SIGTERM: they leave."""

import os
import signal
import sys
import threading
import time

from confluent_kafka import Consumer

ADDRESS, TOPIC, GROUP, NAME = sys.argv[1:5]
IS_STATIC = "static" in sys.argv[6:]
is_over = threading.Event()


def say(sign, member, partitions):
    if partitions:
        what = " ".join(str(one.partition) for one in partitions)
        os.write(1, f"{time.monotonic_ns()} {sign} {member} {what}\n".encode())


def take_part(index):
    member = f"{NAME}.{index}"
    config = {"bootstrap.servers": ADDRESS, "group.id": GROUP, "partition.assignment.strategy": "cooperative-sticky",
              "session.timeout.ms": 10000, "heartbeat.interval.ms": 1000, "auto.offset.reset": "earliest",
              "statistics.interval.ms": 0}
    if IS_STATIC:
        config["group.instance.id"] = member
    consumer = Consumer(config)
    consumer.subscribe([TOPIC], on_assign=lambda _, parts: say("+", member, parts),
                       on_revoke=lambda _, parts: say("-", member, parts),
                       on_lost=lambda _, parts: say("!", member, parts))
    while not is_over.is_set():
        consumer.poll(0.5)
    consumer.close()


def main():
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    threads = [threading.Thread(target=take_part, args=(i,)) for i in range(int(sys.argv[5]))]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.1)


main()
