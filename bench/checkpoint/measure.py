"""What checkpoints cost: throughput with one every second, pauses, and the way back from 1 GB."""

import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

import harness as h

ROUNDS = 2 if h.IS_QUICK else 7
KEYS = 100_000 if h.IS_QUICK else 1_000_000
ROWS = 4_000_000 if h.IS_QUICK else 60_000_000  # two seconds see one checkpoint, or two
MANY = 1_600_000 if h.IS_QUICK else 16_800_000  # keys: about 60 bytes each in memory, 1 GB
DRIPS = 1000  # rows per second whose way through the operator is watched

COUNTS = f"""
CREATE TABLE events (k BIGINT, v BIGINT) WITH ('connector' = 'datagen',
  'number-of-rows' = '{ROWS}', 'rows-per-second' = '1000000000',
  'fields.k.min' = '1', 'fields.k.max' = '{KEYS}', 'fields.v.min' = '1', 'fields.v.max' = '1000');
CREATE TABLE counts (k BIGINT, n BIGINT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'blackhole');
INSERT INTO counts SELECT k, COUNT(*), SUM(v) FROM events GROUP BY k;
"""

# Half a million to a million customers per window, each with a handful of payments.
WINDOWS = """
CREATE TABLE payments (
  customer_id INT, amount DECIMAL(12, 2), paid_at TIMESTAMP(3),
  WATERMARK FOR paid_at AS paid_at - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = '{file}', 'format' = 'json');
CREATE TABLE sales (customer_id INT, window_end TIMESTAMP(3), amount DECIMAL(38, 2), payments BIGINT)
WITH ('connector' = 'blackhole');
INSERT INTO sales SELECT customer_id, window_end, SUM(amount), COUNT(*)
FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(paid_at), INTERVAL '10' MINUTE))
GROUP BY customer_id, window_start, window_end;
"""

# Many keys come at once; after them single rows, whose results are printed.
PAUSES = """
SET 'pipeline.name' = 'pauses';
SET 'execution.checkpointing.interval' = '3 s';
CREATE TABLE flood (k BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000',
  'fields.k.kind' = 'sequence', 'fields.k.start' = '1', 'fields.k.end' = '{many}');
CREATE TABLE drip (k BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{drips}',
  'fields.k.kind' = 'sequence', 'fields.k.start' = '1', 'fields.k.end' = '1000000000');
CREATE TABLE answers (k BIGINT, n BIGINT, s BIGINT) WITH ('connector' = 'print');
INSERT INTO answers SELECT k, n, s FROM (
  SELECT k, COUNT(*) AS n, SUM(v) AS s FROM (
    SELECT k, k AS v FROM flood UNION ALL SELECT -(k % 1000) - 1, k FROM drip) GROUP BY k)
WHERE k < 0;
"""


def with_interval(text, interval):
    return f"SET 'execution.checkpointing.interval' = '{interval}';\n{text}"


def in_turn(runs):
    """Of each round, by how much the run with checkpoints is slower than the mean of those without around it, and
    these than each other: what makes the machine slower for a while is in both."""
    rounds = list(zip(*(h.seconds_of(runs[kind]) for kind in ("none", "each second", "none again"))))
    return ([(before + after) / 2 / between for before, between, after in rounds],
            [before / after for before, _, after in rounds])


def throughput(report):
    file = h.generated("checkpoint-payments.json", "store_sales_generate",
                       500_000 if h.IS_QUICK else 10_000_000, 2)
    h.warm(file)
    rows = []
    for name, text in (("GROUP BY", COUNTS), ("TUMBLE over JSON lines", WINDOWS.format(file=file))):
        runs = h.interleave(ROUNDS, {
            "none": lambda text=text: h.weir_run(with_interval(text, "0 s")),
            "each second": lambda text=text: h.weir_run(with_interval(text, "1 s")),
            "none again": lambda text=text: h.weir_run(with_interval(text, "0 s")),
        })
        for kind, some in runs.items():
            rows.append([name, kind, h.spread(h.seconds_of(some)),
                         h.spread([one.cpu_seconds for one in some]),
                         f"{max(one.rss_max_bytes for one in some) / 1e6:.0f}"])
        costs, noises = in_turn(runs)
        report.measure(f"checkpoints each second, {name}, against none", h.median_seconds(runs["each second"]),
                       "s", statistics.median(costs), 0.95,
                       cpu_ratio=h.ratio_of_cpu(runs["none"] + runs["none again"], runs["each second"]))
        report.measure(f"the same without checkpoints against itself, {name}",
                       h.median_seconds(runs["none again"]), "s", statistics.median(noises))
        report.text.append(f"{name}, round by round: with checkpoints {h.spread(costs)} of the speed without; "
                           f"without, first to last, {h.spread(noises)}.")
    report.table(["job", "checkpoints", "seconds", "processor seconds", "memory MB"], rows)


class Watched:
    """A running pipeline and when its lines came."""

    def __init__(self, folder, script):
        self.folder = pathlib.Path(folder)
        (self.folder / "pauses.sql").write_text(script)
        self.began = time.monotonic()
        self.lines = []  # when
        self.child = subprocess.Popen(
            [str(h.WEIR), "run", "pauses.sql", "--listen", "127.0.0.1:0", "--data-dir", "data"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=open(self.folder / "log", "w"), preexec_fn=h.die_with_parent)

        # Of its own: while the metrics are asked for, lines go on being seen when they come.
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while os.read(self.child.stdout.fileno(), 1 << 16):
            self.lines.append(time.monotonic())

    def metric(self, name):
        port = re.search(r"http://127.0.0.1:(\d+)", (self.folder / "log").read_text())[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith(name))

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait()


def gaps(times):
    return [after - before for before, after in zip(times, times[1:])] or [0.0]


def pauses(report):
    folder = tempfile.mkdtemp(prefix="weir-bench-")
    script = PAUSES.format(many=MANY, drips=DRIPS)
    try:
        job = Watched(folder, script)
        time.sleep(2)
        while job.metric('weir_source_records_total{pipeline="pauses",source="flood"}') < MANY:
            time.sleep(0.5)
        # The next one but one has all keys; those behind it only what changed.
        taken = job.metric("weir_checkpoint_completed_total")
        size = 0.0
        start = len(job.lines)
        longest = 0.0
        while job.metric("weir_checkpoint_completed_total") < taken + 3:
            time.sleep(0.2)
            size = max(size, job.metric("weir_checkpoint_size_bytes"))
            longest = max(longest, job.metric("weir_checkpoint_duration_seconds"))
        during = gaps(job.lines[start:])
        files = sum(path.stat().st_size for path in job.folder.rglob("state-*"))
        job.stop()
        again = Watched(folder, script)
        while not again.lines:
            time.sleep(0.001)
        restart = again.lines[0] - again.began
        again.stop()
        again.child.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.text.append(
        f"{MANY:,} keys, {files / 1e6:,.0f} MB of checkpoint files; the largest checkpoint "
        f"{size / 1e6:,.0f} MB in {longest:.2f} s. Rows at {DRIPS} per second went on: gaps between "
        f"their results {1000 * statistics.median(during):.1f} ms, 99.9 % within "
        f"{1000 * h.percentile(during, 0.999):.1f} ms, the longest {1000 * max(during):.1f} ms.")
    report.measure("longest checkpoint of a state of 1 GB", longest, "s", target=10, at_most=True)
    report.measure("longest gap between results meanwhile", 1000 * max(during), "ms", target=20,
                   at_most=True)
    report.measure("restart with 1 GB of state to the first result", restart, "s", target=2,
                   at_most=True)


def measure(report):
    report.section("Checkpoints", "One each second against none, in turns; then a state of 1 GB: "
                   "how long a checkpoint takes, how long rows wait meanwhile, and how soon a new "
                   "process that starts from it gives its first result.")
    throughput(report)
    pauses(report)
