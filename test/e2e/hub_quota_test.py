"""Quotas of the hub: who has moved too much is told so, and waits; others do not."""

import pathlib
import struct
import subprocess
import time

from hub import Hub
from lib import BINARY, main
from wire import Wire, text


def many(*items):
    return struct.pack(">i", len(items)) + b"".join(items)


def set_rate(wire, entity, key, rate):
    """The error code; `entity`: (type, name) where None is the default."""
    entities = [text(kind) + (text(name) if name is not None else b"\xff\xff") for kind, name in entity]
    op = text(key) + struct.pack(">d?", rate or 0, rate is None)
    answer = wire.ask(49, 0, many(many(*entities) + many(op)) + b"\0")
    return struct.unpack_from(">h", answer, 8)[0]


def varint(number):
    number, out = number << 1, b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def produce_body(topic, size):
    record = b"\0\0\0\x01" + varint(size) + b"x" * size + b"\0"
    now_ms = time.time_ns() // 1000000
    body = struct.pack(">hiqqqhii", 0, 0, now_ms, now_ms, -1, -1, -1, 1) + varint(len(record)) + record
    batch = struct.pack(">qiibI", 0, len(body) + 9, -1, 2, crc32c(body)) + body
    return struct.pack(">hhi", -1, -1, 5000) + many(text(topic) + many(struct.pack(">ii", 0, len(batch)) + batch))


def produce(wire, topic, size, client="till"):
    """(error code, throttle_time_ms)"""
    answer = wire.ask(0, 3, produce_body(topic, size), client=client)
    return struct.unpack_from(">h", answer, 4 + 2 + len(topic) + 4 + 4)[0], struct.unpack(">i", answer[-4:])[0]


TABLE = []
for _i in range(256):
    for _ in range(8):
        _i = _i >> 1 ^ (0x82f63b78 if _i & 1 else 0)
    TABLE.append(_i)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def fetch(wire, topic, client="till"):
    """throttle_time_ms"""
    answer = wire.ask(1, 4, struct.pack(">iiiib", -1, 0, 0, 1 << 20, 0) + many(
        text(topic) + many(struct.pack(">iqi", 0, 0, 1 << 20))), client=client)
    return struct.unpack(">i", answer[:4])[0]


class Muted:
    """A connection that has just been told to wait, and asks all the same."""

    def __init__(self, wire, wait_ms):
        self.wire, self.until = wire, time.monotonic() + wait_ms / 1000
        wire.send(18, 0, b"")

    def waits(self):
        """It has no answer, or it is time for one."""
        return not self.wire.has_answer() or time.monotonic() >= self.until


def quota_hub(box):
    hub = box.keep(Hub(box, "--no-http", "--sasl", "PLAIN"))
    for name in ("alice", "bob"):
        hub.user(name, name)
    return hub.start()


def login(hub, name, password=None):
    wire = Wire(hub.port)
    assert wire.login(name, password or name)[0] == 0
    return wire


def test_who_moves_too_much_waits(box):
    """Both ways; told how long, and not heard before; the connection of another, and another user, are."""
    hub = quota_hub(box)
    alice, bob = login(hub, "alice"), login(hub, "bob")
    bob.ask(3, 4, many(text("t")) + b"\1")  # makes it
    assert produce(alice, "t", 60000) == (0, 0)
    assert set_rate(bob, [("user", "alice")], "producer_byte_rate", 30000) == 0
    assert set_rate(bob, [("user", "alice")], "consumer_byte_rate", 30000) == 0
    code, wait_ms = produce(alice, "t", 60000)
    assert code == 0 and 0 < wait_ms <= 1100, wait_ms
    muted = Muted(alice, wait_ms)
    assert produce(bob, "t", 60000) == (0, 0) and muted.waits()
    assert alice.answer() is not None and muted.waits()  # in the end it is heard
    other = login(hub, "alice")
    wait_ms = fetch(other, "t")
    muted = Muted(other, wait_ms)
    assert wait_ms > 1000 and fetch(bob, "t") == 0 and muted.waits(), wait_ms
    hub.stop()
    hub.start()  # what is set stays
    assert produce(login(hub, "alice"), "t", 60000)[1] > 0
    hub.stop()


def test_who_is_muted_keeps_no_room(box):
    """More than there is room for begins behind what it has to wait for: others are served meanwhile."""
    hub = quota_hub(box)
    alice, bob = login(hub, "alice"), login(hub, "bob")
    bob.ask(3, 4, many(text("t")) + b"\1")
    assert set_rate(bob, [("user", "alice")], "producer_byte_rate", 1000) == 0
    alice.send(0, 3, produce_body("t", 60000), client="till")
    alice.socket.sendall(struct.pack(">i", 90 << 20) + b"\0" * 200000)
    assert struct.unpack(">i", alice.answer()[-4:])[0] == 15000
    assert produce(bob, "t", 60000) == (0, 0) and not alice.has_answer()
    hub.stop()


def test_who_has_not_logged_in_keeps_no_room(box):
    """However many announce a request."""
    hub = quota_hub(box)
    bob = login(hub, "bob")
    bob.ask(3, 4, many(text("t")) + b"\1")
    strangers = [Wire(hub.port) for _ in range(130)]
    for stranger in strangers:
        stranger.socket.sendall(struct.pack(">i", 1 << 19))
    assert produce(bob, "t", 60000) == (0, 0)
    hub.stop()


def test_the_nearest_entry_counts(box):
    """User and client id before user before client id; a name before the default; what is taken away is away."""
    hub = quota_hub(box)
    bob = login(hub, "bob")
    bob.ask(3, 4, many(text("t")) + b"\1")
    assert set_rate(bob, [("client-id", None)], "producer_byte_rate", 40000) == 0
    assert 400 < produce(login(hub, "alice"), "t", 60000)[1] < 700
    assert set_rate(bob, [("user", None)], "producer_byte_rate", 30000) == 0
    assert 900 < produce(login(hub, "alice"), "t", 60000, "a")[1] < 1200
    assert set_rate(bob, [("user", "alice"), ("client-id", "b")], "producer_byte_rate", 20000) == 0
    assert 1900 < produce(login(hub, "alice"), "t", 60000, "b")[1] < 2300
    assert set_rate(bob, [("user", None)], "producer_byte_rate", None) == 0
    assert set_rate(bob, [("user", "alice"), ("client-id", "b")], "producer_byte_rate", None) == 0
    assert set_rate(bob, [("client-id", None)], "producer_byte_rate", None) == 0
    assert produce(login(hub, "alice"), "t", 60000, "c")[1] == 0
    for entity, key, rate in (([("user", "alice")], "request_percentage", 10), ([("ip", "127.0.0.1")], "producer_byte_rate", 10),
                              ([("user", "alice")], "producer_byte_rate", -5), ([], "producer_byte_rate", 10),
                              ([("user", "a"), ("user", "b")], "producer_byte_rate", 10),
                              ([("user", "a\tb")], "producer_byte_rate", 10)):
        assert set_rate(bob, entity, key, rate) == 42, (entity, key)
    hub.stop()
    assert pathlib.Path(hub.folder, "hub", "quotas").read_text("utf-8").count("\n") == 1


def test_keys_have_their_pace(box):
    """As by HTTP: so many bytes a second, and records."""
    hub = quota_hub(box)
    keys = {name: subprocess.run([BINARY, "key", "create", name, *flags, "--data-dir", hub.folder], capture_output=True, text=True,
                                 check=True).stdout.strip()
            for name, flags in (("bytes", ["--bytes-per-second", "30000"]), ("records", ["--records-per-second", "1"]))}
    for name, secret in keys.items():
        wire = login(hub, name, secret)
        wire.ask(3, 4, many(text("t")) + b"\1")
        waits = [produce(wire, "t", 40000)[1] for _ in range(2)]
        assert waits[-1] > 0, (name, waits)
    hub.stop()


main()
