"""The hub's schema registry: each path of Confluent's API with its errors, Confluent's own clients, kill -9, the topic
in which all of it is kept, keys."""

import json
import os
import random
import subprocess
import threading
import time
from http.client import HTTPException

from door_test import Door
from hub import install, python
from lib import BINARY, free_port, main, wait_until

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
KILLS = int(os.environ.get("WEIR_REGISTRY_KILLS", "8"))
TYPE = "application/vnd.schemaregistry.v1+json"
TOPIC = "_schemas"


class Registry(Door):
    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def call(self, method, path, body=None, **headers):
        """(status, answer); what a registry answers has its content type."""
        text = json.dumps(body) if isinstance(body, (dict, list)) else body
        status, answer, found = self.ask(method, path, text, **{"Content_Type": TYPE, **headers})
        assert found["Content-Type"] == TYPE, (path, found)
        return status, answer

    def get(self, path, code=None):
        status, answer = self.call("GET", path)
        if code is None:
            assert status == 200, answer
            return answer
        assert (status, answer["error_code"]) == (code // 100 if code > 999 else code, code), (path, status, answer)
        assert answer["message"], answer
        return answer["message"]

    def register(self, subject, schema, **more):
        return self.call("POST", f"/subjects/{subject}/versions",
                         {"schema": schema if isinstance(schema, str) else json.dumps(schema), **more})

    def put(self, subject, schema, **more):
        status, answer = self.register(subject, schema, **more)
        assert status == 200, answer
        return answer["id"]

    def fails(self, code, method, path, body=None):
        status, answer = self.call(method, path, body)
        assert answer.get("error_code") == code and status == (code // 100 if code > 999 else code), (path, status, answer)
        return answer["message"]

    def restart(self):
        self.hub.kill()
        self.hub.start()
        wait_until(self.listens, "the door to open", process=self.hub.process)

    def records(self):
        """Keys and values of the topic."""
        text = self.hub.consume(TOPIC, form="%k\t%s\n")
        return [tuple(json.loads(part) if part else None for part in line.split("\t")) for line in text.splitlines()]


def record(name, *fields):
    return {"type": "record", "name": name, "fields": [
        {"name": field[0], "type": field[1], **({"default": field[2]} if len(field) > 2 else {})} for field in fields]}


def schema_of(**more):
    return {"schema": json.dumps(record("R", ("a", "int"))), **more}


ONE = record("shop.Order", ("id", "long"))
TWO = record("shop.Order", ("id", "long"), ("note", ["null", "string"], None))
CANONICAL = ('{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"long"},'
             '{"name":"note","type":["null","string"],"default":null}]}')


def test_each_path_answers_as_confluents_registry_does(box):
    registry = Registry(box)
    assert registry.get("/subjects") == []
    assert registry.get("/schemas/types") == ["JSON", "PROTOBUF", "AVRO"]
    assert registry.get("/config") == {"compatibilityLevel": "BACKWARD"}
    assert registry.get("/mode") == {"mode": "READWRITE"}
    # A question makes no topic.
    assert TOPIC not in registry.hub.kcat("-L")
    assert registry.put("orders-value", ONE) == 1
    assert registry.put("orders-value", TWO) == 2
    # The same, however it is written, has the same number, in another subject as well.
    spaced = json.dumps({"fields": [{"type": {"type": "long"}, "name": "id"}], "name": "Order", "namespace": "shop",
                         "type": "record"}, indent=2)
    assert registry.put("orders-value", spaced) == 1
    assert registry.put("other", spaced) == 1
    # What is documented otherwise is another.
    assert registry.put("other", {**ONE, "doc": "an order"}) == 3
    assert registry.get("/subjects") == ["orders-value", "other"]
    assert registry.get("/subjects?subjectPrefix=ord") == ["orders-value"]
    assert registry.get("/subjects/orders-value/versions") == [1, 2]
    version = {"subject": "orders-value", "version": 2, "id": 2, "schema": CANONICAL}
    assert registry.get("/subjects/orders-value/versions/2") == version
    assert registry.get("/subjects/orders-value/versions/latest") == version
    assert registry.get("/subjects/orders-value/versions/-1") == version
    assert registry.get("/subjects/orders-value/versions/2/schema") == json.loads(CANONICAL)
    assert registry.get("/schemas/ids/2") == {"schema": CANONICAL}
    assert registry.get("/schemas/ids/2/schema") == json.loads(CANONICAL)
    assert registry.get("/schemas/ids/1/versions") == [{"subject": "orders-value", "version": 1},
                                                       {"subject": "other", "version": 1}]
    assert registry.get("/schemas/ids/1/subjects") == ["orders-value", "other"]
    assert [(one["subject"], one["version"]) for one in registry.get("/schemas?latestOnly=true")] == [
        ("orders-value", 2), ("other", 2)]
    assert [one["id"] for one in registry.get("/schemas?offset=1&limit=2")] == [2, 1]
    assert registry.call("POST", "/subjects/orders-value", {"schema": json.dumps(TWO)}) == (200, version)
    # A subject with a slash and a blank, as the path has them escaped.
    assert registry.put("a%2Fb%20c", '"string"') == 4
    assert "a/b c" in registry.get("/subjects")
    # Compatibility.
    three = record("shop.Order", ("id", "long"), ("more", "int"))
    check = "/compatibility/subjects/orders-value/versions"
    assert registry.call("POST", f"{check}/latest", {"schema": json.dumps(ONE)}) == (200, {"is_compatible": True})
    status, answer = registry.call("POST", f"{check}/1?verbose=true", {"schema": json.dumps(three)})
    assert status == 200 and not answer["is_compatible"] and "more" in answer["messages"][0], answer
    assert registry.call("POST", check, {"schema": json.dumps(three)}) == (200, {"is_compatible": False})
    assert registry.call("POST", "/compatibility/subjects/none/versions/latest", {"schema": '"int"'}) == (
        200, {"is_compatible": True})
    # Settings.
    assert registry.call("PUT", "/config/other", {"compatibility": "FULL"}) == (200, {"compatibility": "FULL"})
    assert registry.get("/config/other") == {"compatibilityLevel": "FULL"}
    assert registry.get("/config/orders-value?defaultToGlobal=true") == {"compatibilityLevel": "BACKWARD"}
    assert registry.call("PUT", "/config", {"compatibility": "NONE"}) == (200, {"compatibility": "NONE"})
    assert registry.get("/config") == {"compatibilityLevel": "NONE"}
    assert registry.call("DELETE", "/config/other") == (200, {"compatibilityLevel": "FULL"})
    assert registry.call("DELETE", "/config") == (200, {"compatibilityLevel": "NONE"})
    assert registry.get("/config") == {"compatibilityLevel": "BACKWARD"}
    assert registry.call("PUT", "/mode/other", {"mode": "READONLY"}) == (200, {"mode": "READONLY"})
    assert registry.get("/mode/other") == {"mode": "READONLY"}
    registry.fails(42205, "POST", "/subjects/other/versions", {"schema": '"int"'})
    assert registry.put("other", {**ONE, "doc": "an order"}) == 3  # it is there already
    registry.fails(42205, "DELETE", "/subjects/other")
    assert registry.call("DELETE", "/mode/other") == (200, {"mode": "READONLY"})
    # All of it is there after a kill.
    before = [registry.get(path) for path in ("/schemas?deleted=true", "/config", "/mode", "/subjects")]
    registry.restart()
    assert [registry.get(path) for path in ("/schemas?deleted=true", "/config", "/mode", "/subjects")] == before


def test_what_is_deleted_and_what_is_gone(box):
    """A deleted version is still found by its number; one that is gone is not, and its number is not given again."""
    registry = Registry(box)
    registry.call("PUT", "/config", {"compatibility": "NONE"})
    assert [registry.put("s", f'"{name}"') for name in ("int", "long", "string")] == [1, 2, 3]
    registry.call("PUT", "/config/s", {"compatibility": "FULL"})
    registry.fails(40407, "DELETE", "/subjects/s/versions/3?permanent=true")
    assert registry.call("DELETE", "/subjects/s/versions/latest") == (200, 3)
    registry.fails(40406, "DELETE", "/subjects/s/versions/3")
    assert registry.get("/subjects/s/versions") == [1, 2]
    assert registry.get("/subjects/s/versions?deleted=true") == [1, 2, 3]
    assert registry.get("/subjects/s/versions?deletedOnly=true") == [3]
    registry.get("/subjects/s/versions/3", 40402)
    assert registry.get("/subjects/s/versions/3?deleted=true")["id"] == 3
    assert registry.get("/schemas/ids/3") == {"schema": '"string"'}
    registry.fails(40403, "POST", "/subjects/s", {"schema": '"string"'})
    assert registry.call("POST", "/subjects/s?deleted=true", {"schema": '"string"'})[1]["version"] == 3
    # What comes again gets the next version with the number that it had; the deleted one goes.
    registry.call("DELETE", "/config/s")
    assert registry.put("s", '"string"') == 3
    assert registry.get("/subjects/s/versions?deleted=true") == [1, 2, 4]
    registry.fails(40405, "DELETE", "/subjects/s?permanent=true")
    registry.call("PUT", "/config/s", {"compatibility": "FULL"})
    assert registry.call("DELETE", "/subjects/s") == (200, [1, 2, 4])
    registry.fails(40404, "DELETE", "/subjects/s")
    assert registry.get("/subjects") == [] and registry.get("/subjects?deleted=true") == ["s"]
    assert registry.get("/subjects?deletedOnly=true") == ["s"]
    registry.get("/subjects/s/versions", 40401)
    registry.get("/config/s", 40408)  # its settings went with it
    assert registry.call("DELETE", "/subjects/s?permanent=true") == (200, [1, 2, 4])
    registry.get("/schemas/ids/3", 40403)
    assert registry.get("/subjects?deleted=true") == []
    registry.restart()
    assert registry.put("t", '"bytes"') == 4
    assert registry.put("s", '"int"') == 5 and registry.get("/subjects/s/versions") == [1]
    # Not under the very key of Confluent's NOOP, which has no value: that would take it back.
    assert '{"magic":0,"keytype":"NOOP"} {"maxId":3}' in registry.hub.consume(TOPIC, form="%k %s\n").splitlines()


def test_references_to_what_is_deleted(box):
    registry = Registry(box)
    state = {"type": "enum", "name": "shop.State", "symbols": ["NEW"]}
    order = record("shop.Order", ("state", "shop.State"))
    reference = [{"name": "shop.State", "subject": "state", "version": 1}]
    assert registry.put("state", state) == 1 and registry.put("order", order, references=reference) == 2
    registry.fails(42206, "DELETE", "/subjects/state")
    # Once those who refer to it are deleted it may be deleted; but it stays as long as they may be read by.
    assert registry.call("DELETE", "/subjects/order") == (200, [1])
    assert registry.get("/subjects/state/versions/1/referencedby") == []
    assert registry.call("DELETE", "/subjects/state") == (200, [1])
    registry.fails(42206, "DELETE", "/subjects/state/versions/1?permanent=true")
    registry.fails(42206, "DELETE", "/subjects/state?permanent=true")
    assert registry.get("/schemas/ids/2")["references"] == reference
    # Nobody may refer to it anew.
    message = registry.fails(42201, "POST", "/subjects/order/versions", {"schema": json.dumps(order), "references": reference})
    assert "deleted" in message, message
    # It comes again as another version; that which is referred to stays, over a restart as well.
    assert registry.put("state", state) == 1
    assert registry.get("/subjects/state/versions?deleted=true") == [1, 2]
    assert registry.put("order", order, references=[{**reference[0], "version": -1}]) == 3
    registry.restart()
    assert registry.get("/subjects/state/versions?deleted=true") == [1, 2]
    assert registry.get("/schemas/ids/2")["references"] == reference
    # When it is gone who referred to it, it may go, too.
    assert registry.call("DELETE", "/subjects/order/versions/1?permanent=true") == (200, 1)
    assert registry.call("DELETE", "/subjects/state/versions/1?permanent=true") == (200, 1)
    assert registry.get("/subjects/order/versions") == [2]


def nested_defaults(depth):
    """Records of ten fields each of which is by default the record before."""
    records = [record("R0", ("a", "string", "0123456789"))]
    for level in range(1, depth):
        records.append(record(f"R{level}", *((f"f{number}", f"R{level - 1}", {}) for number in range(10))))
    return records


def test_schemas_that_are_too_much(box):
    """What would take all memory, all time or all of the stack is refused; and the registry goes on."""
    registry = Registry(box)
    assert "too large" in registry.fails(42201, "POST", "/subjects/s/versions", {"schema": json.dumps(nested_defaults(13))})
    assert registry.put("s", nested_defaults(4)) == 1
    deep = 7
    for _ in range(28):
        deep = {"n": deep}
    both = record("A", ("n", ["null", "A", record("B", ("n", ["null", "A", "B"]))]))
    assert "too much work" in registry.fails(42201, "POST", "/subjects/u/versions", {
        "schema": json.dumps(record("T", ("u", [both, "B"], deep)))})

    def chain(last):
        links = [record(f"C{number}", ("next", f"C{number - 1}" if number > 0 else last)) for number in range(9999)]
        return json.dumps(record("R", ("first", links), ("second", "C9998")))

    registry.put("c", chain("int"))
    assert "cannot be compared" in registry.fails(42201, "POST", "/subjects/c/versions", {"schema": chain("long")})
    registry.call("PUT", "/config/c", {"compatibility": "NONE"})
    registry.put("c", chain("long"))
    assert registry.get("/subjects") == ["c", "s"]


ADMIN = """
import json
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic)
admin = AdminClient({"bootstrap.servers": ADDRESS})
def refused(futures):
    try:
        for future in futures.values():
            future.result(20)
    except KafkaException as error:
        return error.args[0].name()
    return None
def policy(value):
    return refused(admin.incremental_alter_configs([ConfigResource("topic", "_schemas", incremental_configs=[
        ConfigEntry("cleanup.policy", value, incremental_operation=AlterConfigOpType.SET if value else AlterConfigOpType.DELETE)])]))
def now():
    topic = admin.list_topics("_schemas", 20).topics["_schemas"]
    found, = admin.describe_configs([ConfigResource("topic", "_schemas")]).values()
    return [len(topic.partitions), found.result(20)["cleanup.policy"].value]
def create(partitions, **configs):
    return refused(admin.create_topics([NewTopic("_schemas", partitions, 1, config={
        name.replace("_", "."): value for name, value in configs.items()})]))
"""


def test_its_topic_keeps_all(box):
    """Whoever makes the topic, it is compacted and has one partition, and stays so."""
    registry = Registry(box, "--partitions", "3")
    assert "1 partitions" in registry.hub.kcat("-L", "-t", TOPIC, "-X", "allow.auto.create.topics=true")
    told = registry.hub.python(ADMIN + """
told = {"made": now(), "records": refused(admin.delete_records([TopicPartition("_schemas", 0, 0)])),
        "more": refused(admin.create_partitions([NewPartitions("_schemas", 3)])),
        "policies": [policy("delete"), policy("compact,delete"), policy(None), policy("compact")]}
admin.delete_topics(["_schemas"])["_schemas"].result(20)
told["three"] = create(3)
told["deleting"] = create(1, cleanup_policy="delete")
told["again"] = [create(1, retention_ms="1"), now()]
print(json.dumps(told))""")
    refused = "POLICY_VIOLATION"
    assert told == {"made": [1, "compact"], "records": refused, "more": refused, "policies": [refused, refused, refused, None],
                    "three": refused, "deleting": refused, "again": [None, [1, "compact"]]}, told
    assert registry.put("s", ONE) == 1


def test_each_error_has_its_code(box):
    registry = Registry(box)
    registry.put("s", ONE)
    registry.get("/subjects/none/versions", 40401)
    registry.get("/subjects/none/versions/1", 40401)
    registry.get("/subjects/s/versions/2", 40402)
    registry.get("/subjects/s/versions/0", 42202)
    registry.get("/subjects/s/versions/x", 42202)
    registry.get("/subjects/s/versions/2147483648", 42202)
    for number in ("7", "x", "-1", "99999999999999999999"):
        registry.get(f"/schemas/ids/{number}", 40403)
    registry.get("/config/s", 40408)
    registry.get("/mode/s", 40409)
    registry.fails(40401, "DELETE", "/subjects/none")
    registry.fails(40401, "DELETE", "/subjects/none/versions/1")
    registry.fails(40402, "DELETE", "/subjects/s/versions/2")
    registry.fails(40401, "DELETE", "/config/none")
    registry.fails(40401, "POST", "/subjects/none", schema_of())
    registry.fails(40403, "POST", "/subjects/s", schema_of())
    registry.fails(40401, "POST", "/compatibility/subjects/none/versions/1", schema_of())
    registry.fails(40402, "POST", "/compatibility/subjects/s/versions/9", schema_of())
    assert "note" in registry.fails(409, "POST", "/subjects/s/versions", {"schema": json.dumps(
        record("shop.Order", ("id", "long"), ("note", "string")))})
    for body in (None, "", "nothing", "[]", {}, {"schema": ""}, {"schema": 7}, {"schema": "nothing"}, {"schema": '"nothing"'},
                 schema_of(schemaType="XML"), schema_of(schemaType=7), schema_of(references=7), schema_of(references=[{}]),
                 schema_of(references=[{"name": "x", "subject": "none", "version": 1}]), schema_of(version=9),
                 {"schema": "nothing", "schemaType": "JSON"}, {"schema": "[" * 2000}):
        registry.fails(42201, "POST", "/subjects/new/versions", body)
    registry.fails(42205, "POST", "/subjects/new/versions", schema_of(id=7))
    registry.fails(42208, "POST", "/subjects/a%0Ab/versions", schema_of())
    registry.fails(42208, "POST", f"/subjects/{'x' * 1025}/versions", schema_of())
    for body in (None, {}, {"compatibility": "SIDEWARD"}, {"compatibility": 7}):
        registry.fails(42203, "PUT", "/config", body)
    registry.fails(42204, "PUT", "/mode", {"mode": "SLEEP"})
    status, answer = registry.call("POST", "/subjects/new/versions", "x" * (11 << 20))
    assert (status, answer["error_code"]) == (413, 413), answer
    status, answer, headers = registry.ask("PATCH", "/subjects/s/versions")
    assert status == 405 and "POST" in headers["Allow"], headers
    assert registry.get("/subjects") == ["s"]


def test_what_a_level_asks_for(box):
    """Each level, against the last version alone and against all."""
    registry = Registry(box)
    plain, added, open_ = record("R", ("a", "int")), record("R", ("a", "int"), ("b", "int")), record(
        "R", ("a", "int"), ("b", "int", 7))
    cases = {  # level → whether [plain] may be followed by added, [added] by plain, [plain, open_] by added
        "NONE": (True, True, True), "BACKWARD": (False, True, True), "BACKWARD_TRANSITIVE": (False, True, False),
        "FORWARD": (True, False, True), "FORWARD_TRANSITIVE": (True, False, True), "FULL": (False, False, True),
        "FULL_TRANSITIVE": (False, False, False)}
    for level, wanted in cases.items():
        for place, (old, new) in enumerate((([plain], added), ([added], plain), ([plain, open_], added))):
            subject = f"{level}-{place}"
            registry.call("PUT", f"/config/{subject}", {"compatibility": "NONE"})
            for schema in old:
                registry.put(subject, schema)
            registry.call("PUT", f"/config/{subject}", {"compatibility": level})
            checked = registry.call("POST", f"/compatibility/subjects/{subject}/versions", {"schema": json.dumps(new)})
            assert checked == (200, {"is_compatible": wanted[place]}), (level, place, checked)
            assert registry.register(subject, new)[0] == (200 if wanted[place] else 409), (level, place)


def test_schemas_that_use_names_of_others(box):
    registry = Registry(box)
    state = {"type": "enum", "name": "shop.State", "symbols": ["NEW"]}
    order = record("shop.Order", ("state", "shop.State"))
    registry.put("state", state)
    references = [{"name": "shop.State", "subject": "state", "version": -1}]
    assert registry.put("order", order, references=references) == 2
    fixed = [{"name": "shop.State", "subject": "state", "version": 1}]
    assert registry.get("/schemas/ids/2")["references"] == fixed
    assert registry.get("/subjects/order/versions/1")["references"] == fixed
    assert registry.get("/subjects/state/versions/1/referencedby") == [2]
    registry.fails(42206, "DELETE", "/subjects/state/versions/1")
    registry.fails(42206, "DELETE", "/subjects/state")
    registry.fails(42201, "POST", "/subjects/order/versions", {"schema": json.dumps(order)})
    registry.put("state", {**state, "symbols": ["NEW", "PAID"]})
    # By the new symbols the old are read.
    assert registry.put("order", order, references=[{**fixed[0], "version": 2}]) == 4
    status, answer = registry.register("order", record("shop.Order", ("state", "int")))
    assert status == 409 and "TYPE_MISMATCH" in answer["message"], answer
    registry.restart()
    assert registry.get("/schemas/ids/2")["references"] == fixed


def test_records_of_a_schema_that_uses_names_of_others(box):
    """Written by Confluent's serializer, read by a pipeline: over the network and within the process."""
    registry = Registry(box)
    registry.put("money", {"type": "fixed", "name": "shop.Money", "size": 2})
    registry.put("state", {"type": "record", "name": "shop.State", "fields": [
        {"name": "name", "type": "string"}, {"name": "paid", "type": "shop.Money"}]}, references=[
            {"name": "shop.Money", "subject": "money", "version": 1}])
    confluent(registry, """
from confluent_kafka.schema_registry import SchemaReference
schema = Schema(json.dumps({"type": "record", "name": "shop.Order", "fields": [
    {"name": "id", "type": "int"}, {"name": "state", "type": "State"}, {"name": "rest", "type": "Money"}]}), "AVRO",
    [SchemaReference("shop.State", "state", 1), SchemaReference("shop.Money", "money", 1)])
serializer = AvroSerializer(client, schema)
producer = Producer({"bootstrap.servers": ADDRESS})
producer.produce("t", serializer({"id": 1, "state": {"name": "new", "paid": b"ab"}, "rest": b"cd"},
                                 SerializationContext("t", MessageField.VALUE)))
assert producer.flush(30) == 0
print(json.dumps(True))""")
    read = ("CREATE TABLE i (id INT, state ROW<name STRING, paid BYTES>, rest BYTES) WITH ('connector' = 'kafka', 'topic' = 't', "
            "'format' = 'avro-confluent', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'{});\n"
            "CREATE TABLE p (id INT, name STRING, paid STRING) WITH ('connector' = 'print');\n"
            "INSERT INTO p SELECT id, state.name, CAST(state.paid AS STRING) || CAST(rest AS STRING) FROM i;\n")
    weir = box.weir(read.format(f", 'properties.bootstrap.servers' = '{registry.hub.address}', 'avro-confluent.url' = "
                                f"'{registry.url}'"))
    done = weir.call("run", "pipeline.sql")
    assert done.stdout == "+I[1, new, abcd]\n", done
    registry.hub.stop()
    done = weir.call("run", weir.write("inner.sql", read.format("")), "--data-dir", registry.hub.folder)
    assert done.stdout == "+I[1, new, abcd]\n", done


def test_types_that_are_kept_and_not_looked_into(box):
    registry = Registry(box)
    first, second = json.dumps({"type": "object", "x": 1.5}), json.dumps({"type": "string"})
    assert registry.put("j", first, schemaType="JSON") == 1
    assert registry.get("/schemas/ids/1") == {"schemaType": "JSON", "schema": '{"type":"object","x":1.5}'}
    assert registry.put("p", 'syntax = "proto3"; message M {}', schemaType="PROTOBUF",
                        metadata={"properties": {"owner": "me"}}) == 2
    assert registry.get("/subjects/p/versions/1")["metadata"] == {"properties": {"owner": "me"}}
    assert "NONE" in registry.fails(42201, "POST", "/subjects/j/versions", {"schema": second, "schemaType": "JSON"})
    registry.call("PUT", "/config/j", {"compatibility": "NONE"})
    assert registry.put("j", second, schemaType="JSON") == 3
    status, answer = registry.register("p", '"int"')
    assert status == 409 and "PROTOBUF" in answer["message"], answer


CONFLUENT = """
import json
from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
URL, AUTH = {url!r}, {auth!r}
client = SchemaRegistryClient({{"url": URL, **({{"basic.auth.user.info": AUTH}} if AUTH else {{}})}})
def write(topic, schema, values, **more):
    serializer = AvroSerializer(client, json.dumps(schema), conf=more)
    producer = Producer({{"bootstrap.servers": ADDRESS}})
    for value in values:
        producer.produce(topic, serializer(value, SerializationContext(topic, MessageField.VALUE)))
    assert producer.flush(30) == 0
def read(topic, count):
    deserializer = AvroDeserializer(client)
    consumer = Consumer({{"bootstrap.servers": ADDRESS, "group.id": "g", "auto.offset.reset": "earliest"}})
    consumer.subscribe([topic])
    found = []
    while len(found) < count:
        message = consumer.poll(30)
        assert message is not None and message.error() is None, message and message.error()
        found.append(deserializer(message.value(), SerializationContext(topic, MessageField.VALUE)))
    consumer.close()
    return found
{script}
"""


def confluent(registry, script, auth=None):
    """What a script prints as JSON that has Confluent's client of the registry, and its serializers."""
    return python(registry.hub.address, CONFLUENT.format(url=registry.url, auth=auth, script=script))


def test_confluents_clients_and_pipelines_read_each_other(box):
    """What AvroSerializer writes, a pipeline reads and writes anew, and AvroDeserializer reads: in two schemas."""
    registry = Registry(box)
    confluent(registry, f"""
write("in", {ONE!r}, [{{"id": 1}}, {{"id": 2}}])
write("in", {TWO!r}, [{{"id": 3, "note": "three"}}, {{"id": 4, "note": None}}])
print(json.dumps(True))""")
    assert registry.get("/subjects") == ["in-value"] and registry.get("/subjects/in-value/versions") == [1, 2]
    kafka = f"'connector' = 'kafka', 'properties.bootstrap.servers' = '{registry.hub.address}'"
    weir = box.weir(
        f"CREATE TABLE i (id BIGINT, note STRING) WITH ({kafka}, 'topic' = 'in', 'format' = 'avro-confluent', "
        f"'avro-confluent.url' = '{registry.url}', 'scan.startup.mode' = 'earliest-offset', "
        "'scan.bounded.mode' = 'latest-offset');\n"
        f"CREATE TABLE o (id BIGINT NOT NULL, note STRING, twice DECIMAL(10, 2)) WITH ({kafka}, 'topic' = 'out', "
        f"'format' = 'avro-confluent', 'avro-confluent.url' = '{registry.url}');\n"
        "INSERT INTO o SELECT id, note, CAST(2 * id AS DECIMAL(10, 2)) FROM i;\n")
    done = weir.call("run", "pipeline.sql")
    assert done.returncode == 0, done.stderr
    assert registry.get("/subjects") == ["in-value", "out-value"]
    found = confluent(registry, """
print(json.dumps([{**row, "twice": str(row["twice"])} for row in read("out", 4)]))""")
    assert sorted(found, key=lambda row: row["id"]) == [
        {"id": 1, "note": None, "twice": "2.00"}, {"id": 2, "note": None, "twice": "4.00"},
        {"id": 3, "note": "three", "twice": "6.00"}, {"id": 4, "note": None, "twice": "8.00"}]
    # What does not fit what is there is refused, before anything is written.
    refused = weir.call("run", weir.write("other.sql", (weir.folder / "pipeline.sql").read_text("utf-8").replace(
        "twice DECIMAL(10, 2)", "twice DECIMAL(10, 2) NOT NULL, other INT NOT NULL").replace(
            "CAST(2 * id AS DECIMAL(10, 2))", "CAST(2 AS DECIMAL(10, 2)), 1")), "--fresh")
    assert refused.returncode == 65 and "WR3514" in refused.stderr and "409" in refused.stderr, refused.stderr


def test_calls_of_confluents_client(box):
    registry = Registry(box)
    told = confluent(registry, """
from confluent_kafka.schema_registry import ServerConfig
from confluent_kafka.schema_registry.error import SchemaRegistryError
one = Schema('{"type": "record", "name": "R", "fields": []}', "AVRO")
def code(call, *arguments, **more):
    try:
        return str(call(*arguments, **more))
    except SchemaRegistryError as error:
        return [error.http_status_code, error.error_code]
print(json.dumps({
    "register": client.register_schema("s", one),
    "again": client.register_schema("t", one, normalize_schemas=True),
    "get": client.get_schema(1).schema_str,
    "lookup": client.lookup_schema("s", one).version,
    "subjects": client.get_subjects(),
    "versions": client.get_versions("s"),
    "latest": client.get_latest_version("s").schema_id,
    "version": client.get_version("s", 1).schema.schema_str,
    "test": client.test_compatibility("s", Schema('"int"', "AVRO")),
    "incompatible": code(client.register_schema, "s", Schema('"int"', "AVRO")),
    "missing": code(client.get_latest_version, "none"),
    "unknown": code(client.get_schema, 99),
    "set": client.set_compatibility("s", "FULL"),
    "level": client.get_compatibility("s"),
    "all": client.get_compatibility(),
    "config": client.get_config("s").compatibility_level,
    "deleted": client.delete_version("s", 1),
    "dropped": client.delete_subject("t"),
    "gone": client.delete_subject("t", permanent=True),
}))""")
    assert told.pop("incompatible") == [409, 409] and told.pop("missing") == [404, 40401], told
    assert told.pop("unknown") == [404, 40403], told
    text = '{"type":"record","name":"R","fields":[]}'
    assert json.loads(told.pop("version")) == json.loads(text), told  # the client has it as it sent it
    assert told == {"register": 1, "again": 1, "get": text, "lookup": 1, "subjects": ["s", "t"], "versions": [1], "latest": 1,
                    "test": False, "set": {"compatibility": "FULL"}, "level": "FULL", "all": "BACKWARD",
                    "config": "FULL", "deleted": 1, "dropped": [1], "gone": [1]}, told


def test_a_pipeline_without_a_server(box):
    """With neither a cluster nor a registry named, both are those of the process; a hub over the folder has the same."""
    columns = "id INT, name STRING"
    kafka = "'connector' = 'kafka', 'topic' = 't', 'format' = 'avro-confluent'"
    weir = box.weir(f"CREATE TABLE o ({columns}) WITH ({kafka});\nINSERT INTO o VALUES (1, 'a'), (2, 'b');\n")
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode == 0, done.stderr
    weir.write("read.sql", f"CREATE TABLE i ({columns}) WITH ({kafka}, 'scan.startup.mode' = 'earliest-offset', "
                           "'scan.bounded.mode' = 'latest-offset');\nSELECT * FROM i;\n"
                           .replace("SELECT", f"CREATE TABLE p ({columns}) WITH ('connector' = 'print');\nINSERT INTO p SELECT"))
    done = weir.call("run", "read.sql", "--data-dir", weir.data)
    assert sorted(done.stdout.splitlines()) == ["+I[1, a]", "+I[2, b]"], done
    refused = weir.call("run", weir.write("other.sql", f"CREATE TABLE o (id INT, name INT NOT NULL) WITH ({kafka});\n"
                                                       "INSERT INTO o VALUES (1, 1);\n"), "--data-dir", weir.data)
    assert refused.returncode == 65 and "WR3514" in refused.stderr and "409" in refused.stderr, refused.stderr
    port = free_port()
    hub = box.process("hub", [BINARY, "hub", "--data-dir", weir.data, "--listen", "127.0.0.1:0", "--http", f"127.0.0.1:{port}"])
    door = Registry.__new__(Registry)
    door.port = port
    wait_until(door.listens, "the door to open", process=hub)
    assert door.get("/subjects") == ["t-value"]


def test_tables_of_other_clusters_name_their_registry(box):
    """Said when the script is checked: the registry of this process is not theirs."""
    kafka = "'connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.servers' = '127.0.0.1:1'"
    upsert = kafka.replace("kafka'", "upsert-kafka'", 1)
    url = ", 'avro-confluent.url' = 'http://127.0.0.1:1'"
    plain = f"CREATE TABLE o (id INT) WITH ({kafka}, 'format' = 'avro-confluent'%s);\nINSERT INTO o VALUES (1);\n"
    keyed = (f"CREATE TABLE o (id INT, n INT, PRIMARY KEY (id) NOT ENFORCED) WITH ({upsert}, 'key.format' = 'avro-confluent', "
             "'value.format' = 'json'%s);\nINSERT INTO o VALUES (1, 2);\n")
    weir = box.weir(plain % "")
    for script, named in ((plain, url), (keyed, url.replace("'avro", "'key.avro"))):
        for more in ("", named):
            done = weir.call("check", weir.write("pipeline.sql", script % more))
            assert (done.returncode == 0) == bool(more), done.stderr
            assert ("WR3435" in done.stderr and "avro-confluent.url" in done.stderr) == (not more), done.stderr


def test_kills_in_the_midst_of_registrations(box):
    """What was acknowledged is there with its number, and no number stands for two schemas."""
    print(f"     seed {SEED}", flush=True)
    draw = random.Random(SEED)
    registry = Registry(box)
    acknowledged = {}  # (subject, schema) → number
    lock = threading.Lock()
    stop = threading.Event()

    def write(number):
        mine = random.Random(SEED + number)
        while not stop.is_set():
            subject = f"s{mine.randrange(20)}"
            schema = json.dumps(record(f"R{mine.randrange(200)}", ("a", "int")))
            try:
                status, answer = registry.register(subject, schema)
            except (OSError, HTTPException):  # it was killed
                time.sleep(0.01)
                continue
            except Exception as error:  # pylint: disable=broad-exception-caught
                failures.append((subject, schema, repr(error)))
                return
            if status not in (200, 409):
                failures.append((subject, schema, status, answer))
            if status == 200:
                with lock:
                    before = acknowledged.setdefault((subject, schema), answer["id"])
                    if before != answer["id"]:
                        failures.append((subject, schema, before, answer))

    failures = []
    registry.call("PUT", "/config", {"compatibility": "NONE"})
    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(KILLS):
            wanted = len(acknowledged) + draw.randrange(5, 60)
            wait_until(lambda: len(acknowledged) >= wanted or len(acknowledged) > 3000, "registrations")
            registry.restart()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]
    registry.restart()
    numbers = {}
    for (subject, schema), number in acknowledged.items():
        status, answer = registry.call("POST", f"/subjects/{subject}", {"schema": schema})
        assert status == 200 and answer["id"] == number, (subject, schema, number, answer)
        assert numbers.setdefault(number, schema) == schema, (number, schema, numbers[number])
    for subject in registry.get("/subjects"):
        versions = registry.get(f"/subjects/{subject}/versions")
        assert versions == list(range(1, len(versions) + 1)), (subject, versions)
    ids = [one["id"] for one in registry.get("/schemas?limit=1000")]
    assert set(ids) <= set(range(1, 201)), ids
    print(f"     {len(acknowledged)} acknowledged, {len(numbers)} schemas", flush=True)


PRODUCE = """
import json
from kafka import KafkaProducer
producer = KafkaProducer(bootstrap_servers=ADDRESS)
for key, value in json.loads({!r}):
    producer.send("_schemas", key=key.encode(), value=value and value.encode())
producer.flush()
print(json.dumps(True))"""


def test_the_topic_is_that_of_confluents_registry(box):
    """Its records as Confluent's registry writes them; those that it has written are read, and go on."""
    registry = Registry(box)
    registry.put("s", ONE)
    registry.put("s", TWO)
    registry.call("PUT", "/config/s", {"compatibility": "FULL"})
    registry.call("DELETE", "/subjects/s")
    key = {"keytype": "SCHEMA", "subject": "s", "version": 1, "magic": 1}
    assert registry.records()[0] == (key, {"subject": "s", "version": 1, "id": 1, "schema": CANONICAL.replace(
        ',{"name":"note","type":["null","string"],"default":null}', ""), "deleted": False})
    assert registry.records()[2:] == [
        ({"keytype": "CONFIG", "subject": "s", "magic": 0}, {"compatibilityLevel": "FULL"}),
        ({"keytype": "DELETE_SUBJECT", "subject": "s", "magic": 0}, {"subject": "s", "version": 2}),
        ({"keytype": "CONFIG", "subject": "s", "magic": 0}, None)], registry.records()
    # The order of members matters to compaction.
    assert registry.hub.consume(TOPIC, form="%k\n").splitlines()[0] == (
        '{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}')
    foreign = [
        ('{"keytype":"NOOP","magic":0}', None),
        ('{"keytype":"SCHEMA","subject":"f","version":1,"magic":1}',
         json.dumps({"subject": "f", "version": 1, "id": 70, "md5": "x", "schema": '"int"', "deleted": False})),
        ('{"keytype":"SCHEMA","subject":"f","version":2,"magic":1}',
         json.dumps({"subject": "f", "version": 2, "id": 71, "schemaType": "JSON", "schema": "{}", "deleted": True,
                     "references": [], "metadata": {"tags": {}}})),
        ('{"keytype":"SCHEMA","subject":"g","version":1,"magic":0}',
         json.dumps({"subject": "g", "version": 1, "id": 70, "schema": '"int"'})),
        ('{"keytype":"CONFIG","subject":null,"magic":0}', '{"compatibilityLevel":"FORWARD"}'),
        ('{"keytype":"MODE","subject":"g","magic":0}', '{"mode":"IMPORT"}'),
        ('{"keytype":"CONTEXT","tenant":"default","context":".","magic":0}', '{"tenant":"default","context":"."}'),
        # What is none of a registry's is passed over.
        ("nothing", "nothing"), ('{"keytype":"SCHEMA"}', "{}"), ('{"keytype":"SCHEMA","subject":"h","version":1}', '{"id":1}'),
        ('{"keytype":"SCHEMA","subject":"h","version":0}', '{"id":1,"schema":"\\"int\\""}'),
        ('{"keytype":"SCHEMA","subject":"h","version":1}', '{"id":"1","schema":"\\"int\\""}'), ("[]", None), ("{}", "[]")]
    registry.hub.python(PRODUCE.format(json.dumps(foreign)))
    for _ in range(2):
        assert registry.get("/schemas/ids/70/subjects") == ["f", "g"]
        assert registry.get("/subjects/f/versions?deleted=true") == [1, 2]
        assert registry.get("/config") == {"compatibilityLevel": "FORWARD"} and registry.get("/mode/g") == {"mode": "IMPORT"}
        assert registry.get("/subjects?deleted=true") == ["f", "g", "s"]
        registry.restart()
    assert "none of a registry" in registry.hub.process.log_tail(), registry.hub.process.log_tail()
    assert registry.put("new", ONE) == 1 and registry.put("new2", '"bytes"') == 72
    registry.fails(42205, "POST", "/subjects/g/versions", schema_of())
    # Without its topic it is empty, and begins anew.
    registry.hub.python("""
import json
from kafka.admin import KafkaAdminClient
KafkaAdminClient(bootstrap_servers=ADDRESS).delete_topics(["_schemas"])
print(json.dumps(True))""")
    assert registry.get("/subjects") == [] and registry.put("s", '"int"') == 1


def test_a_compacted_topic_says_the_same(box):
    """What was deleted for good leaves the topic, and no number of it is given again."""
    registry = Registry(box)
    registry.hub.python("""
import json
from kafka.admin import KafkaAdminClient, NewTopic
KafkaAdminClient(bootstrap_servers=ADDRESS).create_topics([NewTopic("_schemas", 1, 1, topic_configs={
    "cleanup.policy": "compact", "segment.bytes": "12000", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "0"})])
print(json.dumps(True))""")
    registry.call("PUT", "/config", {"compatibility": "NONE"})
    for number in range(60):
        registry.put("gone", record(f"Gone{number}", ("a", "int")))
    registry.put("kept", record("Kept", ("a", "int")))
    last = registry.put("gone", record("Last", ("a", "int")))
    registry.call("DELETE", "/subjects/gone")
    status, gone = registry.call("DELETE", "/subjects/gone?permanent=true")
    assert status == 200 and len(gone) == 61, (status, gone)
    before = [registry.get(path) for path in ("/schemas?deleted=true", "/config", "/subjects?deleted=true")]

    def is_compacted():
        registry.call("PUT", "/config", {"compatibility": "NONE"})  # so that segments end
        return "Gone3" not in registry.hub.consume(TOPIC, form="%s\n")
    wait_until(is_compacted, "what is gone to leave the topic", 60, every=0.1, process=registry.hub.process)
    for _ in range(2):
        assert [registry.get(path) for path in ("/schemas?deleted=true", "/config", "/subjects?deleted=true")] == before
        registry.restart()
    assert registry.put("gone", '"int"') == last + 1
    assert registry.get("/subjects/gone/versions") == [1]


def test_damage_is_told(box):
    registry = Registry(box)
    for number in range(50):
        registry.put(f"s{number}", record(f"R{number}", ("a", "int")))
    registry.hub.stop()
    log, = (registry.hub.folder / "hub").glob("_schemas*/0/*.log")
    data = bytearray(log.read_bytes())
    at = data.index(b"R7")
    data[at] ^= 1
    log.write_bytes(data)
    registry.hub.start()
    wait_until(registry.listens, "the door to open", process=registry.hub.process)
    assert "WR5301" in registry.get("/subjects", 50001)
    assert "WR5301" in registry.fails(50001, "POST", "/subjects/new/versions", schema_of())


def key(registry, name, *flags):
    done = subprocess.run([BINARY, "key", "create", name, "--data-dir", registry.hub.folder, *flags], capture_output=True,
                          text=True, check=True)
    return done.stdout.strip()


def test_who_writes_to_its_topic(box):
    """By Kafka's protocol as by HTTP: with the role admin only."""
    registry = Registry(box, "--sasl", "PLAIN")
    names = {role: key(registry, role, "--role", role) for role in ("produce", "admin")}

    def writes(role):
        return registry.hub.python(f"""
import json
from confluent_kafka import KafkaException, Producer
producer = Producer({{"bootstrap.servers": ADDRESS, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
    "sasl.username": {role!r}, "sasl.password": {names[role]!r}, "message.timeout.ms": 10000}})
told = []
for topic in ("t", "_schemas"):
    try:
        producer.produce(topic, "{{}}", key='{{"keytype":"NOOP","magic":0}}',
                         callback=lambda error, message: told.append(error and error.name()))
    except KafkaException as error:  # the client has heard of it with the list of topics
        told.append(error.args[0].name())
    producer.flush(20)
print(json.dumps(told))""")

    assert writes("admin") == [None, None]
    assert writes("produce") == [None, "TOPIC_AUTHORIZATION_FAILED"]


def test_registrations_have_their_pace(box):
    registry = Registry(box)
    slow = key(registry, "slow", "--role", "produce", "--bytes-per-second", "1000")
    bearer = {"Authorization": f"Bearer {slow}"}
    wait_until(lambda: registry.call("GET", "/subjects")[0] == 401, "keys to count")
    large = {"schema": json.dumps({**ONE, "doc": "x" * 20000})}
    assert registry.call("POST", "/subjects/s-value/versions", large, **bearer)[0] == 200
    status, answer = registry.call("POST", "/subjects/s-value/versions", large, **bearer)
    assert status == 429 and "WR6043" in answer["message"], answer


def test_who_may_what(box):
    registry = Registry(box)
    reads, writes, rules = (key(registry, name, "--role", role, "--topics", "orders")
                            for name, role in (("r", "consume"), ("w", "produce"), ("a", "admin")))
    everything = key(registry, "all", "--role", "admin")

    def status(with_key, method, path, body=None):
        return registry.call(method, path, body, **({"Authorization": f"Bearer {with_key}"} if with_key else {}))[0]

    wait_until(lambda: status(None, "GET", "/subjects") == 401, "keys to count")
    register = ("POST", "/subjects/orders-value/versions", schema_of())
    assert [status(one, *register) for one in (None, "nothing", reads, writes, rules)] == [401, 401, 403, 200, 200]
    assert status(writes, "POST", "/subjects/other-value/versions", schema_of()) == 403
    assert status(writes, "POST", "/subjects/orders-key/versions", schema_of()) == 200
    for path in ("/schemas/ids/1", "/subjects", "/subjects/orders-value/versions/1", "/config", "/mode", "/schemas/types"):
        assert [status(one, "GET", path) for one in (None, reads, writes, rules)] == [401, 200, 200, 200], path
    assert status(writes, "POST", "/subjects/orders-value", schema_of()) == 200
    level = {"compatibility": "NONE"}
    assert [status(one, "PUT", "/config/orders-value", level) for one in (reads, writes, rules)] == [403, 403, 200]
    assert [status(one, "PUT", "/config", level) for one in (writes, rules, everything)] == [403, 403, 200]
    assert [status(one, "DELETE", "/subjects/orders-key") for one in (writes, rules)] == [403, 200]
    # What the topic says counts for all subjects: it takes more to write to it than a topic's key.
    writer, admin = (key(registry, f"all-{role}", "--role", role) for role in ("produce", "admin"))
    wait_until(lambda: status(writer, "GET", "/subjects") == 200, "keys to count")
    post = ("POST", "/v1/topics/_schemas/records?key=x")

    def posted(with_key):
        return registry.ask(*post, '{"x": 1}', Authorization=f"Bearer {with_key}")[0]

    found = [posted(one) for one in (writer, rules, admin)]
    assert found == [403, 403, 200], found
    code, answer = registry.call("GET", "/subjects")
    assert (code, answer["error_code"]) == (401, 401) and "WR6041" in answer["message"], answer
    # By name and key, as Confluent's clients send them; the name has to be that of the key.
    done = confluent(registry, 'print(json.dumps(client.get_subjects()))', auth=f"w:{writes}")
    assert done == ["orders-value"], done
    wrong = subprocess.run([install(), "-c", CONFLUENT.format(url=registry.url, auth=f"x:{writes}", script="client.get_subjects()")],
                           capture_output=True, text=True, check=False)
    assert wrong.returncode != 0 and "401" in wrong.stderr, wrong.stderr


ENVELOPE = {"type": "record", "name": "Envelope", "namespace": "server.shop.orders", "fields": [
    {"name": "before", "type": ["null", {"type": "record", "name": "Value", "fields": [
        {"name": "id", "type": "int"}, {"name": "note", "type": ["null", "string"], "default": None}]}], "default": None},
    {"name": "after", "type": ["null", "Value"], "default": None},
    {"name": "source", "type": {"type": "record", "name": "Source", "namespace": "io.debezium.connector.mysql", "fields": [
        {"name": "ts_ms", "type": "long"}, {"name": "db", "type": "string"}]}},
    {"name": "op", "type": "string"}, {"name": "ts_ms", "type": ["null", "long"], "default": None}]}


def change(op, before, after):
    def row(pair):
        return pair and {"id": pair[0], "note": pair[1]}
    return {"op": op, "before": row(before), "after": row(after), "source": {"ts_ms": 7, "db": "shop"}, "ts_ms": 8}


def test_changes_of_debezium(box):
    """Read as a connector writes them, by Confluent's serializer, and written so that its deserializer reads them."""
    registry = Registry(box)
    changes = [change("r", None, (1, "a")), change("c", None, (2, None)), change("u", (1, "a"), (1, "b")),
               change("u", None, (2, "x")), change("d", (2, None), None), change("t", None, None), change("c", None, None),
               change("d", None, (1, "b")), change("c", None, (3, "c"))]
    confluent(registry, f"""
write("in", {ENVELOPE!r}, {changes!r})
producer = Producer({{"bootstrap.servers": ADDRESS}})
producer.produce("in", None)
assert producer.flush(30) == 0  # in front of what the next, a producer of its own, writes
write("in", {ONE!r}, [{{"id": 1}}], **{{"subject.name.strategy": lambda context, name: "other"}})
print(json.dumps(True))""")
    kafka = f"'connector' = 'kafka', 'properties.bootstrap.servers' = '{registry.hub.address}'"
    form = "'format' = 'debezium-avro-confluent', 'debezium-avro-confluent.url' = '{}'".format(registry.url)
    read = (f"CREATE TABLE i (id INT, note STRING) WITH ({kafka}, 'topic' = 'in', {form}, "
            "'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');\n")
    weir = box.weir(read + f"CREATE TABLE o (note STRING, n BIGINT NOT NULL) WITH ({kafka}, 'topic' = 'out', {form});\n"
                    "CREATE TABLE p (id INT, note STRING) WITH ('connector' = 'print');\n"
                    "INSERT INTO p SELECT id, note FROM i;\nINSERT INTO o SELECT note, COUNT(*) FROM i GROUP BY note;\n")
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["+I[1, a]", "+I[2, null]", "-U[1, a]", "+U[1, b]", "-D[2, null]", "+I[3, c]"], done.stdout
    letters = [json.loads(line) for path in weir.data.rglob("i.jsonl") for line in path.read_text("utf-8").splitlines()]
    told = [(letter["position"], letter["code"]) for letter in letters]
    assert told == [("in/0:3", "WR3506"), ("in/0:5", "WR3506"), ("in/0:6", "WR3506"), ("in/0:7", "WR3506"),
                    ("in/0:10", "WR3513")], letters
    assert "REPLICA IDENTITY" in letters[0]["reason"] and "op" in letters[1]["reason"], letters
    fields = json.loads(registry.get("/subjects/out-value/versions/1")["schema"])["fields"]
    assert [field["name"] for field in fields] == ["before", "after", "op"], fields
    count = len(registry.hub.consume("out", form="%o\n").splitlines())
    assert count >= 2
    found = confluent(registry, f"""
import collections
left = collections.Counter()
for row in read("out", {count}):
    assert (row["before"] is None) == (row["op"] == "c") and (row["after"] is None) == (row["op"] == "d"), row
    whole = row["before"] or row["after"]
    left[(whole["note"], whole["n"])] += 1 if row["op"] == "c" else -1
print(json.dumps(sorted([list(key) for key, count in left.items() if count], key=str)))""")
    assert found == [["b", 1], ["c", 1]], found


def test_the_door_checks_records_of_its_schemas(box):
    """What is posted to a topic that a table of avro-confluent declares has to be by a schema of the hub."""
    script = box.path("tables.sql")
    script.write_text("CREATE TABLE t (id SMALLINT NOT NULL, note STRING) WITH ('connector' = 'kafka', 'topic' = 't', "
                      "'format' = 'avro-confluent');\n", "utf-8")
    registry = Registry(box, "--tables", str(script))
    number = registry.put("t-value", record("R", ("id", "int"), ("note", "string"))).to_bytes(4, "big")
    for body, status in ((b"\0" + number + b"\x02\x02a", 200), (b"\0" + number + b"\xf0\xa2\x04\x02a", 422), (b"nothing", 422),
                         (b"\0\0\0\0\x09\x02\x02a", 422)):
        told, answer, _ = registry.post("t", body, Content_Type="application/octet-stream")
        assert told == status, (body, told, answer)
    assert len(registry.values("t")) == 1 and len(registry.values("t.dead-letters")) == 3


def test_from_the_shell(box):
    registry = Registry(box)

    def weir(*arguments, code=0, feed=None):
        done = subprocess.run([BINARY, "schema", *arguments, "--url", registry.url], input=feed, capture_output=True, text=True,
                              check=False)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stdout + done.stderr

    assert weir("list") == ""
    path = box.path("order.avsc")
    path.write_text(json.dumps(TWO), "utf-8")
    assert weir("register", "a/b c", str(path)) == "1\n"
    assert weir("register", "p", "-", "--type", "PROTOBUF", feed="syntax = 'proto3';") == "2\n"
    assert weir("list") == "a/b c  version 1  id 1  AVRO\np  version 1  id 2  PROTOBUF\n"
    assert weir("show", "a/b c") == CANONICAL + "\n"
    assert json.loads(weir("show", "a/b c", "--version", "1", "--json"))["id"] == 1
    assert weir("check", "a/b c", str(path)) == ""
    path.write_text('"int"', "utf-8")
    assert "TYPE_MISMATCH" in weir("check", "a/b c", str(path), code=1)
    assert "WR7053" in weir("register", "a/b c", str(path), code=65)
    assert "Version 9 not found" in weir("show", "a/b c", "--version", "9", code=66)
    assert "WR7003" in weir("show", code=64) and "WR7003" in weir("drop", "x", code=64)
    secret = key(registry, "k", "--role", "consume")
    wait_until(lambda: registry.call("GET", "/subjects")[0] == 401, "keys to count")
    assert "WR6041" in weir("list", code=77) and weir("list", "--key", secret) == weir("list", "--key", f"k:{secret}")
    registry.hub.stop()
    assert "WR7053" in weir("list", code=69)


if __name__ == "__main__":
    main()
