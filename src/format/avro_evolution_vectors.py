#!/usr/bin/env python3
"""Writes avro_evolution_vectors.inc: what Avro's Java library makes of schemas, and of pairs of them.

Usage: avro_evolution_vectors.py FOLDER [COUNT [SEED]]     FOLDER: the library and what it needs, as jars
(mvn dependency:copy-dependencies of org.apache.avro:avro:1.12.0). Needs Java 17."""

import copy
import json
import pathlib
import random
import subprocess
import sys
import tempfile

JAVA = """
import java.io.*;
import java.nio.charset.StandardCharsets;
import org.apache.avro.*;

public class Ask {
    static Schema parse(String text) {
        try {
            return new Schema.Parser().parse(text);
        } catch (RuntimeException refused) {
            return null;
        }
    }
    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line; (line = in.readLine()) != null;) {
            String[] pair = line.split("\\t", -1);
            Schema reader = parse(pair[0]), writer = parse(pair[1]);
            String verdict = "NONE";
            try {
                if (reader != null && writer != null)
                    verdict = SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getType().toString();
            } catch (AvroRuntimeException ambiguous) {
                verdict = "INCOMPATIBLE";
            }
            out.println((reader == null ? "" : reader.toString()) + "\\t" + verdict);
        }
        out.flush();
    }
}
"""
PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
DEFAULTS = {"null": None, "boolean": True, "int": 7, "long": 5000000000, "float": 1.5, "double": -2.25, "bytes": "\u00ff",
            "string": "a \"b\" ä", "array": [], "map": {}}
LOGICAL = [{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
           {"type": "long", "logicalType": "timestamp-millis"}, {"type": "int", "logicalType": "date"},
           {"scale": 1, "type": "bytes", "precision": 4, "logicalType": "decimal"},
           {"type": "string", "avro.java.string": "String"}, {"type": "int"}]


class Maker:
    def __init__(self, draw):
        self.draw = draw
        self.names = []  # full names that are defined

    def name(self, schema, kind):
        """With a namespace of its own or of the name, or neither."""
        draw = self.draw
        short = f"{kind}{len(self.names)}"
        schema["name"] = short
        space = draw.choice([None, None, "a.b", "c", ""])
        if space is not None and draw.random() < 0.5:
            schema["namespace"] = space
        elif space:
            schema["name"] = f"{space}.{short}"
        self.names.append(short)
        if draw.random() < 0.3:
            schema["doc"] = draw.choice(["what it is", "ä \n", ""])
        if draw.random() < 0.2:
            schema["aliases"] = draw.sample([f"{kind}0", f"{kind}1", f"a.b.{kind}1", "other", "x.y.other"], 2)
        if draw.random() < 0.2:
            schema.update({"owner": ["me", {"b": 1, "a": None}], "Version": 2.5})
        return schema

    def schema(self, depth):
        draw = self.draw
        choice = draw.random()
        if depth == 0 or choice < 0.4:
            if draw.random() < 0.25:
                return copy.deepcopy(draw.choice(LOGICAL))
            return draw.choice(PRIMITIVES[1:])
        if choice < 0.5:
            return {"type": "array", "items": self.schema(depth - 1)}
        if choice < 0.6:
            return {"values": self.schema(depth - 1), "type": "map", **({"p": 1} if draw.random() < 0.2 else {})}
        if choice < 0.7:
            return self.union(depth)
        if choice < 0.78:
            enum = self.name({"type": "enum", "symbols": draw.sample("ABCDE", draw.randrange(1, 5))}, "e")
            if draw.random() < 0.4:
                enum["default"] = enum["symbols"][0]
            return enum
        if choice < 0.85:
            return self.name({"type": "fixed", "size": draw.randrange(1, 4)}, "f")
        return self.record(depth - 1)

    def union(self, depth):
        branches = self.draw.sample(PRIMITIVES, self.draw.randrange(1, 4))
        if self.draw.random() < 0.4:
            branches.append(self.record(depth - 1))
        if "null" in branches:
            branches.remove("null")
            branches.insert(0, "null")
        return branches

    def record(self, depth):
        draw = self.draw
        record = self.name({"type": "record"}, "r")
        record["fields"] = []
        for index in range(draw.randrange(0, 5)):
            field = {"name": f"x{index}", "type": self.schema(max(depth, 0))}
            if draw.random() < 0.06 and "namespace" not in record and "." not in record["name"]:
                field["type"] = ["null", record["name"]]
            self.default(field)
            if draw.random() < 0.15:
                field["doc"] = "of a field"
            if draw.random() < 0.15:
                field["order"] = draw.choice(["ascending", "descending", "ignore"])
            if draw.random() < 0.2:
                field["aliases"] = draw.sample(sorted({"x0", "x1", "y"} - {field["name"]}), draw.randrange(0, 2))
            if draw.random() < 0.15:
                field["note"] = "n"
            record["fields"].append(field)
        return record

    def default(self, field):
        kind = field["type"]
        kind = kind[0] if isinstance(kind, list) else kind
        kind = kind["type"] if isinstance(kind, dict) else kind
        if kind in DEFAULTS and self.draw.random() < 0.4:
            field["default"] = DEFAULTS[kind]

    def change(self, schema):
        """A change here or there, as people make them; some are none that Avro allows."""
        draw = self.draw
        if isinstance(schema, str):
            return draw.choice(PRIMITIVES) if draw.random() < 0.3 else schema
        if isinstance(schema, list):
            branches = [self.change(branch) if draw.random() < 0.3 else branch for branch in schema]
            if draw.random() < 0.3:
                branches.append(draw.choice(PRIMITIVES))
            return branches[1:] if len(branches) > 1 and draw.random() < 0.1 else branches
        schema = copy.deepcopy(schema)
        for key in ("items", "values"):
            if key in schema:
                schema[key] = self.change(schema[key])
        if "symbols" in schema and draw.random() < 0.5:
            schema["symbols"] = draw.sample("ABCDE", draw.randrange(1, 5))
        if "size" in schema and draw.random() < 0.3:
            schema["size"] += 1
        if "fields" in schema:
            self.change_fields(schema["fields"])
        if "name" in schema and draw.random() < 0.1:
            schema["name"] += "z"
        if "name" in schema and draw.random() < 0.1:
            schema["namespace"] = "other.space"
        return schema

    def change_fields(self, fields):
        draw = self.draw
        for field in fields:
            if draw.random() < 0.3:
                field["type"] = self.change(field["type"])
        if fields and draw.random() < 0.3:
            fields.pop(draw.randrange(len(fields)))
        if draw.random() < 0.3:
            field = {"name": draw.choice(["x9", "y", "x1"]), "type": draw.choice(PRIMITIVES)}
            self.default(field)
            fields.insert(draw.randrange(len(fields) + 1), field)


def ask(jars, pairs):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "Ask.java"
        source.write_text(JAVA, "utf-8")
        done = subprocess.run(["java", "-cp", f"{jars}/*", source], input="\n".join("\t".join(pair) for pair in pairs) + "\n",
                              stdout=subprocess.PIPE, text=True, check=True, encoding="utf-8")
    return [line.split("\t") for line in done.stdout.rstrip("\n").split("\n")]


def main():
    jars = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    draw = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 20261129)
    pairs = []
    while len(pairs) < count:
        maker = Maker(draw)
        old = maker.record(3) if draw.random() < 0.8 else maker.schema(3)
        new = maker.change(old)
        for pair in ((new, old), (old, new)):
            pairs.append([json.dumps(schema, ensure_ascii=draw.random() < 0.5) for schema in pair])
    with open(pathlib.Path(__file__).with_suffix(".inc"), "w", encoding="utf-8") as out:
        for (reader, writer), (text, verdict) in zip(pairs, ask(jars, pairs)):
            print("{" + ", ".join(json.dumps(part, ensure_ascii=False) for part in (reader, writer, text, verdict)) + "},",
                  file=out)


main()
