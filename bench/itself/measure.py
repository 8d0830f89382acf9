"""weir against itself: what a second shard, a longer window, more keys, and an event's way cost."""

import os
import re
import statistics
import subprocess
import tempfile
import threading
import time

import harness as h

ROUNDS = 1 if h.IS_QUICK else 3
ROWS = 2_000_000 if h.IS_QUICK else 20_000_000
KEYS = [10_000, 100_000, 1_000_000] if h.IS_QUICK else [10_000, 100_000, 1_000_000, 10_000_000, 50_000_000]
SLICES = [30, 300, 1800]
FLAT = 1.2  # of the cheapest
LATENCY_KEYS = 1_000_000
MARKED = 1000  # rows per second whose way is watched
LATENCY_SECONDS = 10 if h.IS_QUICK else 60

SETTINGS = """
SET 'execution.checkpointing.interval' = '0 s';
SET 'parallelism.default' = '{shards}';
"""
ROWS_COUNTED = """CREATE TABLE events (n BIGINT, {columns}) WITH ('connector' = 'datagen',
  'rows-per-second' = '1000000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}');
CREATE TABLE results (k BIGINT, n BIGINT, s BIGINT) WITH ('connector' = 'blackhole');
"""

# In two hours of event time, whatever the number of rows.
HOP = SETTINGS + ROWS_COUNTED + """INSERT INTO results SELECT k, COUNT(*), SUM(n)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '{slices}' SECOND(4)))
GROUP BY k, window_start, window_end;
"""
HOP_COLUMNS = ("k AS n * 7919 % 1000, ts AS TO_TIMESTAMP_LTZ(n * 7200000 / {rows}, 3), "
               "WATERMARK FOR ts AS ts")

# Each key once before any comes again, their order far from that of the table.
GROUP_BY = SETTINGS + ROWS_COUNTED + "INSERT INTO results SELECT k, COUNT(*), SUM(n) FROM events GROUP BY k;"

LATENCY = """
SET 'pipeline.name' = 'latency';
SET 'execution.checkpointing.interval' = '1 s';
CREATE TABLE load (k BIGINT, v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{rate}',
  {bound} 'fields.k.min' = '1', 'fields.k.max' = '{keys}', 'fields.v.min' = '1', 'fields.v.max' = '1000');
CREATE TABLE marked (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{marked}',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{end}');
CREATE TABLE answers (k BIGINT, n BIGINT, last BIGINT) WITH ('connector' = 'print');
INSERT INTO answers SELECT k, n, last FROM (
  SELECT k, COUNT(*) AS n, MAX(v) AS last FROM (
    SELECT k, v FROM load UNION ALL SELECT -(n % 1000) - 1, n FROM marked) GROUP BY k)
WHERE k < 0;
"""
ANSWER = re.compile(rb"\+(?:I|U)\[-\d+, \d+, (\d+)\]")


def hop(rows, slices, shards):
    return HOP.format(shards=shards, columns=HOP_COLUMNS.format(rows=rows), rows=rows, slices=slices)


def group_by(rows, keys, shards):
    return GROUP_BY.format(shards=shards, columns=f"k AS n * 7919 % {keys}", rows=rows)


def sales(file, shards):
    text = (h.TOP / "bench/store_sales/pipeline.sql").read_text()
    for name, value in (("file", file), ("slide", "'1' MINUTE"), ("sink", "'connector' = 'blackhole'")):
        text = text.replace("${" + name + "}", str(value))
    return SETTINGS.format(shards=shards) + text


def on_cores(count, pipeline):
    """A run that has only the first cores."""
    cores, h.CORES = h.CORES, h.CORES[:count]
    try:
        return h.weir_run(pipeline)
    finally:
        h.CORES = cores


def shards(report):
    file = h.generated("itself-payments.json", "store_sales_generate", ROWS // 4, 2)
    h.warm(file)
    jobs = {
        "HOP over JSON lines": lambda count: sales(file, count),
        "HOP": lambda count: hop(ROWS, 30, count),
        "GROUP BY": lambda count: group_by(ROWS, LATENCY_KEYS, count),
    }
    rows = []
    for name, job in jobs.items():
        runs = h.interleave(ROUNDS, {
            "one shard, one core": lambda job=job: on_cores(1, job(1)),
            "one shard, two cores": lambda job=job: on_cores(2, job(1)),
            "two shards, two cores": lambda job=job: on_cores(2, job(2)),
        })
        for kind, some in runs.items():
            rows.append([name, kind, h.spread(h.seconds_of(some)), h.spread([one.cpu_seconds for one in some])])
        two = h.median_seconds(runs["two shards, two cores"])
        report.measure(f"two shards against one, each with a core, {name}", two, "s",
                       h.median_seconds(runs["one shard, one core"]) / two, 1.8)
    report.text += ["A shard is a thread. Beside one shard sources and sinks have threads of their own, for which "
                    "there is a second core; two shards on two cores read what they need themselves.", ""]
    report.table(["job", "", "seconds", "processor seconds"], rows)


def cpu_of(runs):
    return statistics.median([one.cpu_seconds for one in runs])


def slices(report):
    runs = h.interleave(ROUNDS, {
        count: lambda count=count: h.weir_run(hop(ROWS, count, 2)) for count in SLICES})
    cost = {count: 1e9 * cpu_of(some) / ROWS for count, some in runs.items()}
    report.text += ["HOP by 1,000 keys with a slide of a second, windows of 30, 300 and 1,800 seconds: "
                    + ", ".join(f"{cost[count]:.0f} ns of processor time per row" for count in SLICES) + ".", ""]
    report.measure("HOP, windows of 1,800 slides against 30", cost[1800], "ns per row",
                   max(cost.values()) / min(cost.values()), FLAT, at_most=True)


def keys(report):
    """The cost of rows whose keys are there: what four passes over the keys take beyond two. Of each the run that
    took least: what page faults cost differs more from run to run than what is left to see."""
    rows = []
    cheapest = None
    for count in KEYS:
        passes = max(2, ROWS // count)
        rounds = ROUNDS + 2 if count < 10_000_000 else ROUNDS
        runs = h.interleave(rounds, {n: lambda n=n, count=count, passes=passes: h.weir_run(group_by(n * passes * count, count, 1))
                                     for n in (1, 2)})
        few, many = (min(one.cpu_seconds for one in runs[n]) for n in (1, 2))
        cost = 1e9 * (many - few) / (passes * count)
        cheapest = cost if cheapest is None else min(cheapest, cost)
        megabytes = max(one.rss_max_bytes for one in runs[2]) / 1e6
        found = subprocess.run([h.PROGRAMS / "misses", str(max(1, round(megabytes)))], check=True,
                               capture_output=True, text=True).stdout
        independent, dependent = map(float, re.findall(r"=([\d.]+)", found))
        rows.append((count, megabytes, cost, independent, dependent))
    report.text += ["GROUP BY with one shard, processor time for each row whose key is there; and what it takes on "
                    "this machine to change a line at a random place of a table as large as the whole process: several "
                    "at a time, and one after the other.", ""]
    report.table(["keys", "memory MB", "ns per row", "beyond the cheapest", "random line, ns", "one by one, ns"],
                 [[f"{count:,}", f"{megabytes:.0f}", f"{cost:.0f}", f"{cost - cheapest:.0f}", f"{independent:.0f}",
                   f"{dependent:.0f}"] for count, megabytes, cost, independent, dependent in rows])
    beyond = rows[-1][2] - cheapest
    report.measure(f"{KEYS[-1]:,} keys against the cheapest, in misses one by one", beyond, "ns per row", beyond / rows[-1][4], 1,
                   at_most=True)


class Marked:
    """A running job, and when the row of each number was seen first."""

    def __init__(self, folder, pipeline):
        path = os.path.join(folder, "latency.sql")
        with open(path, "w") as file:
            file.write(pipeline)
        self.seen = {}
        self.job = subprocess.Popen([h.WEIR, "run", path, "--no-http", "--data-dir", f"{folder}/data", "--quiet"],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=folder,
                                    preexec_fn=h.die_with_parent)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        left = b""
        while part := os.read(self.job.stdout.fileno(), 1 << 16):
            now = time.monotonic()
            *lines, left = (left + part).split(b"\n")
            for line in lines:
                if match := ANSWER.match(line):
                    self.seen.setdefault(int(match[1]), now)

    def wait(self):
        self.job.wait()
        self.reader.join()


def latency(report):
    """Row n is due n / MARKED seconds after the first. The way is counted from there, not from when the
    row was made: a source that is held up makes its rows late, and their users wait too."""
    end = LATENCY_SECONDS * MARKED
    most = ROWS / h.median_seconds([h.weir_run(LATENCY.format(
        rate=1_000_000_000, bound=f"'number-of-rows' = '{ROWS}',", keys=LATENCY_KEYS, marked=MARKED, end=1))
        for _ in range(ROUNDS)])
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        bound = f"'number-of-rows' = '{int(LATENCY_SECONDS * most / 2)}',"
        job = Marked(folder, LATENCY.format(rate=int(most / 2), bound=bound, keys=LATENCY_KEYS, marked=MARKED, end=end))
        job.wait()
    if len(job.seen) != end:
        raise RuntimeError(f"{len(job.seen)} of {end} rows came")
    start = min(when - number / MARKED for number, when in job.seen.items())
    settled = [1000 * (when - number / MARKED - start) for number, when in job.seen.items()
               if number > 2 * MARKED]
    report.text += [f"COUNT and MAX by {LATENCY_KEYS:,} keys at {most / 2e6:.1f} million rows a second, half of "
                    "what it takes at the most, with a checkpoint each second; the way of "
                    f"{MARKED} other rows a second, from when each was due to when its result was read from a "
                    "pipe, beyond that of the fastest: "
                    + ", ".join(f"{name} {h.percentile(settled, share):.1f} ms" for name, share in
                                (("median", 0.5), ("99 %", 0.99), ("99.9 %", 0.999), ("the longest", 1))) + ".", ""]
    report.measure("from event to result at half load, 99 %", h.percentile(settled, 0.99), "ms", target=10, at_most=True)


def measure(report):
    report.section("Against itself")
    shards(report)
    slices(report)
    keys(report)
    latency(report)
