"""The machine's clock is set forward and back while weir runs, by seconds, an hour, ten years, and the process
is stopped for a while: windows of processing time follow one another without a gap, and state lives as long
as it is to. The clock is that of libfaketime, which reads it from a file; what passes is real.

WEIR_CLOCK_ROUNDS (1) goes through all of it so many times."""

import os
import pathlib
import re
import signal
import time

from lib import main, wait_until

ROUNDS = int(os.environ.get("WEIR_CLOCK_ROUNDS", "1"))
FREEZE_SECONDS = 60 if os.environ.get("WEIR_SOAK") else 2
YEARS = 10 * 365 * 86400
LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

# Time goes on while the process stands still: what is not to be forgotten then has to live longer.
PIPELINE = f"""
SET 'execution.checkpointing.interval' = '200 ms';
SET 'table.exec.state.ttl' = '{FREEZE_SECONDS + 28} s';
CREATE TABLE o (n BIGINT, p AS PROCTIME()) WITH ('connector' = 'datagen', 'rows-per-second' = '200',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000000');
CREATE TABLE windows (w TIMESTAMP(3), e TIMESTAMP(3), rows_in BIGINT, least BIGINT, most BIGINT) WITH (
  'connector' = 'print', 'print-identifier' = 'window');
CREATE TABLE counts (k BIGINT, n BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'count');
INSERT INTO windows SELECT window_start, window_end, COUNT(*), MIN(n), MAX(n)
  FROM TABLE(TUMBLE(TABLE o, DESCRIPTOR(p), INTERVAL '1' SECOND)) GROUP BY window_start, window_end;
INSERT INTO counts SELECT n % 3, COUNT(*) FROM o GROUP BY n % 3;
"""

WINDOW = re.compile(r"^window> \+I\[(\S+), (\S+), (\d+), (\d+), (\d+)\]$", re.M)
COUNT = re.compile(r"^count> \+[IU]\[(\d), (\d+)\]$", re.M)


class Clock:
    """What the clock shows is off by so many seconds."""

    def __init__(self, folder):
        self.path = folder / "clock"
        self.environment = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self.path),
                            "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", "TZ": "UTC"}
        self.set(0)

    def set(self, seconds):
        new = self.path.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self.path)  # never half written


def check(text):
    """Windows that follow one another hold all numbers, once; how many windows."""
    windows = WINDOW.findall(text)
    next_number, last_end = 1, ""
    for start, end, rows, least, most in windows:
        assert start >= last_end and end > start, (start, last_end)
        assert int(least) == next_number and int(rows) == int(most) - int(least) + 1, (start, least, next_number)
        next_number, last_end = int(most) + 1, end
    return len(windows)


def test_the_clock_is_set_and_time_goes_on(box):
    assert LIBRARY is not None, "the package faketime is not installed"
    weir = box.weir(PIPELINE)
    clock = Clock(weir.folder)
    weir.start(env=clock.environment)
    before = ""

    def more_windows(what, more=2):
        count = check(before + weir.stdout())
        wait_until(lambda: check(before + weir.stdout()) >= count + more, f"windows {what}", 60, process=weir)

    more_windows("at the start")
    for _ in range(ROUNDS):
        for seconds in (5, -5, 3600, -3600, YEARS, -YEARS):
            clock.set(seconds)
            more_windows(f"with the clock {seconds:+d} s off")
        clock.set(0)
        weir.process.send_signal(signal.SIGSTOP)
        time.sleep(FREEZE_SECONDS)
        weir.process.send_signal(signal.SIGCONT)
        more_windows("after standing still")
        # The next run does not begin before the last one has ended.
        clock.set(-3600)
        assert weir.stop() == 0, weir.log()
        assert re.search(r"the clock of the machine is \d+ s (ahead of|behind) the time", weir.stderr()), weir.log()
        before += weir.stdout()
        weir.start(env=clock.environment)
        more_windows("in a run that begins an hour too early", 3)
    assert weir.stop() == 0, weir.log()
    text = before + weir.stdout()
    counts = dict(COUNT.findall(text))
    # A count that had been forgotten would begin again at 1.
    assert max(map(int, counts.values())) - min(map(int, counts.values())) <= 1, counts
    last = int(WINDOW.findall(text)[-1][4])
    assert sum(map(int, counts.values())) >= last, (counts, last)
    print(f"     {check(text)} windows, {last} rows in them")


def test_a_first_run_with_a_clock_of_another_year_is_told(box):
    weir = box.weir(PIPELINE)
    clock = Clock(weir.folder)
    year = time.gmtime().tm_year
    for seconds in (YEARS, 0):
        clock.set(seconds)
        weir.start(env=clock.environment)
        wait_until(lambda: "count>" in weir.stdout(), "rows", process=weir)
        assert weir.stop() == 0, weir.log()
        is_told = re.search(r"taken at (\d{4})-.* UTC, and the clock of the machine says (\d{4})-", weir.stderr())
        assert bool(is_told) == (seconds == 0), weir.log()
    years = [int(text) for text in is_told.groups()]
    assert years[0] - years[1] in (9, 10) and years[1] in (year, year + 1) and "--fresh" in weir.stderr(), weir.log()


main()
