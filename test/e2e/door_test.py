"""Records by HTTP: what is taken and what is not, keys, limits, and that what was acknowledged is there once."""

import gzip
import http.client
import json
import os
import random
import socket
import subprocess
import threading
import time

from hub import Hub
from lib import BINARY, free_port, main, wait_until

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
KILLS = int(os.environ.get("WEIR_DOOR_KILLS", "4"))
PRODUCERS = 3


class Door:
    def __init__(self, box, *flags):
        self.port = free_port()
        self.hub = box.keep(Hub(box, "--http", f"127.0.0.1:{self.port}", *flags)).start()
        wait_until(self.listens, "the door to open", process=self.hub.process)

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, method, path, body=None, **headers):
        """(status, answer, headers)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None, dict(answer.getheaders())
        finally:
            connection.close()

    def post(self, topic, body, query="", **headers):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        return self.ask("POST", f"/v1/topics/{topic}/records{query}", body, **headers)

    def values(self, topic, partition=0):
        found, offset = [], 0
        while True:
            status, answer, _ = self.ask("GET", f"/v1/topics/{topic}/records?partition={partition}&offset={offset}"
                                                "&limit=1000")
            assert status == 200, answer
            found += answer["records"]
            if answer["next_offset"] >= answer["end_offset"]:
                return found
            offset = answer["next_offset"]


def test_each_record_is_taken_or_has_its_reason(box):
    """In every form of a body; and Kafka's clients see the same."""
    door = Door(box)
    status, answer, _ = door.post("t", {"id": 1, "s": "é"})
    assert (status, answer["accepted"], answer["records"]) == (200, 1, [{"partition": 0, "offset": 0}]), answer
    lines = b'{"id":2}\r\n\n  {"id":3}\n{"id":\n"four"\n\xff\n'
    status, answer, _ = door.post("t", lines, Content_Type="application/x-ndjson; charset=utf-8")
    assert (status, answer["accepted"], answer["rejected"]) == (200, 3, 2), answer
    assert [record.get("offset") for record in answer["records"]] == [1, 2, None, 3, None], answer
    assert answer["records"][2]["code"] == "WR3501" and "malformed" in answer["records"][2]["reason"], answer
    assert "utf-8" in answer["records"][4]["reason"], answer
    status, answer, _ = door.post("t", b"\x00\xffbytes", Content_Type="application/octet-stream")
    assert status == 200 and answer["records"][0]["offset"] == 4, answer
    status, answer, _ = door.post("t", gzip.compress(b'[{"id":5},[6],null]'), Content_Encoding="gzip")
    assert status == 200 and answer["accepted"] == 3, answer
    found = door.values("t")
    assert [record.get("value") for record in found] == [
        {"id": 1, "s": "é"}, {"id": 2}, {"id": 3}, "four", None, {"id": 5}, [6], None], found
    assert found[4]["value_base64"] == "AP9ieXRlcw==", found[4]
    letters = subprocess.run(["kcat", "-b", door.hub.address, "-C", "-t", "t.dead-letters", "-e", "-q", "-f",
                              "%s|%h\\n"], capture_output=True, check=True).stdout
    assert letters == (
        b'{"id":|weir.code=WR3501,weir.reason=malformed json,weir.caller=\n'
        b'\xff|weir.code=WR3501,weir.reason=it is not utf-8,weir.caller=\n')
    status, answer, _ = door.post("t", [{"no": 1}], "?key=id")
    assert (status, answer["accepted"]) == (422, 0), answer
    assert answer["records"][0]["code"] == "WR6036", answer


def test_what_cannot_be_is_said(box):
    door = Door(box, "--max-body", "2000", "--no-auto-create")
    door.hub.python("from kafka.admin import KafkaAdminClient, NewTopic\n"
                    "KafkaAdminClient(bootstrap_servers=ADDRESS).create_topics([NewTopic('t', 2, 1)])\nprint(1)")
    for body, headers, wanted in (
            ("[1,", {}, (400, "WR6032")), ("", {}, (400, "WR6032")), ("[]", {}, (400, "WR6032")),
            ("x" * 3000, {}, (413, "WR6020")), (gzip.compress(b" " * 100_000), {"Content_Encoding": "gzip"}, (413, "WR6020")),
            (b"no gzip", {"Content_Encoding": "gzip"}, (400, "WR6021")),
            (gzip.compress(b"[1]")[:-3], {"Content_Encoding": "gzip"}, (400, "WR6021")),
            (gzip.compress(b"[1]") + b"x", {"Content_Encoding": "gzip"}, (400, "WR6021")),
            ("[1]", {"Content_Encoding": "br"}, (415, "WR6022")),
            ("[1]", {"Idempotency_Key": "x" * 300}, (400, "WR6038"))):
        status, answer, _ = door.post("t", body, **headers)
        assert (status, answer["code"]) == wanted, (body[:20], headers, status, answer)
    status, answer, _ = door.post("t", "{} {}")
    assert status == 422 and answer["records"][0]["reason"] == "malformed json", answer
    status, answer, _ = door.post("t", "[1, 2]", Idempotency_Key="once")
    again = door.post("t", "[1, 2]", Idempotency_Key="once")
    assert status == 200 and again[:2] == (200, answer), (answer, again)
    status, answer, _ = door.post("t", "[3]", Idempotency_Key="once")
    assert (status, answer["code"]) == (409, "WR6034"), answer
    status, answer, _ = door.post("t", "[1]", "?ack=never")
    assert (status, answer["code"]) == (400, "WR6037"), answer
    status, answer, _ = door.post("t", "[1]", "?partition=2")
    assert (status, answer["code"]) == (400, "WR6006"), answer
    status, answer, _ = door.post("tt", "[1]")
    assert (status, answer["code"]) == (404, "WR6031") and "`t`" in answer["suggestions"][0], answer
    status, answer, _ = door.post("a%2Fb", "[1]")
    assert (status, answer["code"]) == (400, "WR6030"), answer
    status, answer, _ = door.post("__consumer_offsets", "[1]")
    assert (status, answer["code"]) == (400, "WR6030"), answer
    status, answer, headers = door.ask("PUT", "/v1/topics/t/records", "[1]")
    assert status == 405 and headers["Allow"] == "GET, HEAD, POST", (answer, headers)
    status, answer, _ = door.ask("GET", "/v1/topics/t/records?offset=10")
    assert (status, answer["code"]) == (416, "WR6040"), answer


def test_a_key_is_for_one_body_wherever_it_goes(box):
    """Another body is refused before anything of it is taken; dead letters are not doubled."""
    door = Door(box, "--partitions", "8")
    taken = door.post("t", {"id": "a", "v": 1}, "?key=id", Idempotency_Key="one")
    assert taken[0] == 200, taken
    def all_values():
        return sorted(json.dumps(record["value"]) for partition in range(8) for record in door.values("t", partition))
    before = all_values()
    for other in "abcdefgh":
        for body in ({"id": other, "v": 2}, [{"id": other}, {"id": "a", "v": 1}], [{"id": "a", "v": 1}, {"id": other}]):
            status, answer, _ = door.post("t", body, "?key=id", Idempotency_Key="one")
            assert (status, answer["code"]) == (409, "WR6034"), (other, answer)
    assert all_values() == before
    assert door.post("t", {"id": "a", "v": 1}, "?key=id", Idempotency_Key="one")[:2] == taken[:2]

    mixed = [{"id": name} for name in "abc"] + [{"no": 1}, {"no": 2}]
    first = door.post("t", mixed, "?key=id", Idempotency_Key="two")
    assert (first[0], first[1]["accepted"], first[1]["rejected"]) == (200, 3, 2), first
    for _ in range(2):
        assert door.post("t", mixed, "?key=id", Idempotency_Key="two")[:2] == first[:2]
        door.hub.kill()
        door.hub.start()
        wait_until(door.listens, "the door to open", process=door.hub.process)
    assert len(door.values("t.dead-letters")) == 2
    # Of what has only dead letters the key is known, too.
    status, answer, _ = door.post("t", [{"no": 3}], "?key=id", Idempotency_Key="three")
    assert status == 422, answer
    status, answer, _ = door.post("t", [{"id": "z"}], "?key=id", Idempotency_Key="three")
    assert (status, answer["code"]) == (409, "WR6034"), answer
    assert len(door.values("t.dead-letters")) == 3

    # More dead letters than the log remembers batches of.
    many = [{"id": "a"}] + [{"no": 1}] * 80000
    first = door.post("t", many, "?key=id", Idempotency_Key="many")
    assert (first[0], first[1]["accepted"], first[1]["rejected"]) == (200, 1, 80000), first[0]
    assert door.post("t", many, "?key=id", Idempotency_Key="many")[:2] == first[:2]

    # At the same moment, too: one body of each is taken.
    codes = {}
    def send(key, name):
        codes[key, name] = door.post("t", {"id": name}, "?key=id", Idempotency_Key=key)[0]
    threads = [threading.Thread(target=send, args=(f"race{i}", name)) for i in range(20) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(20):
        assert sorted(codes[f"race{i}", name] for name in "abcd") == [200, 409, 409, 409], codes


def test_the_first_request_comes_early(box):
    """It may be there before the hub has finished its start."""
    for _ in range(20):
        door = Door(box)
        assert door.post("t", "[1]")[0] == 200
        door.hub.stop()


def test_records_of_a_key_go_where_others_send_them(box):
    door = Door(box, "--partitions", "7")
    keys = [f"key-{i}" for i in range(50)] + ["é", "x" * 1000, "0"]
    status, answer, _ = door.post("t", [{"k": key} for key in keys] + [{"k": 42}], "?key=k")
    assert status == 200 and answer["rejected"] == 0, answer
    theirs = door.hub.python(f"""
import json
from kafka.partitioner.default import murmur2
print(json.dumps([(murmur2(key.encode()) & 0x7fffffff) % 7 for key in {keys + ['42']!r}]))
""")
    assert [record["partition"] for record in answer["records"]] == theirs, theirs


TABLES = """
CREATE TABLE readings (sensor STRING NOT NULL, at_time TIMESTAMP(3), temperature DECIMAL(5, 2), labels MAP<STRING, STRING>)
  WITH ('connector' = 'kafka', 'topic' = 'readings', 'properties.bootstrap.servers' = '{address}',
  'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'key.format' = 'raw',
  'key.fields' = 'sensor', 'value.format' = 'json', 'value.json.timestamp-format.standard' = 'ISO-8601',
  'value.fields-include' = 'EXCEPT_KEY');
CREATE TABLE lines (a INT, b STRING) WITH ('connector' = 'kafka', 'topic' = 'lines', 'format' = 'csv',
  'properties.bootstrap.servers' = '{address}');
CREATE TABLE seen (sensor STRING, at_time TIMESTAMP(3), temperature DECIMAL(5, 2)) WITH ('connector' = 'print');
INSERT INTO seen SELECT sensor, at_time, temperature FROM readings;
"""


def test_what_a_table_declares_is_asked_of_each_record(box):
    """And a pipeline of the same script reads what was taken, keys included."""
    weir = box.weir("")
    box.path("tables.sql").write_text(TABLES.format(address="127.0.0.1:1"))
    door = Door(box, "--tables", str(box.path("tables.sql")), "--partitions", "3")
    status, answer, _ = door.post("readings", [
        {"sensor": "a", "at_time": "2026-01-02T03:04:05.678", "temperature": 21.5, "labels": {"x": "y"}},
        {"sensor": "b", "at_time": "yesterday", "temperature": 1},
        {"sensor": "b", "temperature": [1]},
        {"sensor": "c", "temperature": "7.25", "more": [1]},
        {"sensor": None, "temperature": 1}, 5])
    assert (status, answer["accepted"]) == (200, 2), answer
    told = [record.get("code") for record in answer["records"]]
    assert told[0] is None and told[3] is None and all(told[i] for i in (1, 2, 4, 5)) and told[4] == "WR6044", answer
    assert "at_time" in answer["records"][1]["reason"] and "temperature" in answer["records"][2]["reason"], answer
    status, answer, _ = door.post("lines", "1,one\n2,\"two, or so\"\nx,y\n", Content_Type="text/csv")
    assert (status, answer["accepted"], answer["rejected"]) == (200, 2, 1), answer
    assert door.hub.consume("lines", 0, form="%s;") + door.hub.consume("lines", 1, form="%s;") + \
        door.hub.consume("lines", 2, form="%s;") == '1,one;2,"two, or so";'
    columns = door.ask("GET", "/v1/topics/readings")[1]["table"]["columns"]
    assert [column["name"] for column in columns] == ["sensor", "at_time", "temperature", "labels"], columns
    weir.write("pipeline.sql", TABLES.format(address=door.hub.address))
    weir.start()
    assert weir.wait(30) == 0, weir.log()
    rows = sorted(line for line in weir.stdout().splitlines() if line.startswith("+I"))
    assert rows == ["+I[a, 2026-01-02T03:04:05.678, 21.50]", "+I[c, null, 7.25]"], rows


def test_a_tombstone_is_a_key_without_a_value(box):
    """By a field, by all bytes, or by the key of the table; compaction and upserts go by that."""
    box.path("tables.sql").write_text("CREATE TABLE u (id INT, name STRING NOT NULL, PRIMARY KEY (id) NOT ENFORCED) WITH ("
                                      "'connector' = 'upsert-kafka', 'topic' = 'u', 'key.format' = 'json', "
                                      "'value.format' = 'json');\n")
    door = Door(box, "--tables", str(box.path("tables.sql")))
    assert door.post("t", [{"id": "a", "n": 1}, {"id": "b"}], "?key=id")[0] == 200
    status, answer, _ = door.post("t", [{"id": "a"}, {"n": 2}], "?key=id&tombstone=true", Idempotency_Key="one")
    assert (status, answer["accepted"], answer["rejected"]) == (200, 1, 1), answer
    assert answer["records"][1]["code"] == "WR6036", answer
    assert door.post("t", [{"id": "a"}, {"n": 2}], "?key=id&tombstone=true", Idempotency_Key="one")[1] == answer
    # Not the same as records that say this.
    assert door.post("t", [{"id": "a"}, {"n": 2}], "?key=id", Idempotency_Key="one")[0] == 409
    assert door.post("t", b"b", "?tombstone=true", Content_Type="application/octet-stream")[0] == 200
    assert door.post("t", "[1]", "?tombstone=true")[0] == 422
    assert door.post("t", "[1]", "?tombstone=yes")[1]["code"] == "WR6037"
    assert door.hub.consume("t", form="%k %S\\n") == "a 19\nb 11\na -1\nb -1\n"
    assert [record["value"] for record in door.values("t")][2:] == [None, None]
    assert door.hub.consume("t.dead-letters", form="%s\\n") == '{"n": 2}\n1\n'
    # With a table: what else is NOT NULL is nobody's business.
    assert door.post("u", [{"id": 1, "name": "x"}])[0] == 200
    status, answer, _ = door.post("u", [{"id": 1}, {"id": "x"}], "?tombstone=true")
    assert (status, answer["accepted"], answer["rejected"]) == (200, 1, 1), answer
    assert door.hub.consume("u", form="%k %S\\n") == '{"id":1} 22\n{"id":1} -1\n'


def key(hub, *arguments):
    done = subprocess.run([BINARY, "key", *arguments, "--data-dir", hub.folder], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_keys_say_who_may_what(box):
    door = Door(box)
    assert door.post("orders", "[1]")[0] == 200
    producer = key(door.hub, "create", "till", "--topics", "orders,till.*")
    reader = key(door.hub, "create", "report", "--role", "consume", "--topics", "orders")
    admin = key(door.hub, "create", "boss", "--role", "admin")
    wait_until(lambda: door.post("orders", "[1]")[0] == 401, "keys to be asked for")
    answer = door.post("orders", "[1]")[1]
    assert answer["code"] == "WR6041", answer

    def post(secret, topic="orders"):
        return door.post(topic, "[1]", Authorization=f"Bearer {secret}")[0]

    def get(secret, topic="orders"):
        return door.ask("GET", f"/v1/topics/{topic}/records", X_Api_Key=secret)[0]

    assert (post(producer), post(producer, "till.7"), post(producer, "other")) == (200, 200, 403)
    assert (post(reader), get(reader), get(reader, "till.7"), get(producer)) == (403, 200, 403, 403)
    assert (post(admin, "other"), get(admin, "till.7")) == (200, 200)
    assert post(producer[:-1] + ("0" if producer[-1] != "0" else "1")) == 401
    assert [item["name"] for item in door.ask("GET", "/v1/topics", X_Api_Key=reader)[1]["items"]] == ["orders"]
    listed = key(door.hub, "list")
    assert "till" in listed and producer not in listed and producer.split("_")[2] not in listed, listed
    kept = (door.hub.folder / "hub" / "keys").read_text()
    assert producer.split("_")[2] not in kept, kept
    key(door.hub, "revoke", "till")
    wait_until(lambda: post(producer) == 401, "the key to be over")
    assert post(admin) == 200


def test_a_key_has_its_pace(box):
    """Others go on; who comes too fast is told when to come again, and then is let in."""
    door = Door(box)
    slow = key(door.hub, "create", "slow", "--records-per-second", "100")
    fast = key(door.hub, "create", "fast")
    wait_until(lambda: door.post("t", "[1]")[0] == 401, "keys to be asked for")
    taken, refused, until = 0, 0, time.monotonic() + 3
    while time.monotonic() < until:
        status, answer, headers = door.post("t", json.dumps([1] * 50), Authorization=f"Bearer {slow}")
        assert status in (200, 429), answer
        taken += 50 if status == 200 else 0
        if status == 429:
            refused += 1
            assert answer["code"] == "WR6043" and int(headers["Retry-After"]) >= 1, (answer, headers)
            assert door.post("t", "[2]", Authorization=f"Bearer {fast}")[0] == 200
        time.sleep(0.02)
    assert refused > 10 and 150 <= taken <= 550, (taken, refused)
    assert door.hub.consume("t", form="%s\\n").split().count("1") == taken


def test_who_reads_too_fast_is_told_so(box):
    """By the same pace, with what the key writes; and others go on."""
    door = Door(box)
    slow = key(door.hub, "create", "slow", "--role", "consume", "--records-per-second", "100")
    fast = key(door.hub, "create", "fast", "--role", "consume,produce")
    wait_until(lambda: door.post("t", json.dumps([1] * 50), Authorization=f"Bearer {fast}")[0] == 200, "keys to count")
    read, refused, until = 0, 0, time.monotonic() + 3
    while time.monotonic() < until:
        status, answer, headers = door.ask("GET", "/v1/topics/t/records?limit=50", X_Api_Key=slow)
        assert status in (200, 429), answer
        read += len(answer["records"]) if status == 200 else 0
        if status == 429:
            refused += 1
            assert answer["code"] == "WR6043" and int(headers["Retry-After"]) >= 1, (answer, headers)
            assert door.ask("GET", "/v1/topics/t/records", X_Api_Key=fast)[0] == 200
        time.sleep(0.02)
    assert refused > 10 and 150 <= read <= 550, (read, refused)


def test_what_was_acknowledged_is_there_once(box):
    """Producers that send again what got no answer, a hub that is killed again and again."""
    door = Door(box, "--partitions", "3")
    chance = random.Random(SEED)
    is_over = threading.Event()
    sent = {}

    def produce(who):
        numbers = random.Random(SEED + who)
        mine = sent[who] = []
        while not is_over.is_set():
            first, batch = len(mine), numbers.randrange(1, 60)
            body = json.dumps([{"who": who, "n": first + i} for i in range(batch)])
            while True:
                try:
                    status, answer, _ = door.post("t", body, "?key=who", Idempotency_Key=f"{who}-{first}")
                    assert status == 200, (SEED, answer)
                    break
                except (OSError, http.client.HTTPException, ValueError):
                    time.sleep(0.05)
            mine += [(record["partition"], record["offset"]) for record in answer["records"]]

    threads = [threading.Thread(target=produce, args=(who,)) for who in range(PRODUCERS)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.2, 1.0))
            door.hub.kill()
            door.hub.start()
    finally:
        time.sleep(0.5)
        is_over.set()
        for thread in threads:
            thread.join()
    found = {}
    for partition in range(3):
        for record in door.values("t", partition):
            value = record["value"]
            found.setdefault(value["who"], []).append((value["n"], (partition, record["offset"])))
    for who, places in sent.items():
        assert len(places) > 100, (SEED, who, len(places))
        assert found[who] == list(enumerate(places)), (SEED, who, len(found[who]), len(places))


main()
