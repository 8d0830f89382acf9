"""The folders that test/fixtures/make wrote with the versions that they are named after, and pipelines that go on with them."""

import json
import re
import subprocess

from lib import TOP, http_json

FIXTURES = sorted(path for path in (TOP / "test" / "fixtures").iterdir() if path.is_dir())
ROWS_MAX = 1000


def newest_fixture():
    return FIXTURES[-1]


def unpack(fixture, name, into):
    into.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-xJf", fixture / f"{name}.tar.xz", "-C", into], check=True)


def table_names(weir):
    return re.findall(r"MATERIALIZED TABLE (\w+)", weir.path("pipeline.sql").read_text())


def rows(weir, table):
    items = http_json(f"{weir.url}/v1/tables/{table}/rows?limit={ROWS_MAX}")["items"]
    assert len(items) < ROWS_MAX, table
    return sorted(json.dumps(row, sort_keys=True) for row in items)


def start(weir, *flags):
    """In words that do not say where the folder is: what files are called is part of the state."""
    return weir.start("run", "pipeline.sql", "--data-dir", "weir-data", *flags)
