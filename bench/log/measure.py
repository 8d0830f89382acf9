"""The durable log alone, against the file system under it."""

import re
import shutil
import subprocess
import tempfile

import harness as h

DURABLE = re.compile(r"durable: (\d+) threads, (\d+) partitions: (\d+) records/s, ratio ([\d.]+)")
BYTES = re.compile(r"(append|read) (\d+) B: (\d+) MB/s.*ratio ([\d.]+) of (\w+)")


def measure(report):
    subprocess.run(["ninja", "-C", str(h.BUILD), "bench/log/log"], check=True,
                   stdout=subprocess.DEVNULL)
    h.DATA.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(dir=h.DATA)
    try:
        output = subprocess.run([str(h.BUILD / "bench" / "log" / "log"), folder,
                                 "0.5" if h.IS_QUICK else "3"], check=True, text=True,
                                capture_output=True, timeout=h.RUN_SECONDS_MAX).stdout
    finally:
        shutil.rmtree(folder)
    report.section("The durable log", "Single records, each acknowledged when it is on the disk, "
                   "against fdatasync after each write; batches of 100 records against write and "
                   "pread of the same bytes. All in one process, on two cores.")
    report.text += ["```", output.strip(), "```"]
    for threads, partitions, records, ratio in DURABLE.findall(output):
        name = f"log, durable appends, {threads} threads, {partitions} partitions, against fdatasync"
        report.measure(name, float(records), "records/s", float(ratio),
                       8 if (threads, partitions) == ("64", "1") else None)
    for what, size, rate, ratio, other in BYTES.findall(output):
        report.measure(f"log, {what} records of {size} B, against {other}", float(rate), "MB/s",
                       float(ratio))
