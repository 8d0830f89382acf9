"""`make bench` itself works: a tenth of its rows, answers compared, a line for each measure."""

import os
import subprocess

from lib import BINARY, TIME_SCALE, TOP, Skip, main

LINE_WORDS = ("reached", "missed")


def test_comparisons_in_quick_mode(box):
    """DuckDB agrees with weir, and every measure of these comparisons says reached or missed."""
    if BINARY != TOP / "build" / "weir" or not (TOP / ".deps" / "duckdb" / "libduckdb.so").exists():
        raise Skip("measures build/weir against libduckdb")
    log = box.path("bench.log")
    with open(log, "wb") as file:
        done = subprocess.run([str(TOP / "tools" / "bench"), "store_sales", "start"], stdout=file,
                              stderr=subprocess.STDOUT, timeout=240 * TIME_SCALE, check=False,
                              env={**os.environ, "BENCH_QUICK": "1"})
    output = log.read_text()
    assert done.returncode == 0, output
    assert output.count(" 0 differ from DuckDB's") == 2, output
    lines = [line for line in output.splitlines() if line.endswith(tuple(f"[{word}]" for word in
                                                                         LINE_WORDS))]
    assert len(lines) == 6, output


main()
