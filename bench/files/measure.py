"""Questions to files of JSON lines, CSV and Parquet: weir against DuckDB.

Windows run as streams, with a watermark; the other questions in batch mode, where each row of the
answer comes once, as DuckDB gives it. BENCH_FILES_ROWS: 10 million payments."""

import dataclasses
import os
import pathlib
import statistics
import string
import tempfile

import harness as h

HERE = pathlib.Path(__file__).resolve().parent
ROWS = int(os.environ.get("BENCH_FILES_ROWS", 1_000_000 if h.IS_QUICK else 10_000_000))
HOURS = 2
ROUNDS = 1 if h.IS_QUICK else 3
TARGETS = {"json": 1.5, "csv": 1.5, "parquet": 0.7}
BLACKHOLE = "'connector' = 'blackhole'"
COLUMNS = {"id": "BIGINT", "store_id": "INTEGER", "amount": "DECIMAL(12,2)", "paid_at": "TIMESTAMP",
           "status": "VARCHAR", "customer": "VARCHAR", "method": "VARCHAR", "till": "INTEGER", "unit": "VARCHAR"}
STORES = {"store": "INTEGER", "region": "VARCHAR"}


@dataclasses.dataclass
class Question:
    """The same question twice. `columns`: of its answer, as DuckDB writes the types."""
    name: str
    columns: dict
    weir: str
    duckdb: str
    is_stream: bool = False


PER_STORE = {"store_id": "INTEGER", "window_end": "TIMESTAMP", "amount": "DECIMAL(38,2)", "payments": "BIGINT"}
GRID = string.Template((HERE.parent / "store_sales/duckdb/grid.sql").read_text())
QUESTIONS = [
    Question(
        "filter and projection", {"id": "BIGINT", "customer": "VARCHAR", "amount": "DECIMAL(12,2)"},
        "SELECT id, customer, amount FROM payments WHERE amount > 400 AND `method` = 'cash'",
        "SELECT id, customer, amount FROM payments WHERE amount > 400 AND method = 'cash'"),
    Question(
        "TUMBLE of 1 minute", PER_STORE,
        "SELECT store_id, window_end, SUM(amount), COUNT(*) FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(paid_at), "
        "INTERVAL '1' MINUTE)) GROUP BY store_id, window_start, window_end",
        "SELECT store_id, time_bucket(INTERVAL 1 MINUTE, paid_at) + INTERVAL 1 MINUTE AS window_end, sum(amount) AS "
        "amount, count(*) AS payments FROM payments GROUP BY ALL", is_stream=True),
    Question(
        "HOP of 30 minutes by 1", PER_STORE,
        "SELECT store_id, window_end, SUM(amount), COUNT(*) FROM TABLE(HOP(TABLE payments, DESCRIPTOR(paid_at), "
        "INTERVAL '1' MINUTE, INTERVAL '30' MINUTE)) GROUP BY store_id, window_start, window_end",
        GRID.substitute(reader="payments", slide="'1' MINUTE", before=29), is_stream=True),
    Question(
        "totals by customer", {"customer": "VARCHAR", "amount": "DECIMAL(38,2)", "payments": "BIGINT"},
        "SELECT customer, SUM(amount), COUNT(*) FROM payments GROUP BY customer",
        "SELECT customer, sum(amount) AS amount, count(*) AS payments FROM payments GROUP BY customer"),
    Question(
        "distinct count", {"store_id": "INTEGER", "customers": "BIGINT"},
        "SELECT store_id, COUNT(DISTINCT customer) FROM payments GROUP BY store_id",
        "SELECT store_id, count(DISTINCT customer) AS customers FROM payments GROUP BY store_id"),
    Question(
        "Top-N", {"store_id": "INTEGER", "amount": "DECIMAL(12,2)", "id": "BIGINT"},
        "SELECT store_id, amount, id FROM (SELECT store_id, amount, id, ROW_NUMBER() OVER (PARTITION BY store_id "
        "ORDER BY amount DESC, id) AS place FROM payments) WHERE place <= 3",
        "SELECT store_id, amount, id FROM payments QUALIFY row_number() OVER (PARTITION BY store_id ORDER BY amount "
        "DESC, id) <= 3"),
    Question(
        "join", {"id": "BIGINT", "amount": "DECIMAL(12,2)", "region": "VARCHAR"},
        "SELECT id, amount, region FROM payments JOIN stores ON store_id = store WHERE amount > 100",
        "SELECT id, amount, region FROM payments JOIN stores ON store_id = store WHERE amount > 100"),
]

READERS = {
    "json": ["read_json('{file}', format = 'newline_delimited', columns = {columns})",
             "read_json('{file}', format = 'newline_delimited', columns = {columns}, maximum_object_size = 1048576)"],
    "csv": ["read_csv('{file}', header = false, columns = {columns})"],
    "parquet": ["read_parquet('{file}')"],
}


def struct(columns):
    return "{" + ", ".join(f"{name}: '{kind}'" for name, kind in columns.items()) + "}"


def reader(form, which, file, columns):
    return READERS[form][which].format(file=file, columns=struct(columns))


def make_files():
    """The payments, and what region a store is in, in each format: {format: (payments, stores)}."""
    lines = h.generated(f"payments-{ROWS}.ndjson", "store_sales_generate", ROWS, HOURS)
    files = {form: (h.DATA / f"files-{ROWS}.{form}", h.DATA / f"files-stores.{form}")
             for form in TARGETS}
    files["json"] = (lines, files["json"][1])
    stamp = h.DATA / f"files-{ROWS}.stamp"
    if not stamp.exists() or stamp.stat().st_mtime < lines.stat().st_mtime:
        h.say("writing CSV and Parquet")
        stores = "SELECT range::INTEGER AS store, 'region ' || range % 7 AS region FROM range(100000)"
        payments = "SELECT * FROM " + reader("json", 0, lines, COLUMNS)
        h.duckdb("".join(f"COPY ({text}) TO '{files[form][which]}' ({options});"
                         for form, options in (("json", "FORMAT json"), ("csv", "FORMAT csv, HEADER false"),
                                               ("parquet", "FORMAT parquet"))
                         for which, text in ((0, payments), (1, stores)) if (form, which) != ("json", 0)))
        stamp.touch()
    return files


def pipeline(question, form, files, sink=BLACKHOLE):
    def table(name, columns, file, more=""):
        listed = ", ".join(f"`{column}` {kind}" for column, kind in columns.items())
        listed = listed.replace("VARCHAR", "STRING").replace("TIMESTAMP", "TIMESTAMP(3)")
        return (f"CREATE TABLE {name} ({listed}{more}) WITH ('connector' = 'filesystem', 'path' = '{file}', "
                f"'format' = '{form}');\n")
    answer = ", ".join(f"`{column}` {kind}" for column, kind in question.columns.items())
    answer = answer.replace("VARCHAR", "STRING").replace("TIMESTAMP", "TIMESTAMP(3)")
    watermark = ", WATERMARK FOR paid_at AS paid_at - INTERVAL '5' SECOND" if question.is_stream else ""
    return ("SET 'parallelism.default' = '2';\n"
            + ("" if question.is_stream else "SET 'execution.runtime-mode' = 'batch';\n")
            + table("payments", COLUMNS, files[0], watermark) + table("stores", STORES, files[1])
            + f"CREATE TABLE answer ({answer}) WITH ({sink});\nINSERT INTO answer {question.weir};\n")


def query(question, form, files, which):
    return (f"WITH payments AS (SELECT * FROM {reader(form, which, files[0], COLUMNS)}), "
            f"stores AS (SELECT * FROM {reader(form, which, files[1], STORES)}) SELECT * FROM ({question.duckdb})")


def check_answers(question, form, files):
    """weir's rows, written as CSV, against DuckDB's; how many there are."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        h.weir_run(pipeline(question, form, files,
                            f"'connector' = 'filesystem', 'path' = '{folder}/out', 'format' = 'csv'"))
        casts = ", ".join(f"{column}::{kind} AS {column}" for column, kind in question.columns.items())
        h.duckdb(f"""
            CREATE TABLE weir AS SELECT * FROM read_csv('{folder}/out/**', header = false,
                                                        columns = {struct(question.columns)});
            CREATE TABLE duck AS SELECT {casts} FROM ({query(question, form, files, 0)});
            COPY (SELECT (SELECT count(*) FROM (FROM weir EXCEPT ALL FROM duck))
                         + (SELECT count(*) FROM (FROM duck EXCEPT ALL FROM weir)), (SELECT count(*) FROM weir))
            TO '{folder}/differences' (FORMAT csv, HEADER false)""")
        differing, rows = map(int, pathlib.Path(f"{folder}/differences").read_text().strip().split(","))
    if differing or rows == 0:
        raise RuntimeError(f"{question.name}, {form}: {differing} of {rows} rows differ from DuckDB's answer")
    return rows


def measure(report):
    files = make_files()
    report.section("Questions to files", f"{ROWS:,} payments. weir is timed from start to exit of the process, DuckDB "
                   "for the query alone, with the faster of its ways to read JSON; both have two threads. "
                   "The answers are compared first, row by row.")
    rows = []
    for form, target in TARGETS.items():
        for file in files[form]:
            h.warm(file)
        for question in QUESTIONS:
            answers = check_answers(question, form, files[form])
            queries = [query(question, form, files[form], which) for which in range(len(READERS[form]))]
            best = min(queries, key=lambda text: h.duckdb(text)[0].cpu_seconds)
            text = pipeline(question, form, files[form])
            runs = h.interleave(ROUNDS, {"weir": lambda text=text: h.weir_run(text),
                                         "DuckDB": lambda best=best: h.duckdb(best)[0]})
            ours, theirs = runs["weir"], runs["DuckDB"]
            ratio = h.median_seconds(theirs) / h.median_seconds(ours)
            report.measure(f"{question.name}, {form}, against DuckDB", h.median_seconds(ours), "s", ratio, target,
                           cpu_ratio=h.ratio_of_cpu(theirs, ours))
            rows.append([question.name, form, f"{answers:,}", h.spread(h.seconds_of(theirs)),
                         h.spread(h.seconds_of(ours)), f"{ratio:.2f}",
                         f"{statistics.median([one.cpu_seconds for one in theirs]):.2f}",
                         f"{statistics.median([one.cpu_seconds for one in ours]):.2f}",
                         f"{max(one.rss_max_bytes for one in ours) / 1e6:.0f}"])
    report.table(["question", "format", "rows", "DuckDB, seconds", "weir, seconds", "ratio", "DuckDB, processor",
                  "weir, processor", "weir, MB"], rows)
    report.commands("tools/bench files")
