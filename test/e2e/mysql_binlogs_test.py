"""The binlog decoder against logs of other projects and of many servers, read independently.

The logs and what another reader found in them lie beside the project, in ../shared/data; without
them the tests are skipped."""

import base64
import datetime
import gzip
import json
import pathlib
import struct
import subprocess
import tempfile

import lib

TOP = pathlib.Path(__file__).resolve().parents[2]
DATA = TOP.parent / "shared" / "data" / "mysql_binlogs"
PRINTER = TOP / "build" / "src" / "connect" / "mysql" / "binlog_print"


def printed(path):
    if not PRINTER.exists():
        raise lib.Skip(f"{PRINTER} is not built")
    done = subprocess.run([PRINTER, path], capture_output=True, timeout=60, check=False)
    lines = [json.loads(line, parse_float=str) for line in
             done.stdout.decode("utf-8", "surrogateescape").splitlines()]
    return done.returncode, lines


def plain_json(value):
    """The other reader names the types of opaque values; their text is what weir gives."""
    if isinstance(value, list):
        return [plain_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"opaque_type", "hex"}:
        coded = base64.b64encode(bytes.fromhex(value["hex"])).decode()
        return f"base64:type{value['opaque_type']}:{coded}"
    if len(value) == 1:
        (key, text), = value.items()
        if key in ("date", "time", "datetime", "decimal"):
            return text
    return {key: plain_json(item) for key, item in value.items()}


def same(ours, theirs):
    """Whether two values agree, where the readers' notations differ."""
    if isinstance(theirs, dict) and "json" in theirs:
        return ours == plain_json(theirs["json"])
    if isinstance(theirs, dict) and "vector" in theirs:
        return bytes.fromhex(ours["hex"]) == struct.pack(f"<{len(theirs['vector'])}f",
                                                         *theirs["vector"])
    if isinstance(ours, dict) and "hex" in ours:
        raw = bytes.fromhex(ours["hex"])
        if isinstance(theirs, dict) and "hex" in theirs:
            return raw == bytes.fromhex(theirs["hex"])
        if isinstance(theirs, int):
            return int.from_bytes(raw, "big") == theirs
        return theirs in (raw.decode("utf-8", "replace"), raw.decode("latin1"))
    if isinstance(ours, str) and ours[4:5] == "-" and str(theirs).split(".")[0].isdigit():
        moment = datetime.datetime.fromisoformat(ours[:19] + "+00:00")
        return int(str(theirs).split(".", maxsplit=1)[0]) == int(moment.timestamp())
    if isinstance(theirs, str) and isinstance(ours, str):
        return ours == theirs or ours.rstrip("0").rstrip(".") == theirs.rstrip("0").rstrip(".")
    if isinstance(theirs, float):
        return abs(float(ours) - theirs) <= abs(theirs) * 1e-6
    return ours == theirs


def same_rows(ours, theirs):
    return len(ours) == len(theirs) and all(
        set(a) == set(b) and all(len(a[image]) == len(b[image]) and
                                 all(map(same, a[image], b[image])) for image in a)
        for a, b in zip(ours, theirs))


def compare(ours, theirs, name):
    """Every event that the other reader tells of is told the same way; the number of rows."""
    by_position = {event["pos"]: event for event in ours if "pos" in event}
    count = 0
    is_damaged = "error" in ours[-1]
    end = max((event["pos"] for event in ours if "pos" in event), default=0)
    for expected in theirs:
        if "pos" not in expected or (is_damaged and expected["pos"] > end):
            continue
        found = by_position.get(expected["pos"])
        assert found is not None, (name, expected)
        assert found["type"] == expected["type"], (name, found, expected)
        if "sql" in expected:
            assert found["sql"].rstrip("\0") == expected["sql"], (name, found, expected)
        if "inside" in expected:
            inside = [event for event in found["inside"]]
            assert [event["type"] for event in inside] == \
                [event["type"] for event in expected["inside"]], (name, inside)
            for a, b in zip(inside, expected["inside"]):
                if "rows" in b:
                    assert same_rows(a["rows"], b["rows"]), (name, a, b)
                    count += len(b["rows"])
        if "rows" in expected and expected["type"] != "PARTIAL_UPDATE_ROWS":
            assert same_rows(found["rows"], expected["rows"]), (name, found, expected)
            count += len(expected["rows"])
    return count


def logs():
    if not DATA.is_dir():
        raise lib.Skip(f"{DATA} is not there")
    return sorted(path for folder in ("rust_mysql_common", "binlog_connector_java", "gh_ost",
                                      "canal") for path in (DATA / folder).iterdir())


def test_every_log_reads_as_another_reader_reads_it(_box):
    files = rows = 0
    for path in logs():
        expected = DATA / "expected_rows" / f"{path.parent.name}_{path.name}.jsonl"
        if not expected.exists():
            continue
        theirs = [json.loads(line) for line in expected.read_text().splitlines()]
        _, ours = printed(path)
        rows += compare(ours, theirs, path.name)
        files += 1
    print(f"     {files} logs, {rows} rows")
    assert files >= 35 and rows >= 200, (files, rows)


def test_the_sakila_log_has_its_payments(_box):
    path = DATA / "binlog_connector_java" / "mysql-bin.sakila.gz"
    if not path.exists():
        raise lib.Skip(f"{path} is not there")
    code, lines = printed(path)
    assert code == 1 and "no binlog" in lines[-1]["error"], lines[-1]
    with tempfile.NamedTemporaryFile() as file:
        file.write(gzip.decompress(path.read_bytes()))
        file.flush()
        code, lines = printed(file.name)
    assert code == 0 and len(lines) == 1462, (code, len(lines))
    payments = [row["after"] for line in lines if line.get("table") == "sakila.payment"
                for row in line["rows"]]
    assert len(payments) == 16049
    cents = sum(round(float(row[4]) * 100) for row in payments)
    assert cents == 6741651, cents


def test_damaged_logs_are_reported(_box):
    for name in ("binlog_truncated_event.000001", "binlog_truncated_prev_gtid_event.000001",
                 "corrupt-relay-bin.000624"):
        path = DATA / "rust_mysql_common" / name
        if not path.exists():
            raise lib.Skip(f"{path} is not there")
        code, lines = printed(path)
        assert code == 1 and lines[-1]["error"].startswith("WR3121"), (name, lines[-1])


if __name__ == "__main__":
    lib.main()
