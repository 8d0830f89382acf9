"""Sinks that take a kilobyte a second, under a limit of memory: the sources wait, and then all arrives.

Two statements, each with more to give than the limit holds, write to PostgreSQL (exactly once) and to Redis
through a proxy. While the proxy is slow the process stays within the limit; when it is not any more, every
row is there once. WEIR_SLOW_SECONDS says for how long (soak: ten minutes)."""

import os
import time

from chaos import Chaos, Fault
from lib import Skip, main

LIMIT_MB = 256
ROWS = 300_000  # of a kilobyte, twice
RATE = 1000  # bytes a second
FILLER = 1000

PIPELINE = """
SET 'weir.memory.limit' = '{limit} mb';
SET 'execution.checkpointing.interval' = '1 s';
CREATE TABLE a (n BIGINT, filler STRING) WITH ({source});
CREATE TABLE b (n BIGINT, filler STRING) WITH ({source});
CREATE TABLE in_pg (n BIGINT, told STRING) WITH ('connector' = 'jdbc', 'table-name' = 't',
  'url' = 'jdbc:postgresql://127.0.0.1:{postgres}/weir', 'username' = 'weir', 'password' = 'weir-secret',
  'sink.delivery-guarantee' = 'exactly-once');
CREATE TABLE in_redis (n BIGINT, told STRING, PRIMARY KEY (n) NOT ENFORCED) WITH ('connector' = 'redis',
  'host' = '127.0.0.1', 'port' = '{redis}', 'command' = 'SET');
INSERT INTO in_pg SELECT n, CAST(n AS STRING) || '-' || filler FROM a;
INSERT INTO in_redis SELECT n, CAST(n AS STRING) || '-' || filler FROM b;
"""

SOURCE = f"""'connector' = 'datagen', 'rows-per-second' = '100000000', 'fields.n.kind' = 'sequence',
  'fields.n.start' = '1', 'fields.n.end' = '{ROWS}', 'fields.filler.length' = '{FILLER}'"""


def is_told(number, text):
    return text.startswith(f"{number}-") and len(text) == len(str(number)) + 1 + FILLER


def run(box, seconds):
    postgres, redis = box.postgres(), box.redis()
    postgres.sql("CREATE TABLE t (n BIGINT, told TEXT)")
    proxies = [Chaos(postgres.port), Chaos(redis.port)]
    for proxy in proxies:
        proxy.fault = Fault(rate=RATE)
    weir = box.weir(PIPELINE.format(limit=LIMIT_MB, source=SOURCE, postgres=proxies[0].port,
                                    redis=proxies[1].port)).start()
    time.sleep(seconds)
    assert weir.is_alive(), weir.log()
    written = postgres.value("SELECT count(*) FROM t"), redis("DBSIZE")
    for proxy in proxies:
        proxy.fault = Fault()
    peak = 0
    while weir.is_alive():
        peak = max(peak, weir.memory_bytes("VmHWM"))
        assert peak <= (LIMIT_MB << 20) * 1.1, f"{peak >> 20} MB of {LIMIT_MB}"
        time.sleep(0.02)
    assert weir.wait(1) == 0, weir.log()
    print(f"     {seconds:g} s at {RATE} bytes a second: {written[0]} and {written[1]} rows, "
          f"{peak >> 20} MB resident at most")
    check(postgres, redis)
    for proxy in proxies:
        proxy.close()


def check(postgres, redis):
    found = postgres.sql(
        "SELECT count(*), count(DISTINCT n), min(n), max(n), "
        f"bool_and(told LIKE n || '-%' AND length(told) = length(n::text) + 1 + {FILLER}) FROM t")
    assert found == [[str(ROWS), str(ROWS), "1", str(ROWS), "t"]], found
    assert redis("DBSIZE") == ROWS, redis("DBSIZE")
    for number in range(1, ROWS + 1, 97):
        text = (redis("GET", str(number)) or b"").decode()
        assert is_told(number, text), (number, text)


def test_slow_sinks_do_not_cost_memory(box):
    run(box, float(os.environ.get("WEIR_SLOW_SECONDS", "15")))


def soak_slow_sinks_for_ten_minutes(box):
    if "WEIR_SLOW_SECONDS" in os.environ:
        raise Skip("WEIR_SLOW_SECONDS is given")
    run(box, 600)


main()
