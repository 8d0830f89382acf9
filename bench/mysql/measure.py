"""Binlog capture against mariadb-binlog, and the snapshot against the mariadb client, on one
private server and the same two cores.

Capture: weir reads the log from its first event into blackhole, timed from the start of the
process until its row counter has all rows; mariadb-binlog reads the same log to /dev/null, from the
file and through the server. Snapshot: the table into blackhole, to the exit of weir; the client's
`--quick SELECT *` to /dev/null."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

import harness as h
import lib

ROWS = 200_000 if h.IS_QUICK else 2_000_000
ROUNDS = 2 if h.IS_QUICK else 5
CAPTURE_SECONDS_MAX = 60

COLUMNS = """id BIGINT, store_id INT, customer BIGINT, amount DECIMAL(10, 2), note STRING,
    status STRING, paid_at TIMESTAMP(3), PRIMARY KEY (id) NOT ENFORCED"""
PIPELINE = """
CREATE TABLE payments ({columns}) WITH ('connector' = 'mysql-cdc', 'hostname' = '127.0.0.1',
  'port' = '{port}', 'username' = 'weir', 'password' = 'weir-secret', 'database-name' = 'bench',
  'table-name' = 'payments', 'scan.startup.mode' = '{mode}');
CREATE TABLE nothing ({columns}) WITH ('connector' = 'blackhole');
INSERT INTO nothing SELECT * FROM payments;
"""


def fill(database):
    database.sql("CREATE DATABASE bench")
    database.sql(f"""
        CREATE TABLE bench.payments (id BIGINT PRIMARY KEY AUTO_INCREMENT, store_id INT,
          customer INT UNSIGNED, amount DECIMAL(10, 2), note VARCHAR(60),
          status ENUM('new', 'paid', 'void'), paid_at DATETIME(3));
        INSERT INTO bench.payments (store_id, customer, amount, note, status, paid_at)
          SELECT seq % 1000, seq * 7, seq / 100, CONCAT('payment number ', seq, ' of the day'),
            1 + seq % 3, '2026-01-05 09:00:00.123' + INTERVAL seq SECOND FROM seq_1_to_{ROWS};
        ANALYZE TABLE bench.payments;
        FLUSH BINARY LOGS;""", "bench")


def rows_read(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sum(int(float(number)) for number in
               re.findall(r"^weir_source_records_total\S* (\S+)$", text, re.M))


def capture(port):
    """A Run from start until all rows of the log are read."""
    folder = tempfile.mkdtemp(prefix="weir-bench-")
    path = pathlib.Path(folder) / "pipeline.sql"
    path.write_text(PIPELINE.format(columns=COLUMNS, port=port, mode="earliest-offset"))

    def prepare():
        h.die_with_parent()
        os.sched_setaffinity(0, h.CORES)

    began = time.monotonic()
    with open(f"{folder}/log", "w+", encoding="utf-8") as log:
        http = lib.free_port()
        child = subprocess.Popen([str(h.WEIR), "run", str(path), "--data-dir", f"{folder}/data",
                                  "--listen", f"127.0.0.1:{http}"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                                 cwd=folder, preexec_fn=prepare)
        try:
            seen = 0
            while seen < ROWS:
                time.sleep(0.01)
                if child.poll() is not None or time.monotonic() - began > CAPTURE_SECONDS_MAX:
                    raise RuntimeError("weir did not read the log:\n" +
                                       pathlib.Path(f"{folder}/log").read_text())
                with contextlib.suppress(OSError):
                    seen = rows_read(http)
            seconds = time.monotonic() - began
            ticks = pathlib.Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
            cpu = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
        finally:
            child.kill()
            child.wait()
            shutil.rmtree(folder, ignore_errors=True)
    assert seen == ROWS, f"{seen} rows instead of {ROWS}"
    return h.Run(seconds, cpu)


def compare(report, name, ours, theirs, runs):
    ratio = h.median_seconds(runs[theirs]) / h.median_seconds(runs[ours])
    report.measure(name, ROWS / h.median_seconds(runs[ours]) / 1e6, "million rows/s", ratio, 0.5,
                   cpu_ratio=h.ratio_of_cpu(runs[theirs], runs[ours]))


def measure(report):
    folder = tempfile.mkdtemp(prefix="weir-bench-db-")
    database = lib.MariaDB(folder, max_binlog_size="1073741824", innodb_buffer_pool_size="512M")
    try:
        h.say(f"mysql: filling a table with {ROWS:,} rows")
        database.start()
        fill(database)
        log = database.data / "binlog.000001"
        h.warm(log)
        client = ["--no-defaults", "--host=127.0.0.1", f"--port={database.port}", "--user=weir",
                  "--password=weir-secret"]
        devnull = open(os.devnull, "wb")  # pylint: disable=consider-using-with
        captures = h.interleave(ROUNDS, {
            "weir": lambda: capture(database.port),
            "mariadb-binlog, file": lambda: h.run(["mariadb-binlog", "--no-defaults", log],
                                                  stdout=devnull),
            "mariadb-binlog, server": lambda: h.run(
                ["mariadb-binlog", *client, "--read-from-remote-server", "binlog.000001"],
                stdout=devnull),
        })
        snapshots = h.interleave(ROUNDS, {
            "weir": lambda: h.weir_run(PIPELINE.format(columns=COLUMNS, port=database.port,
                                                       mode="snapshot")),
            "mariadb --quick": lambda: h.run(["mariadb", *client, "--quick", "-e",
                                              "SELECT * FROM bench.payments"], stdout=devnull),
        })
        devnull.close()
        report.section("MySQL capture", f"{ROWS:,} rows of 7 columns, a log of "
                       f"{log.stat().st_size / 1e6:.0f} MB. {__doc__.split(chr(10) * 2)[1]}")
        report.table(["", "seconds: median (range)", "CPU seconds"],
                     [(name, h.spread(h.seconds_of(runs)),
                       h.spread([one.cpu_seconds for one in runs]))
                      for group, label in ((captures, "log: "), (snapshots, "snapshot: "))
                      for name, runs in ((label + key, value) for key, value in group.items())])
        compare(report, "binlog capture against mariadb-binlog on the file", "weir",
                "mariadb-binlog, file", captures)
        compare(report, "binlog capture against mariadb-binlog through the server", "weir",
                "mariadb-binlog, server", captures)
        compare(report, "snapshot against mariadb --quick", "weir", "mariadb --quick", snapshots)
    finally:
        database.close()
        shutil.rmtree(folder, ignore_errors=True)
