"""Tables over several topics, written: each row names its own, by the same script to the hub and to a real
Apache Kafka; exactly once over all of them, by a process that is killed."""

import random
import time

from hub import Hub
from kafka_sink_test import KILLS, NUMBERS, SEED
from lib import http_get, main, wait_until
from lookups import letters
from topics import BOUNDED, Topics, on, run, table

TOPIC = "topic STRING NOT NULL METADATA"
EXACT = "'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = 'p'"


def several(topics, name, columns, pattern, more=""):
    """A table over all topics that match."""
    return table(topics, name, columns, "x", more).replace("'topic' = 'x'", f"'topic-pattern' = '{pattern}'")


@on("hub", "kafka")
def test_rows_name_their_topics(topics, box):
    for name in ("a", "b", "shop-1", "shop-2"):
        topics.make(name, 2)
    weir = box.weir()
    rows = "VALUES ('{}', 1), ('{}', 2), ('{}', 3), ('{}', 4)"
    run(weir, table(topics, "s", f"{TOPIC}, n INT", "a; b", "") +
        "INSERT INTO s " + rows.format("a", "b", "c", "a") + ";\n")
    assert sorted(row["n"] for row in topics.values("a")) == [1, 4]
    assert topics.values("b") == [{"n": 2}]
    assert [letter["code"] for letter in letters(weir, "s")] == ["WR3510"]
    run(weir, several(topics, "p", f"{TOPIC}, n INT", "shop-[0-9]", "'sink.partitioner' = 'round-robin'") +
        "INSERT INTO p " + rows.format("shop-1", "shop-2", "a", "shop-1") + ";\n")
    assert sorted(row["n"] for row in topics.values("shop-1")) == [1, 4]
    assert topics.values("shop-2") == [{"n": 2}]
    assert [letter["code"] for letter in letters(weir, "p")] == ["WR3510"]


@on("hub", "kafka")
def test_a_table_of_one_topic_is_that_one(topics, box):
    """Whatever the rows say, as in Flink; and what is read from several goes on to several."""
    for name in ("in-1", "in-2", "out-1", "out-2", "one"):
        topics.make(name)
        if name.startswith("in"):
            topics.put(name, [f'{{"n":{name[-1]}}}'])
    weir = box.weir()
    run(weir, several(topics, "i", f"{TOPIC} VIRTUAL, n INT", "in-.", BOUNDED) +
        several(topics, "o", f"{TOPIC}, n INT", "out-.") + table(topics, "single", f"{TOPIC}, n INT", "one", "") +
        "INSERT INTO o SELECT REPLACE(topic, 'in', 'out'), n FROM i;\n"
        "INSERT INTO single SELECT topic, n FROM i;\n")
    assert (topics.values("out-1"), topics.values("out-2")) == ([{"n": 1}], [{"n": 2}])
    assert sorted(row["n"] for row in topics.values("one")) == [1, 2]


@on("hub")
def test_upserts_name_their_topics(topics, box):
    topics.make("u1", 1)
    topics.make("u2", 1)
    for more in ("", ", 'sink.buffer-flush.max-rows' = '100', 'sink.buffer-flush.interval' = '1 s'"):
        run(box.weir(), table(topics, "u", f"k BIGINT, {TOPIC}, PRIMARY KEY (k) NOT ENFORCED", "u1;u2",
                              f"'key.format' = 'json'{more}", "upsert-kafka") +
            "INSERT INTO u SELECT k, MAX(t) FROM (VALUES (1, 'u1'), (2, 'u2')) AS v (k, t) GROUP BY k;\n")
    assert (topics.get("u1", "%k %s\\n"), topics.get("u2", "%k %s\\n")) == (
        ['{"k":1} {"k":1}'] * 2, ['{"k":2} {"k":2}'] * 2)


@on("hub")
def test_a_key_that_moves_is_deleted_in_the_topic_that_it_leaves(topics, box):
    """Also where rows wait for others of their key."""
    changes = ('{"before":null,"after":{"k":1,"t":"%s"},"op":"c"}', '{"before":{"k":1,"t":"%s"},"after":null,"op":"d"}')
    for i, more in enumerate(("", ", 'sink.buffer-flush.max-rows' = '100', 'sink.buffer-flush.interval' = '1 s'")):
        for name in "abc":
            topics.make(f"{name}{i}")
        topics.put(f"c{i}", [changes[0] % f"a{i}", changes[1] % f"a{i}", changes[0] % f"b{i}"])
        source = table(topics, "c", "k BIGINT, t STRING, PRIMARY KEY (k) NOT ENFORCED", f"c{i}", BOUNDED,
                       format="debezium-json")
        run(box.weir(), source + table(topics, "u", f"k BIGINT, {TOPIC}, PRIMARY KEY (k) NOT ENFORCED", f"a{i};b{i}",
                                       f"'key.format' = 'json'{more}", "upsert-kafka") +
            "INSERT INTO u SELECT k, t FROM c;\n")
        assert topics.get(f"a{i}", "%k %S\\n")[-1] == '{"k":1} -1', topics.get(f"a{i}", "%k %S\\n")
        assert topics.get(f"b{i}", "%k %s\\n") == ['{"k":1} {"k":1}']


@on("hub", "kafka")
def test_names_that_no_topic_of_a_row_may_have(topics, box):
    """The pattern matches all of them: they are the rows' own fault, and the others go on."""
    topics.make("a")
    weir = box.weir()
    names = ("'__consumer_offsets'", "'__transaction_state'", "'a b'", "''", "'.'", "'..'",
             "CHR(97) || CHR(0) || 'b'", "'ä'", f"'{'x' * 250}'")
    rows = ", ".join(f"({name}, 0)" for name in names)
    for more in ("", EXACT):
        run(weir, several(topics, "s", f"{TOPIC}, n INT", "(?s).*", more) +
            f"INSERT INTO s VALUES {rows}, ('a', 1);\n")
        assert [letter["code"] for letter in letters(weir, "s")] == ["WR3510"] * len(names), letters(weir, "s")
    assert topics.values("a") == [{"n": 1}] * 2


def test_a_topic_that_there_is_none_of(box):
    """Its rows are set aside, the others go on; one that is named has to be there from the beginning."""
    topics = Topics("hub", box.keep(Hub(box, "--no-auto-create")).start())
    topics.make("t1")
    weir = box.weir()
    run(weir, several(topics, "s", f"{TOPIC}, n INT", "t.") +
        "INSERT INTO s VALUES ('t1', 1), ('t2', 2), ('t2', 3), ('t1', 4);\n")
    assert [row["n"] for row in topics.values("t1")] == [1, 4]
    assert [letter["code"] for letter in letters(weir, "s")] == ["WR3430"] * 2
    error = run(weir, table(topics, "s", f"{TOPIC}, n INT", "t1;t2", "") + "INSERT INTO s VALUES ('t1', 1);\n", 66)
    assert "WR3424" in error and "'t2'" in error, error


def test_mistakes(box):
    topics = Topics("hub", Hub(box))
    for text, words in (
            (table(topics, "s", "n INT", "a;b", ""), "metadata `topic`"),
            (table(topics, "s", "n INT, topic STRING METADATA VIRTUAL", "a;b", ""), "metadata `topic`"),
            (several(topics, "s", "n INT", "a.*"), "metadata `topic`"),
            (several(topics, "s", f"n INT, {TOPIC}", "a("), "'topic-pattern'"),
            (table(topics, "s", "n INT", " ; ", ""), "'topic' names none")):
        error = run(box.weir(), text + "INSERT INTO s (n) VALUES (1);\n", 65)
        assert "WR3421" in error and words in error, error


@on("hub", "kafka")
def test_exactly_once_over_topics_killed_at_random_moments(topics, box):
    print(f"     seed {SEED}")
    for name in ("n-0", "n-1"):
        topics.make(name, 2)
    weir = box.weir("SET 'execution.checkpointing.interval' = '30 ms';\n" + NUMBERS.format(10 ** 9, 5000) +
                    several(topics, "s", f"{TOPIC}, n BIGINT", "n-.*", EXACT) +
                    "INSERT INTO s SELECT 'n-' || CAST(MOD(n, 2) AS STRING), n FROM g;\n")
    chance = random.Random(SEED)

    def ledger():
        """Each number is there once, in the topic that it named."""
        halves = [[row["n"] for row in topics.values(f"n-{i}")] for i in range(2)]
        for i, numbers in enumerate(halves):
            assert all(n % 2 == i for n in numbers), SEED
        numbers = sorted(halves[0] + halves[1])
        assert numbers == list(range(1, len(numbers) + 1)), SEED
        return len(numbers)

    settled = 0
    for _ in range(KILLS // 2):
        weir.start("run", "-v", "pipeline.sql")
        wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)
        time.sleep(0.2 + chance.random() * 0.5)
        weir.kill()
        settled += "is committed" in weir.stderr()
        ledger()
    weir.start()
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    count = ledger()
    assert count > 0
    print(f"     {count} rows, {settled} of {KILLS // 2} runs found a prepared transaction")


main()
