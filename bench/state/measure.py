"""State beyond memory: GROUP BY, and HOP of 30 minutes by 1, with 'rocksdb' under a limit against the
same in memory.

BENCH_STATE_KEYS (10 million), BENCH_STATE_LIMIT_MB (200): the target of 50 million under 1024 is
`BENCH_STATE_KEYS=50000000 BENCH_STATE_LIMIT_MB=1024 tools/bench state`, which needs 4 GB of memory
for the contestant that keeps all of it there."""

import os

import harness as h

KEYS = int(os.environ.get("BENCH_STATE_KEYS", 1_000_000 if h.IS_QUICK else 10_000_000))
LIMIT_MB = int(os.environ.get("BENCH_STATE_LIMIT_MB", 100 if h.IS_QUICK else 200))
ROWS = 3 * KEYS
ROUNDS = 1

# Each key alike; or key k in proportion to 1 / k, as Zipf's law has it with an exponent of one.
LOADS = {
    "uniform": f"CREATE TABLE events (k BIGINT, v BIGINT) WITH ({{datagen}}, 'fields.k.min' = '1', "
               f"'fields.k.max' = '{KEYS}', 'fields.v.min' = '1', 'fields.v.max' = '1000');",
    "skewed": "CREATE TABLE events (u DOUBLE, v BIGINT, "
              f"k AS CAST(POWER(CAST({KEYS} AS DOUBLE), u) AS BIGINT)) WITH ({{datagen}}, "
              "'fields.u.min' = '0', 'fields.u.max' = '1', 'fields.v.min' = '1', 'fields.v.max' = '1000');",
}

PIPELINE = """
SET 'execution.checkpointing.interval' = '0 s';
{settings}
{events}
CREATE TABLE counts (k BIGINT, n BIGINT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'blackhole');
INSERT INTO counts SELECT k, COUNT(*), SUM(v) FROM events GROUP BY k;
"""

# Two hours of events: a row is in 30 windows, so the keys are a fifth of the rows.
HOP_KEYS, HOP_ROWS = KEYS // 5, 3 * KEYS // 5
HOP = """
SET 'execution.checkpointing.interval' = '0 s';
{settings}
CREATE TABLE events (n BIGINT, k AS n * 7919 % {keys}, v AS n % 1000, ts AS TO_TIMESTAMP_LTZ(n * 7200000 / {rows}, 3),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}');
CREATE TABLE windows (k BIGINT, n BIGINT, s BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO windows SELECT k, COUNT(*), SUM(v)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '30' MINUTES))
GROUP BY k, window_start, window_end;
"""

BACKENDS = {
    "in memory": "",
    "rocksdb": f"SET 'state.backend.type' = 'rocksdb';\nSET 'weir.memory.limit' = '{LIMIT_MB} mb';",
}


def pipeline(load, backend):
    if load == "HOP":
        return HOP.format(settings=BACKENDS[backend], keys=HOP_KEYS, rows=HOP_ROWS)
    events = LOADS[load].format(datagen="'connector' = 'datagen', 'rows-per-second' = '1000000000', "
                                        f"'number-of-rows' = '{ROWS}'")
    return PIPELINE.format(settings=BACKENDS[backend], events=events)


def measure(report):
    report.section("State beyond memory", f"COUNT and SUM by {KEYS:,} keys from {ROWS:,} rows, and "
                   f"windows of 30 minutes by 1 over {HOP_KEYS:,} keys (HOP), with 'rocksdb' under a limit "
                   f"of {LIMIT_MB} MB against the same in memory without one.")
    rows = []
    for load in [*LOADS, "HOP"]:
        runs = h.interleave(ROUNDS, {
            backend: lambda load=load, backend=backend: h.weir_run(pipeline(load, backend))
            for backend in BACKENDS})
        for backend, some in runs.items():
            rows.append([load, backend, h.spread(h.seconds_of(some)),
                         h.spread([one.cpu_seconds for one in some]),
                         f"{max(one.rss_max_bytes for one in some) / 1e6:.0f}"])
        peak = max(one.rss_max_bytes for one in runs["rocksdb"])
        report.measure(f"state beyond memory, {load} keys, against memory",
                       h.median_seconds(runs["rocksdb"]), "s",
                       h.median_seconds(runs["in memory"]) / h.median_seconds(runs["rocksdb"]), 0.25,
                       cpu_ratio=h.ratio_of_cpu(runs["in memory"], runs["rocksdb"]))
        report.measure(f"its memory, {load} keys, of the limit", peak / (LIMIT_MB << 20), "", target=1.1,
                       at_most=True)
    report.table(["keys", "state", "seconds", "processor seconds", "memory MB"], rows)
