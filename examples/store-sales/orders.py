"""A shop that lives: streams of payments for a MySQL-family database, and the questions that show
whether everybody agrees on them. Used by `make demo-mysql` and by the end-to-end test.

A stream is an iterator of SQL statements. Payments come in the order of their time; what happens to
one later (an amended amount, a moved time, a refund, a cancellation, a deletion) happens within
CORRECTION_MINUTES of it, which is what the pipeline's watermark waits for.
"""

import csv
import datetime
import decimal
import gzip
import random

CORRECTION_MINUTES = 4
WINDOW_MINUTES = 30

SCHEMA = """
CREATE DATABASE IF NOT EXISTS shop;
CREATE TABLE shop.payments (
  id       BIGINT NOT NULL PRIMARY KEY,
  store_id INT,
  amount   DECIMAL(12, 2),
  status   VARCHAR(16),
  paid_at  DATETIME(3),
  KEY (paid_at)
) CHARACTER SET utf8mb4
"""

# The pipeline's question in the database's own words: for every minute at which a window ends.
# Windows are those that hold a payment at all; `upto` is the last end that has been answered.
QUESTION = """
WITH RECURSIVE ends AS (
  SELECT CAST(DATE_FORMAT(MIN(paid_at), '%Y-%m-%d %H:%i:00') AS DATETIME) + INTERVAL 1 MINUTE AS e
  FROM shop.payments
  UNION ALL
  SELECT e + INTERVAL 1 MINUTE FROM ends WHERE e < '{upto}'
)
SELECT p.store_id, DATE_FORMAT(e, '%Y-%m-%d %H:%i') AS window_end, SUM(p.amount), COUNT(*)
FROM ends JOIN shop.payments p ON p.paid_at >= e - INTERVAL 30 MINUTE AND p.paid_at < e
WHERE p.status = 'paid'
GROUP BY p.store_id, e
"""

# The same for a year of a shop that closes at night: the windows of each minute with payments,
# instead of every minute. The Sequence engine (seq_…) is part of MariaDB.
QUESTION_SPARSE = """
SELECT store_id, DATE_FORMAT(minute + INTERVAL (s.seq + 1) MINUTE, '%Y-%m-%d %H:%i') AS window_end,
       SUM(amount), SUM(n)
FROM (SELECT store_id, CAST(DATE_FORMAT(paid_at, '%Y-%m-%d %H:%i:00') AS DATETIME) AS minute,
             SUM(amount) AS amount, COUNT(*) AS n
      FROM shop.payments WHERE status = 'paid' GROUP BY store_id, minute) minutes
JOIN seq_0_to_29 s
GROUP BY store_id, window_end
HAVING window_end <= '{upto}'
"""


def text_of(value):
    return value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


class Shop:
    """Made-up payments of `stores` stores from `start` on, `rate` a minute, and what becomes of
    them. next_minute() gives the statements of one minute, in transactions."""

    def __init__(self, seed=1, stores=12, rate=60, start=datetime.datetime(2026, 1, 5, 9, 0)):
        self.random = random.Random(seed)
        self.stores = stores
        self.rate = rate
        self.now = start
        self.next_id = 1
        self.recent = []  # (id, paid_at) still open to correction
        self.counts = {"payments": 0, "amended": 0, "moved": 0, "refunded": 0, "cancelled": 0,
                       "deleted": 0, "rolled back": 0}

    def amount(self):
        return decimal.Decimal(self.random.randint(99, 49999)) / 100

    def payment(self):
        paid_at = self.now
        number = self.next_id
        self.next_id += 1
        self.recent.append((number, paid_at))
        self.counts["payments"] += 1
        # A payment that the bank has not confirmed yet does not count; some never will.
        status = "paid" if self.random.random() < 0.97 else "pending"
        return (f"INSERT INTO shop.payments VALUES ({number}, "
                f"{self.random.randint(1, self.stores)}, {self.amount()}, '{status}', "
                f"'{text_of(paid_at)}')")

    def correction(self):
        number, paid_at = self.random.choice(self.recent)
        what = self.random.choice(["amended", "amended", "moved", "refunded", "cancelled", "deleted"])
        self.counts[what] += 1
        where = f"WHERE id = {number}"
        if what == "amended":
            return f"UPDATE shop.payments SET amount = {self.amount()} {where}"
        if what == "moved":
            later = min(paid_at + datetime.timedelta(seconds=self.random.randint(-60, 60)), self.now)
            return (f"UPDATE shop.payments SET paid_at = '{text_of(later)}', "
                    f"store_id = {self.random.randint(1, self.stores)} {where}")
        if what == "deleted":
            return f"DELETE FROM shop.payments {where}"
        return f"UPDATE shop.payments SET status = '{what}' {where}"

    def next_minute(self):
        """Lists of statements; each list is one transaction, ended by COMMIT or ROLLBACK."""
        end = self.now + datetime.timedelta(minutes=1)
        step = datetime.timedelta(minutes=1) / self.rate
        while self.now < end:
            bound = self.now - datetime.timedelta(minutes=CORRECTION_MINUTES - 1)
            self.recent = [one for one in self.recent if one[1] >= bound]
            statements = ["START TRANSACTION"]
            for _ in range(self.random.randint(1, 4)):
                if self.now < end:
                    statements.append(self.payment())
                    self.now += step
            if self.random.random() < 0.3:
                statements.append(self.correction())
            if self.random.random() < 0.02:
                statements.append("UPDATE shop.payments SET amount = 0")
                statements.append("ROLLBACK")
                self.counts["rolled back"] += 1
            else:
                statements.append("COMMIT")
            yield statements


def closing_payment(number, after, hours=2):
    """A payment so much later that every earlier window ends: store 0, not counted."""
    at = after + datetime.timedelta(hours=hours)
    return f"INSERT INTO shop.payments VALUES ({number}, 0, 0, 'closing', '{text_of(at)}')"


def retail_payments(path, rows_per_statement=500):
    """The invoice lines of the Online Retail data as payments, a store per country, in
    transactions of many rows. Yields (statement, time of its last row, rows)."""
    stores = {}
    values = []
    last = None
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 1):
            store = stores.setdefault(row["Country"], len(stores) + 1)
            amount = (decimal.Decimal(row["Quantity"]) * decimal.Decimal(row["UnitPrice"])).quantize(
                decimal.Decimal("0.01"), decimal.ROUND_HALF_UP)
            last = row["InvoiceDate"]
            values.append(f"({number},{store},{amount},'paid','{last}')")
            if len(values) == rows_per_statement:
                yield ("INSERT INTO shop.payments VALUES " + ",".join(values), last, len(values))
                values = []
    if values:
        yield ("INSERT INTO shop.payments VALUES " + ",".join(values), last, len(values))


def database_answer(db, upto, is_sparse=False):
    """{(store, end): (amount, count)} as the database itself answers."""
    question = QUESTION_SPARSE if is_sparse else QUESTION
    rows = db.sql("SET max_recursive_iterations = 1000000; " + question.format(upto=upto), "shop")
    return {(int(store), end): (decimal.Decimal(amount), int(count))
            for store, end, amount, count in rows if end <= upto}


def difference(expected, got, name, most=5):
    """Lines that say where two answers {(store, end): (amount, count)} differ; none if equal."""
    lines = []
    for key in sorted(expected.keys() | got.keys()):
        if expected.get(key) != got.get(key):
            lines.append(f"store {key[0]}, window until {key[1]}: database says "
                         f"{expected.get(key)}, {name} says {got.get(key)}")
    if len(lines) > most:
        lines[most:] = [f"… and {len(lines) - most} more"]
    return lines
