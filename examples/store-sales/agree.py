"""The whole job against real servers: a shop in MariaDB, weir, Redis, the HTTP API and the lake, and
whether all of them say the same. `make demo-mysql` and the end-to-end test both stand on it."""

import csv
import datetime
import decimal
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "test" / "e2e"))

import orders  # noqa: E402
from lib import http_json, wait_until  # noqa: E402


class Job:
    """Servers of its own, and the pipeline of this folder running between them."""

    def __init__(self, box, **mariadb_options):
        self.db = box.mariadb(**mariadb_options)
        self.redis = box.redis()
        self.weir = box.weir((HERE / "pipeline.sql").read_text(encoding="utf-8"))
        self.lake = self.weir.path("lake")
        self.environment = {
            "MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": str(self.db.port),
            "MYSQL_USER": self.db.USER, "MYSQL_PASSWORD": self.db.PASSWORD,
            "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.redis.port),
            "LAKE": str(self.lake), "ANSWER": str(self.weir.path("answer")),
        }
        self.db.sql(orders.SCHEMA)

    def start(self):
        self.weir.start("run", "pipeline.sql", env=self.environment)
        wait_until(self._is_serving, "weir to serve", 60, process=self.weir)
        return self

    def _is_serving(self):
        try:
            return http_json(self.weir.url + "/v1/tables")["items"]
        except OSError:
            return None

    def wait_for(self, upto, seconds=120):
        """Until the watermark has passed a window's end and Redis has what it fired."""
        def is_there():
            table = http_json(self.weir.url + "/v1/tables/store_sales_history")
            mark = table["watermark"]
            return mark is not None and mark[:16].replace("T", " ") >= upto
        wait_until(is_there, f"the watermark to pass {upto}", seconds, process=self.weir)

    def redis_answer(self):
        """{(store, end): (amount, count)} from the hashes with a field per window."""
        answer = {}
        for key in self.redis.keys("sales-amount:*"):
            store = int(key.split(":")[1])
            amounts = self.redis.hash(key)
            counts = self.redis.hash(f"sales-count:{store}")
            for end, amount in amounts.items():
                answer[store, end] = (decimal.Decimal(amount),
                                               int(counts.get(end, "-1")))
        return answer

    def api_answer(self):
        """The same, page by page, from the HTTP API."""
        answer = {}
        cursor = ""
        while cursor is not None:
            page = http_json(f"{self.weir.url}/v1/tables/store_sales_history/rows?limit=1000"
                             + (f"&cursor={cursor}" if cursor else ""))
            for row in page["items"]:
                answer[row["store_id"], row["window_end"][:16]] = (
                    decimal.Decimal(str(row["amount"])), row["payments"])
            cursor = page["next_cursor"]
        return answer

    def lake_answer(self):
        """The same question asked of the Parquet files, by a bounded run of weir."""
        done = self.weir.call("run", HERE / "lake.sql", "--data-dir", self.weir.path("lake-data"),
                              "--no-http", env=self.environment, seconds=300)
        assert done.returncode == 0, done.stderr
        answer = {}
        for path in sorted(pathlib.Path(self.environment["ANSWER"]).iterdir()):
            if path.name.startswith((".", "_")):
                continue
            with open(path, encoding="utf-8", newline="") as file:
                for store, end, amount, count in csv.reader(file):
                    answer[int(store), end[:16]] = (decimal.Decimal(amount), int(count))
        return answer

    def compare(self, upto, is_sparse=False):
        """Lines that say where Redis, API or lake differ from the database; none if they agree.
        Stops the pipeline, so that the lake is complete. Returns (lines, windows compared)."""
        expected = orders.database_answer(self.db, upto, is_sparse)
        wait_until(lambda: len(self.redis_answer()) >= len(expected) or None,
                   "Redis to hold every window", 60, process=self.weir)
        lines = []
        for name, answer in (("Redis", self.redis_answer()), ("the API", self.api_answer())):
            answer = {key: value for key, value in answer.items() if key[1] <= upto}
            lines += orders.difference(expected, answer, name)
        code = self.weir.stop(seconds=60)
        assert code == 0, f"weir ended with {code}\n{self.weir.log()}"
        answer = {key: value for key, value in self.lake_answer().items() if key[1] <= upto}
        lines += orders.difference(expected, answer, "the lake")
        return lines, len(expected)


def last_full_window(now):
    """The end of the last window that the watermark passes when a payment closes the day."""
    end = now.replace(second=0, microsecond=0) + datetime.timedelta(minutes=orders.WINDOW_MINUTES + 1)
    return end.strftime("%Y-%m-%d %H:%M")
