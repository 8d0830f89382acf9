"""State that memory has no room for: whatever ends the run, the next one resumes exactly."""

import bisect
import random
import subprocess
import time

from lib import BINARY, main, wait_until

KEYS, ROWS = 400_000, 800_000

PIPELINE = """
SET 'execution.checkpointing.interval' = '{interval}';
SET 'parallelism.default' = '2';
{settings}
CREATE TABLE visits (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{speed}',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}');
CREATE TABLE counts (k BIGINT, visitors BIGINT, visits BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{port}', 'command' = 'HSET',
  'value.data.structure' = 'hash');
INSERT INTO counts
SELECT k, COUNT(*), SUM(n) FROM (
  SELECT visitor % 4 AS k, visitor, COUNT(*) AS n, SUM(n) AS s FROM (
    SELECT n, n * 7919 % {keys} AS visitor FROM visits) GROUP BY visitor) GROUP BY k;
"""

SPILLING = """SET 'state.backend.type' = 'rocksdb';
SET 'state.backend.rocksdb.memory.fixed-per-slot' = '4 mb';"""
IN_MEMORY = "SET 'state.backend.type' = 'hashmap';"


def write(weir, redis, settings, speed=200_000, interval="300 ms"):
    weir.write("pipeline.sql", PIPELINE.format(settings=settings, port=redis.port, keys=KEYS, rows=ROWS,
                                               speed=speed, interval=interval))


HOP_KEYS, HOP_ROWS, HOP_STEP_MS, HOP_SLIDE, HOP_SIZE = 100_000, 600_000, 12, 10, 30

# Sums that can be taken back, what needs two stacks (MAX), and what owns memory (DISTINCT).
HOP_PIPELINE = """
SET 'execution.checkpointing.interval' = '300 ms';
SET 'parallelism.default' = '2';
SET 'table.local-time-zone' = 'UTC';
{settings}
CREATE TABLE visits (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n * {step}, 3), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'datagen', 'rows-per-second' = '{speed}',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}');
CREATE TABLE windows (k BIGINT, visitors BIGINT, visits BIGINT, best BIGINT, kinds BIGINT,
  PRIMARY KEY (k) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{port}', 'command' = 'HSET',
  'value.data.structure' = 'hash');
INSERT INTO windows
SELECT EXTRACT(HOUR FROM window_end) * 60 + EXTRACT(MINUTE FROM window_end), COUNT(*), SUM(visits), SUM(best),
  SUM(kinds)
FROM (
  SELECT visitor, window_end, COUNT(*) AS visits, MAX(v) AS best, COUNT(DISTINCT v % 3) AS kinds
  FROM TABLE(HOP(
    TABLE (SELECT n * 7919 % {keys} AS visitor, n * 104729 % 1000 AS v, ts FROM visits),
    DESCRIPTOR(ts), INTERVAL '{slide}' MINUTES, INTERVAL '{size}' MINUTES))
  GROUP BY visitor, window_start, window_end)
GROUP BY window_end;
"""


# Visitors come three times and never again.
VISITORS, SESSION_ROWS, SESSION_STEP_MS, GAP_MINUTES = 15_000, 90_000, 40, 15

SESSION_PIPELINE = """
SET 'execution.checkpointing.interval' = '300 ms';
SET 'parallelism.default' = '2';
SET 'table.local-time-zone' = 'UTC';
{settings}
CREATE TABLE visits (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n * {step}, 3), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'datagen', 'rows-per-second' = '{speed}',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '{last}');
CREATE TEMPORARY VIEW visitors AS
SELECT n, n % {visitors} * 7919 % {visitors} + n / (3 * {visitors}) * {visitors} AS visitor, ts FROM visits;
CREATE TEMPORARY VIEW thirds AS SELECT * FROM visitors WHERE n % 3 = 0;
CREATE TABLE sessions (k STRING, sessions BIGINT, visits BIGINT, s BIGINT, kinds BIGINT, PRIMARY KEY (k) NOT ENFORCED)
WITH ('connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{port}', 'command' = 'HSET',
  'value.data.structure' = 'hash');
EXECUTE STATEMENT SET BEGIN
INSERT INTO sessions
SELECT CONCAT('sessions ', CAST(visitor / {visitors} AS STRING)), COUNT(*), SUM(visits), SUM(s), SUM(kinds)
FROM (
  SELECT visitor, COUNT(*) AS visits, SUM(n) AS s, COUNT(DISTINCT n % 2) AS kinds
  FROM TABLE(SESSION(TABLE visitors PARTITION BY visitor, DESCRIPTOR(ts), INTERVAL '{gap}' MINUTES))
  GROUP BY visitor, window_start, window_end)
GROUP BY visitor / {visitors};
INSERT INTO sessions
SELECT CONCAT('rows ', CAST(visitor / {visitors} AS STRING)),
  COUNT(*) FILTER (WHERE TIMESTAMPDIFF(MINUTE, CAST(ts AS TIMESTAMP(3)), window_end) = {gap}), COUNT(*), SUM(n), MAX(n % 2)
FROM TABLE(SESSION(TABLE visitors PARTITION BY visitor, DESCRIPTOR(ts), INTERVAL '{gap}' MINUTES))
GROUP BY visitor / {visitors};
INSERT INTO sessions
SELECT CONCAT('pairs ', CAST(visitor / {visitors} AS STRING)), COUNT(*), COUNT(other), SUM(n), SUM(other)
FROM (
  SELECT l.visitor, l.n, r.n AS other
  FROM (SELECT * FROM TABLE(TUMBLE(TABLE visitors, DESCRIPTOR(ts), INTERVAL '20' MINUTES))) l
  LEFT JOIN (SELECT * FROM TABLE(TUMBLE(TABLE thirds, DESCRIPTOR(ts), INTERVAL '20' MINUTES))) r
  ON l.visitor = r.visitor AND l.window_start = r.window_start AND l.window_end = r.window_end)
GROUP BY visitor / {visitors};
END;
"""


def write_sessions(weir, redis, settings, speed):
    weir.write("pipeline.sql", SESSION_PIPELINE.format(
        settings=settings, port=redis.port, visitors=VISITORS, last=SESSION_ROWS - 1, step=SESSION_STEP_MS,
        gap=GAP_MINUTES, speed=speed))


def session_answer():
    """All visitors of a kind have one session, of three rows, which ends a gap after the last of them; and joined with a
    third of their rows, window by window."""
    answer = {}
    for kind in range(SESSION_ROWS // (3 * VISITORS)):
        rows = range(kind * 3 * VISITORS, (kind + 1) * 3 * VISITORS)
        both = {"visits": str(len(rows)), "s": str(sum(rows))}
        kinds = sum(len({(rows[0] + i + turn * VISITORS) % 2 for turn in range(3)}) for i in range(VISITORS))
        answer[f"sessions {kind}"] = {"sessions": str(VISITORS), "kinds": str(kinds), **both}
        answer[f"rows {kind}"] = {"sessions": str(VISITORS), "kinds": "1", **both}
    windows = {}
    for n in range(SESSION_ROWS):
        visitor = n % VISITORS * 7919 % VISITORS + n // (3 * VISITORS) * VISITORS
        windows.setdefault((n * SESSION_STEP_MS // 1_200_000, visitor), []).append(n)
    sums = {}
    for (_, visitor), rows in windows.items():
        others = [n for n in rows if n % 3 == 0]
        one = sums.setdefault(f"pairs {visitor // VISITORS}", [0, 0, 0, 0])
        one[0] += len(rows) * max(len(others), 1)
        one[1] += len(rows) * len(others)
        one[2] += sum(rows) * max(len(others), 1)
        one[3] += len(rows) * sum(others)
    for key, one in sums.items():
        answer[key] = dict(zip(("sessions", "visits", "s", "kinds"), map(str, one)))
    return answer


def write_hop(weir, redis, settings, speed):
    weir.write("pipeline.sql", HOP_PIPELINE.format(
        settings=settings, port=redis.port, keys=HOP_KEYS, rows=HOP_ROWS, step=HOP_STEP_MS, slide=HOP_SLIDE,
        size=HOP_SIZE, speed=speed))


def hop_answer():
    """The same, row by row."""
    windows = {}
    slide = HOP_SLIDE * 60_000
    for n in range(1, HOP_ROWS + 1):
        first = n * HOP_STEP_MS // slide + 1
        key, v = n * 7919 % HOP_KEYS, n * 104729 % 1000
        for end in range(first, first + HOP_SIZE // HOP_SLIDE):
            keys = windows.setdefault(end * HOP_SLIDE, {})
            visits, best, kinds = keys.get(key, (0, 0, 0))
            keys[key] = (visits + 1, max(best, v), kinds | 1 << v % 3)
    return {end: {"visitors": str(len(keys)), "visits": str(sum(one[0] for one in keys.values())),
                  "best": str(sum(one[1] for one in keys.values())),
                  "kinds": str(sum(one[2].bit_count() for one in keys.values()))}
            for end, keys in windows.items()}


JOIN_ROWS, JOIN_KEYS, JOIN_STEP_MS, JOIN_REACH_MS = 60_000, 6_000, 30, 250_000

JOIN_FRAME_MS = 100_000

# Orders (odd n) with the payments within bounds, or alone; with the rate of their time; with those of the
# same key not long before.
JOIN_PIPELINE = """
SET 'execution.checkpointing.interval' = '300 ms';
SET 'parallelism.default' = '2';
SET 'table.local-time-zone' = 'UTC';
{settings}
CREATE TABLE events (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n * {step}, 3),
  WATERMARK FOR ts AS ts - INTERVAL '200' SECOND(3)) WITH (
  'connector' = 'datagen', 'rows-per-second' = '{speed}',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}');
CREATE VIEW orders AS SELECT n, n * 7919 % {keys} AS id, ts, CONCAT('order ', CAST(n AS STRING)) AS name
  FROM events WHERE n % 2 = 1;
CREATE VIEW payments AS SELECT n, n / 2 * 104729 % {keys} AS id, ts FROM events WHERE n % 2 = 0;
CREATE VIEW rates AS SELECT n, id, ts FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts DESC) AS place FROM payments) WHERE place = 1;
CREATE TABLE answers (k STRING, orders BIGINT, partners BIGINT, s BIGINT, letters BIGINT,
  PRIMARY KEY (k) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{port}', 'command' = 'HSET',
  'value.data.structure' = 'hash');
INSERT INTO answers
SELECT CONCAT(kind, CAST(id % 4 AS STRING)), COUNT(*), COUNT(partner), SUM(partner), SUM(CHAR_LENGTH(name))
FROM (
  SELECT 'interval' AS kind, o.id, o.name, p.n AS partner FROM orders o LEFT JOIN payments p
    ON o.id = p.id AND p.ts BETWEEN o.ts - INTERVAL '{reach}' SECOND(3) AND o.ts + INTERVAL '{reach}' SECOND(3)
  UNION ALL
  SELECT 'temporal', o.id, o.name, r.n FROM orders o
    LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.id = r.id
  UNION ALL
  SELECT 'over', id, name, SUM(n) OVER (PARTITION BY id ORDER BY ts
    RANGE BETWEEN INTERVAL '{frame}' SECOND(3) PRECEDING AND CURRENT ROW) FROM orders)
GROUP BY CONCAT(kind, CAST(id % 4 AS STRING));
"""


def write_joins(weir, redis, settings, speed):
    weir.write("pipeline.sql", JOIN_PIPELINE.format(
        settings=settings, port=redis.port, keys=JOIN_KEYS, rows=JOIN_ROWS, step=JOIN_STEP_MS,
        reach=JOIN_REACH_MS // 1000, frame=JOIN_FRAME_MS // 1000, speed=speed))


def joins_answer():
    """The same, order by order."""
    payments = {}
    for n in range(2, JOIN_ROWS + 1, 2):
        payments.setdefault(n // 2 * 104729 % JOIN_KEYS, []).append(n)
    answers, orders = {}, {}
    reach, frame = JOIN_REACH_MS // JOIN_STEP_MS, JOIN_FRAME_MS // JOIN_STEP_MS
    for n in range(1, JOIN_ROWS + 1, 2):
        key = n * 7919 % JOIN_KEYS
        own = payments.get(key, [])
        near = own[bisect.bisect_left(own, n - reach):bisect.bisect_right(own, n + reach)]
        before = orders.setdefault(key, [])
        before.append(n)
        for kind, partners in (("interval", near), ("temporal", own[:bisect.bisect_right(own, n)][-1:]),
                               ("over", [sum(before[bisect.bisect_left(before, n - frame):])])):
            one = answers.setdefault(f"{kind}{key % 4}", [0, 0, 0, 0])
            one[0] += max(len(partners), 1)
            one[1] += len(partners)
            one[2] += sum(partners)
            one[3] += max(len(partners), 1) * len(f"order {n}")
    return {k: dict(zip(("orders", "partners", "s", "letters"), map(str, one))) for k, one in answers.items()}


def spilled_bytes(weir):
    """What RocksDB has in its files."""
    total = 0
    for path in weir.data.glob("jobs/*/spill/*"):
        try:
            total += path.stat().st_size if path.suffix in (".sst", ".blob") else 0
        except FileNotFoundError:
            pass
    return total


def has_checkpoint(weir):
    return bool(list(weir.data.glob("jobs/*/checkpoints/chk-*/MANIFEST")))


def check_answer(redis):
    for k in range(4):
        found = redis.hash(str(k))
        assert found == {"visitors": str(KEYS // 4), "visits": str(ROWS // 4)}, (k, found)


def test_killed_and_moved_between_backends(box):
    seed = random.randrange(1 << 30)
    print(f"     seed {seed}")
    moments = random.Random(seed)
    redis = box.redis()
    weir = box.weir("")
    for _ in range(2):
        write(weir, redis, SPILLING)
        weir.start()
        wait_until(lambda: spilled_bytes(weir) > 0, "state on disk", 60, process=weir)
        time.sleep(moments.random())
        weir.kill()
    write(weir, redis, IN_MEMORY)
    weir.start()
    wait_until(lambda: "resumed from checkpoint" in weir.stderr(), "the state in memory", 60, process=weir)
    time.sleep(moments.random() / 2)
    assert weir.stop() == 0, weir.log()
    write(weir, redis, SPILLING)
    weir.start()
    assert weir.wait(120) == 0, weir.log()
    assert "resumed from checkpoint" in weir.stderr(), weir.stderr()
    check_answer(redis)
    assert not list(weir.data.glob("jobs/*/spill")), "the folder is left behind"


def kill_and_move(box, write_one, speed):
    """Twice from a crash, then in memory, then with RocksDB to the end."""
    seed = random.randrange(1 << 30)
    print(f"     seed {seed}")
    moments = random.Random(seed)
    redis = box.redis()
    weir = box.weir("")
    for _ in range(2):
        write_one(weir, redis, SPILLING, speed)
        weir.start()
        wait_until(lambda: spilled_bytes(weir) > 0 and has_checkpoint(weir), "state on disk", 120, process=weir)
        time.sleep(moments.random())
        weir.kill()
    write_one(weir, redis, IN_MEMORY, speed)
    weir.start()
    wait_until(lambda: "resumed from checkpoint" in weir.stderr(), "the state in memory", 60, process=weir)
    time.sleep(moments.random() / 2)
    assert weir.stop() == 0, weir.log()
    write_one(weir, redis, SPILLING, 1_000_000)
    weir.start()
    assert weir.wait(240) == 0, weir.log()
    assert "resumed from checkpoint" in weir.stderr(), weir.stderr()
    return redis


def test_windows_are_killed_and_moved_between_backends(box):
    redis = kill_and_move(box, write_hop, 100_000)
    for end, expected in hop_answer().items():
        assert redis.hash(str(end)) == expected, (end, redis.hash(str(end)), expected)


def test_sessions_and_joins_by_window_are_killed_and_moved_between_backends(box):
    redis = kill_and_move(box, write_sessions, 30_000)
    for key, expected in session_answer().items():
        assert redis.hash(key) == expected, (key, redis.hash(key), expected)


def test_joins_by_time_and_over_are_killed_and_moved_between_backends(box):
    redis = kill_and_move(box, write_joins, 12_000)
    for key, expected in joins_answer().items():
        assert redis.hash(key) == expected, (key, redis.hash(key), expected)


def start_with_a_checkpoint(box):
    redis = box.redis()
    weir = box.weir("")
    write(weir, redis, SPILLING, 100_000, "100 ms")
    weir.start()
    wait_until(lambda: has_checkpoint(weir), "a checkpoint", process=weir)
    assert weir.stop() == 0, weir.log()
    write(weir, redis, SPILLING, 2_000_000, "0 s")
    return redis, weir


def test_a_full_disk_ends_the_job(box):
    redis, weir = start_with_a_checkpoint(box)
    # Files may not become larger: the signal of that is ignored, as Python does, so that writing fails.
    done = subprocess.run(["prlimit", f"--fsize={300 << 10}", BINARY, "run", "pipeline.sql", "--quiet",
                           "--data-dir", weir.data],
                          cwd=weir.folder, capture_output=True, text=True, check=False, restore_signals=False)
    assert "error[WR5312]" in done.stderr and done.returncode not in (0, 75), (done.returncode, done.stderr)
    weir.start()
    assert weir.wait(120) == 0, weir.log()
    check_answer(redis)


def test_pages_that_cannot_be_read_end_the_process(box):
    redis, weir = start_with_a_checkpoint(box)
    write(weir, redis, SPILLING, 200_000, "0 s")
    weir.start()

    def cut():
        for path in weir.data.glob("jobs/*/spill/*"):
            if path.suffix in (".sst", ".blob") and path.stat().st_size > 0:
                with open(path, "r+b") as file:
                    file.truncate(0)
        return not weir.is_alive()

    wait_until(cut, "the end of the process", 60)
    assert weir.exit_code() in (75, 74), (weir.exit_code(), weir.log())
    assert "error[WR5313]" in weir.stderr() or "error[WR5312]" in weir.stderr(), weir.stderr()
    weir.start()
    assert weir.wait(120) == 0, weir.log()
    check_answer(redis)


def soak_state_larger_than_the_limit(box):
    """More packed state than there is memory for, and four times as much unpacked; the process stays within the limit + 10 %."""
    limit_mb, keys = 100, 5_000_000
    weir = box.weir(f"""
SET 'execution.checkpointing.interval' = '5 s';
SET 'state.backend.type' = 'rocksdb';
SET 'weir.memory.limit' = '{limit_mb} mb';
CREATE TABLE visits (k BIGINT, v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000',
  'number-of-rows' = '{2 * keys}', 'fields.k.min' = '1', 'fields.k.max' = '{keys}',
  'fields.v.min' = '1', 'fields.v.max' = '1000');
CREATE TABLE counts (k BIGINT, n BIGINT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'blackhole');
INSERT INTO counts SELECT k, COUNT(*), SUM(v) FROM visits GROUP BY k;
""").start()
    peak = 0
    while weir.is_alive():
        peak = max(peak, weir.memory_bytes() or 0)
        time.sleep(0.02)
    assert weir.wait(10) == 0, weir.log()
    print(f"     at most {peak / (1 << 20):.0f} of {limit_mb} MB")
    assert peak <= limit_mb * 1.1 * (1 << 20), peak


def check_large_windows(box, calls):
    """HOP of 30 minutes by 1 over two million keys; the process stays within the limit + 10 %, and says the same as in memory."""
    keys, rows = 2_000_000, 6_000_000
    answers = []
    for settings in ("SET 'state.backend.type' = 'rocksdb'; SET 'weir.memory.limit' = '100 mb';", ""):
        weir = box.weir(f"""
{settings}
CREATE TABLE visits (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n * 3600000 / {rows}, 3), WATERMARK FOR ts AS ts) WITH (
  'connector' = 'datagen', 'rows-per-second' = '1000000000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}');
CREATE TABLE answers (windows BIGINT, visits BIGINT, s BIGINT) WITH ('connector' = 'print');
INSERT INTO answers SELECT COUNT(*), SUM(visits), SUM(s) FROM (
  SELECT visitor, {calls} FROM TABLE(HOP(
    TABLE (SELECT n, n * 7919 % {keys} AS visitor, ts FROM visits), DESCRIPTOR(ts), INTERVAL '1' MINUTES,
    INTERVAL '30' MINUTES)) GROUP BY visitor, window_start, window_end);
""").start()
        peak, began = 0, time.monotonic()
        while weir.is_alive():
            peak = max(peak, weir.memory_bytes() or 0)
            time.sleep(0.02)
        assert weir.wait(10) == 0, weir.log()
        answers.append(weir.stdout().splitlines()[-1])
        print(f"     at most {peak / (1 << 20):.0f} MB, {time.monotonic() - began:.0f} s")
        assert not settings or peak <= 110 << 20, peak
    assert answers[0] == answers[1], answers


def soak_windows_larger_than_the_limit(box):
    check_large_windows(box, "COUNT(*) AS visits, SUM(n) AS s")


def soak_windows_of_long_values_are_larger_than_the_limit(box):
    """What owns memory, and what cannot be subtracted."""
    check_large_windows(box, "COUNT(DISTINCT n % 3) AS visits, MAX(n) AS s")


main()
