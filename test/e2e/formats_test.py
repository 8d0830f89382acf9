"""Data folders of every version of checkpoints (test/formats): those that are read are resumed from, those before and
behind are refused with a reason and stay as they are."""

import pathlib
import re
import shutil

from lib import TOP, main

FORMATS = TOP / "test" / "formats"
LEAST, VERSION = (int(re.search(rf"{name} = (\d+)", (TOP / "src" / "job" / "snapshot.h").read_text())[1])
                  for name in ("SNAPSHOT_VERSION_LEAST", "SNAPSHOT_VERSION"))


def prepared(box, version):
    weir = box.weir()
    shutil.copytree(FORMATS, weir.folder, dirs_exist_ok=True)
    shutil.copytree(FORMATS / f"v{version}" / "data", weir.data)
    return weir


def run(weir, *more):
    return weir.call("run", "pipeline.sql", "--once", "--data-dir", weir.data, "--no-http", *more)


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in pathlib.Path(folder).rglob("*")
            if path.is_file() and path.name != "lock"}


def last_totals(text):
    return dict(re.findall(r"^total> \+[IU]\[(\d), (\d+, \d+)\]$", text, re.M))


def refused(weir):
    before = files_of(weir.data)
    done = run(weir)
    assert done.returncode == 65, (done.returncode, done.stderr)
    assert "error[WR4401]" in done.stderr and "another version of weir" in done.stderr, done.stderr
    assert "go on with that version, or start over with --fresh" in done.stderr, done.stderr
    assert not done.stdout and files_of(weir.data) == before, done.stdout
    done = run(weir, "--fresh")
    assert done.returncode == 0, done.stderr
    assert last_totals(done.stdout) == {"0": "13, 2730", "1": "14, 2870", "2": "13, 2600"}, done.stdout


def test_versions_that_are_read_are_resumed(box):
    """Their windows, joins and totals go on with what they had."""
    for version in range(LEAST, VERSION + 1):
        resumed(prepared(box, version))


def resumed(weir):
    weir.write("in/2.csv", "41,0,5,2024-01-01 00:00:59\n42,2,7,2024-01-01 00:01:01\n")
    weir.write("stores/2.csv", "2,two\n")
    done = run(weir)
    assert done.returncode == 0 and "resumed from checkpoint" in done.stderr, done.stderr
    assert last_totals(done.stdout) == {"0": "14, 2735", "2": "14, 2607"}, done.stdout
    windows = sorted(re.findall(r"^window> \+I\[2024-01-01T00:00(?::00)?, (\d), (\d+), (\d+)\]$", done.stdout, re.M))
    assert windows == [("0", "14", "2735"), ("1", "14", "2870"), ("2", "13", "2600")], done.stdout
    named = sorted(map(int, re.findall(r"^named> \+I\[(\d+), two\]$", done.stdout, re.M)))
    assert named == [i for i in range(1, 43) if i % 3 == 2 and i != 41 or i == 42], done.stdout
    assert re.findall(r"^named> \+I\[(\d+), zero\]$", done.stdout, re.M) == ["41"], done.stdout


def test_older_versions_are_refused(box):
    for version in range(1, LEAST):
        refused(prepared(box, version))


def test_a_later_version_is_refused(box):
    """Its manifest has another name and another number; the rest nobody here can know."""
    weir = prepared(box, VERSION)
    for path in weir.data.rglob("MANIFEST"):
        text = path.read_bytes()
        assert text.startswith(b"WEIRCHK%d" % VERSION), text[:16]
        path.write_bytes(b"WEIRCHK%d" % (VERSION + 1) + (VERSION + 1).to_bytes(4, "little") + text[12:])
    refused(weir)


main()
