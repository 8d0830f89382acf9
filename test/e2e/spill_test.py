"""State that memory has no room for: whatever ends the run, the next one resumes exactly."""

import random
import subprocess
import time

from lib import BINARY, main, wait_until

KEYS, ROWS = 400_000, 800_000

PIPELINE = """
SET 'execution.checkpointing.interval' = '{interval}';
SET 'parallelism.default' = '2';
{settings}
CREATE TABLE visits (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{speed}',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}');
CREATE TABLE counts (k BIGINT, visitors BIGINT, visits BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{port}', 'command' = 'HSET',
  'value.data.structure' = 'hash');
INSERT INTO counts
SELECT k, COUNT(*), SUM(n) FROM (
  SELECT visitor % 4 AS k, visitor, COUNT(*) AS n, SUM(n) AS s FROM (
    SELECT n, n * 7919 % {keys} AS visitor FROM visits) GROUP BY visitor) GROUP BY k;
"""

SPILLING = """SET 'state.backend.type' = 'rocksdb';
SET 'state.backend.rocksdb.memory.fixed-per-slot' = '4 mb';"""
IN_MEMORY = "SET 'state.backend.type' = 'hashmap';"


def write(weir, redis, settings, speed=200_000, interval="300 ms"):
    weir.write("pipeline.sql", PIPELINE.format(settings=settings, port=redis.port, keys=KEYS, rows=ROWS,
                                               speed=speed, interval=interval))


def spilled_bytes(weir):
    """What RocksDB has in its files."""
    total = 0
    for path in weir.data.glob("jobs/*/spill/*"):
        try:
            total += path.stat().st_size if path.suffix in (".sst", ".blob") else 0
        except FileNotFoundError:
            pass
    return total


def check_answer(redis):
    for k in range(4):
        found = redis.hash(str(k))
        assert found == {"visitors": str(KEYS // 4), "visits": str(ROWS // 4)}, (k, found)


def test_killed_and_moved_between_backends(box):
    seed = random.randrange(1 << 30)
    print(f"     seed {seed}")
    moments = random.Random(seed)
    redis = box.redis()
    weir = box.weir("")
    for _ in range(2):
        write(weir, redis, SPILLING)
        weir.start()
        wait_until(lambda: spilled_bytes(weir) > 0, "state on disk", 60, process=weir)
        time.sleep(moments.random())
        weir.kill()
    write(weir, redis, IN_MEMORY)
    weir.start()
    wait_until(lambda: "resumed from checkpoint" in weir.stderr(), "the state in memory", 60, process=weir)
    time.sleep(moments.random() / 2)
    assert weir.stop() == 0, weir.log()
    write(weir, redis, SPILLING)
    weir.start()
    assert weir.wait(120) == 0, weir.log()
    assert "resumed from checkpoint" in weir.stderr(), weir.stderr()
    check_answer(redis)
    assert not list(weir.data.glob("jobs/*/spill")), "the folder is left behind"


def start_with_a_checkpoint(box):
    redis = box.redis()
    weir = box.weir("")
    write(weir, redis, SPILLING, 100_000, "100 ms")
    weir.start()
    wait_until(lambda: list(weir.data.glob("jobs/*/checkpoints/chk-*/MANIFEST")), "a checkpoint", process=weir)
    assert weir.stop() == 0, weir.log()
    write(weir, redis, SPILLING, 2_000_000, "0 s")
    return redis, weir


def test_a_full_disk_ends_the_job(box):
    redis, weir = start_with_a_checkpoint(box)
    # Files may not become larger: the signal of that is ignored, as Python does, so that writing fails.
    done = subprocess.run(["prlimit", f"--fsize={300 << 10}", BINARY, "run", "pipeline.sql", "--quiet",
                           "--data-dir", weir.data],
                          cwd=weir.folder, capture_output=True, text=True, check=False, restore_signals=False)
    assert "error[WR5312]" in done.stderr and done.returncode not in (0, 75), (done.returncode, done.stderr)
    weir.start()
    assert weir.wait(120) == 0, weir.log()
    check_answer(redis)


def test_pages_that_cannot_be_read_end_the_process(box):
    redis, weir = start_with_a_checkpoint(box)
    write(weir, redis, SPILLING, 200_000, "0 s")
    weir.start()

    def cut():
        for path in weir.data.glob("jobs/*/spill/*"):
            if path.suffix in (".sst", ".blob") and path.stat().st_size > 0:
                with open(path, "r+b") as file:
                    file.truncate(0)
        return not weir.is_alive()

    wait_until(cut, "the end of the process", 60)
    assert weir.exit_code() in (75, 74), (weir.exit_code(), weir.log())
    assert "error[WR5313]" in weir.stderr() or "error[WR5312]" in weir.stderr(), weir.stderr()
    weir.start()
    assert weir.wait(120) == 0, weir.log()
    check_answer(redis)


def soak_state_larger_than_the_limit(box):
    """More packed state than there is memory for, and four times as much unpacked; the process stays within the limit + 10 %."""
    limit_mb, keys = 100, 5_000_000
    weir = box.weir(f"""
SET 'execution.checkpointing.interval' = '5 s';
SET 'state.backend.type' = 'rocksdb';
SET 'weir.memory.limit' = '{limit_mb} mb';
CREATE TABLE visits (k BIGINT, v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000',
  'number-of-rows' = '{2 * keys}', 'fields.k.min' = '1', 'fields.k.max' = '{keys}',
  'fields.v.min' = '1', 'fields.v.max' = '1000');
CREATE TABLE counts (k BIGINT, n BIGINT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'blackhole');
INSERT INTO counts SELECT k, COUNT(*), SUM(v) FROM visits GROUP BY k;
""").start()
    peak = 0
    while weir.is_alive():
        peak = max(peak, weir.memory_bytes() or 0)
        time.sleep(0.02)
    assert weir.wait(10) == 0, weir.log()
    print(f"     at most {peak / (1 << 20):.0f} of {limit_mb} MB")
    assert peak <= limit_mb * 1.1 * (1 << 20), peak


main()
