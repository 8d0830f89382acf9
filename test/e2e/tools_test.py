#!/usr/bin/env python3
"""The test runners can fail: each is given what it must refuse, and what it must accept."""

import os
import subprocess

from lib import TOP, main

FAKE = """#!/bin/sh
cat in.txt
mkdir -p out && echo one >out/b && echo two >out/a
echo 'error[WR1001]: no such thing' >&2
echo '  help: try another' >&2
exit ${CODE:-0}
"""

GOOD = """# A sentence.
=== lines in order
--- file in.txt
b
a
--- expect stdout
b
a
--- expect file out
two
one

=== lines in any order, and parts of lines
--- file in.txt
b
a
--- env CODE=65
--- exit 65
--- expect sorted stdout
a
b
--- expect stderr has
WR1001
help: try
"""


def run(argv, **env):
    done = subprocess.run(argv, cwd=TOP, env={**os.environ, **env}, capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout.strip().splitlines()


def sql_tests(box, text):
    fake = box.path("weir")
    fake.write_text(FAKE)
    fake.chmod(0o755)
    path = box.path("x.test")
    path.write_text(text)
    code, lines = run(["tools/sql-tests", str(path)], WEIR_BINARY=str(fake))
    return code, lines[-1]


def test_sql_tests(box):
    """Right expectations pass; each wrong one fails alone."""
    assert sql_tests(box, GOOD) == (0, "2 passed, 0 failed")
    for right, wrong in (("b\na\n--- expect file", "a\nb\n--- expect file"), ("two\none", "two"),
                         ("exit 65", "exit 64"), ("WR1001\nhelp", "help\nWR1001"),
                         ("a\nb\n--- expect stderr", "a\na\n--- expect stderr"),
                         ("--- expect stdout\nb\na\n--- expect file out\ntwo\none\n", "")):
        assert GOOD.count(right) == 1, right
        assert sql_tests(box, GOOD.replace(right, wrong)) == (1, "1 passed, 1 failed"), wrong


def test_run_tests(box):
    """Counts are added up, lies are seen through, and what hangs is ended."""
    def script(name, body):
        path = box.path(name)
        path.write_text("#!/bin/sh\n" + body)
        path.chmod(0o755)
        return str(path)

    good = script("good.sh", "echo 3 passed, 0 failed, 2 skipped\n")
    skip = script("skip.sh", "exit 77\n")
    assert run(["tools/run-tests", good, skip])[1][-1] == "3 passed, 0 failed, 3 skipped"
    for bad in (script("lie.sh", "echo 3 passed, 0 failed; exit 1\n"),
                script("bad.sh", "exit 3\n"), script("hang.sh", "sleep 600 & sleep 600\n")):
        code, lines = run(["tools/run-tests", "-t", "1", good, bad])
        assert code == 1 and "1 failed" in lines[-1], lines


main()
