#!/usr/bin/env python3
"""Writes avro_vectors.inc: what fastavro writes by a schema, and how the columns of avro_test.c read it.

Needs fastavro. What comes out is worked out here from the values that went in; where a reader's schema
says the same, fastavro's own resolution must agree."""

import datetime
import decimal
import io
import json
import random

import fastavro

SEED = 20240301
RANDOM = random.Random(SEED)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def written(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), value)
    return out.getvalue()


def record(*fields, name="r"):
    return {"type": "record", "name": name, "fields": [
        {"name": field[0], "type": field[1], **(field[2] if len(field) > 2 else {})} for field in fields]}


def vector(columns, schema, value, expected, reader=None):
    """`columns` names a table of avro_test.c; an expected text with a blank after a code is a refusal."""
    data = written(schema, value)
    if reader is not None:
        out = io.BytesIO(data)
        read = fastavro.schemaless_reader(out, fastavro.parse_schema(json.loads(json.dumps(schema))),
                                          fastavro.parse_schema(json.loads(json.dumps(reader))))
        shown = "|".join("\\N" if read[field["name"]] is None else str(read[field["name"]])
                         for field in reader["fields"])
        assert shown == expected, (shown, expected)
    texts = [columns, json.dumps(schema), "" if reader is None else json.dumps(reader), expected]
    print("{" + ", ".join(json.dumps(text, ensure_ascii=False) for text in texts) + ", "
          + ", ".join([f'"{data.hex()}"', str(len(data))]) + "},", file=OUT)


def union(*types):
    return ["null", *types]


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}


def singles():
    """Every kind of value, at its edges and at random, into the type that it has in a table."""
    edges = [0, 1, -1, 63, -64, 64, 2**31 - 1, -2**31]
    for n in edges + [RANDOM.randrange(-2**31, 2**31) for _ in range(5)]:
        vector("INT", record(("v", "int")), {"v": n}, str(n), record(("v", "int")))
        vector("BIGINT", record(("v", "int")), {"v": n}, str(n), record(("v", "long")))
        vector("INT", record(("v", union("int"))), {"v": n}, str(n))
    for n in [2**63 - 1, -2**63] + [RANDOM.randrange(-2**63, 2**63) for _ in range(5)]:
        vector("BIGINT", record(("v", "long")), {"v": n}, str(n), record(("v", "long")))
    vector("INT", record(("v", union("int"))), {"v": None}, "\\N")
    vector("INT", record(("v", ["int", "null"])), {"v": None}, "\\N")
    vector("INT NOT NULL", record(("v", union("int"))), {"v": None}, "WR3502 ")
    vector("SMALLINT", record(("v", "int")), {"v": -32768}, "-32768")
    vector("SMALLINT", record(("v", "int")), {"v": 32768}, "WR3502 ")
    vector("BOOLEAN", record(("v", "boolean")), {"v": True}, "true")
    vector("FLOAT", record(("v", "float")), {"v": 1.5}, "1.5")
    vector("DOUBLE", record(("v", "float")), {"v": -0.25}, "-0.25")
    vector("DOUBLE", record(("v", "double")), {"v": 1e-300}, "1.0E-300")
    vector("DOUBLE", record(("v", "long")), {"v": 3}, "3.0")
    for text in ["", "a", "grün", "x" * 200]:
        vector("STRING", record(("v", "string")), {"v": text}, text, record(("v", "string")))
        vector("STRING", record(("v", "bytes")), {"v": text.encode()}, text)
    vector("STRING", record(("v", "bytes")), {"v": b"\xff"}, "WR3502 ")
    vector("STRING", record(("v", {"type": "enum", "name": "e", "symbols": ["A", "B"]})), {"v": "B"}, "B")
    vector("BYTES", record(("v", {"type": "fixed", "name": "f", "size": 3})), {"v": b"abc"}, "YWJj")
    vector("BYTES", record(("v", "string")), {"v": "abc"}, "YWJj")


def decimals():
    for n in [0, 1, -1, 127, 128, -128, -129, 255, 99999999_99, -99999999_99] + [
            RANDOM.randrange(-10**10 + 1, 10**10) for _ in range(8)]:
        value = decimal.Decimal(n).scaleb(-2)
        vector("DECIMAL", record(("v", DECIMAL)), {"v": value}, f"{value:.2f}")
    fixed = {"type": "fixed", "name": "f", "size": 9, "logicalType": "decimal", "precision": 20, "scale": 4}
    vector("DECIMAL", record(("v", fixed)), {"v": decimal.Decimal("-12.3400")}, "-12.34")
    vector("DECIMAL", record(("v", {**DECIMAL, "scale": 0})), {"v": decimal.Decimal(7)}, "7.00")
    vector("DECIMAL", record(("v", {**DECIMAL, "precision": 20})), {"v": decimal.Decimal("123456789.00")}, "WR3502 ")
    vector("DECIMAL", record(("v", "bytes")), {"v": b"\x00\x00\x00\x04\xd2"}, "12.34")


def times():
    day = {"type": "int", "logicalType": "date"}
    vector("DATE", record(("v", day)), {"v": datetime.date(2024, 2, 29)}, "2024-02-29")
    vector("DATE", record(("v", day)), {"v": datetime.date(1969, 12, 31)}, "1969-12-31")
    clock = datetime.time(23, 59, 59, 999000)
    vector("TIME", record(("v", {"type": "int", "logicalType": "time-millis"})), {"v": clock}, "23:59:59.999")
    vector("TIME", record(("v", {"type": "long", "logicalType": "time-micros"})), {"v": clock}, "23:59:59.999")
    vector("TIME", record(("v", "int")), {"v": 86_400_000}, "WR3502 ")
    for millis in [0, -1, 1709164800123]:
        moment = EPOCH + datetime.timedelta(milliseconds=millis)
        text = f"{moment:%Y-%m-%d %H:%M:%S}" + (f".{moment.microsecond // 1000:03d}" if millis % 1000 else "")
        for logical, scale in (("timestamp-millis", 1), ("timestamp-micros", 1000),
                               ("local-timestamp-millis", 1), ("local-timestamp-micros", 1000)):
            vector("TIMESTAMP", record(("v", {"type": "long", "logicalType": logical})), {"v": millis * scale}, text)
        vector("TIMESTAMP", record(("v", "long")), {"v": millis}, text)
    vector("TIMESTAMP", record(("v", {"type": "long", "logicalType": "timestamp-micros"})), {"v": -1},
           "1969-12-31 23:59:59.999")
    vector("TIMESTAMP", record(("v", "long")), {"v": 2**62}, "WR3502 ")


def nested():
    items = {"type": "array", "items": union("int")}
    vector("ARRAY", record(("v", items)), {"v": [1, None, -3]}, "[1,null,-3]")
    vector("ARRAY", record(("v", items)), {"v": []}, "[]")
    vector("ARRAY", record(("v", union(items))), {"v": list(range(1000))},
           "[" + ",".join(map(str, range(1000))) + "]")
    vector("MAP", record(("v", {"type": "map", "values": "int"})), {"v": {"a": 1}}, '{"a":1}')
    row = record(("y", "string"), ("z", "double"), ("x", "int"), name="inner")
    vector("ROW", record(("v", row)), {"v": {"y": "q", "z": 1.0, "x": 5}}, '{"x":5,"y":"q"}')
    vector("ROW", record(("v", record(("x", "int"), name="inner"))), {"v": {"x": 5}}, '{"x":5,"y":null}')
    tree = record(("x", "int"), ("y", union("string")), ("next", union("node")), name="node")
    vector("ROW", record(("v", tree)), {"v": {"x": 1, "y": None, "next": {"x": 2, "y": "b", "next": None}}},
           '{"x":1,"y":null}')


def resolution():
    """Fields in another order, more and fewer of them, renamed, with defaults; enums; unions."""
    others = [("k", "long"), ("a", {"type": "array", "items": "string"}),
              ("m", {"type": "map", "values": {"type": "fixed", "name": "f", "size": 2}}),
              ("n", "null"), ("w", ["null", "float", "bytes"]), ("b", "boolean"), ("d", "double")]
    values = {"k": 7, "a": ["x", "yy"], "m": {"q": b"12"}, "n": None, "w": 2.5, "b": False, "d": 3.5}
    for _ in range(12):
        RANDOM.shuffle(others)
        fields = others[:]
        fields.insert(RANDOM.randrange(8), ("v", RANDOM.choice(["int", union("int")])))
        number = RANDOM.randrange(-1000, 1000)
        vector("INT", record(*fields), {**values, "v": number}, str(number),
               record(("v", union("int"), {"default": None})))
    vector("INT", record(("k", "long")), {"k": 7}, "\\N", record(("v", union("int"), {"default": None})))
    vector("INT", record(("k", "long")), {"k": 7}, "42", record(("v", "int", {"default": 42})))
    vector("STRING", record(("k", "long")), {"k": 7}, "é", record(("v", "string", {"default": "é"})))
    vector("INT", record(("old", "int")), {"old": 9}, "9", record(("v", "int", {"aliases": ["older", "old"]})))
    vector("INT NOT NULL", record(("k", "long")), {"k": 7}, "WR3513 ")
    vector("INT", record(("v", "long")), {"v": 7}, "WR3513 ")
    vector("INT", record(("v", "string")), {"v": "7"}, "WR3513 ")
    vector("INT", record(("v", ["string", "int"])), {"v": 7}, "7")
    vector("INT", record(("v", ["string", "int"])), {"v": "7"}, "WR3502 ")
    vector("BIGINT", record(("v", ["int", "long", "null"])), {"v": 2**40}, str(2**40))
    enum = {"type": "enum", "name": "e", "symbols": ["A", "B", "C"]}
    few = {"type": "enum", "name": "e", "symbols": ["A", "X"]}
    vector("STRING", record(("v", enum)), {"v": "A"}, "A", record(("v", few)))
    vector("STRING", record(("v", enum)), {"v": "C"}, "X", record(("v", {**few, "default": "X"})))


with open(__file__.replace(".py", ".inc"), "w", encoding="utf-8") as OUT:
    print("/* Written by avro_vectors.py with fastavro. */", file=OUT)
    for part in (singles, decimals, times, nested, resolution):
        part()
