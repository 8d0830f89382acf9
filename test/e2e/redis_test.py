"""The redis sink against a real server: what rows become, what goes wrong, and a minute without it."""

import contextlib
import json
import os
import socket
import threading
import time

from lib import main, wait_until

# How long Redis is away in the test of an outage. A minute in the long runs.
OUTAGE_SECONDS = float(os.environ.get("WEIR_OUTAGE_SECONDS", "8"))


def letters(weir, table):
    path = weir.data / "dead-letters" / f"{table}.jsonl"
    found = list(weir.data.rglob(f"{table}.jsonl"))
    path = found[0] if found else path
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def changes(weir, *lines):
    """A file of Debezium changes: ("c"|"u"|"d", before, after)."""
    text = ""
    for op, before, after in lines:
        text += json.dumps({"before": before, "after": after, "op": op}) + "\n"
    weir.write("changes.json", text)


def pipeline(redis, columns, key, options, file_format="debezium-json"):
    key = f", PRIMARY KEY ({key}) NOT ENFORCED" if key else ""
    return f"""
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE `changes` ({columns}{key}) WITH (
  'connector' = 'filesystem', 'path' = 'changes.json', 'format' = '{file_format}');
CREATE TABLE `target` ({columns}{key}) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{redis.port}', {options});
INSERT INTO `target` SELECT * FROM `changes`;
"""


def run(weir, text):
    weir.write("pipeline.sql", text)
    return weir.call("run", "pipeline.sql", "--data-dir", weir.data, "--no-http")


def test_a_row_is_a_hash_and_a_delete_deletes(box):
    """HSET with a hash per row: fields follow the row, NULL fields go, -D removes the key."""
    redis, weir = box.redis(), box.weir()
    row = {"id": 1, "name": "one", "amount": 10.5, "at": "2024-01-02 08:05:00"}
    changes(weir,
            ("c", None, row), ("c", None, {**row, "id": 2}), ("c", None, {**row, "id": 3}),
            ("u", row, {**row, "name": None, "amount": 11}), ("d", {**row, "id": 2}, None))
    done = run(weir, pipeline(redis, "`id` INT, `name` STRING, `amount` DECIMAL(10, 2), `at` TIMESTAMP(3)",
                              "`id`", "'command' = 'HSET', 'value.data.structure' = 'hash', "
                              "'key.prefix' = 'p:', 'ttl' = '100'"))
    assert done.returncode == 0, done.stderr
    assert sorted(redis.keys()) == ["p:1", "p:3"], redis.keys()
    assert redis.hash("p:1") == {"amount": "11.00", "at": "2024-01-02 08:05:00"}, redis.hash("p:1")
    assert redis.hash("p:3")["name"] == "one"
    assert 0 < redis("TTL", "p:1") <= 100


def test_a_string_per_key(box):
    redis, weir = box.redis(), box.weir()
    changes(weir, ("c", None, {"k": "a", "v": 1}), ("u", {"k": "a", "v": 1}, {"k": "a", "v": 2}),
            ("c", None, {"k": "b", "v": 3}), ("d", {"k": "b", "v": 3}, None))
    done = run(weir, pipeline(redis, "`k` STRING, `v` INT", "`k`", "'command' = 'set'"))
    assert done.returncode == 0, done.stderr
    assert redis("GET", "a") == b"2"
    assert redis("EXISTS", "b") == 0


def test_a_field_per_key_and_field(box):
    redis, weir = box.redis(), box.weir()
    rows = [{"k": "h", "f": f"f{i}", "v": i} for i in range(3)]
    changes(weir, *[("c", None, row) for row in rows], ("d", rows[1], None))
    done = run(weir, pipeline(redis, "`k` STRING, `f` STRING, `v` BIGINT", "`k`, `f`", "'command' = 'HSET'"))
    assert done.returncode == 0, done.stderr
    assert redis.hash("h") == {"f0": "0", "f2": "2"}


def test_a_refused_row_is_a_dead_letter_and_the_line_goes_on(box):
    redis, weir = box.redis(), box.weir()
    redis("SADD", "bad", "member")
    rows = [{"k": "bad", "f": "x", "v": 1}, {"k": None, "f": "x", "v": 1}, {"k": "good", "f": "x", "v": 2}]
    weir.write("changes.json", "".join(json.dumps(row) + "\n" for row in rows))
    done = run(weir, pipeline(redis, "`k` STRING, `f` STRING, `v` INT", None, "'command' = 'HSET'", "json"))
    assert done.returncode == 0, done.stderr
    assert redis("HGET", "good", "x") == b"2"
    found = letters(weir, "target")
    assert len(found) == 2, found
    assert any("WRONGTYPE" in letter["reason"] for letter in found), found
    assert all(letter["stage"] == "deliver" for letter in found), found


def test_a_wrong_password_is_said_at_once(box):
    redis, weir = box.redis(requirepass="secret-of-the-test"), box.weir()
    changes(weir, ("c", None, {"k": "a", "v": 1}))
    done = run(weir, pipeline(redis, "`k` STRING, `v` INT", "`k`",
                              "'command' = 'SET', 'password' = 'wrong-canary'"))
    assert done.returncode == 77, (done.returncode, done.stderr)
    assert "WR3304" in done.stderr and "password" in done.stderr, done.stderr
    assert "wrong-canary" not in done.stderr + done.stdout


def test_no_server_is_said_at_once(box):
    redis, weir = box.redis(), box.weir()
    redis.stop()
    changes(weir, ("c", None, {"k": "a", "v": 1}))
    done = run(weir, pipeline(redis, "`k` STRING, `v` INT", "`k`", "'command' = 'SET'"))
    assert done.returncode == 69, (done.returncode, done.stderr)
    assert str(redis.port) in done.stderr, done.stderr


def test_columns_that_do_not_fit_the_command_are_refused(box):
    redis, weir = box.redis(), box.weir()
    changes(weir)
    done = run(weir, pipeline(redis, "`k` STRING, `a` INT, `b` INT", "`k`", "'command' = 'SET'"))
    assert done.returncode == 65, (done.returncode, done.stderr)
    assert "takes 2 columns" in done.stderr and "'hash'" in done.stderr, done.stderr
    assert "pipeline.sql:" in done.stderr, done.stderr


def test_redis_may_be_gone_for_a_while(box):
    """Killed in mid-stream and back later: the pipeline waits, and every row arrives."""
    redis = box.redis()
    weir = box.weir(f"""
SET 'execution.checkpointing.interval' = '1 s';
CREATE TABLE `numbers` (`n` BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '500',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '100000000');
CREATE TABLE `target` (`k` BIGINT, `v` BIGINT, PRIMARY KEY (`k`) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{redis.port}', 'command' = 'SET');
INSERT INTO `target` SELECT `n` % 1000, `n` FROM `numbers`;
""").start()
    wait_until(lambda: redis("GET", "7"), "the first rows", process=weir)
    redis.kill()
    time.sleep(OUTAGE_SECONDS)
    assert weir.is_alive(), weir.log()
    redis.disconnect()
    redis.start()
    wait_until(lambda: redis("DBSIZE") == 1000, "all keys after the outage", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    # After a clean stop everything that was read has been delivered: the highest number of each
    # remainder is within a thousand of the highest of all.
    values = sorted(int(value) for value in redis.pipeline([("GET", str(i)) for i in range(1000)]))
    assert values[-1] - values[0] == 999, (values[0], values[-1])


def test_held_rows_never_go_back(box):
    """Killed again and again, what has been read under a key is never less afterwards."""
    redis, total = box.redis(), 60000
    weir = box.weir(f"""
SET 'execution.checkpointing.interval' = '100 ms';
CREATE TABLE `numbers` (`n` BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '15000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{total}');
CREATE TABLE `counts` (`k` BIGINT, `n` BIGINT, PRIMARY KEY (`k`) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{redis.port}', 'command' = 'SET',
  'sink.delivery-guarantee' = 'exactly-once');
INSERT INTO `counts` SELECT `n` % 10, COUNT(*) FROM `numbers` GROUP BY `n` % 10;
""").start()
    seen = [0] * 10

    def look():
        values = redis.pipeline([("GET", str(k)) for k in range(10)])
        for k, value in enumerate(int(value or 0) for value in values):
            assert value >= seen[k], f"key {k} went back from {seen[k]} to {value}"
            seen[k] = value
        return sum(seen)

    for kill in range(4):
        wait_until(lambda least=total // 8 * (kill + 1): look() >= least or not weir.is_alive(), "counts")
        weir.kill()
        weir.start()
    wait_until(lambda: look() == total, "all counts", 60)
    assert seen == [total // 10] * 10, seen
    assert weir.wait(30) == 0, weir.log()


class Holding:
    """A way to a server on which the first SET is held up, and all behind it, until it is let go. Whoever
    has sent it may be gone by then: what a system was given to send it sends."""

    def __init__(self, port):
        self.target = port
        self.held = None      # the connection to the server, and the bytes
        self.has_gone = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source, target, is_up):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_up and self.held is None and b"\r\nSET\r\n" in data:
                    self.held = (target, data)
                    self.has_gone.wait()
                    return
                target.sendall(data)
        if self.held is None or self.held[0] is not source:
            target.close()

    def let_go(self):
        """And wait until the server has taken it, or will not have it."""
        server, data = self.held
        with contextlib.suppress(OSError):
            server.sendall(data)
        time.sleep(0.5)
        self.has_gone.set()


def held_up(box, is_killed):
    """A row is on its way for longer than weir waits, or than the process lives; a newer one is written."""
    redis = box.redis()
    way = Holding(redis.port)
    weir = box.weir(f"""
SET 'execution.checkpointing.interval' = '100 ms';
CREATE TABLE `rows` (`k` STRING, `v` INT) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json',
  'source.monitor-interval' = '50 ms');
CREATE TABLE `target` (`k` STRING, `v` INT, PRIMARY KEY (`k`) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{way.port}', 'command' = 'SET', 'timeout' = '500');
INSERT INTO `target` SELECT * FROM `rows`;
""")

    def add(value):
        weir.write(f"in/.{value}", json.dumps({"k": "a", "v": value}) + "\n")
        os.rename(weir.path(f"in/.{value}"), weir.path(f"in/{value}.json"))

    add(1)
    weir.start()
    wait_until(lambda: way.held, "the first row on its way", process=weir)
    if is_killed:
        weir.kill()
        weir.start()
    wait_until(lambda: redis("GET", "a") == b"1", "the first row by another way", process=weir)
    add(2)
    wait_until(lambda: redis("GET", "a") == b"2", "the second row", process=weir)
    way.let_go()
    assert redis("GET", "a") == b"2", "an old row came late"
    assert weir.stop() == 0, weir.log()


def test_what_was_given_up_does_not_come_late(box):
    held_up(box, False)


def test_what_a_killed_run_has_sent_does_not_come_late(box):
    held_up(box, True)


def test_a_user_who_may_not_end_connections_is_told_so(box):
    redis = box.redis()
    redis("ACL", "SETUSER", "writer", "on", ">secret-of-the-test", "~*", "+@write", "+select", "+auth")
    weir = box.weir()
    changes(weir, ("c", None, {"k": "a", "v": 1}))
    done = run(weir, pipeline(redis, "`k` STRING, `v` INT", "`k`",
                              "'command' = 'SET', 'username' = 'writer', 'password' = 'secret-of-the-test'"))
    assert done.returncode == 0, done.stderr
    assert "does not end a connection for this user" in done.stderr, done.stderr
    assert redis("GET", "a") == b"1"


main()
