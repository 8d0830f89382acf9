"""PostgreSQL and Redis are killed (or stopped) and started again, over and over, while weir writes to them
and looks up in them; one time in four weir itself is killed meanwhile. In the end every number is there once.

WEIR_RESTARTS (4) outages; WEIR_SEED repeats the choices."""

import os
import random
import time

from lib import main, wait_until
from lookups import letters

RESTARTS = int(os.environ.get("WEIR_RESTARTS", "4"))
SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
KEYS = 200

PIPELINE = """
SET 'execution.checkpointing.interval' = '100 ms';
SET 'parallelism.default' = '2';
CREATE TABLE o (n BIGINT, p AS PROCTIME()) WITH ('connector' = 'datagen', 'rows-per-second' = '2000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000000');
CREATE TABLE pg_once (n BIGINT) WITH ({postgres}, 'table-name' = 't', 'sink.delivery-guarantee' = 'exactly-once');
CREATE TABLE pg_key (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ({postgres}, 'table-name' = 'by_key');
CREATE TABLE re_hash (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ({redis}, 'command' = 'HSET',
  'value.data.structure' = 'hash', 'key.prefix' = 'hash:');
CREATE TABLE re_held (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ({redis}, 'command' = 'SET',
  'key.prefix' = 'held:', 'sink.delivery-guarantee' = 'exactly-once');
CREATE TABLE pg_known (k BIGINT, v STRING) WITH ({postgres}, 'table-name' = 'known');
CREATE TABLE re_known (k BIGINT, v STRING) WITH ({redis}, 'command' = 'GET', 'key.prefix' = 'known:');
CREATE TABLE found (n BIGINT, a STRING, b STRING) WITH ('connector' = 'filesystem', 'path' = 'found',
  'format' = 'csv', 'sink.rolling-policy.rollover-interval' = '100 ms',
  'sink.rolling-policy.check-interval' = '100 ms');
INSERT INTO pg_once SELECT n FROM o;
INSERT INTO pg_key SELECT n % {keys}, n FROM o;
INSERT INTO re_hash SELECT n % {keys}, n FROM o;
INSERT INTO re_held SELECT n % {keys}, n FROM o;
INSERT INTO found SELECT o.n, a.v, b.v FROM o
  LEFT JOIN pg_known FOR SYSTEM_TIME AS OF o.p AS a ON o.n % {keys} = a.k
  LEFT JOIN re_known FOR SYSTEM_TIME AS OF o.p AS b ON o.n % {keys} = b.k;
"""


class Target:
    """A server, how it may end, and how far weir has come there."""

    def __init__(self, name, server, ways, count):
        self.name, self.server, self.ways, self.count = name, server, ways, count

    def outage(self, chance, weir):
        way = chance.choice(self.ways)
        way()
        time.sleep(chance.random())
        if chance.random() < 0.25:
            weir.kill()
        time.sleep(chance.random() * 0.5)
        self.server.start()
        return f"{way.__name__} of {self.name}"


def found_numbers(weir):
    lines = [line for path in weir.folder.glob("found/[!._]*") for line in path.read_text().splitlines()]
    wanted = [f"{n},v{n % KEYS},v{n % KEYS}" for n in range(1, len(lines) + 1)]
    assert sorted(lines) == sorted(wanted), (len(lines), sorted(set(lines) ^ set(wanted))[:5])
    return len(lines)


def last_of_each(rows):
    """By key: n of each, which come next to each other."""
    assert [n % KEYS for n in rows] == list(range(KEYS)), rows
    assert max(rows) - min(rows) == KEYS - 1, (min(rows), max(rows))


def test_servers_that_come_back_find_every_row(box):
    chance = random.Random(SEED)
    # What they have said yes to outlives their processes.
    pg, redis = box.postgres(), box.redis(appendonly="yes", appendfsync="always")
    pg.sql("CREATE TABLE t (n BIGINT); CREATE TABLE by_key (k BIGINT PRIMARY KEY, n BIGINT);"
           f"CREATE TABLE known AS SELECT k, 'v' || k AS v FROM generate_series(0, {KEYS - 1}) AS k")
    redis.pipeline([("SET", f"known:{k}", f"v{k}") for k in range(KEYS)])
    weir = box.weir(PIPELINE.format(
        keys=KEYS, redis=f"'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{redis.port}'",
        postgres=f"'connector' = 'jdbc', 'url' = 'jdbc:postgresql://127.0.0.1:{pg.port}/weir', "
                 "'username' = 'weir', 'password' = 'weir-secret'"))
    targets = [
        Target("PostgreSQL", pg, (pg.crash, pg.kill, pg.stop), lambda: int(pg.value("SELECT count(*) FROM t"))),
        Target("Redis", redis, (redis.kill, redis.stop), lambda: int(redis("GET", "held:7") or 0)),
    ]
    for number in range(RESTARTS):
        if not weir.is_alive():
            weir.start()
        target = targets[number % len(targets)]
        for each in targets:
            before = each.count()
            wait_until(lambda each=each, before=before: each.count() > before, f"rows in {each.name}", 60, process=weir)
        time.sleep(chance.random() * 0.3)
        said = target.outage(chance, weir)
        print(f"     {said}{'' if weir.is_alive() else ', weir killed'}", flush=True)
    if not weir.is_alive():
        weir.start()
    for each in targets:
        before = each.count()
        wait_until(lambda each=each, before=before: each.count() > before, f"rows in {each.name}", 60, process=weir)
    before = found_numbers(weir)
    wait_until(lambda: found_numbers(weir) > before, "more look-ups", 60, process=weir)
    assert weir.stop() == 0, weir.log()

    rows, distinct, most = map(int, pg.sql("SELECT count(*), count(DISTINCT n), max(n) FROM t")[0])
    assert rows == distinct == most > 0, (rows, distinct, most, SEED)
    last_of_each([int(n) for (n,) in pg.sql("SELECT n FROM by_key ORDER BY k")])
    last_of_each([int(redis.hash(f"hash:{k}")["n"]) for k in range(KEYS)])
    last_of_each([int(redis("GET", f"held:{k}")) for k in range(KEYS)])
    assert not any(letters(weir, name) for name in ("pg_once", "pg_key", "re_hash", "re_held"))
    print(f"     {RESTARTS} outages, {rows} rows, {found_numbers(weir)} look-ups, seed {SEED}")


main()
