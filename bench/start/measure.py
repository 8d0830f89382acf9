"""How soon the first result is there, and how little memory a waiting pipeline takes."""

import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import harness as h

STARTS = 20 if h.IS_QUICK else 100
IDLE_SECONDS = 3
LINE = '{"store_id":7,"amount":12.50,"paid_at":"2026-01-05 09:00:00.123"}\n'

TABLES = """
CREATE TABLE payments (
    store_id INT,
    amount DECIMAL(12, 2),
    paid_at TIMESTAMP(3),
    WATERMARK FOR paid_at AS paid_at - INTERVAL '5' SECOND
) WITH (
    'connector' = 'filesystem', 'path' = '%s', 'format' = 'json'%s
);
CREATE TABLE sales (store_id INT, window_end TIMESTAMP(3), amount DECIMAL(38, 2), payments BIGINT)
WITH ('connector' = '%s');
"""
WINDOW = """
INSERT INTO sales
SELECT store_id, window_end, SUM(amount), COUNT(*)
FROM TABLE(HOP(TABLE payments, DESCRIPTOR(paid_at), INTERVAL '1' MINUTE, INTERVAL '30' MINUTE))
GROUP BY store_id, window_start, window_end;
"""
PLAIN = "INSERT INTO sales SELECT store_id, paid_at, amount, 1 FROM payments;\n"


def first_result(script, folder):
    """(milliseconds from start to the first byte printed, milliseconds to the exit)."""
    began = time.monotonic()
    child = subprocess.Popen(
        [str(h.WEIR), "run", str(script), "--no-http", "--quiet", "--data-dir", f"{folder}/data"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    try:
        first = child.stdout.read(1)
        at = time.monotonic()
        child.stdout.read()
        errors = child.stderr.read()
        code = child.wait(30)
        ended = time.monotonic()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()
    if code != 0 or not first:
        raise RuntimeError(f"weir ended with {code}:\n" + errors.decode("utf-8", "replace"))
    return (at - began) * 1000, (ended - began) * 1000


def start(report, folder):
    line = pathlib.Path(folder) / "line.ndjson"
    line.write_text(LINE)
    rows, medians = [], {}
    for name, query in (("row as it is", PLAIN), ("row of a window", WINDOW)):
        script = pathlib.Path(folder) / "pipeline.sql"
        script.write_text(TABLES % (line, "", "print") + query)
        first_result(script, folder)
        times = [first_result(script, folder) for _ in range(STARTS)]
        firsts, ends = [t[0] for t in times], [t[1] for t in times]
        medians[name] = statistics.median(firsts)
        rows.append((name, f"{medians[name]:.1f}", f"{h.percentile(firsts, 0.95):.1f}",
                     f"{max(firsts):.1f}", f"{statistics.median(ends):.1f}"))
    report.section("Start", f"""
A file of one line, read, computed and printed: milliseconds from starting the process to the first
byte of the result, {STARTS} times each, and to the exit, which includes the last checkpoint.""")
    report.table(["first result", "median ms", "p95 ms", "max ms", "exit, median ms"], rows)
    for name, value in medians.items():
        report.measure(f"start to first result, {name}", value, "ms", target=50, at_most=True)


def idle(report, folder):
    """A pipeline whose source watches a folder where nothing comes any more."""
    watched = pathlib.Path(folder) / "watched"
    watched.mkdir()
    (watched / "line.ndjson").write_text(LINE)
    script = pathlib.Path(folder) / "idle.sql"
    script.write_text(TABLES % (watched, ", 'source.monitor-interval' = '1 s'", "print") + WINDOW)
    with open(os.devnull, "wb") as nowhere:
        child = subprocess.Popen(
            [str(h.WEIR), "run", str(script), "--no-http", "--quiet", "--data-dir",
             f"{folder}/idle-data"],
            stdin=subprocess.DEVNULL, stdout=nowhere, stderr=subprocess.PIPE)
    try:
        time.sleep(IDLE_SECONDS)
        if child.poll() is not None:
            raise RuntimeError(f"weir ended with {child.returncode}:\n"
                               + child.stderr.read().decode("utf-8", "replace"))
        size = h.resident_bytes(child.pid) / 1e6
        ticks = cpu_ticks(child.pid)
        time.sleep(IDLE_SECONDS)
        used = (cpu_ticks(child.pid) - ticks) / os.sysconf("SC_CLK_TCK") / IDLE_SECONDS
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stderr.close()
    report.section("Idle", "VmRSS of a running pipeline whose source watches a folder for files.")
    report.table(["resident MB", "processor"], [(f"{size:.1f}", f"{used * 100:.1f} %")])
    report.measure("resident memory idle", size, "MB", target=20, at_most=True)


def cpu_ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def measure(report):
    folder = tempfile.mkdtemp(prefix="weir-bench-")
    try:
        start(report, folder)
        idle(report, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
