"""Stopped by SIGTERM again and again while it works as fast as it can: each stop takes a last checkpoint and
ends in order, and the runs together have written every row once.

WEIR_STOPS (10); WEIR_SEED repeats the choices."""

import os
import random
import time

from lib import TIME_SCALE, http_get, main, wait_until
from lookups import letters

STOPS = int(os.environ.get("WEIR_STOPS", "10"))
SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
STOP_SECONDS_MAX = 10
STORES = 7

PIPELINE = """
SET 'execution.checkpointing.interval' = '500 ms';
CREATE TABLE o (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n * 10, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen',
  'rows-per-second' = '100000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1',
  'fields.n.end' = '1000000000');
CREATE TABLE copies (n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'copies', 'format' = 'csv',
  'sink.rolling-policy.rollover-interval' = '200 ms', 'sink.rolling-policy.check-interval' = '100 ms');
CREATE TABLE windows (w BIGINT, store BIGINT, n BIGINT, total BIGINT) WITH ({postgres}, 'table-name' = 'windows',
  'sink.delivery-guarantee' = 'exactly-once');
CREATE TABLE totals (store BIGINT, n BIGINT, total BIGINT, PRIMARY KEY (store) NOT ENFORCED) WITH ({postgres},
  'table-name' = 'totals');
CREATE TABLE latest (store BIGINT, n BIGINT, PRIMARY KEY (store) NOT ENFORCED) WITH ('connector' = 'redis',
  'host' = '127.0.0.1', 'port' = '{redis}', 'command' = 'SET', 'sink.delivery-guarantee' = 'exactly-once');
INSERT INTO copies SELECT n FROM o WHERE MOD(n, 10) = 0;
INSERT INTO windows SELECT UNIX_TIMESTAMP(CAST(window_start AS STRING)), MOD(n, {stores}), COUNT(*), SUM(n)
  FROM TABLE(TUMBLE(TABLE o, DESCRIPTOR(ts), INTERVAL '20' SECOND))
  GROUP BY window_start, window_end, MOD(n, {stores});
INSERT INTO totals SELECT MOD(n, {stores}), COUNT(*), SUM(n) FROM o GROUP BY MOD(n, {stores});
INSERT INTO latest SELECT MOD(n, {stores}), COUNT(*) FROM o GROUP BY MOD(n, {stores});
"""


def sums(first, last):
    """Count and sum by store of the numbers from first up to last."""
    found = {}
    for store in range(STORES):
        start = first + (store - first) % STORES
        count = max(0, (last - start) // STORES + 1)
        found[store] = (count, count * start + STORES * count * (count - 1) // 2)
    return found


def check(weir, pg, redis):
    totals = {int(store): (int(n), int(total)) for store, n, total in pg.sql("SELECT store, n, total FROM totals")}
    last = sum(n for n, _ in totals.values())
    assert totals == sums(1, last), (totals, sums(1, last))
    assert {store: int(redis("GET", str(store))) for store in range(STORES)} == {
        store: n for store, (n, _) in totals.items()}
    copies = sorted(int(line) for path in weir.folder.glob("copies/[!._]*") for line in path.read_text().splitlines())
    assert copies == list(range(10, 10 * len(copies) + 1, 10)), (len(copies), copies[-3:])
    windows = {}
    for start, store, n, total in pg.sql("SELECT w, store, n, total FROM windows"):
        assert (start, store) not in windows, f"window {start} of store {store} twice"
        windows[(start, store)] = (int(n), int(total))
    for (start, store), found in windows.items():
        first = int(start) * 100  # a number every 10 ms
        assert found == sums(max(1, first), first + 1999)[int(store)], (start, store, found)
    starts = sorted({int(start) for start, _ in windows})
    assert starts == list(range(0, 20 * len(starts), 20)), starts
    assert not letters(weir, "o")
    return last, len(windows)


def test_stops_under_load_lose_nothing(box):
    chance = random.Random(SEED)
    pg, redis = box.postgres(), box.redis()
    pg.sql("CREATE TABLE windows (w BIGINT, store BIGINT, n BIGINT, total BIGINT);"
           "CREATE TABLE totals (store BIGINT PRIMARY KEY, n BIGINT, total BIGINT)")
    weir = box.weir(PIPELINE.format(
        stores=STORES, redis=redis.port,
        postgres=f"'connector' = 'jdbc', 'url' = 'jdbc:postgresql://127.0.0.1:{pg.port}/weir', "
                 "'username' = 'weir', 'password' = 'weir-secret'"))
    slowest = 0.0
    for _ in range(STOPS):
        weir.start()
        wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)
        time.sleep(chance.random() * 0.8)
        began = time.monotonic()
        assert weir.stop() == 0, weir.log()
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < STOP_SECONDS_MAX * TIME_SCALE, f"a stop took {slowest:.1f} s"
    last, windows = check(weir, pg, redis)
    print(f"     {STOPS} stops, {last} rows, {windows} windows, the slowest stop took {slowest:.2f} s, seed {SEED}")


main()
