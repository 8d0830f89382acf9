"""Tables written to topics of the hub and of a real Apache Kafka by the same script; exactly once, by a
process that is killed at random moments, against a ledger."""

import json
import os
import random
import time

from lib import http_get, main, wait_until
from lookups import letters
from topics import BOUNDED, on, run, table

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
KILLS = int(os.environ.get("WEIR_KILLS", "8"))
NUMBERS = ("CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', "
           "'fields.n.start' = '1', 'fields.n.end' = '{}', 'rows-per-second' = '{}');\n")


@on("hub", "kafka")
def test_keys_headers_and_times(topics, box):
    topics.make("t", 1)
    began = int(time.time() * 1000) - 60_000  # older than that retention would take them
    run(box.weir(), table(
        topics, "s", "k STRING, id INT, v STRING, h MAP<STRING, BYTES> METADATA FROM 'headers', "
        "c TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'", "t",
        "'key.format' = 'raw', 'key.fields' = 'k', 'value.fields-include' = 'EXCEPT_KEY'") +
        "INSERT INTO s VALUES ('a', 1, 'x', MAP['h', CAST('1' AS BYTES)], "
        f"TO_TIMESTAMP_LTZ({began}, 3)), (CAST(NULL AS STRING), 2, CAST(NULL AS STRING), "
        f"CAST(NULL AS MAP<STRING, BYTES>), TO_TIMESTAMP_LTZ({began + 1}, 3));\n")
    assert topics.get("t", "%o|%k|%K|%s|%h|%T\\n") == [
        f'0|a|1|{{"id":1,"v":"x"}}|h=1|{began}', f'1||-1|{{"id":2,"v":null}}||{began + 1}']


@on("hub", "kafka")
def test_each_key_keeps_to_one_partition_as_with_javas_client(topics, box):
    """murmur2, so that writers of both kinds agree; fixed and round-robin."""
    topics.make("t", 7)
    topics.make("f", 3)
    topics.make("r", 3)
    numbers = "SELECT CAST(n AS STRING), n FROM (VALUES {}) AS v (n)".format(
        ", ".join(f"(CAST({n} AS BIGINT))" for n in range(60)))
    run(box.weir(), table(topics, "s", "k STRING, n BIGINT", "t", "'key.format' = 'raw', 'key.fields' = 'k'") +
        table(topics, "f", "k STRING, n BIGINT", "f", "'sink.partitioner' = 'fixed'") +
        table(topics, "r", "k STRING, n BIGINT", "r", "'sink.partitioner' = 'round-robin'") +
        f"INSERT INTO s {numbers};\nINSERT INTO f {numbers};\nINSERT INTO r {numbers};\n")
    ours = {line.split()[1]: int(line.split()[0]) for line in topics.get("t", "%p %k\\n")}
    wanted = topics.python("""
import json
from kafka.partitioner.default import murmur2
print(json.dumps({str(n): (murmur2(str(n).encode()) & 0x7fffffff) % 7 for n in range(60)}))""")
    assert ours == wanted
    assert {line.split()[0] for line in topics.get("f", "%p %o\\n")} == {"0"}
    assert [sum(line.startswith(f"{p} ") for line in topics.get("r", "%p %o\\n")) for p in range(3)] == [20] * 3


@on("hub", "kafka")
def test_upserts_and_tombstones(topics, box):
    """A table goes through a compacted topic and back; rows that go away are messages without a value."""
    topics.make("t", 2, **{"cleanup.policy": "compact"})
    counts = table(topics, "u", "k BIGINT, c BIGINT, PRIMARY KEY (k) NOT ENFORCED", "t",
                   "'key.format' = 'json'{}", "upsert-kafka")
    weir = box.weir()
    run(weir, counts.format("") +
        "INSERT INTO u SELECT k, COUNT(*) FROM (VALUES (1), (2), (2), (3)) AS v (k) GROUP BY k;\n")
    assert sorted(topics.get("t", "%k %s\\n")) >= ['{"k":1} {"k":1,"c":1}']
    topics.kcat("-P", "-t", "t", "-p", next(line.split()[0] for line in topics.get("t", "%p %k\\n")
                                            if line.endswith('{"k":3}')), "-K", "|", "-Z", feed='{"k":3}|\n')
    rows = run(weir, counts.format(", 'scan.bounded.mode' = 'latest-offset'") +
               "CREATE TABLE p (n BIGINT, s BIGINT) WITH ('connector' = 'print');\n"
               "SET 'execution.runtime-mode' = 'streaming';\n"
               "INSERT INTO p SELECT COUNT(*), SUM(c) FROM u;\n")
    assert "+U[2, 3]" in rows, rows


@on("hub")
def test_rows_that_wait_leave_only_the_last_of_each_key(topics, box):
    """By number, by time, and at a checkpoint."""
    topics.make("t", 1)
    source = ("CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', "
              "'fields.n.start' = '1', 'fields.n.end' = '{}', 'rows-per-second' = '{}');\n")
    upserts = ("'key.format' = 'json', 'sink.buffer-flush.max-rows' = '{}', "
               "'sink.buffer-flush.interval' = '{}'")

    def tables(rows, rate, most, interval):
        return (source.format(rows, rate) +
                table(topics, "u", "k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED", "t",
                      upserts.format(most, interval), "upsert-kafka") +
                "INSERT INTO u SELECT n % 3, n FROM g;\n")
    run(box.weir(), tables(3000, 1000000, 1000, "10 min"))
    assert sorted(row["n"] for row in topics.values("t")) == [2998, 2999, 3000]
    run(box.weir(), tables(9, 1000000, 2, "10 min"))
    assert len(topics.values("t")) > 3 + 3
    end = topics.end("t")
    weir = box.weir(tables(10 ** 9, 100, 1000, "200 ms")).start()
    wait_until(lambda: topics.end("t") >= end + 6, "rows by time", process=weir)
    assert weir.stop() == 0, weir.log()


def write_one_too_large(topics, box, more):
    """10,000 small rows, and some among them that the topic does not take; by a run that ends, at the first start."""
    topics.make("t", 1, **{"max.message.bytes": "100000"})
    weir = box.weir()
    run(weir, "SET 'execution.checkpointing.interval' = '200 ms';\n"
        "CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', "
        "'fields.n.start' = '1', 'fields.n.end' = '10000', 'rows-per-second' = '10000');\n" +
        table(topics, "s", "n BIGINT, v STRING", "t", more) +
        "INSERT INTO s SELECT n, CASE WHEN n = 7000 THEN REPEAT('x', 200000) WHEN n = 7001 THEN REPEAT('y', 99950) "
        "WHEN n = 7002 THEN REPEAT('z', 99000) ELSE 'a' END FROM g;\n")
    found = letters(weir, "s")
    assert [letter["code"] for letter in found] == ["WR3430"] * 2, found
    numbers = [row["n"] for row in topics.values("t")]
    assert numbers == [n for n in range(1, 10001) if n not in (7000, 7001)], (len(numbers), len(set(numbers)))


@on("hub", "kafka")
def test_a_message_larger_than_the_topic_takes_is_the_only_dead_letter(topics, box):
    """What stands beside it in the batch is written."""
    write_one_too_large(topics, box, "")


@on("hub", "kafka")
def test_a_message_larger_than_the_topic_takes_does_not_end_a_transaction(topics, box):
    write_one_too_large(topics, box, "'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'p'")


@on("hub", "kafka")
def test_a_message_that_is_too_large_is_a_dead_letter(topics, box):
    topics.make("t", 1)
    weir = box.weir()
    run(weir, table(topics, "s", "n INT, v STRING", "t", "'properties.message.max.bytes' = '20000'") +
        "INSERT INTO s VALUES (1, 'x'), (2, REPEAT('x', 30000)), (3, 'x');\n")
    assert [row["n"] for row in topics.values("t")] == [1, 3]
    assert [l["code"] for l in letters(weir, "s")] == ["WR3430"]


@on("hub", "kafka")
def test_at_least_once_nothing_is_missing_after_kills(topics, box):
    topics.make("t", 3)
    weir = box.weir("SET 'execution.checkpointing.interval' = '50 ms';\n" + NUMBERS.format(10 ** 9, 20000) +
                    table(topics, "s", "n BIGINT", "t", "") + "INSERT INTO s SELECT n FROM g;\n")
    chance = random.Random(SEED)
    for _ in range(4):
        weir.start()
        wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", process=weir)
        time.sleep(chance.random() * 0.5)
        weir.kill()
    topics.restart()
    weir.start()
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", process=weir)
    time.sleep(0.3)
    assert weir.stop() == 0, weir.log()
    numbers = {row["n"] for row in topics.values("t")}
    assert numbers == set(range(1, max(numbers) + 1)), SEED


def ledger(topics, topic):
    """Every number from 1 up to the largest is there once, in its order within a partition."""
    numbers = [row["n"] for row in topics.values(topic)]
    assert len(numbers) == len(set(numbers)) == max(numbers, default=0), (
        SEED, len(numbers), len(set(numbers)), max(numbers, default=0))
    for p in {line.split()[0] for line in topics.get(topic, "%p %o\\n")}:
        part = [json.loads(line)["n"] for line in topics.get(topic, "%s\\n", "-p", p)]
        assert part == sorted(part), (p, SEED)
    return len(numbers)


@on("hub", "kafka")
def test_exactly_once_killed_at_random_moments(topics, box):
    """While rows are written, while transactions are prepared and committed, and at the start."""
    print(f"     seed {SEED}")
    topics.make("t", 3)
    weir = box.weir("SET 'execution.checkpointing.interval' = '30 ms';\n" + NUMBERS.format(10 ** 9, 5000) +
                    table(topics, "s", "n BIGINT", "t", "'sink.delivery-guarantee' = 'exactly-once', "
                          "'sink.transactional-id-prefix' = 'p'") + "INSERT INTO s SELECT n FROM g;\n")
    chance = random.Random(SEED)
    settled = 0
    for i in range(KILLS):
        weir.start("run", "-v", "pipeline.sql")
        if i % 4 == 3:
            time.sleep(chance.random() * 0.3)
        else:
            wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)
            time.sleep(0.2 + chance.random() * 0.5)
        weir.kill()
        settled += "is committed" in weir.stderr()
        ledger(topics, "t")
    weir.start()
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    count = ledger(topics, "t")
    assert count > 0
    print(f"     {count} rows, {settled} of {KILLS} runs found a prepared transaction")


@on("hub", "kafka")
def test_exactly_once_while_the_cluster_restarts(topics, box):
    """What cannot go on ends as something that passes (75), and the next run is exact."""
    topics.make("t", 2)
    weir = box.weir("SET 'execution.checkpointing.interval' = '100 ms';\n" + NUMBERS.format(10 ** 9, 2000) +
                    table(topics, "s", "n BIGINT", "t", "'sink.delivery-guarantee' = 'exactly-once', "
                          "'sink.transactional-id-prefix' = 'r'") + "INSERT INTO s SELECT n FROM g;\n").start()
    for _ in range(2):
        end = topics.end("t")
        wait_until(lambda end=end: topics.end("t") > end, "rows", 60, process=weir)
        topics.restart()
        end = topics.end("t")

        def goes_on(end=end):
            if not weir.is_alive():
                assert weir.exit_code() == 75, weir.log()
                weir.start()
            return topics.end("t") > end + 500
        wait_until(goes_on, "rows after the restart", 90)
    assert weir.stop(seconds=60) == 0, weir.log()
    assert ledger(topics, "t") > 1000


@on("hub", "kafka")
def test_exactly_once_through_a_topic_and_back(topics, box):
    """From one topic into another, by key, both sides counted."""
    topics.make("a", 2)
    topics.make("b", 2)
    for p in range(2):
        topics.put("a", [json.dumps({"n": n}) for n in range(1 + p, 5001, 2)], p)
    weir = box.weir("SET 'execution.checkpointing.interval' = '40 ms';\n" +
                    table(topics, "a", "n BIGINT", "a", BOUNDED.split(", ")[0]) +
                    table(topics, "b", "n BIGINT", "b", "'sink.delivery-guarantee' = 'exactly-once', "
                          "'sink.transactional-id-prefix' = 'q'") + "INSERT INTO b SELECT n FROM a;\n")
    chance = random.Random(SEED)
    for _ in range(4):
        weir.start()
        wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)
        time.sleep(chance.random() * 0.3)
        weir.kill()
    weir.start()
    wait_until(lambda: len(topics.values("b")) >= 5000, "all rows", 60, 0.3, weir)
    assert weir.stop() == 0, weir.log()
    assert sorted(row["n"] for row in topics.values("b")) == list(range(1, 5001)), SEED


main()
