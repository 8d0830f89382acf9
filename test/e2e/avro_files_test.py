"""Files of Avro, against fastavro: tables of any types both ways, each packing, schemas that change, damage."""

import json
import os
import pathlib
import subprocess
import time

from avro_test import AVRO, Tables
from files_test import has_ended
from hub import install
from lib import main, wait_until
from lookups import letters as letters_of

FILES = """
import glob
def pack(path, schema, values, codec, block):
    with open(path, "wb") as out:
        fastavro.writer(out, schema, [back(value) for value in values], codec=codec, sync_interval=block)
def unpack(folder):
    found = []
    for path in sorted(glob.glob(folder + "/*.avro")):
        with open(path, "rb") as data:
            reader = fastavro.reader(data)
            codecs.add(reader.codec)
            schemas.append(reader.writer_schema)
            found += [plain(row) for row in reader]
    return found
codecs, schemas = set(), []
"""
# The part of avro_test's script that turns values to JSON and back.
VALUES = AVRO.split("schema = fastavro")[0].replace("{{", "{").replace("}}", "}")


def script(text, *arguments):
    done = subprocess.run([install(), "-c", VALUES + FILES + "import sys\nARGS = json.load(sys.stdin)\n" + text],
                          input=json.dumps(arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def pack(path, schema, values, codec="null", block=400):
    path.parent.mkdir(parents=True, exist_ok=True)
    script("pack(ARGS[0], ARGS[1], ARGS[2], ARGS[3], ARGS[4])", str(path), schema, values, codec, block)


def table(name, columns, path, more=""):
    return (f"CREATE TABLE {name} ({columns}) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'avro'"
            f"{', ' + more if more else ''});\n")


def run(weir, text, code=0):
    weir.write("run.sql", text)
    done = weir.call("run", "run.sql", "--data-dir", weir.data, "--fresh", "--no-http")
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-4000:])
    return done.stdout.splitlines() if code == 0 else done.stderr


def test_tables_of_any_types_against_fastavro(box):
    """What fastavro packs in any way comes through, read and written in any way, and fastavro reads it as it was."""
    seed = int(os.environ.get("WEIR_SEED", time.time()))
    print(f"     seed {seed}", flush=True)
    tables = Tables(seed)
    codecs = ["null", "deflate", "snappy", "zstandard"]
    for number in range(40 if os.environ.get("WEIR_SOAK") else 8):
        weir = box.weir()
        columns, schema, value = tables.table()
        values = [value() for _ in range(100)]
        codec, out = codecs[number % 4], codecs[(number // 4 + number) % 4]
        pack(weir.path("in/a.avro"), schema, values, codec)
        legacy = "'avro.timestamp_mapping.legacy' = 'false'"
        run(weir, table("i", columns, weir.path("in"), legacy) +
            table("o", columns, weir.path("out"), f"{legacy}, 'avro.codec' = '{out}'") + "INSERT INTO o SELECT * FROM i;\n")
        told = script("rows = unpack(ARGS[0])\nprint(json.dumps([rows, sorted(codecs)]))", str(weir.path("out")))
        assert told[1] == [out], told[1]
        for sent, came in zip(values, told[0], strict=True):
            assert came == sent, (seed, columns, sent, came)


def test_the_schema_in_the_file_is_flinks(box):
    weir = box.weir()
    run(weir, table("o", "id INT NOT NULL, made TIMESTAMP(3), r ROW<a STRING>", weir.path("out")) +
        "INSERT INTO o VALUES (1, TIMESTAMP '2024-01-02 03:04:05', ROW('x'));\n")
    schema, codec = script("unpack(ARGS[0])\nprint(json.dumps([schemas[0], list(codecs)[0]]))", str(weir.path("out")))
    assert codec == "snappy" and schema["name"] == "org.apache.flink.avro.generated.record", schema
    assert [field["type"] for field in schema["fields"]][:2] == ["int", ["null", {
        "type": "long", "logicalType": "timestamp-millis"}]], schema


def test_each_file_by_its_own_schema(box):
    """Columns that a file does not have are NULL, others are not read; what does not fit is a dead letter."""
    weir = box.weir()
    pack(weir.path("in/a.avro"), {"type": "record", "name": "A", "fields": [
        {"name": "id", "type": "int"}, {"name": "old", "type": {"type": "array", "items": "string"}},
        {"name": "state", "type": {"type": "enum", "name": "E", "symbols": ["NEW", "PAID"]}}]}, [
            {"map": [["id", 1], ["old", ["x"]], ["state", "NEW"]]}, {"map": [["id", 70000], ["old", []], ["state", "PAID"]]},
            {"map": [["id", 2], ["old", []], ["state", "PAID"]]}])
    pack(weir.path("in/b.avro"), {"type": "record", "name": "B", "fields": [
        {"name": "rest", "type": ["null", "double"]}, {"name": "id", "type": "int"}]}, [
            {"map": [["rest", {"real": "1.5"}], ["id", 3]]}, {"map": [["rest", None], ["id", 4]]}])
    rows = run(weir, table("i", "id SMALLINT NOT NULL, state STRING, rest DOUBLE", weir.path("in")) +
               "CREATE TABLE p (id SMALLINT, state STRING, rest DOUBLE) WITH ('connector' = 'print');\n"
               "INSERT INTO p SELECT id, state, rest FROM i;\n")
    assert rows == ["+I[1, NEW, null]", "+I[2, PAID, null]", "+I[3, null, 1.5]", "+I[4, null, null]"], rows
    letter, = letters_of(weir, "i")
    assert (letter["code"], letter["position"]) == ("WR3502", f"{weir.path('in')}/a.avro:1"), letter
    # A file whose schema does not go with the table's.
    pack(weir.path("in/c.avro"), {"type": "record", "name": "C", "fields": [{"name": "id", "type": "string"}]}, [
        {"map": [["id", "x"]]}])
    error = run(weir, table("i", "id SMALLINT NOT NULL", weir.path("in")) +
                "CREATE TABLE p (id SMALLINT) WITH ('connector' = 'print');\nINSERT INTO p SELECT id FROM i;\n", 65)
    assert "WR3513" in error and "c.avro" in error, error


ROWS = 5000
SCHEMA = {"type": "record", "name": "R", "fields": [{"name": "id", "type": "int"}, {"name": "t", "type": "string"}]}


def damaged_files(weir):
    """name → (its bytes, how many of its rows are good)"""
    good = weir.path("made/a.avro")
    pack(good, SCHEMA, [{"map": [["id", i], ["t", "x" * 20]]} for i in range(ROWS)], "deflate", 4000)
    data = good.read_bytes()
    sync = data[-16:]
    blocks = data.split(sync)[1:-1]  # behind the header
    flipped = bytearray(data)
    at = data.index(blocks[5]) + len(blocks[5]) // 2
    flipped[at] ^= 0x55
    marked = bytearray(data)
    marked[data.index(blocks[9])-3] ^= 1
    pack(weir.path("made/b.avro"), SCHEMA, [{"map": [["id", 1], ["t", ""]]}], "bzip2")
    return {"a-good": (data, ROWS), "b-cut": (data[:data.index(blocks[7]) + 20], None), "c-flipped": (bytes(flipped), None),
            "d-marked": (bytes(marked), None), "e-none": (b"no file of avro", 0), "f-empty": (b"", 0), "g-head": (data[:60], 0),
            "h-bzip2": (weir.path("made/b.avro").read_bytes(), 0), "i-good": (data, ROWS)}


def test_damage_is_told_and_in_a_watched_folder_passed_over(box):
    weir = box.weir()
    files = damaged_files(weir)
    columns = "id INT, t STRING"
    printed = "CREATE TABLE p (id INT) WITH ('connector' = 'print');\nINSERT INTO p SELECT id FROM i;\n"
    for name, (data, _) in files.items():
        folder = weir.path(f"one-{name}")
        folder.mkdir()
        (folder / f"{name}.avro").write_bytes(data)
        if "good" in name:
            assert len(run(weir, table("i", columns, folder) + printed)) == ROWS
            continue
        error = run(weir, table("i", columns, folder) + printed, 65)
        assert "WR3403" in error and f"{name}.avro" in error, (name, error)
        if name == "h-bzip2":
            assert "bzip2" in error and "zstandard" in error, error
    folder = weir.path("all")
    folder.mkdir()
    for name, (data, _) in files.items():
        (folder / f"{name}.avro").write_bytes(data)
    watched = box.weir(table("i", columns, folder, "'source.monitor-interval' = '50 ms'") + printed).start()
    wait_until(lambda: len(letters_of(watched, "i")) == len(files) - 2 and watched.stdout().count("+I[0]") >= 5, "all files",
               process=watched)
    wait_until(lambda: watched.stdout().count(f"+I[{ROWS - 1}]") == 2, "the last file", process=watched)
    assert watched.stop() == 0, watched.log()
    positions = [letter["position"].rsplit("/", 1)[1].split(".avro:") for letter in letters_of(watched, "i")]
    assert [name for name, _ in positions] == [name for name in files if "good" not in name], positions
    passed = {name: int(row) for name, row in positions}
    assert passed["b-cut"] > passed["c-flipped"] > 0 and passed["d-marked"] > passed["b-cut"], passed
    rows = [int(line[3:-1]) for line in watched.stdout().splitlines()]
    wanted = [row for name, (_, good) in files.items() for row in range(passed.get(name, good or ROWS))]
    assert sorted(rows) == sorted(wanted), (len(rows), len(wanted))


def test_it_goes_on_in_the_midst_of_a_file(box):
    """Through kills, each record once, the ones that are rejected as well."""
    weir = box.weir()
    count = 400_000
    schema = {**SCHEMA, "fields": [SCHEMA["fields"][0], {"name": "t", "type": ["string", "int"]}]}
    weir.path("in").mkdir()
    script("pack(ARGS[0], ARGS[1], [{'map': [['id', i], ['t', 7 if i % 100 == 7 else 'good']]} for i in range(ARGS[2])], "
           "'snappy', 16000)", str(weir.path("in/a.avro")), schema, count)
    weir.write("pipeline.sql", "SET 'execution.checkpointing.interval' = '20 ms';\n" +
               table("i", "id INT, t STRING", weir.path("in")) + table("o", "id INT, t STRING", weir.path("lake")) +
               "INSERT INTO o SELECT id, t FROM i;\n")
    kills = 0
    for pause in (0.05, 0.08, 0.11, 0.14, 0.2):
        weir.start("run", "pipeline.sql")
        time.sleep(pause)
        if weir.is_alive():
            weir.kill()
            kills += 1
        if has_ended(weir):
            break
    if not has_ended(weir):
        weir.start("run", "pipeline.sql")
        assert weir.wait(60) == 0, weir.log()
    print(f"     {kills} kills", flush=True)
    found = script("rows = unpack(ARGS[0])\nprint(json.dumps(sorted(row['map'][0][1] for row in rows)))",
                   str(weir.path("lake")))
    assert found == [i for i in range(count) if i % 100 != 7], len(found)
    assert len(letters_of(weir, "i")) == count // 100
    assert not [path for path in pathlib.Path(weir.path("lake")).rglob(".*") if path.is_file()]


if __name__ == "__main__":
    main()
