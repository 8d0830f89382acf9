"""`weir.memory.limit` with rows of 100 KB and of a megabyte: the process stays within it, whatever it runs.

Each pipeline comes to its end, or stops with WR4412 because what it has to keep does not fit. In both cases
the most that was resident may be a tenth above the limit. A few run here; soak runs all of them with
both widths, under two limits each."""

import os
import shutil
import time

from lib import main

KB, MB = 1000, 1000 * 1000
ALLOWED = 1.1
PATIENCE_SECONDS = 300

# {rows} rows of {width} bytes: numbered, the text different in each.
SOURCE = """CREATE TABLE g (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n * 1000, 3), s AS CAST(n AS STRING) || REPEAT('x', {width}),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'rows-per-second' = '100000000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}');
CREATE TABLE r (n BIGINT, s STRING, ts AS PROCTIME()) WITH ('connector' = 'datagen', 'rows-per-second' = '100000000',
  'number-of-rows' = '{rows}', 'fields.s.length' = '{width}', 'fields.n.min' = '0', 'fields.n.max' = '9');
"""

NOWHERE = "CREATE TABLE o ({columns}) WITH ('connector' = 'blackhole');\n"
NS = NOWHERE.format(columns="n BIGINT, s STRING")


def files(format, more=""):
    return (f"CREATE TABLE o (n BIGINT, s STRING, p BIGINT){' PARTITIONED BY (p)' if more else ''} WITH ("
            f"'connector' = 'filesystem', 'path' = 'out', 'format' = '{format}');\n"
            f"INSERT INTO o SELECT n, s, n % {more or 2} FROM g;")


def from_files(format):
    return (f"CREATE TABLE i (n BIGINT, s STRING) WITH ('connector' = 'filesystem', 'path' = 'in', "
            f"'format' = '{format}');\n" + NS + "INSERT INTO o SELECT n, s FROM i;")


PIPELINES = {
    "datagen": NS + "INSERT INTO o SELECT n, s FROM r;",
    "calc": NS + "INSERT INTO o SELECT n, UPPER(s) || 'y' FROM g WHERE s LIKE '%x';",
    "union": NS + "INSERT INTO o SELECT n, s FROM r UNION ALL SELECT n, s FROM g UNION ALL SELECT n, LOWER(s) FROM r;",
    "print": "CREATE TABLE o (n BIGINT, s STRING) WITH ('connector' = 'print'); INSERT INTO o SELECT n, s FROM g;",
    "csv-sink": files("csv"),
    "json-sink": files("json"),
    "parquet-sink": files("parquet"),
    "parquet-partitions": files("parquet", "20"),
    "csv": from_files("csv"),
    "json": from_files("json"),
    "parquet": from_files("parquet"),
    "bad-json": from_files("json").replace("n BIGINT", "n TIMESTAMP(3)").replace(
        "'format' = 'json'", "'format' = 'json', 'json.ignore-parse-errors' = 'false'"),
    "listagg": NS + "INSERT INTO o SELECT n % 4, LISTAGG(s) FROM g GROUP BY n % 4;",
    "collect": NOWHERE.format(columns="n BIGINT, s ARRAY<STRING>") +
    "INSERT INTO o SELECT n % 4, ARRAY_AGG(s) FROM g GROUP BY n % 4;",
    "max": NS + "INSERT INTO o SELECT n, MAX(s) FROM g GROUP BY n;",
    "count-distinct": NOWHERE.format(columns="k BIGINT, n BIGINT") +
    "INSERT INTO o SELECT n % 4, COUNT(DISTINCT s) FROM g GROUP BY n % 4;",
    "distinct": NS + "INSERT INTO o SELECT DISTINCT 1, s FROM g;",
    "top-n": NS + "INSERT INTO o SELECT n, s FROM (SELECT n, s, ROW_NUMBER() OVER (PARTITION BY n % 100 ORDER BY s DESC) "
    "AS i FROM g) WHERE i <= 100;",
    "row-number": NOWHERE.format(columns="n BIGINT, s STRING, i BIGINT") +
    "INSERT INTO o SELECT n, s, i FROM (SELECT n, s, ROW_NUMBER() OVER (PARTITION BY n % 3 ORDER BY n DESC) "
    "AS i FROM g) WHERE i <= 1000;",
    "last": NS + "INSERT INTO o SELECT n, s FROM (SELECT n, s, ROW_NUMBER() OVER (PARTITION BY n ORDER BY ts DESC) "
    "AS i FROM g) WHERE i = 1;",
    "join": NS + "INSERT INTO o SELECT a.n, a.s || b.s FROM g AS a JOIN g AS b ON a.n = b.n;",
    "outer-join": NS + "INSERT INTO o SELECT a.n, b.s FROM g AS a LEFT JOIN g AS b ON a.n % 50 = b.n;",
    "interval-join": NS + "INSERT INTO o SELECT a.n, a.s FROM g AS a JOIN g AS b ON a.n = b.n "
    "AND a.ts BETWEEN b.ts - INTERVAL '1' DAY AND b.ts;",
    "window": NS + "INSERT INTO o SELECT n % 7, LISTAGG(s) FROM TABLE(TUMBLE(TABLE g, DESCRIPTOR(ts), "
    "INTERVAL '1' DAY)) GROUP BY n % 7, window_start, window_end;",
    "window-max": NS + "INSERT INTO o SELECT n, MAX(s) FROM TABLE(HOP(TABLE g, DESCRIPTOR(ts), INTERVAL '1' MINUTE, "
    "INTERVAL '1' DAY)) GROUP BY n, window_start, window_end;",
    "session": NS + "INSERT INTO o SELECT n % 7, MAX(s) FROM TABLE(SESSION(TABLE g PARTITION BY n, DESCRIPTOR(ts), "
    "INTERVAL '1' DAY)) GROUP BY n, window_start, window_end;",
    "over": NS + "INSERT INTO o SELECT n, LAST_VALUE(s) OVER (PARTITION BY n % 3 ORDER BY ts ROWS BETWEEN 1000 PRECEDING "
    "AND CURRENT ROW) FROM g;",
    "sort": NS + "INSERT INTO o SELECT n, s FROM g ORDER BY s DESC LIMIT 100000;",
    "match": NS + "INSERT INTO o SELECT n, s FROM g MATCH_RECOGNIZE (ORDER BY ts MEASURES LAST(A.n) AS n, FIRST(A.s) AS s "
    "ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A* B) DEFINE A AS n > 0 AND s LIKE '%x', B AS n < 0) AS m;",
    "served": "CREATE MATERIALIZED TABLE o (PRIMARY KEY (n) NOT ENFORCED) AS SELECT n, s FROM g;",
    "served-changing": "CREATE MATERIALIZED TABLE o (PRIMARY KEY (k) NOT ENFORCED) AS SELECT n % 10 AS k, MAX(s) AS s "
    "FROM g GROUP BY n % 10;",
}
PIPELINES |= {name + "-rocksdb": "SET 'state.backend.type' = 'rocksdb';\n" + PIPELINES[name]
              for name in ("distinct", "count-distinct", "join", "max", "last", "listagg", "row-number", "top-n")}
QUICK = ["union", "csv-sink", "parquet-sink", "json", "listagg", "count-distinct", "row-number", "join", "served"]
# What keeps nothing comes to its end, whatever the limit (DuckDB alone takes some 70 MB, so parquet may not).
WHOLE = {"datagen", "calc", "union", "print", "csv-sink", "json-sink", "csv", "json"}


def put_input(weir, width, rows, name):
    """Files for what reads them."""
    format = {"csv": "csv", "json": "json", "bad-json": "json"}.get(name)
    if name == "parquet":
        made = weir.call("run", weir.write("make.sql", SOURCE.format(rows=rows, width=width) + "CREATE TABLE m (n BIGINT, "
            "s STRING) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'parquet'); INSERT INTO m SELECT n, s "
            "FROM g;"), "--data-dir", "made", seconds=300)
        assert made.returncode == 0, made.stderr
    if format is None:
        return
    pattern = {"csv": "{n},{n}{s}\n", "json": '{{"n":{n},"s":"{n}{s}"}}\n'}[format]
    weir.path("in").mkdir()
    with open(weir.path("in") / f"1.{format}", "w", encoding="ascii") as file:
        for n in range(rows):
            file.write(pattern.format(n=n, s="x" * width))


class Run:
    """One pipeline, from its start to its end."""

    def __init__(self, box, name, width, limit_mb, interval="1 s"):
        self.name, self.width, self.limit_mb = name, width, limit_mb
        self.rows = 3 * limit_mb * MB // width
        weir = box.weir(f"SET 'weir.memory.limit' = '{limit_mb} mb';\n"
                        f"SET 'execution.checkpointing.interval' = '{interval}';\n"
                        + SOURCE.format(rows=self.rows, width=width) + PIPELINES[name])
        put_input(weir, width, self.rows, name)
        began = time.monotonic()
        weir.start("run", "pipeline.sql", "--once")
        self.peak, self.code = self.follow(weir)
        self.seconds = time.monotonic() - began
        self.stderr = weir.stderr()
        self.folder = weir.folder

    def follow(self, weir):
        """The most that was resident, and the exit code."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            pid, status, usage = os.wait4(weir.pid, os.WNOHANG)
            if pid != 0:
                weir.process.child.returncode = os.waitstatus_to_exitcode(status)
                return usage.ru_maxrss * 1024, weir.exit_code()
            assert time.monotonic() < deadline, f"{self.name} does not come to an end\n{weir.log()}"
            time.sleep(0.02)

    def ratio(self):
        return self.peak / (self.limit_mb << 20)

    def outcome(self):
        if self.code == 0:
            return "whole"
        return "WR4412" if "WR4412" in self.stderr else f"exit {self.code}"

    def fault(self):
        """What is wrong, or None."""
        if self.outcome() not in (("whole",) if self.name in WHOLE else ("whole", "WR4412")):
            return f"{self.name}: {self.outcome()}\n{self.stderr}"
        if self.ratio() > ALLOWED:
            return f"{self.name}: {self.ratio():.2f} of the limit"
        return None

    def __str__(self):
        return (f"{self.name:20} {self.width // KB:5} KB of {self.limit_mb:4} MB: {self.ratio():5.2f} "
                f"{self.outcome():8} {self.seconds:5.1f} s")


def run_all(box, names, widths, limits):
    faults = []
    for pipeline in names:
        for width in widths:
            for limit_mb in limits:
                run = Run(box, pipeline, width, limit_mb)
                print(f"     {run}", flush=True)
                faults += filter(None, [run.fault()])
                for name in ("in", "out", "weir-data"):
                    shutil.rmtree(run.folder / name, ignore_errors=True)
    assert not faults, "\n".join(faults)


def test_some_pipelines_stay_within(box):
    run_all(box, QUICK, [MB], [128])


def soak_all_pipelines_stay_within(box):
    names = os.environ.get("WEIR_WIDE", " ".join(PIPELINES)).split()
    run_all(box, names, [100 * KB, MB], [128, 256])


main()
