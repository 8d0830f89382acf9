"""The README does what it says: its files and commands, run as printed in a folder of their own."""

import json
import os
import re
import subprocess
import time

from lib import BINARY, TIME_SCALE, TOP, free_port, main

README = (TOP / "README.md").read_text("utf-8")
PORT = "8083"


def blocks(kind):
    """(rest of the first line, text) of the fenced blocks of a kind."""
    return re.findall(rf"^```{kind}(?: (\S+))?\n(.*?)^```$", README, re.M | re.S)


def commands():
    """[command, expected output] of the console blocks, in order."""
    found = []
    for _, text in blocks("console"):
        for line in text.splitlines(keepends=True):
            if line.startswith("$ "):
                found.append([line[2:].rstrip("\n"), ""])
            else:
                found[-1][1] += line
    return found


def matches(expected, output):
    """Whether the output is the expected one, in which `…` stands for anything within a line."""
    pattern = ".*".join(re.escape(part) for part in expected.rstrip("\n").split("…"))
    return re.fullmatch(pattern, output.rstrip("\n")) is not None


class Shell:
    """One shell for all commands, so that %1 is the job that was started before."""

    def __init__(self, folder):
        # Appended to: the shell shares this file's offset, which run() moves to read.
        self.output = open(folder / "shell.out", "a+b")
        self.child = subprocess.Popen(["bash", "--norc"], cwd=folder, stdin=subprocess.PIPE,
                                      stdout=self.output, stderr=self.output, process_group=0,
                                      env={**os.environ, "NO_COLOR": "1"})
        self.jobs = folder / "jobs.pid"
        self.count = 0

    def run(self, command, seconds=30):
        self.count += 1
        mark = f"=== done {self.count}\n".encode()
        began = self.output.seek(0, os.SEEK_END)
        self.child.stdin.write(f"{{ {command}\n}} </dev/null; jobs -p > {self.jobs}\n".encode()
                               + b"echo '" + mark[:-1] + b"'\n")
        self.child.stdin.flush()
        deadline = time.monotonic() + seconds * TIME_SCALE
        while time.monotonic() < deadline:
            self.output.seek(began)
            text = self.output.read()
            if text.endswith(mark):
                return text[:-len(mark)].decode()
            time.sleep(0.01)
        raise AssertionError(f"no end of: {command}\n{text.decode()}")

    def close(self):
        for pid in self.jobs.read_text().split() if self.jobs.exists() else []:
            subprocess.run(["kill", "-KILL", pid], stderr=subprocess.DEVNULL, check=False)
        self.child.stdin.close()
        self.child.wait(10)
        self.output.close()


def test_files_and_commands_as_printed(box):
    """Every file and command of the README, with the output that stands there."""
    folder = box.folder / "newcomer"
    (folder / "build").mkdir(parents=True)
    (folder / "build" / "weir").symlink_to(BINARY)
    for kind in ("sql", "csv", "test"):
        for name, text in blocks(kind):
            (folder / name).write_text(text)
    port = str(free_port())
    shell = Shell(folder)
    try:
        for command, expected in commands():
            command = command.replace(PORT, port)
            command = command.replace("run live.sql", f"run live.sql --listen 127.0.0.1:{port}")
            output = shell.run(command)
            # What is asked of a running job is true after a moment.
            deadline = time.monotonic() + 15 * TIME_SCALE
            while command.startswith("curl") and not matches(expected, output) \
                    and time.monotonic() < deadline:
                time.sleep(0.1)
                output = shell.run(command)
            # Rows come through a pipe, messages beside it: their order is not the program's.
            if "|" in command and not matches(expected, output):
                output, expected = ("".join(sorted(text.splitlines(keepends=True)))
                                    for text in (output, expected))
            assert matches(expected, output), f"$ {command}\n{output}\n--- expected\n{expected}"
    finally:
        shell.close()


def test_the_pipeline_on_a_database_is_sound(box):
    weir = box.weir()
    for name, text in blocks("sql"):
        weir.write(name, text)
        done = weir.call("check", "--no-connect", name, env={"SHOP_PASSWORD": "x"})
        assert done.returncode == 0, (name, done.stderr)


def test_commands_of_the_table(box):
    """The table of commands names what there is, and each works as it stands there."""
    weir = box.weir()
    files = dict((name, text) for kind in ("sql", "csv") for name, text in blocks(kind))
    for name in ("sales.sql", "payments.csv"):
        weir.write(name, files[name])
    weir.write("sales.test", "=== one\n--- pipeline sales.sql\n--- expect rows\n")
    section = README.split("## Commands\n")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    named = [command for row in rows for command in re.findall(r"`weir ([^`]*)`", row)]
    assert len(named) >= 8, named
    for command in named:
        arguments = command.replace("FILE.", "sales.").replace("NAME", "mysql-cdc").split()
        if arguments[0] in ("savepoint", "restore", "hub", "fsck", "topic", "group", "schema", "deploy"):  # in tests of their own
            arguments = ["help", arguments[0]]
        if command == "sql":  # a shell with nothing to read ends without a word
            arguments += ["-e", "SELECT 1"]
        done = weir.call(*arguments)
        assert done.returncode == 0, (command, done)
        assert done.stdout or done.stderr, command
    listed = re.findall(r"^  (\S+) ", weir.call("help").stdout.split("Commands:")[1], re.M)
    assert {command.split()[0] for command in named} == set(listed), listed


def test_requests_of_the_table_exist(box):
    """The table of requests and the API's own description name the same paths."""
    weir = box.weir(dict((name, text) for name, text in blocks("sql"))["live.sql"])
    (weir.folder / "inbox").mkdir()
    (weir.folder / "inbox" / "a.csv").write_text(dict(blocks("csv"))["payments.csv"])
    weir.start()
    section = README.split("| request (GET) |")[1].split("\n\n")[0]
    paths = [path for row in section.splitlines()[2:]
             for path in re.findall(r"`(/[^`]*)`", row.split("|")[1])]
    deadline = time.monotonic() + 20 * TIME_SCALE
    for path in paths:
        path = path.replace("&cursor=…", "")
        while True:
            done = subprocess.run(["curl", "-s", "-m", "1", "-o", "/dev/null", "-w", "%{http_code}",
                                   weir.url + path], capture_output=True, text=True, check=False)
            if done.stdout == "200" or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        assert done.stdout == "200", (path, done)
    openapi = json.loads(subprocess.run(["curl", "-s", weir.url + "/openapi.json"],
                                        capture_output=True, check=True).stdout)
    shown = {path.split("?")[0].replace("totals", "{name}").replace("rows/2", "rows/{key}")
             for path in paths}
    assert shown == set(openapi["paths"]), (shown, sorted(openapi["paths"]))
    assert weir.stop() == 0, weir.log()


def test_make_targets_exist(box):
    """What the README and CONTRIBUTING.md call by make is there. (The demos have tests of their own.)"""
    text = README + (TOP / "CONTRIBUTING.md").read_text("utf-8")
    targets = set(re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.M))
    assert {"demo", "demo-mysql", "check"} <= targets, targets
    makefile = (TOP / "Makefile").read_text("utf-8")
    for target in targets:
        assert re.search(rf"^([a-z -]+ )?{target}( [a-z -]+)?:", makefile, re.M), target


def test_links_lead_somewhere(box):
    """Every relative link of every Markdown file in the tree leads to a file."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=TOP, capture_output=True, text=True,
                            check=True).stdout.split()
    for name in listed:
        path = TOP / name
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            is_made_later = link == "RESULTS.md"  # by make bench
            assert is_made_later or (path.parent / link).exists(), f"{name}: {link}"


main()
