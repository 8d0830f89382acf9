"""`weir.memory.limit`: state that does not fit ends the job before memory does, and nothing is lost."""

import time

from lib import main

KEYS = 3_000_000

PIPELINE = """
SET 'weir.memory.limit' = '{limit}'; {settings}
CREATE TABLE visits (visitor BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000000',
  'fields.visitor.kind' = 'sequence', 'fields.visitor.start' = '1', 'fields.visitor.end' = '{keys}');
CREATE TABLE counts (k BIGINT, visitors BIGINT, visits BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{port}', 'command' = 'HSET',
  'value.data.structure' = 'hash');
INSERT INTO counts
SELECT k, COUNT(*), SUM(n) FROM (
  SELECT visitor % 4 AS k, visitor, COUNT(*) AS n FROM visits GROUP BY visitor) GROUP BY k;
"""


def pipeline(box, redis, limit):
    return box.weir(PIPELINE.format(limit=limit, keys=KEYS, port=redis.port, settings=IN_MEMORY))


def test_state_that_does_not_fit_ends_the_job_in_order(box):
    redis = box.redis()
    weir = pipeline(box, redis, "100 mb").start()
    peak = 0
    while weir.is_alive():
        peak = max(peak, weir.memory_bytes() or 0)
        time.sleep(0.01)
    assert "WR4412" in weir.stderr(), weir.stderr()
    assert f"{ON_DISK}let it expire sooner with table.exec.state.ttl, {RESUMES}" in weir.stderr(), weir.stderr()
    assert 64 << 20 < peak <= 110 << 20, peak
    weir.write("pipeline.sql", PIPELINE.format(limit="1 gb", keys=KEYS, port=redis.port, settings=IN_MEMORY))
    weir.start()
    assert weir.wait(120) == 0, weir.log()
    assert "resumed from checkpoint" in weir.stderr(), weir.stderr()
    for k in range(4):
        found = redis.hash(str(k))
        assert found == {"visitors": str(KEYS // 4), "visits": str(KEYS // 4)}, found


# State that may leave memory, that stays there whatever is set, and that may leave it but does not expire.
MATCHES = """CREATE TABLE o WITH ('connector' = 'blackhole') AS SELECT n FROM wide MATCH_RECOGNIZE (
    PARTITION BY visitor ORDER BY ts MEASURES CHAR_LENGTH(A.s) AS n PATTERN (A B) DEFINE B AS s = A.s) AS m;"""
SERVED = "CREATE MATERIALIZED TABLE t (PRIMARY KEY (visitor) NOT ENFORCED) AS SELECT visitor, s FROM wide;"
SESSIONS = """CREATE TABLE o WITH ('connector' = 'blackhole') AS SELECT visitor, MAX(s) AS s FROM TABLE(
    SESSION(TABLE wide PARTITION BY visitor, DESCRIPTOR(ts), INTERVAL '1' DAY)) GROUP BY visitor, window_start, window_end;"""
IN_MEMORY = "SET 'state.backend.type' = 'hashmap';"
SPILLING = "SET 'state.backend.type' = 'rocksdb';"
ON_DISK = "keep state on disk with SET 'state.backend.type' = 'rocksdb', "
RESUMES = "or allow more; the next run resumes"


def advice(box, statement, settings=""):
    """The help that comes with WR4412."""
    weir = box.weir(f"""{settings}
        SET 'weir.memory.limit' = '80 mb'; SET 'execution.checkpointing.interval' = '0 s';
        CREATE TABLE visits (visitor BIGINT, ts AS TO_TIMESTAMP_LTZ(visitor, 3), WATERMARK FOR ts AS ts) WITH (
          'connector' = 'datagen', 'rows-per-second' = '100000000',
          'fields.visitor.kind' = 'sequence', 'fields.visitor.start' = '1', 'fields.visitor.end' = '9000000');
        CREATE VIEW wide AS SELECT visitor, ts, CONCAT(CAST(visitor AS STRING), REPEAT('x', 1000)) AS s FROM visits;
        {statement}
    """).start()
    assert weir.wait(120) != 0 and "error[WR4412]" in weir.stderr(), weir.log()
    found = [line.partition("help: ")[2] for line in weir.stderr().splitlines() if "help: " in line]
    assert len(found) == 1, weir.stderr()
    return found[0]


def test_advice_is_what_helps(box):
    assert advice(box, MATCHES, IN_MEMORY) == f"{ON_DISK}end its matches sooner with WITHIN, {RESUMES}"
    assert advice(box, SERVED, SPILLING) == f"let its rows expire sooner with the option 'ttl', {RESUMES}"


def soak_more_advice_is_what_helps(box):
    assert advice(box, SERVED) == f"let its rows expire sooner with the option 'ttl', {RESUMES}"
    assert advice(box, SESSIONS, IN_MEMORY) == f"{ON_DISK}{RESUMES}"


def test_rows_that_grow_on_the_way_do_not_take_memory_for_all_of_a_batch(box):
    """4,096 rows of a megabyte each, where two thousand of them used to be made at once."""
    weir = box.weir("""
        CREATE TABLE g (s STRING) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000',
          'number-of-rows' = '4096', 'fields.s.length' = '1000');
        CREATE TABLE lengths (n INT, many BIGINT) WITH ('connector' = 'print');
        INSERT INTO lengths SELECT CHAR_LENGTH(t), COUNT(*) FROM (SELECT REPEAT(s, 1000) AS t FROM g)
          WHERE t LIKE '%' GROUP BY CHAR_LENGTH(t);
    """).start()
    peak = 0
    while weir.is_alive():
        peak = max(peak, weir.memory_bytes("VmHWM"))
        time.sleep(0.005)
    assert weir.wait() == 0, weir.log()
    assert "[1000000, 4096]" in weir.stdout(), weir.stdout()
    assert 0 < peak < 256 << 20, peak >> 20


main()
