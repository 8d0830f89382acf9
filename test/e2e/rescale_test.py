"""Another number of shards in each run, in memory and beyond it: every kind of state comes to the right shard."""

import os
import random
import shutil
import time

from lib import main, wait_until
from upgrade import newest_fixture, rows, start, table_names, unpack

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
SHARDS = (1, 2, 3, 4, 5)
SLICES = int(os.environ.get("WEIR_RESCALES", "8"))
BACKENDS = {
    "hashmap": ("-D", "state.backend.type=hashmap"),
    "rocksdb": ("-D", "state.backend.type=rocksdb", "-D", "state.backend.rocksdb.memory.fixed-per-slot=1mb"),
}

# So many keys that those of the others do not stay in memory either.
CROWD = """
CREATE TABLE crowd (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '5000', 'fields.n.kind' = 'sequence',
  'fields.n.start' = '1', 'fields.n.end' = '20000');
CREATE TABLE nowhere (n BIGINT, c BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT n, COUNT(*) FROM crowd GROUP BY n;
"""


def inputs(weir):
    """The lines of each source: {folder: lines}. They are there no more."""
    found = {}
    for folder in ("payments", "refunds", "stores"):
        paths = [weir.path(folder) / "1.json", weir.path("later") / folder / "2.json"]
        found[folder] = [line for path in paths for line in path.read_text().splitlines(keepends=True)]
        for path in paths:
            path.unlink()
    return found


def feed(weir, lines, number):
    """One of the slices; what comes aside is renamed, so that it is read as a whole."""
    for folder, all_of_it in lines.items():
        part = all_of_it[len(all_of_it) * number // SLICES:len(all_of_it) * (number + 1) // SLICES]
        weir.write(f"{folder}/.{number}.json", "".join(part)).rename(weir.path(folder) / f"{number}.json")


def prepare(box):
    weir = box.weir()
    unpack(newest_fixture(), "job", weir.folder)
    shutil.rmtree(weir.data)
    shutil.rmtree(weir.path("archive"), ignore_errors=True)
    return weir, inputs(weir)


def expect_the_same(box, backend):
    print(f"     seed {SEED}, {backend}", flush=True)
    chance = random.Random(SEED)
    plain, lines = prepare(box)
    start(plain)
    for number in range(SLICES):
        feed(plain, lines, number)
    weir, lines = prepare(box)
    script = weir.path("pipeline.sql").read_text()
    assert "'1 s'" in script
    weir.write("pipeline.sql", script.replace("'1 s'", "'50 ms'") + CROWD)
    for number in range(SLICES):
        start(weir, "--parallelism", str(chance.choice(SHARDS)), *BACKENDS[backend])
        feed(weir, lines, number)
        wait_until(lambda: rows(weir, "totals"), "an answer", process=weir)
        if number == SLICES - 1:
            break
        time.sleep(chance.random() / 2)
        if chance.random() < 0.5:
            wait_until(lambda: weir.stop() == 0, "a stop in order", process=None)
        else:
            weir.kill()
    for table in table_names(weir):
        wait_until(lambda name=table: rows(plain, name) and rows(plain, name) == rows(weir, name), f"{table} to be the same", 60,
                   process=weir)
    assert weir.stop() == 0 and plain.stop() == 0, weir.log()


def test_state_in_memory_comes_to_the_right_shard(box):
    expect_the_same(box, "hashmap")


def test_state_beyond_memory_comes_to_the_right_shard(box):
    expect_the_same(box, "rocksdb")


main()
