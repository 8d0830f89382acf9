"""Tables of topics that name no cluster: the hub of this process, in the pipeline's own data folder."""

import json
import os
import random
import time

from hub import Hub
from lib import free_port, http_get, main, wait_until

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
TOPIC = ("CREATE TABLE t (n BIGINT) WITH ('connector' = 'kafka', 'topic' = 't', 'format' = 'json', "
         "'scan.startup.mode' = 'earliest-offset');\n")
NUMBERS = ("CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', "
           "'fields.n.start' = '1', 'fields.n.end' = '1000000000', 'rows-per-second' = '5000');\n")


def ready(weir):
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)


def test_a_topic_between_two_statements(box):
    """One writes, one reads, and what lies in the topic stays when the pipeline ends."""
    weir = box.weir(TOPIC + NUMBERS + "CREATE MATERIALIZED TABLE c AS SELECT 1 AS k, COUNT(*) AS c, "
                    "MAX(n) AS m FROM t;\nINSERT INTO t SELECT n FROM g;\n").start()
    ready(weir)
    wait_until(lambda: [row for row in http_get(weir.url + "/v1/tables/c/rows").json()["items"]
                        if row["c"] > 5000], "rows", process=weir)
    assert weir.stop() == 0, weir.log()
    # The same folder, as a hub of its own.
    hub = Hub(box)
    hub.folder = weir.data
    hub.start()
    numbers = [json.loads(line)["n"] for line in hub.consume("t", form="%s\\n").split()]
    assert numbers == list(range(1, len(numbers) + 1))
    hub.stop()


def test_killed_at_random_moments_nothing_is_missing(box):
    weir = box.weir("SET 'execution.checkpointing.interval' = '50 ms';\n" + TOPIC + NUMBERS +
                    "CREATE MATERIALIZED TABLE c AS SELECT n, COUNT(*) AS c FROM t GROUP BY n;\n"
                    "CREATE MATERIALIZED TABLE d AS SELECT 1 AS k, COUNT(*) AS c, MIN(n) AS a, "
                    "MAX(n) AS m FROM (SELECT DISTINCT n FROM t);\n"
                    "INSERT INTO t SELECT n FROM g;\n")
    chance = random.Random(SEED)
    for _ in range(5):
        weir.start()
        ready(weir)
        time.sleep(chance.random() * 0.5)
        weir.kill()
    weir.start()
    ready(weir)
    time.sleep(0.5)

    def whole():
        return [row for row in http_get(weir.url + "/v1/tables/d/rows").json()["items"]
                if row["a"] == 1 and row["c"] == row["m"] > 1000]
    wait_until(whole, f"every number up to the largest (seed {SEED})", 30, process=weir)
    assert weir.stop() == 0, weir.log()


def test_exactly_once_when_both_are_killed(box):
    """The writer and the log are one process: what a checkpoint has prepared is committed by the next."""
    weir = box.weir("SET 'execution.checkpointing.interval' = '30 ms';\n" + NUMBERS +
                    "CREATE TABLE t (n BIGINT) WITH ('connector' = 'kafka', 'topic' = 't', 'format' = 'json', "
                    "'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'p');\n"
                    "INSERT INTO t SELECT n FROM g;\n")
    chance = random.Random(SEED)
    for _ in range(8):
        weir.start()
        ready(weir)
        time.sleep(0.1 + chance.random() * 0.3)
        weir.kill()
    weir.start()
    ready(weir)
    assert weir.stop() == 0, weir.log()
    hub = Hub(box)
    hub.folder = weir.data
    hub.start()
    lines = hub.kcat("-C", "-t", "t", "-o", "beginning", "-e", "-q", "-f", "%s\\n",
                     "-X", "isolation.level=read_committed").split()
    numbers = [json.loads(line)["n"] for line in lines]
    assert numbers and numbers == list(range(1, len(numbers) + 1)), SEED
    hub.stop()


def test_others_reach_it_where_it_listens(box):
    hub = Hub(box)
    weir = box.weir(TOPIC + "CREATE TABLE p (n BIGINT) WITH ('connector' = 'print');\n"
                    "INSERT INTO p SELECT n FROM t;\n")
    weir.start("run", "pipeline.sql", "--hub-listen", hub.address, "--hub-advertise", f"localhost:{hub.port}")
    ready(weir)
    assert f"at localhost:{hub.port}" in hub.kcat("-L")
    hub.kcat("-P", "-t", "t", feed='{"n":1}\n{"n":2}\n')
    wait_until(lambda: weir.stdout() == "+I[1]\n+I[2]\n", "rows", process=weir)
    assert weir.stop() == 0, weir.log()


def test_an_address_that_nobody_listens_at_is_not_advertised(box):
    weir = box.weir(TOPIC)
    done = weir.call("run", "pipeline.sql", "--hub-advertise", "localhost:9092")
    assert done.returncode == 64 and "WR7003" in done.stderr and "--hub-listen" in done.stderr, done.stderr


def test_a_folder_has_one_hub(box):
    """Another process serves it already: one clear message, and how to reach that one."""
    hub = Hub(box).start()
    weir = box.weir(TOPIC + "CREATE TABLE p (n BIGINT) WITH ('connector' = 'print');\n"
                    "INSERT INTO p SELECT n FROM t;\n")
    weir.start("run", "pipeline.sql", "--data-dir", hub.folder)
    assert weir.wait() != 0
    assert "WR5" in weir.stderr() and "hub" in weir.stderr(), weir.log()
    hub.stop()


main()
