"""A hub whose disk fills: it refuses records before the last byte is gone, reads on, notes offsets, and goes on by
itself when there is room; what it acknowledged is there."""

import http.client
import json
import os
import socket
import subprocess
import time

from hub import Hub
from lib import Skip, free_port, main, wait_until

DISK_MB, RESERVE, BODY = 32, 4_000_000, 100_000

PRODUCE = """
import json
from confluent_kafka import Consumer, Producer, TopicPartition
codes = []
producer = Producer({'bootstrap.servers': ADDRESS, 'retries': 0, 'message.timeout.ms': 10000})
producer.produce('t', b'x' * 200000, on_delivery=lambda error, _: codes.append(error.name() if error else None))
producer.flush()
consumer = Consumer({'bootstrap.servers': ADDRESS, 'group.id': 'g'})
consumer.commit(offsets=[TopicPartition('t', 0, len(codes))], asynchronous=False)
print(json.dumps(codes + [p.offset for p in consumer.committed([TopicPartition('t', 0)])]))
"""


def post(port, value, pad=BODY):
    """(status, answer)"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/v1/topics/t/records", json.dumps({"n": value, "pad": "x" * pad}))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def left(folder):
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def fill_and_free(hub, port):
    """Up to where it refuses, and on when a file of others is gone."""
    filler = hub.folder / "filler"
    taken, refused = [], None
    filler.write_bytes(b"\0" * (8 << 20))
    for value in range(DISK_MB * 1024 * 1024 // BODY):
        status, answer = post(port, value)
        if status != 200:
            refused = (status, answer["code"])
            break
        taken.append(value)
    assert refused == (507, "WR5306"), refused
    assert RESERVE - BODY <= left(hub.folder) <= RESERVE + 3 * BODY, left(hub.folder)
    # Marks that are written anew give a page back: what was a little too much may be taken then.
    assert post(port, -1, 2 * BODY)[0] == 507
    assert hub.python(PRODUCE) == ["KAFKA_STORAGE_ERROR", 1]
    assert len(hub.consume("t", form="%o\\n").split()) == len(taken)
    filler.unlink()
    began = time.monotonic()
    while post(port, 10_000)[0] != 200:
        assert time.monotonic() - began < 5
    taken.append(10_000)
    hub.kill()
    hub.start()
    assert [json.loads(line)["n"] for line in hub.consume("t", form="%s\\n").splitlines()] == taken


def test_it_refuses_before_the_disk_is_full(box):
    port = free_port()
    hub = box.keep(Hub(box, "--http", f"127.0.0.1:{port}", "--disk-reserve", str(RESERVE)))
    hub.folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(hub.folder)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip("may not mount a small tmpfs: " + done.stderr.strip())
    try:
        hub.start()
        wait_until(lambda: is_open(port), "the door to open", process=hub.process)
        fill_and_free(hub, port)
        hub.kill()
    finally:
        subprocess.run(["umount", "-l", str(hub.folder)], check=False)


main()
