"""The queries as scripts for weir, and runs of them: for `run` here and tools/conformance/nexmark.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BINARY = pathlib.Path(os.environ.get("WEIR_BINARY", TOP / "build" / "weir")).resolve()

ALL = [f"q{i}" for i in range(24)] + [f"c{i}" for i in range(4)]
REFUSED = {"q6": "WR2501"}
BASE_TIME = "2024-01-01 07:55:00"


def source_options(args):
    if args.source:
        return {"connector": "filesystem", "path": args.source, "format": "json"}
    return {
        "connector": "nexmark", "first-event.rate": args.rate, "next-event.rate": args.rate,
        "events.num": args.events, "person.proportion": 1, "auction.proportion": 3,
        "bid.proportion": 46, "seed": args.seed, "base-time": BASE_TIME,
    }


def query_text(query):
    return (HERE / "queries" / f"{query}.sql").read_text()


def script(args, body, folder):
    """`body` behind the table of events and its views; `folder` is the benchmark's own."""
    options = ",\n  ".join(f"'{k}' = '{v}'" for k, v in source_options(args).items())
    text = (HERE / "ddl.sql").read_text() + body
    text = text.replace("${SOURCE_OPTIONS}", options).replace("${NEXMARK_DIR}", str(folder))
    settings = "".join(f"SET '{s.split('=', 1)[0]}' = '{s.split('=', 1)[1]}';\n" for s in args.set)
    return settings + text.replace("${SUBMIT_TIME}", "run")


# q13's table outside: as weir has it, and as the original does, in words of before Flink 1.11.
SIDE_TABLE = re.compile(r"'connector' = 'filesystem',\s*'path' = ('file:[^']*'),\s*'format' = 'csv'")
SIDE_TABLE_OF_OLD = r"'connector.type' = 'filesystem', 'connector.path' = \1, 'format.type' = 'csv'"


def for_flink(text):
    """A script as Flink takes it."""
    return SIDE_TABLE.sub(SIDE_TABLE_OF_OLD, text)


class Ran:
    """One run of weir, and what it took."""

    def __init__(self, folder, text):
        path = folder / "query.sql"
        path.write_text(text)
        argv = [BINARY, "run", path, "--fresh", "--data-dir", folder / "state"]
        start = time.monotonic()
        with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as err:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.code = child.returncode
        self.seconds = time.monotonic() - start
        self.cpu_seconds = used.ru_utime + used.ru_stime
        self.peak_mb = used.ru_maxrss / 1024
        self.out_path = folder / "stdout"
        self.error = (folder / "stderr").read_text("utf-8", "replace")


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "side_input.txt").write_text("".join(f"{i},{i}\n" for i in range(10000)))
    return folder


# ---------------------------------------------------------------- generating

EVENT_COLUMNS = re.compile(r"CREATE TABLE datagen \((.*?)\n  `dateTime` AS", re.S)


def generate(args, form, folder):
    ddl = (HERE / "ddl.sql").read_text()
    columns = EVENT_COLUMNS.search(ddl).group(1).rstrip().rstrip(",")
    query = "SELECT event_type, person, auction, bid FROM datagen"
    if form == "csv":
        columns = ("auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, "
                   "`dateTime` TIMESTAMP(3), extra VARCHAR")
        query = "SELECT * FROM bid"
    body = (f"CREATE TABLE events ({columns}) WITH ('connector' = 'filesystem', "
            f"'path' = '{folder}', 'format' = '{form}', "
            f"'sink.rolling-policy.file-size' = '100 GB');\nINSERT INTO events {query};\n")
    with tempfile.TemporaryDirectory() as scratch:
        ran = Ran(fresh(pathlib.Path(scratch) / "w"), script(args, body, scratch))
    if ran.code != 0:
        sys.exit(ran.error)
    return [path for path in pathlib.Path(folder).iterdir() if path.is_file()]
