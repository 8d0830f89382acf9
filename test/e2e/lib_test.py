#!/usr/bin/env python3
"""The ground the other tests stand on: the servers start, answer, restart and stop."""

from kafka import Kafka
from lib import RedisError, Skip, main, wait_until


def test_mariadb_answers(box):
    """Values come back as written, the binlog is in ROW format, data outlive a kill."""
    db = box.mariadb(server_id="7")
    db.sql("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v TEXT) "
           "ENGINE=InnoDB")
    db.sql("SET sql_mode=''; INSERT INTO t VALUES (1, 'tab\\t line\\n back\\\\'), (2, NULL), "
           "(3, 'größe')", "shop")
    assert db.sql("SELECT v FROM t ORDER BY id", "shop") == [["tab\t line\n back\\"], [None],
                                                             ["größe"]]
    assert db.value("SELECT @@binlog_format") == "ROW"
    assert db.value("SELECT @@server_id") == "7"
    session = db.session("shop")
    session.run("BEGIN")
    session.run("INSERT INTO t VALUES (4, 'open')")
    assert db.value("SELECT COUNT(*) FROM shop.t") == "3"
    session.run("COMMIT")
    assert db.value("SELECT COUNT(*) FROM shop.t") == "4"
    port = db.port
    db.stop()
    db.start()
    assert db.port == port and db.value("SELECT COUNT(*) FROM shop.t") == "4"
    try:
        db.sql("SELECT * FROM shop.nothing")
    except AssertionError as error:
        assert "1146" in str(error)
    else:
        raise AssertionError("a missing table was not refused")


def test_redis_answers(box):
    """Commands, pipelines, errors and a restart."""
    redis = box.redis()
    assert redis("SET", "k", "v") == b"OK"
    assert redis.pipeline([("HSET", "h", "a", 1), ("HSET", "h", "b", b"\xff\r\n")]) == [1, 1]
    assert redis("HGET", "h", "b") == b"\xff\r\n" and redis.hash("h")["a"] == "1"
    assert redis("GET", "nothing") is None and redis.keys() == ["h", "k"]
    try:
        redis("INCR", "h")
    except RedisError as error:
        assert "WRONGTYPE" in str(error)
    else:
        raise AssertionError("an error reply did not raise")
    redis.kill()
    redis.start()
    assert redis.keys() == []


def test_kafka_answers(box):
    """Apache Kafka, if tools/kafka/setup has fetched it: its own tools talk to it, records outlive a kill."""
    kafka = Kafka(box)
    at = ("--bootstrap-server", kafka.address, "--topic", "t")
    kafka.tool("org.apache.kafka.tools.TopicCommand", *at, "--create", "--partitions", "1")
    kafka.tool("org.apache.kafka.tools.ConsoleProducer", *at, stdin="a\nb\n")
    kafka.process.kill()
    kafka.start()
    read = kafka.tool("org.apache.kafka.tools.consumer.ConsoleConsumer", *at, "--from-beginning", "--max-messages", "2")
    assert read.stdout.split() == ["a", "b"], read.stdout


def test_waiting_fails(box):
    """A wait ends with an error when time is up, and at once when the process has ended."""
    for process, words in ((None, "waited 0.1 s for never"),
                           (box.process("false", ["false"]), "false ended with 1")):
        try:
            wait_until(lambda: False, "never", 0.1 if process is None else 60, process=process)
        except AssertionError as error:
            assert words in str(error), error
        else:
            raise AssertionError("the wait did not fail")


def test_weir_is_there(box):
    """The program says its version."""
    weir = box.weir()
    done = weir.call("version")
    assert done.returncode == 0 and "weir" in done.stdout, done
    assert issubclass(Skip, Exception)


main()
