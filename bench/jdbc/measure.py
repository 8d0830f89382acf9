"""Rows into PostgreSQL against psql's COPY of the same rows, on one private server and the same two
cores.

weir reads a CSV file and writes its rows into a table, from the start of the process to its exit:
appended, by PRIMARY KEY into an empty table and over the same rows again, and exactly once. psql
copies the same file into a table of the same columns, without and with that key. The server runs
with fsync on and shares the two cores."""

import pathlib
import shutil
import tempfile

import harness as h
import lib

ROWS = 100_000 if h.IS_QUICK else 1_000_000
ROUNDS = 2 if h.IS_QUICK else 5

COLUMNS = "id BIGINT, store INT, amount DECIMAL(10, 2), note STRING, paid_at TIMESTAMP(3)"
TABLE = ("CREATE TABLE {name} (id BIGINT{key}, store INT, amount DECIMAL(10, 2), note TEXT, "
         "paid_at TIMESTAMP(3));\n")
PIPELINE = """
SET 'execution.checkpointing.interval' = '{interval}';
CREATE TABLE o ({columns}) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'csv');
CREATE TABLE t ({columns}{key}) WITH ('connector' = 'jdbc',
  'url' = 'jdbc:postgresql://127.0.0.1:{port}/weir', 'table-name' = '{name}', 'username' = 'weir',
  'password' = 'weir-secret'{more});
INSERT INTO t SELECT * FROM o;
"""


def write_rows(path):
    with open(path, "w", encoding="ascii") as file:
        for i in range(ROWS):
            file.write(f"{i},{i % 1000},{i % 100000 / 100:.2f},payment number {i} of the day,"
                       f"2026-01-05 {i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}.123\n")


class Bench:
    def __init__(self, database, path):
        self.database = database
        self.path = path

    def empty(self, name):
        """The checkpoint's writes are not the contestant's to wait for."""
        self.database.sql(f"TRUNCATE {name}; CHECKPOINT")

    def check(self, name):
        found = self.database.sql(f"SELECT count(*), sum(id), sum(amount) FROM {name}")[0]
        assert found[:2] == [str(ROWS), str(ROWS * (ROWS - 1) // 2)], found

    def weir(self, name, key="", more="", is_empty=True, interval="10 s"):
        if is_empty:
            self.empty(name)
        run = h.weir_run(PIPELINE.format(
            columns=COLUMNS, key=key, path=self.path, port=self.database.port, name=name, more=more,
            interval=interval))
        self.check(name)
        return run

    def copy(self, name):
        self.empty(name)
        # pylint: disable=protected-access
        run = h.run([lib.Postgres._program("psql"), "-X", "-q", "-h", self.database.socket_folder,
                     "-p", self.database.port, "-U", "weir", "-d", "weir", "-c",
                     f"\\copy {name} FROM '{self.path}' WITH (FORMAT csv)"])
        self.check(name)
        return run


def measure(report):
    folder = tempfile.mkdtemp(prefix="weir-bench-pg-")
    database = lib.Postgres(pathlib.Path(folder) / "server", fsync="on", shared_buffers="256MB",
                            max_wal_size="2GB")
    try:
        h.say(f"jdbc: {ROWS:,} rows into PostgreSQL")
        database.start()
        for name, key in (("plain", ""), ("keyed", " PRIMARY KEY")):
            database.sql(TABLE.format(name=name, key=key))
        path = pathlib.Path(folder) / "rows.csv"
        write_rows(path)
        h.warm(path)
        bench = Bench(database, path)
        key = ", PRIMARY KEY (id) NOT ENFORCED"
        exact = ", 'sink.delivery-guarantee' = 'exactly-once'"
        runs = h.interleave(ROUNDS, {
            "weir, append": lambda: bench.weir("plain"),
            "psql COPY": lambda: bench.copy("plain"),
            "weir, append exactly once": lambda: bench.weir("plain", more=exact),
            "psql COPY, with a key": lambda: bench.copy("keyed"),
            "weir, upsert": lambda: bench.weir("keyed", key),
            "weir, upsert over the same rows": lambda: bench.weir("keyed", key, is_empty=False),
        })
        report.section("Rows into PostgreSQL",
                       f"{ROWS:,} rows of 5 columns, {path.stat().st_size / 1e6:.0f} MB of CSV. "
                       f"{__doc__.split(chr(10) * 2)[1]}")
        report.table(["", "seconds: median (range)", "CPU seconds of the client"],
                     [(name, h.spread(h.seconds_of(some)),
                       h.spread([one.cpu_seconds for one in some]))
                      for name, some in runs.items()])
        for name, ours, theirs in (
                ("rows appended against psql COPY", "weir, append", "psql COPY"),
                ("rows appended exactly once against psql COPY", "weir, append exactly once",
                 "psql COPY"),
                ("rows upserted against psql COPY into the table with its key", "weir, upsert",
                 "psql COPY, with a key")):
            report.measure(name, ROWS / h.median_seconds(runs[ours]) / 1e6, "million rows/s",
                           h.median_seconds(runs[theirs]) / h.median_seconds(runs[ours]), 0.5,
                           cpu_ratio=h.ratio_of_cpu(runs[theirs], runs[ours]))
    finally:
        database.close()
        shutil.rmtree(folder, ignore_errors=True)
