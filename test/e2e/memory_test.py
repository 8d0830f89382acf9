"""A pipeline that is given too little memory, then more, until it comes to its end.

The limit is one of the system (RLIMIT_AS), so that libraries and the starting of threads meet it too."""

import subprocess

from lib import BINARY, main

ROWS, MEGABYTES_MIN, MEGABYTES_STEP, MEGABYTES_MAX = 150_000, 60, 4, 4096

PIPELINE = """
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE n (id BIGINT, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' MINUTE) WITH (
  'connector' = 'filesystem', 'path' = 'in', 'format' = 'csv');
CREATE TABLE o (id BIGINT, n BIGINT, s BIGINT) WITH (
  'connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
INSERT INTO o SELECT id, COUNT(*), SUM(v) FROM TABLE(
  TUMBLE(TABLE n, DESCRIPTOR(ts), INTERVAL '10' MINUTE)) GROUP BY id, window_start, window_end;
"""


def test_memory_runs_out_and_nothing_is_lost(box):
    weir = box.weir(PIPELINE)
    for number in range(10):
        weir.write(f"in/{number}.csv", "".join(
            f"{row // 2},{row % 7},2024-01-01 00:00:{row % 60:02d}\n" for row in range(number, ROWS, 10)))
    ended = 0
    for megabytes in range(MEGABYTES_MIN, MEGABYTES_MAX, MEGABYTES_STEP):
        done = subprocess.run(
            ["prlimit", f"--as={megabytes << 20}", BINARY, "run", "pipeline.sql", "--quiet"],
            cwd=weir.folder, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        ended += 1
        assert done.returncode == 75, (megabytes, done.returncode, done.stderr)
        assert done.stderr.count("error[") == 1, done.stderr
        assert "error[WR5201]: out of memory" in done.stderr or "error[WR4404]" in done.stderr, done.stderr
    assert done.returncode == 0 and ended >= 2, (done.returncode, ended)
    found = sorted(line for path in weir.path("out").iterdir() if path.name[0] not in "._"
                   for line in path.read_text().splitlines())
    assert found == sorted(f"{i},2,{(2 * i) % 7 + (2 * i + 1) % 7}" for i in range(ROWS // 2))
    print(f"     out of memory {ended} times, then whole with {megabytes} MB")


main()
