"""`weir.memory.limit`: state that does not fit ends the job before memory does, and nothing is lost."""

import time

from lib import main

KEYS = 3_000_000

PIPELINE = """
SET 'weir.memory.limit' = '{limit}';
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
    return box.weir(PIPELINE.format(limit=limit, keys=KEYS, port=redis.port))


def test_state_that_does_not_fit_ends_the_job_in_order(box):
    redis = box.redis()
    weir = pipeline(box, redis, "100 mb").start()
    peak = 0
    while weir.is_alive():
        peak = max(peak, weir.memory_bytes() or 0)
        time.sleep(0.01)
    assert "WR4412" in weir.stderr() and "rocksdb" in weir.stderr(), weir.stderr()
    assert 64 << 20 < peak <= 110 << 20, peak
    weir.write("pipeline.sql", PIPELINE.format(limit="1 gb", keys=KEYS, port=redis.port))
    weir.start()
    assert weir.wait(120) == 0, weir.log()
    assert "resumed from checkpoint" in weir.stderr(), weir.stderr()
    for k in range(4):
        found = redis.hash(str(k))
        assert found == {"visitors": str(KEYS // 4), "visits": str(KEYS // 4)}, found


main()
