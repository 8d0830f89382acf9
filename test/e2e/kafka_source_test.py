"""Topics read as tables, from the hub and from a real Apache Kafka by the same script."""

import json
import time

from lib import http_get, main, wait_until
from lookups import letters
from topics import BOUNDED, EARLIEST, on, run, table

PRINT = "CREATE TABLE p ({}) WITH ('connector' = 'print');\n"


@on("hub", "kafka")
def test_keys_values_and_metadata(topics, box):
    """All columns of a record, and a record that is none in the dead letters, with its place."""
    topics.make("t", 2)
    topics.put("t", ['a|{"id":1,"v":"x"}'], 0, "-K", "|", "-H", "h=1", "-H", "g=")
    topics.put("t", ['b|{"id":2,"v":null}', "c|{", 'd|{"id":"no"}'], 1, "-K", "|")
    weir = box.weir()
    rows = run(weir, table(
        topics, "s", "k STRING, id INT, v STRING, p INT METADATA FROM 'partition', o BIGINT METADATA "
        "FROM 'offset', h MAP<STRING, BYTES> METADATA FROM 'headers', t STRING METADATA FROM 'topic', "
        "y STRING METADATA FROM 'timestamp-type', c TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'", "t",
        BOUNDED + ", 'key.format' = 'raw', 'key.fields' = 'k', 'value.fields-include' = 'EXCEPT_KEY'") +
        PRINT.format("k STRING, id INT, v STRING, p INT, o BIGINT, h MAP<STRING, BYTES>, t STRING, "
                     "y STRING, r BOOLEAN") +
        "INSERT INTO p SELECT k, id, v, p, o, h, t, y, c > TO_TIMESTAMP_LTZ(1700000000000, 3) FROM s;\n")
    assert rows == ["+I[a, 1, x, 0, 0, {h=[49], g=[]}, t, CreateTime, true]",
                    "+I[b, 2, null, 1, 0, {}, t, CreateTime, true]"], rows
    assert sorted((l["position"], l["stage"]) for l in letters(weir, "s")) == [
        ("t/1:1", "decode"), ("t/1:2", "decode")]


@on("hub", "kafka")
def test_metadata_of_the_format(topics, box):
    """What a change record says beside its rows, for all of them; rows beyond one batch stay together."""
    topics.make("t", 1)
    rows = [{"id": str(i), "v": "x"} for i in range(5000)]
    record = {"database": "shop", "table": "orders", "pkNames": ["id"], "sqlType": {"id": 4}, "isDdl": False,
              "ts": 1589373560798, "es": 1589373560000}
    topics.put("t", [f'{i}|' + json.dumps({**record, **more}) for i, more in enumerate([
        {"data": rows, "type": "INSERT"},
        {"data": [{"id": "7", "v": "y"}], "old": [{"v": "x"}], "type": "UPDATE"},
        {"data": None, "type": "ERASE", "isDdl": True}])], 0, "-K", "|")
    weir = box.weir()
    columns = ("k STRING, id INT, v STRING, d STRING METADATA FROM 'value.database', t STRING METADATA FROM 'value.table' "
               "VIRTUAL, p ARRAY<STRING> METADATA FROM 'value.pk-names' VIRTUAL, s MAP<STRING, INT> METADATA FROM "
               "'value.sql-type' VIRTUAL, i TIMESTAMP_LTZ(3) METADATA FROM 'value.ingestion-timestamp' VIRTUAL, "
               "e TIMESTAMP(3) METADATA FROM 'value.event-timestamp' VIRTUAL, o BIGINT METADATA FROM 'offset' VIRTUAL")
    script = table(topics, "s", columns, "t", BOUNDED + ", 'key.format' = 'raw', 'key.fields' = 'k', "
                   "'value.fields-include' = 'EXCEPT_KEY'").replace("'json'", "'canal-json'")
    script += PRINT.format("k STRING, id INT, v STRING, d STRING, t STRING, p ARRAY<STRING>, s MAP<STRING, INT>, "
                           "i TIMESTAMP_LTZ(3), e TIMESTAMP(3), o BIGINT")
    printed = run(weir, script + "INSERT INTO p SELECT k, id, v, d, t, p, s, i, e, o FROM s;\n")
    tail = ("shop, orders, [id], {id=4}, 2020-05-13T12:39:20.798Z, 2020-05-13T12:39:20, ")
    assert printed == sorted([f"+I[0, {i}, x, {tail}0]" for i in range(5000)] + [
        f"-U[1, 7, x, {tail}1]", f"+U[1, 7, y, {tail}1]"]), (len(printed), printed[:2], printed[-3:])
    assert [l["position"] for l in letters(weir, "s")] == ["t/0:2"]
    error = run(weir, table(topics, "s", "id INT, x STRING METADATA FROM 'value.tabel' VIRTUAL", "t", BOUNDED).replace(
        "'json'", "'canal-json'") + PRINT.format("id INT") + "INSERT INTO p SELECT id FROM s;\n", 65)
    assert "WR3013" in error and "did you mean `value.table`?" in error, error


@on("hub", "kafka")
def test_where_a_change_of_debezium_is_from(topics, box):
    """As Debezium writes it for PostgreSQL, and a record without `source`."""
    topics.make("t", 1)
    source = {"version": "2.5.0.Final", "connector": "postgresql", "name": "s", "ts_ms": 1589373560000, "snapshot": "false",
              "db": "shop", "sequence": None, "schema": "public", "table": "orders", "lsn": 24023128, "xmin": None}
    topics.put("t", [json.dumps(record) for record in [
        {"before": {"id": 7}, "after": {"id": 8}, "source": source, "op": "u", "ts_ms": 1589373560798},
        {"before": None, "after": {"id": 9}, "op": "c"}]], 0)
    columns = ("id INT, i TIMESTAMP_LTZ(3) METADATA FROM 'value.ingestion-timestamp' VIRTUAL, "
               "s TIMESTAMP_LTZ(3) METADATA FROM 'value.source.timestamp' VIRTUAL, "
               "d STRING METADATA FROM 'value.source.database' VIRTUAL, c STRING METADATA FROM 'value.source.schema' VIRTUAL, "
               "t STRING METADATA FROM 'value.source.table' VIRTUAL, m STRING METADATA FROM 'value.schema' VIRTUAL, "
               "p MAP<STRING, STRING> METADATA FROM 'value.source.properties' VIRTUAL")
    script = table(topics, "s", columns, "t", BOUNDED).replace("'json'", "'debezium-json'")
    script += PRINT.format("id INT, i TIMESTAMP_LTZ(3), s TIMESTAMP_LTZ(3), d STRING, c STRING, t STRING, m STRING, l STRING, "
                           "x STRING")
    printed = run(box.weir(), script + "INSERT INTO p SELECT id, i, s, d, c, t, m, p['lsn'], p['xmin'] FROM s;\n")
    tail = "2020-05-13T12:39:20.798Z, 2020-05-13T12:39:20Z, shop, public, orders, null, 24023128, null]"
    assert printed == sorted([f"-U[7, {tail}", f"+U[8, {tail}", "+I[9" + 8 * ", null" + "]"]), printed


@on("hub", "kafka")
def test_where_reading_begins_and_ends(topics, box):
    topics.make("t", 2)
    began = int(time.time() * 1000) - 60_000  # older than that retention would take them
    topics.python("""
import json
from kafka import KafkaProducer
producer = KafkaProducer(bootstrap_servers=ADDRESS)
for i in range(20):
    producer.send('t', json.dumps({'n': i}).encode(), partition=i % 2,
                  timestamp_ms=BEGAN + i * 1000)
producer.flush()
print(json.dumps(True))""".replace("BEGAN", str(began)))
    weir = box.weir()
    to_print = PRINT.format("n INT") + "INSERT INTO p SELECT n FROM s;\n"

    def read(more):
        rows = run(weir, table(topics, "s", "n INT", "t", more) + to_print)
        return sorted(int(row[3:-1]) for row in rows)
    end = ", 'scan.bounded.mode' = 'latest-offset'"
    assert read(BOUNDED) == list(range(20))
    assert read("'scan.startup.mode' = 'latest-offset'" + end) == []
    assert read("'scan.startup.mode' = 'timestamp', "
                f"'scan.startup.timestamp-millis' = '{began + 15000}'" + end) == [15, 16, 17, 18, 19]
    assert read("'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = "
                "'partition:0,offset:8;partition:1,offset:9'" + end) == [16, 18, 19]
    assert read(EARLIEST + ", 'scan.bounded.mode' = 'timestamp', "
                f"'scan.bounded.timestamp-millis' = '{began + 3000}'") == [0, 1, 2]
    assert read(EARLIEST + ", 'scan.bounded.mode' = 'specific-offsets', "
                "'scan.bounded.specific-offsets' = 'partition:0,offset:1;partition:1,offset:2'"
                ) == [0, 1, 3]
    # A group that was never told: only where to begin without one helps.
    group = "'scan.startup.mode' = 'group-offsets', 'properties.group.id' = 'g'"
    error = run(weir, table(topics, "s", "n INT", "t", group + end) + to_print, 66)
    assert "WR3426" in error and "auto.offset.reset" in error, error
    reset = ", 'properties.auto.offset.reset' = 'earliest'"
    assert read(group + reset + end) == list(range(20))


@on("hub", "kafka")
def test_the_group_is_told_at_checkpoints(topics, box):
    topics.make("t", 1)
    topics.put("t", [json.dumps({"n": i}) for i in range(5)])
    weir = box.weir(table(topics, "s", "n INT", "t", EARLIEST + ", 'properties.group.id' = 'readers'") +
                    PRINT.format("n INT") + "INSERT INTO p SELECT n FROM s;\n").start()
    wait_until(lambda: weir.stdout().count("+I") == 5, "five rows", process=weir)
    assert weir.stop() == 0, weir.log()
    assert topics.python("""
import json
from kafka import KafkaConsumer, TopicPartition
print(json.dumps(KafkaConsumer(bootstrap_servers=ADDRESS, group_id='readers').committed(
    TopicPartition('t', 0))))""") == 5


@on("hub", "kafka")
def test_partitions_that_are_added_are_read_from_their_beginning(topics, box):
    topics.make("t", 1)
    weir = box.weir(table(topics, "s", "n INT", "t", "'scan.startup.mode' = 'latest-offset', "
                          "'scan.topic-partition-discovery.interval' = '200 ms'") +
                    PRINT.format("n INT") + "INSERT INTO p SELECT n FROM s;\n").start()
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", process=weir)
    topics.python("""
import json
from kafka.admin import KafkaAdminClient, NewPartitions
KafkaAdminClient(bootstrap_servers=ADDRESS).create_partitions({'t': NewPartitions(3)})
print(json.dumps(True))""")
    for p in range(3):
        topics.put("t", [json.dumps({"n": p})], p)
    wait_until(lambda: weir.stdout().count("+I") == 3, "a row of each", process=weir)
    assert weir.stop() == 0, weir.log()
    weir.start()
    topics.put("t", [json.dumps({"n": 7})], 2)
    wait_until(lambda: weir.stdout().count("+I") == 1, "one more", process=weir)
    assert weir.stop() == 0, weir.log()
    assert weir.stdout() == "+I[7]\n"


@on("hub", "kafka")
def test_records_that_are_gone_end_the_job_in_place(topics, box):
    """Retention was faster: no gap in silence. Told what to do, the job goes on."""
    topics.make("t", 1)
    topics.put("t", [json.dumps({"n": i}) for i in range(10)])
    script = (table(topics, "s", "n INT", "t", EARLIEST + "{}") +
              PRINT.format("n INT") + "INSERT INTO p SELECT n FROM s;\n")
    weir = box.weir(script.format("")).start()
    wait_until(lambda: weir.stdout().count("+I") == 10, "the rows", process=weir)
    assert weir.stop() == 0, weir.log()
    topics.put("t", [json.dumps({"n": i}) for i in range(10, 20)])
    topics.python("""
import json
from kafka.admin import KafkaAdminClient
from kafka import TopicPartition
KafkaAdminClient(bootstrap_servers=ADDRESS).delete_records({TopicPartition('t', 0): 15})
print(json.dumps(True))""")
    weir.start()
    assert weir.wait(60) == 78, weir.log()
    assert "WR3425" in weir.stderr() and "auto.offset.reset" in weir.stderr(), weir.log()
    assert weir.stdout() == ""
    weir.write("pipeline.sql", script.format(", 'properties.auto.offset.reset' = 'earliest'"))
    weir.start()
    wait_until(lambda: weir.stdout().count("+I") == 5, "what is left", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    assert weir.stdout() == "".join(f"+I[{n}]\n" for n in range(15, 20))


@on("hub", "kafka")
def test_killed_at_random_moments_each_record_counts_once(topics, box):
    """A count over three partitions, in state, against what was written."""
    topics.make("t", 3)
    weir = box.weir("SET 'execution.checkpointing.interval' = '50 ms';\n" +
                    table(topics, "s", "n INT", "t", EARLIEST) +
                    "CREATE MATERIALIZED TABLE c AS SELECT n % 7 AS k, COUNT(*) AS c, SUM(n) AS s "
                    "FROM s GROUP BY n % 7;\n")
    total = 0
    for round_ in range(6):
        weir.start()
        for p in range(3):
            topics.put("t", [json.dumps({"n": total + i}) for i in range(p, 3000, 3)], p)
        total += 3000
        wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", process=weir)
        time.sleep(0.1 * (round_ % 3))
        weir.kill()
    weir.start()

    def counts():
        answer = http_get(weir.url + "/v1/tables/c/rows?limit=100")
        return sorted((row["k"], row["c"], row["s"]) for row in answer.json()["items"])
    wanted = sorted((k, len(part), sum(part)) for k in range(7)
                    for part in [range(k, total, 7)])
    wait_until(lambda: counts() == wanted, "all counts", 60, process=weir)
    time.sleep(0.5)
    assert counts() == wanted
    assert weir.stop() == 0, weir.log()


@on("hub", "kafka")
def test_event_time_is_that_of_the_slowest_partition(topics, box):
    """A partition that is a day behind has no late rows; one without rows holds windows open until
    it counts as idle."""
    topics.make("t", 3)
    weir = box.weir(table(
        topics, "s", "ts TIMESTAMP(3), WATERMARK FOR ts AS ts", "t",
        EARLIEST + ", 'scan.watermark.idle-timeout' = '2 s'") +
        PRINT.format("w TIMESTAMP(3), n BIGINT") +
        "INSERT INTO p SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), "
        "INTERVAL '1' HOUR)) GROUP BY window_start, window_end;\n").start()

    def put(partition, *times):
        topics.put("t", [json.dumps({"ts": time_}) for time_ in times], partition)
        return True
    put(0, "2024-01-02 10:00:00", "2024-01-02 12:00:00")
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", process=weir)
    put(1, "2024-01-01 10:00:00", "2024-01-01 10:30:00", "2024-01-02 11:30:00")
    # The other two go on meanwhile, or they would be idle, too.
    wait_until(lambda: put(0, "2024-01-02 12:00:00") and put(1, "2024-01-02 11:30:00") and
               weir.stdout().count("+I") == 2, "windows that are over", 60, 0.3, weir)
    assert sorted(weir.stdout().splitlines()) == ["+I[2024-01-01T10:00, 2]", "+I[2024-01-02T10:00, 1]"]
    assert weir.stop() == 0, weir.log()
    assert "0 late" in weir.stderr(), weir.log()


@on("hub", "kafka")
def test_a_server_that_goes_away_and_comes_back(topics, box):
    topics.make("t", 1)
    weir = box.weir(table(topics, "s", "n INT", "t", EARLIEST) +
                    PRINT.format("n INT") + "INSERT INTO p SELECT n FROM s;\n").start()
    topics.put("t", ['{"n":1}'])
    wait_until(lambda: weir.stdout().count("+I") == 1, "a row", process=weir)
    topics.restart()
    topics.put("t", ['{"n":2}'])
    wait_until(lambda: weir.stdout().count("+I") == 2, "another", 60, process=weir)
    assert weir.stop() == 0, weir.log()


def test_mistakes(box):
    """Wrong topics, servers and properties are one clear message."""
    from topics import servers  # pylint: disable=import-outside-toplevel
    to_print = PRINT.format("n INT") + "INSERT INTO p SELECT n FROM s;\n"
    weir = box.weir()
    for topics in servers(box, ("hub",)):
        error = run(weir, table(topics, "s", "n INT", "nowhere", BOUNDED) + to_print, 66)
        assert "WR3424" in error and "'nowhere'" in error, error
        for more, code, words in (
                ("'properties.aks' = '1'", "WR3422", "properties.aks"),
                ("'properties.fetch.min.bytes' = 'x'", "WR3422", "fetch.min.bytes"),
                ("'key.fields' = 'n'", "WR3421", "key.format"),
                ("'scan.startup.mode' = 'timestamp'", "WR3421", "milliseconds"),
                ("'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = '1'",
                 "WR3421", "partition:0,offset:42")):
            error = run(weir, table(topics, "s", "n INT", "t", more) + to_print, 65)
            assert code in error and words in error, (more, error)
        topics.server.kill()
        error = run(weir, table(topics, "s", "n INT", "t", BOUNDED) + to_print, 75)
        assert "WR3423" in error and "refused" in error, error


def make_anew(topics, topic, numbers):
    topics.python(f"""
import json
from kafka.admin import KafkaAdminClient
KafkaAdminClient(bootstrap_servers=ADDRESS).delete_topics([{topic!r}])
print(json.dumps(True))""")
    wait_until(lambda: topic not in topics.kcat("-L", "-J").replace('"__', ""), "the topic to go", 30)
    topics.make(topic, 1)
    topics.put(topic, [f'{{"n":{n}}}' for n in numbers])


@on("hub", "kafka")
def test_a_topic_that_was_made_anew_is_not_taken_for_the_old_one(topics, box):
    """Though it has more records than were read of the old one."""
    topics.make("again", 1)
    topics.put("again", [f'{{"n":{n}}}' for n in range(1, 101)])
    sql = ("SET 'execution.checkpointing.interval' = '100 ms';\n" +
           table(topics, "s", "n BIGINT", "again", EARLIEST) +
           "CREATE TABLE o (n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'o', 'format' = 'csv', "
           "'sink.rolling-policy.rollover-interval' = '200 ms', 'sink.rolling-policy.check-interval' = '100 ms');\n"
           "INSERT INTO o SELECT n FROM s;\n")
    weir = box.weir(sql)

    def rows():
        return sorted(int(line) for path in weir.folder.glob("o/[!._]*") for line in path.read_text().splitlines())

    weir.start()
    wait_until(lambda: len(rows()) == 100, "rows", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    make_anew(topics, "again", range(1001, 1201))
    weir.start()
    assert weir.wait(60) == 78, weir.log()
    assert "error[WR3427]: topic 'again' is not the one that was read" in weir.stderr(), weir.log()
    weir.write("pipeline.sql", sql.replace(EARLIEST, EARLIEST + ", 'properties.auto.offset.reset' = 'earliest'"))
    weir.start()
    wait_until(lambda: len(rows()) == 300, "rows of the new one", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    assert rows() == [*range(1, 101), *range(1001, 1201)]
    weir.start()
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)
    assert weir.stop() == 0 and len(rows()) == 300, weir.log()


main()
