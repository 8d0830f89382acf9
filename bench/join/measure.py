"""Orders joined with their payments, two files of JSON lines: weir against DuckDB.

weir joins them as streams, keeping both sides; DuckDB knows that both end, and keeps one."""

import pathlib
import random
import statistics
import string
import tempfile

import harness as h

HERE = pathlib.Path(__file__).resolve().parent
ROWS = 200_000 if h.IS_QUICK else 2_000_000
CUSTOMERS = ROWS // 5
ROUNDS = 2 if h.IS_QUICK else 5
BLACKHOLE = "'connector' = 'blackhole'"


def make_files():
    """Orders by number, their payments in random order."""
    h.DATA.mkdir(parents=True, exist_ok=True)
    orders, payments = h.DATA / f"join-orders-{ROWS}.ndjson", h.DATA / f"join-payments-{ROWS}.ndjson"
    if orders.exists() and payments.exists():
        return orders, payments
    rand = random.Random(7)
    numbers = list(range(ROWS))
    with open(orders, "w", encoding="ascii") as file:
        for i in numbers:
            file.write(f'{{"id":{i},"customer":{rand.randrange(CUSTOMERS)},'
                       f'"amount":{rand.randrange(100000)}}}\n')
    rand.shuffle(numbers)
    with open(payments, "w", encoding="ascii") as file:
        for i in numbers:
            file.write(f'{{"order_id":{i},"paid":{rand.randrange(100000)},'
                       f'"method":"method {i % 7}"}}\n')
    return orders, payments


def pipeline(orders, payments, kind, sink=BLACKHOLE):
    text = (HERE / "pipeline.sql").read_text()
    return string.Template(text).substitute(orders=orders, payments=payments, kind=kind, sink=sink)


def question(orders, payments, kind):
    text = (HERE / "duckdb.sql").read_text()
    return string.Template(text).substitute(orders=orders, payments=payments, kind=kind)


def check_answers(report, orders, payments):
    """weir's pairs, written as CSV, against DuckDB's."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        sink = f"'connector' = 'filesystem', 'path' = '{folder}/out', 'format' = 'csv'"
        h.weir_run(pipeline(orders, payments, "JOIN", sink))
        columns = ("columns = {id: 'BIGINT', customer: 'BIGINT', amount: 'BIGINT', "
                   "paid: 'BIGINT', method: 'VARCHAR'}")
        h.duckdb(f"""
            CREATE TABLE weir AS SELECT * FROM read_csv('{folder}/out/**', header = false,
                                                        {columns});
            CREATE TABLE duck AS {question(orders, payments, "JOIN")};
            COPY (SELECT (SELECT count(*) FROM (FROM weir EXCEPT ALL FROM duck))
                         + (SELECT count(*) FROM (FROM duck EXCEPT ALL FROM weir)),
                         (SELECT count(*) FROM weir))
            TO '{folder}/differences' (FORMAT csv, HEADER false)""")
        text = pathlib.Path(f"{folder}/differences").read_text().strip().split(",")
    said = f"Answers: {int(text[1]):,} pairs, {text[0]} differ from DuckDB's."
    report.text += [said, ""]
    h.say(said)
    if int(text[0]) or int(text[1]) == 0:
        raise RuntimeError(f"{text[0]} pairs differ from DuckDB's answer")


def rates(runs):
    return [2 * ROWS / one.seconds / 1e6 for one in runs]


def measure(report):
    orders, payments = make_files()
    h.warm(orders)
    h.warm(payments)
    report.section("Two streams joined by a key", f"""
{ROWS:,} orders and their {ROWS:,} payments in random order, as JSON lines. weir keeps both sides for
whatever may come; DuckDB, which knows that the files end, keeps one and asks it for the other.""")
    check_answers(report, orders, payments)
    results = h.interleave(ROUNDS, {
        "weir, JOIN": lambda: h.weir_run(pipeline(orders, payments, "JOIN")),
        "weir, LEFT JOIN": lambda: h.weir_run(pipeline(orders, payments, "LEFT JOIN")),
        "DuckDB, JOIN": lambda: h.duckdb(question(orders, payments, "JOIN"))[0],
    })
    report.table(["", "seconds", "cpu seconds", "million rows/s", "peak MB"],
                 [(name, h.spread(h.seconds_of(runs)), h.spread([r.cpu_seconds for r in runs]),
                   h.spread(rates(runs)), f"{max(r.rss_max_bytes for r in runs) / 1e6:.0f}"
                   if runs[0].rss_max_bytes else "") for name, runs in results.items()])
    report.text += [f"Median (least-most) of {ROUNDS} interleaved runs."]
    report.commands("tools/bench join")
    joined, duck = results["weir, JOIN"], results["DuckDB, JOIN"]
    report.measure("join of two streams against DuckDB", statistics.median(rates(joined)),
                   "million rows/s", h.median_seconds(duck) / h.median_seconds(joined), 0.5,
                   cpu_ratio=h.ratio_of_cpu(duck, joined))
    peak = max(run.rss_max_bytes for run in joined)
    report.measure("join of two streams, memory per row kept", peak / (2 * ROWS), "bytes",
                   peak / (2 * ROWS) / 200, 1.0, at_most=True)
