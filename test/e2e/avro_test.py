"""Avro in topics, against fastavro: tables of any types both ways, and schemas that a registry keeps."""

import base64
import json
import os
import random
import time

from lib import main, wait_until
from lookups import letters
from registry import Registry
from topics import BOUNDED, EARLIEST, on, run, table

PUT = """
import base64, json
from kafka import KafkaProducer
producer = KafkaProducer(bootstrap_servers=ADDRESS)
for key, value in json.loads({!r}):
    producer.send({!r}, key=key and base64.b64decode(key), value=base64.b64decode(value))
producer.flush()
print(json.dumps(True))"""

GET = """
import base64, json
from kafka import KafkaConsumer
consumer = KafkaConsumer({!r}, bootstrap_servers=ADDRESS, auto_offset_reset='earliest', consumer_timeout_ms=20000)
found = []
for message in consumer:
    found.append([message.key and base64.b64encode(message.key).decode(), base64.b64encode(message.value).decode()])
    if len(found) == {}:
        break
print(json.dumps(found))"""

# Values as JSON, with a tag where JSON has no form for them.
AVRO = """
import base64, datetime, decimal, io, json, fastavro
def plain(value):
    if isinstance(value, bytes):
        return {{"bytes": value.hex()}}
    if isinstance(value, decimal.Decimal):
        return {{"decimal": f"{{value:f}}"}}
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return {{"time": value.isoformat()}}
    if isinstance(value, float):
        return {{"real": repr(value)}}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {{"map": sorted([key, plain(item)] for key, item in value.items())}}
    return value
def back(value):
    if isinstance(value, list):
        return [back(item) for item in value]
    if not isinstance(value, dict):
        return value
    (kind, inner), = value.items()
    if kind == "bytes":
        return bytes.fromhex(inner)
    if kind == "decimal":
        return decimal.Decimal(inner)
    if kind == "real":
        return float(inner)
    if kind == "map":
        return {{key: back(item) for key, item in inner}}
    for type in (datetime.time, datetime.date, datetime.datetime):
        try:
            return type.fromisoformat(inner)
        except ValueError:
            pass
schema = fastavro.parse_schema(json.loads({schema!r}))
def write(value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, back(value))
    return base64.b64encode(out.getvalue()).decode()
def write_json(value):
    out = io.StringIO()
    fastavro.json_writer(out, schema, [back(value)])
    return base64.b64encode(out.getvalue().encode()).decode()
def read(text):
    data = io.BytesIO(base64.b64decode(text))
    value = plain(fastavro.schemaless_reader(data, schema))
    assert not data.read()
    return value
print(json.dumps([{do}(value) for value in json.loads({values!r})]))"""


def avro(topics, do, schema, values):
    return topics.python(AVRO.format(do=do, schema=json.dumps(schema), values=json.dumps(values)))


def put(topics, topic, messages):
    topics.python(PUT.format(json.dumps(messages), topic))


def get(topics, topic, count):
    return topics.python(GET.format(topic, count))


class Tables:
    """Random types with their schema by Flink's rules, and values of them."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def type(self, depth, path):
        """(SQL, schema, function that gives a value)"""
        draw = self.random
        digits = draw.randrange(1, 38)
        scale = draw.randrange(0, digits + 1)
        singles = [
            ("BOOLEAN", "boolean", lambda: draw.random() < 0.5),
            ("TINYINT", "int", lambda: draw.randrange(-128, 128)),
            ("SMALLINT", "int", lambda: draw.randrange(-2**15, 2**15)),
            ("INT", "int", lambda: draw.randrange(-2**31, 2**31)),
            ("BIGINT", "long", lambda: draw.randrange(-2**63, 2**63) >> draw.randrange(64)),
            ("FLOAT", "float", lambda: {"real": repr(draw.randrange(-2**20, 2**20) / 8)}),
            ("DOUBLE", "double", lambda: {"real": repr(draw.uniform(-1e9, 1e9))}),
            ("STRING", "string", self.text),
            ("BYTES", "bytes", lambda: {"bytes": draw.randbytes(draw.randrange(20)).hex()}),
            (f"DECIMAL({digits}, {scale})",
             {"type": "bytes", "logicalType": "decimal", "precision": digits, "scale": scale},
             lambda: self.decimal(digits, scale)),
            ("DATE", {"type": "int", "logicalType": "date"},
             lambda: {"time": f"{draw.randrange(1900, 2100)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"}),
            ("TIME(3)", {"type": "int", "logicalType": "time-millis"}, lambda: {"time": self.clock(3)}),
            ("TIMESTAMP(3)", {"type": "long", "logicalType": "local-timestamp-millis"}, lambda: self.moment(3, "")),
            ("TIMESTAMP(6)", {"type": "long", "logicalType": "local-timestamp-micros"}, lambda: self.moment(6, "")),
            ("TIMESTAMP_LTZ(3)", {"type": "long", "logicalType": "timestamp-millis"},
             lambda: self.moment(3, "+00:00")),
            ("TIMESTAMP_LTZ(6)", {"type": "long", "logicalType": "timestamp-micros"},
             lambda: self.moment(6, "+00:00")),
        ]
        if depth > 0 and draw.random() < 0.4:
            return self.nested(depth, path)
        return draw.choice(singles)

    def nested(self, depth, path):
        draw = self.random
        kind = draw.choice(["ARRAY", "MAP", "ROW"])
        if kind == "ROW":
            names = [f"f{i}" for i in range(draw.randrange(1, 4))]
            fields = [self.column(depth - 1, f"{path}_{name}") for name in names]
            schema = {"type": "record", "name": path, "fields": [
                {"name": name, "type": field[1]} for name, field in zip(names, fields)]}
            return (f"ROW<{', '.join(f'{name} {field[0]}' for name, field in zip(names, fields))}>", schema,
                    lambda: {"map": sorted([name, field[2]()] for name, field in zip(names, fields))})
        sql, schema, value = self.column(depth - 1, path)
        if kind == "ARRAY":
            return f"ARRAY<{sql}>", {"type": "array", "items": schema}, lambda: [
                value() for _ in range(draw.randrange(4))]
        return f"MAP<STRING, {sql}>", {"type": "map", "values": schema}, lambda: {
            "map": sorted([f"k{i}", value()] for i in range(draw.randrange(4)))}

    def column(self, depth, path):
        sql, schema, value = self.type(depth, path)
        if self.random.random() < 0.3:
            return f"{sql} NOT NULL", schema, value
        return sql, ["null", schema], lambda: None if self.random.random() < 0.25 else value()

    def text(self):
        return "".join(self.random.choice("aäβ€𝄞\n\"'") for _ in range(self.random.randrange(20)))

    def decimal(self, digits, scale):
        number = self.random.randrange(-10**digits + 1, 10**digits) // 10**self.random.randrange(digits)
        text = f"{abs(number):0{scale + 1}}"
        whole = text[:-scale] + "." + text[-scale:] if scale else text
        return {"decimal": ("-" if number < 0 else "") + whole}

    def clock(self, digits):
        draw = self.random
        rest = draw.randrange(10**digits)
        fraction = f".{rest:0{digits}}".ljust(7, "0") if rest else ""
        return f"{draw.randrange(24):02}:{draw.randrange(60):02}:{draw.randrange(60):02}{fraction}"

    def moment(self, digits, zone):
        draw = self.random
        return {"time": f"{draw.randrange(1900, 2100)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}T"
                        f"{self.clock(digits)}{zone}"}

    def table(self):
        names = [f"c{i}" for i in range(self.random.randrange(1, 12))]
        columns = [self.column(3, f"record_{name}") for name in names]
        schema = {"type": "record", "name": "record", "namespace": "org.apache.flink.avro.generated", "fields": [
            {"name": name, "type": column[1]} for name, column in zip(names, columns)]}
        return (", ".join(f"`{name}` {column[0]}" for name, column in zip(names, columns)), schema,
                lambda: {"map": sorted([name, column[2]()] for name, column in zip(names, columns))})


def any_tables(topics, box, is_json):
    """What fastavro writes comes through, read and written, and fastavro reads it as it was."""
    seed = int(os.environ.get("WEIR_SEED", time.time()))
    rounds = 40 if os.environ.get("WEIR_SOAK") else 3
    print(f"     seed {seed}", flush=True)
    tables = Tables(seed)
    for number in range(rounds):
        columns, schema, value = tables.table()
        values = [value() for _ in range(30)]
        topics.make(f"in{number}", 1)
        written = avro(topics, "write_json" if is_json else "write", schema, values)
        put(topics, f"in{number}", [[None, data] for data in written])
        options = "'avro.timestamp_mapping.legacy' = 'false'" + (", 'avro.encoding' = 'json'" if is_json else "")
        rows = run(box.weir(), table(topics, "i", columns, f"in{number}", f"{BOUNDED}, {options}", format="avro") +
                   table(topics, "o", columns, f"out{number}", options, format="avro") +
                   "INSERT INTO o SELECT * FROM i;\n")
        assert rows == [], rows
        found = [data for _, data in get(topics, f"out{number}", len(values))]
        if is_json:  # fastavro does not read all that it writes
            values, found = ([json.loads(base64.b64decode(data)) for data in side] for side in (written, found))
        else:
            found = avro(topics, "read", schema, found)
        for sent, came in zip(values, found, strict=True):
            assert came == sent, (seed, columns, sent, came)


@on("hub")
def test_tables_of_any_types_against_fastavro(topics, box):
    any_tables(topics, box, False)


@on("hub")
def test_the_same_in_avros_json(topics, box):
    any_tables(topics, box, True)


@on("hub")
def test_records_in_avros_json(topics, box):
    """As Java writes them; what is none is a dead letter."""
    topics.make("j", 1)
    columns = "id INT NOT NULL, name STRING, b BYTES, d DOUBLE, a ARRAY<INT>"
    good = [b'{"id":1,"name":{"string":"\xc3\xa4\\""},"b":{"bytes":"\\u0000\xc3\xbf"},"d":{"double":1.0E10},"a":{"array":[{"int":1},null]}}',
            b'{"id":2,"name":null,"b":null,"d":{"double":"NaN"},"a":null}']
    bad = [b"", b"{}x", b"[]", b'{"name":null,"b":null,"d":null,"a":null}', b'{"id":1,"name":"bare","b":null,"d":null,"a":null}',
           b'{"id":1,"name":{"text":"x"},"b":null,"d":null,"a":null}', b'{"id":3000000000,"name":null,"b":null,"d":null,"a":null}',
           b'{"id":1,"name":{"string":"x","int":1},"b":null,"d":null,"a":null}',
           b'{"id":1,"name":null,"b":{"bytes":"\xe2\x82\xac"},"d":null,"a":null}']
    put(topics, "j", [[None, base64.b64encode(data).decode()] for data in good + bad])
    weir = box.weir()
    options = "'avro.encoding' = 'json'"
    assert run(weir, table(topics, "i", columns, "j", f"{BOUNDED}, {options}", format="avro") +
               table(topics, "o", columns, "k", options, format="avro") + "INSERT INTO o SELECT * FROM i;\n") == []
    assert [letter["code"] for letter in letters(weir, "i")] == ["WR3511"] * len(bad), letters(weir, "i")
    found = [base64.b64decode(value) for _, value in get(topics, "k", len(good))]
    assert found == good, found


ORDER = {"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"}, {"name": "customer", "type": "string"},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2}}]}
LATER = {"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
    {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2}]},
    {"name": "tags", "type": {"type": "array", "items": "string"}}, {"name": "id", "type": "int"}]}
PRINT = "CREATE TABLE p ({}) WITH ('connector' = 'print');\n"


def framed(number, data):
    return base64.b64encode(b"\0" + number.to_bytes(4, "big") + base64.b64decode(data)).decode()


def orders(topics, registry, more=""):
    return table(topics, "s", "id BIGINT, state STRING, price DECIMAL(10, 2), customer STRING", "orders",
                 f"{BOUNDED}, 'avro-confluent.url' = '{registry.url}'{more}", format="avro-confluent")


def values_of(registry, topics):
    first, second = registry.put("orders-value", ORDER), registry.put("orders-value", LATER)
    one, = avro(topics, "write", ORDER, [{"map": [["id", 1], ["customer", "ann"], ["price", {"decimal": "9.50"}]]}])
    two, three = avro(topics, "write", LATER, [
        {"map": [["state", "PAID"], ["price", None], ["tags", ["a", "b"]], ["id", 2]]},
        {"map": [["state", "NEW"], ["price", {"decimal": "1.00"}], ["tags", []], ["id", 3]]}])
    return [framed(first, one), framed(second, two), framed(first, one), framed(second, three)]


ROWS = ["+I[1, null, 9.50, ann]", "+I[1, null, 9.50, ann]", "+I[2, PAID, null, null]", "+I[3, NEW, 1.00, null]"]
SHOW = PRINT.format("id BIGINT, state STRING, price DECIMAL(10, 2), customer STRING") + "INSERT INTO p SELECT * FROM s;\n"


@on("hub")
def test_schemas_of_a_registry_that_change(topics, box):
    """Each record by the schema of its number, which is asked for once; what is none is a dead letter."""
    with Registry() as registry:
        registry.password = "me:secret"
        topics.make("orders", 1)
        messages = [[None, value] for value in values_of(registry, topics)]
        other = registry.put("other", '"string"')
        messages += [[None, base64.b64encode(data).decode()] for data in (
            b"", b"\0\0", b"\1\0\0\0\x64abc", b"\0\0\0\0\7abc", b"\0\0\0\0\x64\xff",
            b"\0" + other.to_bytes(4, "big") + b"\2a", b"\0\0\0\0\7abc")]
        put(topics, "orders", messages)
        weir = box.weir()
        auth = (", 'avro-confluent.basic-auth.credentials-source' = 'USER_INFO', "
                "'avro-confluent.basic-auth.user-info' = '{}'")
        assert run(weir, orders(topics, registry, auth.format("me:secret")) + SHOW) == ROWS
        assert sorted(registry.requests) == sorted(["GET /schemas/ids/100", "GET /schemas/ids/101",
                                                    "GET /schemas/ids/102", "GET /schemas/ids/7"]), registry.requests
        reasons = [(l["position"], l["code"]) for l in letters(weir, "s")]
        assert sorted(reasons, key=lambda reason: int(reason[0][9:])) == [("orders/0:4", "WR3511"), ("orders/0:5", "WR3511"), ("orders/0:6", "WR3511"),
                                   ("orders/0:7", "WR3513"), ("orders/0:8", "WR3511"),
                                   ("orders/0:9", "WR3513"), ("orders/0:10", "WR3513")], letters(weir, "s")
        # A wrong password stops the job before a record is lost, and is not shown.
        error = run(weir, orders(topics, registry, auth.format("me:wrong")) + SHOW, 77)
        assert "WR3514" in error and "Unauthorized" in error and "wrong" not in error, error


@on("hub")
def test_a_registry_that_is_away_is_waited_for(topics, box):
    with Registry() as registry:
        topics.make("orders", 1)
        put(topics, "orders", [[None, value] for value in values_of(registry, topics)])
        registry.is_down = True
        weir = box.weir(orders(topics, registry).replace(BOUNDED, EARLIEST) + SHOW).start()
        wait_until(lambda: len(registry.requests) > 2, "attempts", process=weir)
        assert weir.stdout() == "" and "trying again" in weir.log(), weir.log()
        registry.is_down = False
        wait_until(lambda: weir.stdout().count("+I") == 4, "the rows", process=weir)
        assert weir.stop() == 0, weir.log()
        assert sorted(weir.stdout().splitlines()) == ROWS
        assert letters(weir, "s") == []


@on("hub")
def test_what_is_written_is_registered(topics, box):
    """Under TOPIC-value and TOPIC-key, once; a schema that the registry refuses stops the job before its first row."""
    with Registry() as registry:
        topics.make("out", 1)
        weir = box.weir()
        format = f"'{{}}.avro-confluent.url' = '{registry.url}'"
        script = ("CREATE TABLE o (id BIGINT NOT NULL, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = "
                  f"'upsert-kafka', 'topic' = 'out', 'properties.bootstrap.servers' = '{topics.address}', 'key.format' "
                  "= 'avro-confluent', 'value.format' = 'avro-confluent', "
                  f"{format.format('key')}, {format.format('value')});\n"
                  "INSERT INTO o VALUES (1, 'a'), (2, CAST(NULL AS STRING));\n")
        assert run(weir, script) == []
        assert sorted(registry.subjects) == ["out-key", "out-value"], registry.subjects
        value = {"type": "record", "name": "record", "namespace": "org.apache.flink.avro.generated", "fields": [
            {"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"], "default": None}]}
        number, = registry.subjects["out-value"]
        assert json.loads(registry.schemas[number]) == value
        found = [[base64.b64decode(part) for part in message] for message in get(topics, "out", 2)]
        assert all(data[:5] == b"\0" + number.to_bytes(4, "big") for _, data in found), found
        read = avro(topics, "read", value, [base64.b64encode(data[5:]).decode() for _, data in found])
        assert read == [{"map": [["id", 1], ["name", "a"]]}, {"map": [["id", 2], ["name", None]]}], read
        assert [key[5:] for key, _ in found] == [b"\2", b"\4"], found
        registry.refused = {"out-value"}
        error = run(weir, script, 65)
        assert "WR3514" in error and "incompatible" in error, error
        assert len(get(topics, "out", 2)) == 2


if __name__ == "__main__":
    main()
