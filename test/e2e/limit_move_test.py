"""State that outgrows `weir.memory.limit` and of which nobody has said where it is to be: it leaves memory then, nothing is
lost, and those outside see no end of the job."""

import contextlib
import random
import subprocess
import threading
import time

from lib import http_get, main, wait_until

LIMIT_MB, KEYS, ROWS = 80, 1_200_000, 2_400_000
MOVED = "state has outgrown memory"
MOVED_AT_START = "holds more state than memory has room for"

PIPELINE = """
SET 'weir.memory.limit' = '{limit} mb';
SET 'execution.checkpointing.interval' = '{interval}';
SET 'parallelism.default' = '2';
{settings}
CREATE TABLE visits (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{speed}',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}');
CREATE TABLE counts (k BIGINT, visitors BIGINT, visits BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{port}', 'command' = 'HSET',
  'value.data.structure' = 'hash');
{more}
INSERT INTO counts
SELECT k, COUNT(*), SUM(n) FROM (
  SELECT visitor % 4 AS k, visitor, COUNT(*) AS n FROM (
    SELECT n, n * 7919 % {keys} AS visitor FROM visits) GROUP BY visitor) GROUP BY k;
"""


def write(weir, redis, limit=LIMIT_MB, settings="", more="", speed=10_000_000, interval="500 ms"):
    weir.write("pipeline.sql", PIPELINE.format(limit=limit, settings=settings, more=more, speed=speed, interval=interval,
                                               rows=ROWS, keys=KEYS, port=redis.port))


def follow(weir, seconds=120):
    """The most that was in memory until its end."""
    peak, deadline = 0, time.monotonic() + seconds
    while weir.is_alive():
        peak = max(peak, weir.memory_bytes("VmHWM") or 0)
        assert time.monotonic() < deadline, weir.log()
        time.sleep(0.01)
    assert weir.wait() == 0, weir.log()
    return peak


def check_answer(redis):
    for k in range(4):
        found = redis.hash(str(k))
        assert found == {"visitors": str(KEYS // 4), "visits": str(ROWS // 4)}, (k, found)


def test_state_that_does_not_fit_leaves_memory(box):
    redis, weir = box.redis(), box.weir("")
    write(weir, redis)
    peak = follow(weir.start())
    assert weir.stderr().count(MOVED) == 1, weir.stderr()
    assert peak <= LIMIT_MB * 1.1 * (1 << 20), peak >> 20
    check_answer(redis)
    assert not list(weir.data.glob("jobs/*/spill")), "the folder is left behind"


def test_state_that_fits_stays(box):
    redis, weir = box.redis(), box.weir("")
    write(weir, redis, limit=1024)
    follow(weir.start())
    assert MOVED not in weir.stderr() and MOVED_AT_START not in weir.stderr(), weir.stderr()
    check_answer(redis)


def test_without_the_library_the_job_ends_in_order(box):
    """As where state is told to stay: with its last checkpoint."""
    redis, weir = box.redis(), box.weir("")
    write(weir, redis, settings="SET 'state.backend.type' = 'hashmap';")
    weir.start()
    assert weir.wait(60) != 0 and "error[WR4412]" in weir.stderr(), weir.log()


def test_killed_at_any_moment(box):
    """Before, while and after state leaves; then with room for all of it."""
    seed = random.randrange(1 << 30)
    print(f"     seed {seed}")
    moments = random.Random(seed)
    redis, weir = box.redis(), box.weir("")
    for _ in range(4):
        write(weir, redis, speed=1_000_000)
        weir.start()
        time.sleep(0.5 + 2 * moments.random())
        weir.kill()
    write(weir, redis, speed=1_000_000)
    weir.start()
    wait_until(lambda: MOVED in weir.stderr() or MOVED_AT_START in weir.stderr() or not weir.is_alive(), "the move", 60)
    if weir.is_alive():
        weir.stop()
    write(weir, redis)
    weir.start()
    peak = follow(weir)
    assert peak <= LIMIT_MB * 1.1 * (1 << 20), peak >> 20
    check_answer(redis)


def test_a_checkpoint_that_does_not_fit_comes_back_beyond_memory(box):
    redis, weir = box.redis(), box.weir("")
    write(weir, redis, limit=1024, speed=1_000_000)
    weir.start()
    time.sleep(1.8)
    assert weir.stop() == 0, weir.log()
    write(weir, redis)
    peak = follow(weir.start())
    assert weir.stderr().count(MOVED_AT_START) == 1 and MOVED not in weir.stderr(), weir.stderr()
    assert peak <= LIMIT_MB * 1.1 * (1 << 20), peak >> 20
    check_answer(redis)


SERVED = """
CREATE MATERIALIZED TABLE totals (PRIMARY KEY (k) NOT ENFORCED) AS
SELECT n % 100 AS k, COUNT(*) AS visits FROM visits GROUP BY n % 100;
"""


def test_readers_of_tables_see_no_gap(box):
    """Every answer has all rows, counts never fall, and whoever follows gets each change in order."""
    redis, weir = box.redis(), box.weir("")
    write(weir, redis, more=SERVED, speed=600_000)
    weir.start()
    wait_until(lambda: http_get(weir.url + "/v1/tables/totals/rows").status == 200, "the API", 20, process=weir)
    follower = subprocess.Popen(["curl", "-sN", weir.url + "/v1/tables/totals/changes"], stdout=subprocess.PIPE, text=True)
    lines = []
    listener = threading.Thread(target=lambda: lines.extend(follower.stdout))
    listener.start()
    sums = []
    while weir.is_alive():
        with contextlib.suppress(OSError):
            answer = http_get(weir.url + "/v1/tables/totals/rows?limit=100")
            assert answer.status == 200, answer.text()
            sums.append((sum(row["visits"] for row in answer.json()["items"]), MOVED in weir.stderr()))
    listener.join()
    assert weir.wait(10) == 0, weir.log()
    assert not sums[0][1] and sums[-1][1], (len(sums), sums[0], sums[-1])
    assert sums == sorted(sums), next(pair for pair in zip(sums, sums[1:]) if pair[0] > pair[1])
    assert not [line for line in lines if "lost" in line], "the follower had to begin anew"
    check_answer(redis)


main()
