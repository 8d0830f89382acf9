"""MariaDB -> windows and a join -> Redis, PostgreSQL, Parquet, killed again and again.

A writer changes the database all the time. A quarter of the kills come within 200 ms of the start,
during start and recovery. In the end the database itself says what must be there: no row lost, none
twice, no window different.

WEIR_KILLS (50) kills; WEIR_SEED repeats the choices. After them WEIR_RECOVERIES (5) more, each measured from the
start of the next run until a payment that was made in it is in PostgreSQL.
"""

import csv
import io
import os
import random
import threading
import time

from lib import main, wait_until

KILLS = int(os.environ.get("WEIR_KILLS", "50"))
RECOVERIES = int(os.environ.get("WEIR_RECOVERIES", "5"))
SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
ACCOUNTS, STORES = 20, 4
LAST = "2100-01-01 00:00:00"  # of the payment that ends every window before it

TABLES = """
CREATE DATABASE s;
CREATE TABLE s.payments (id BIGINT PRIMARY KEY AUTO_INCREMENT, store INT NOT NULL, account INT NOT NULL,
  amount DECIMAL(10, 2) NOT NULL, ts DATETIME(3) NOT NULL);
CREATE TABLE s.accounts (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL);
"""

TARGETS = """
CREATE TABLE copies (id BIGINT PRIMARY KEY, amount NUMERIC(10, 2));
CREATE TABLE windows (start TIMESTAMP(3), store INT, n BIGINT, total NUMERIC(38, 2), PRIMARY KEY (start, store));
"""

PIPELINE = """
SET 'execution.checkpointing.interval' = '100 ms';
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE payments (id BIGINT, store INT, account INT, amount DECIMAL(10, 2), ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts, PRIMARY KEY (id) NOT ENFORCED) WITH ({capture},
  'table-name' = 'payments', 'scan.read-changelog-as-append-only.enabled' = 'true');
CREATE TABLE accounts (id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ({capture},
  'table-name' = 'accounts');

CREATE TABLE copies (id BIGINT, amount DECIMAL(10, 2), PRIMARY KEY (id) NOT ENFORCED) WITH ({postgres},
  'table-name' = 'copies');
CREATE TABLE windows (`start` TIMESTAMP(3), store INT, n BIGINT, total DECIMAL(38, 2),
  PRIMARY KEY (`start`, store) NOT ENFORCED) WITH ({postgres}, 'table-name' = 'windows');
CREATE TABLE lake (id BIGINT, amount DECIMAL(10, 2), store INT) PARTITIONED BY (store) WITH (
  'connector' = 'filesystem', 'path' = 'lake', 'format' = 'parquet');
CREATE TABLE totals (id INT, name STRING, n BIGINT, total DECIMAL(38, 2), PRIMARY KEY (id) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{redis}', 'command' = 'HSET',
  'value.data.structure' = 'hash', 'key.prefix' = 't:', 'sink.delivery-guarantee' = 'exactly-once');

INSERT INTO copies SELECT id, amount FROM payments;
INSERT INTO lake SELECT id, amount, store FROM payments;
INSERT INTO windows SELECT window_start, store, COUNT(*), SUM(amount)
  FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end, store;
INSERT INTO totals SELECT a.id, MAX(a.name), COUNT(*), SUM(p.amount)
  FROM payments p JOIN accounts a ON p.account = a.id GROUP BY a.id;
"""

READ_LAKE = """
SET 'execution.runtime-mode' = 'batch';
CREATE TABLE lake (id BIGINT, amount DECIMAL(10, 2), store INT) PARTITIONED BY (store) WITH (
  'connector' = 'filesystem', 'path' = 'lake', 'format' = 'parquet');
SELECT id, CAST(amount AS STRING), store FROM lake;
"""


class Writer:
    """Payments, a second apart or less, and accounts that come, change and go."""

    def __init__(self, db, choice):
        self.session = db.session("s")
        self.choice = choice
        self.millis = 0
        self.is_over = False
        self.thread = threading.Thread(target=self._write)

    def start(self):
        self.thread.start()
        return self

    def _payment(self):
        self.millis += self.choice.randrange(400)
        return (f"INSERT INTO payments (store, account, amount, ts) VALUES ({self.choice.randrange(STORES)}, "
                f"{self.choice.randrange(ACCOUNTS)}, {self.choice.randrange(100000) / 100}, "
                f"TIMESTAMP('2024-01-01') + INTERVAL {self.millis * 1000} MICROSECOND)")

    def _account(self):
        number = self.choice.randrange(ACCOUNTS)
        return self.choice.choice([
            f"REPLACE INTO accounts VALUES ({number}, 'name {self.choice.randrange(1000)}')",
            f"UPDATE accounts SET name = CONCAT(name, '.') WHERE id = {number} AND LENGTH(name) < 30",
            f"DELETE FROM accounts WHERE id = {number}"])

    def _write(self):
        while not self.is_over:
            statements = [self._payment() for _ in range(self.choice.randint(1, 12))]
            statements += [self._account() for _ in range(self.choice.randint(0, 2))]
            self.session.send("START TRANSACTION;" + ";".join(statements) + ";" +
                              ("ROLLBACK" if self.choice.random() < 0.05 else "COMMIT"))
            self.session.sync()
            time.sleep(self.choice.random() * 0.02)

    def finish(self):
        self.is_over = True
        self.thread.join()
        self.session.run(f"INSERT INTO payments (store, account, amount, ts) VALUES (0, -1, 0, '{LAST}')")


def same(what, found, expected):
    if found == expected:
        return
    missing, spare = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    raise AssertionError(f"{what}, seed {SEED}: {len(found)} rows, {len(expected)} expected; missing {missing[:5]}, "
                         f"too many {spare[:5]}")


def rows_of(server, sql):
    return sorted(tuple(str(value) for value in row) for row in server.sql(sql))


def lake_rows(weir):
    done = weir.call("sql", "-e", READ_LAKE, "--mode", "csv")
    assert done.returncode == 0, done.stderr
    lines = list(csv.reader(io.StringIO(done.stdout)))
    return sorted(tuple(row) for row in lines if row and row[0].isdigit())


def recovery_seconds(weir, db, pg):
    """Killed at work, until the next run has written what came after its start."""
    weir.start()
    wait_until(lambda: "HTTP API at" in weir.stderr(), "weir to listen", process=weir)
    time.sleep(0.5)
    weir.kill()
    began = time.monotonic()
    weir.start()
    last = int(db.value("SELECT MAX(id) FROM s.payments"))
    wait_until(lambda: int(pg.value("SELECT COALESCE(MAX(id), 0) FROM copies")) > last, "a new payment", 60,
               process=weir)
    took = time.monotonic() - began
    weir.kill()
    return took


def test_killed_at_any_moment_nothing_is_lost_or_twice(box):
    choice = random.Random(SEED)
    db, pg, redis = box.mariadb(), box.postgres(), box.redis()
    for statement in TABLES.split(";\n")[:-1]:
        db.sql(statement)
    pg.sql(TARGETS)
    capture = (f"'connector' = 'mysql-cdc', 'hostname' = '127.0.0.1', 'port' = '{db.port}', 'username' = 'weir', "
               "'password' = 'weir-secret', 'database-name' = 's'")
    postgres = (f"'connector' = 'jdbc', 'url' = 'jdbc:postgresql://127.0.0.1:{pg.port}/weir', 'username' = 'weir', "
                "'password' = 'weir-secret', 'sink.delivery-guarantee' = 'exactly-once'")
    weir = box.weir(PIPELINE.format(capture=capture, postgres=postgres, redis=redis.port))
    writer = Writer(db, random.Random(SEED + 1)).start()
    try:
        for _ in range(KILLS):
            weir.start()
            time.sleep(choice.random() * (0.2 if choice.random() < 0.25 else 1.2))
            assert weir.is_alive(), weir.log()
            weir.kill()
        recoveries = sorted(recovery_seconds(weir, db, pg) for _ in range(RECOVERIES))
    finally:
        writer.finish()
    weir.start()
    count = db.value("SELECT COUNT(*) FROM s.payments")
    wait_until(lambda: pg.value("SELECT COUNT(*) FROM copies") == count, "all payments", 120, process=weir)
    assert weir.stop() == 0, weir.log()

    same("copies in PostgreSQL", rows_of(pg, "SELECT id, amount FROM copies"),
         rows_of(db, "SELECT id, amount FROM s.payments"))
    same("the lake", lake_rows(weir), rows_of(db, "SELECT id, amount, store FROM s.payments"))
    same("windows", rows_of(pg, "SELECT to_char(start, 'YYYY-MM-DD HH24:MI:SS'), store, n, total FROM windows"),
         rows_of(db, "SELECT FROM_UNIXTIME(FLOOR(UNIX_TIMESTAMP(ts) / 10) * 10, '%Y-%m-%d %H:%i:%s'), store, "
                     f"COUNT(*), SUM(amount) FROM s.payments WHERE ts < '{LAST}' GROUP BY 1, 2"))
    found = []
    for key in redis.keys("t:*"):
        row = redis.hash(key)
        found.append((key[2:], row["name"], row["n"], row["total"]))
    same("totals in Redis", sorted(found),
         rows_of(db, "SELECT a.id, MAX(a.name), COUNT(*), SUM(p.amount) FROM s.payments p "
                     "JOIN s.accounts a ON p.account = a.id GROUP BY a.id"))
    print(f"     {KILLS} kills, {count} payments, seed {SEED}")
    if recoveries:
        print(f"     from the start after a kill to the first new payment: median {recoveries[len(recoveries) // 2]:.2f} "
              f"s, p99 {recoveries[len(recoveries) * 99 // 100]:.2f} s of {len(recoveries)}")


main()
