"""The real Flink, kept warm behind a Unix socket, for the tools in this folder.

The runner in test/conformance is built once per version of its sources, into a folder of the
user's cache, so that worktrees share it. A server is started when none answers, and ends by itself
after twenty idle minutes.
"""

import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PROJECT = TOP / "test/conformance"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
HEAP, HEAP_OF_SCRIPTS = "1200m", "2g"
START_SECONDS_MAX = 90
# What Flink's own start scripts open of Java 17 to its serializers.
OPENED = ["java.base/java.lang", "java.base/java.net", "java.base/java.io", "java.base/java.nio",
          "java.base/sun.nio.ch", "java.base/java.lang.reflect", "java.base/java.text",
          "java.base/java.time", "java.base/java.util", "java.base/java.util.concurrent",
          "java.base/java.util.concurrent.atomic", "java.base/java.util.concurrent.locks"]


def say(text):
    print(f"conformance: {text}", file=sys.stderr, flush=True)


def _digest(files):
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            digest.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _maven(*arguments):
    command = ["mvn", "-q", "-B", "-f", str(PROJECT / "pom.xml"), *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        sys.exit(f"conformance: Maven failed:\n{done.stdout.decode('utf-8', 'replace')}")


def _made(name, make):
    """The folder of that name in the cache; made aside by make(folder) if it is not there."""
    folder = CACHE / "weir-conformance" / name
    if folder.exists():
        return folder
    work = folder.with_name(f"{name}.{os.getpid()}")
    work.mkdir(parents=True, exist_ok=True)
    try:
        make(work)
        work.rename(folder)
    except OSError:  # another process was first
        pass
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _make_library(work):
    say("fetching Flink by Maven (130 MB)")
    _maven("dependency:copy-dependencies", f"-DoutputDirectory={work}", "-DincludeScope=runtime")


def _make_runner(work):
    say("building the runner")
    _maven(f"-Dbuild.folder={work}/target", "package")
    (work / "target/conformance-1.jar").rename(work / "conformance.jar")
    shutil.rmtree(work / "target")


def version():
    return re.search(r"<flink.version>([^<]+)<", (PROJECT / "pom.xml").read_text())[1]


def home():
    """(folder of the built runner, folder of Flink's libraries)"""
    pom = PROJECT / "pom.xml"
    library = _made(f"lib-{_digest([pom])}", _make_library)
    sources = sorted((PROJECT / "src").rglob("*"))
    return _made(f"runner-{_digest([pom, *sources])}", _make_runner), library


def _java(heap, *arguments, collector="Serial"):
    opened = [f"--add-opens={module}=ALL-UNNAMED" for module in OPENED]
    return ["java", f"-Xmx{heap}", f"-XX:+Use{collector}GC", "-Xshare:auto", "-Duser.timezone=UTC", *opened,
            *arguments]


def java(folder, library, *arguments):
    # Our jar comes first: it holds classes that stand before Flink's.
    return _java(HEAP, "-XX:TieredStopAtLevel=1", "-XX:MaxMetaspaceSize=500m",
                 f"-javaagent:{folder}/conformance.jar", "-cp",
                 f"{folder}/conformance.jar:{library}/*", "weir.conformance.Main", *arguments)


def _connect(path):
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        caller.connect(str(path))
        return caller
    except OSError:
        caller.close()
        return None


def _start(folder, library, path):
    with open(folder / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _connect(path) or _start_locked(folder, library, path)


def _start_locked(folder, library, path):
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(java(folder, library, "serve", str(path)), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, start_new_session=True, cwd=folder)
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        caller = _connect(path)
        if caller:
            return caller
        if process.poll() is not None:
            break
        time.sleep(0.1)
    tail = (folder / "server.log").read_text("utf-8", "replace").splitlines()[-20:]
    sys.exit("conformance: Flink did not start:\n" + "\n".join(tail))


def answers(cases):
    """Yields Flink's answer to each case, in order."""
    folder, library = home()
    path = folder / "socket"
    caller = _connect(path) or _start(folder, library, path)
    with caller, caller.makefile("rw", encoding="utf-8") as stream:
        for case in cases:
            asked = {key: value for key, value in case.items() if key != "answer"}
            stream.write(json.dumps(asked) + "\n")
            stream.flush()
            line = stream.readline()
            if not line:
                sys.exit(f"conformance: Flink went away at `{case.get('title')}`; "
                         f"see {folder}/server.log")
            yield json.loads(line)


class Scripts:
    """A Flink as it comes, in a process of its own, that runs whole scripts (Scripts.java)."""

    def __init__(self, log, heap=HEAP_OF_SCRIPTS, collector="Serial", classes=()):
        """`classes`: folders and jars that it is to know beside its own."""
        folder, library = home()
        path = ":".join([f"{library}/*", f"{folder}/conformance.jar", *map(str, classes)])
        command = _java(heap, "-cp", path, "weir.conformance.Scripts", collector=collector)
        self._log = log
        with open(log, "wb") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=errors, text=True, encoding="utf-8")

    def ask(self, request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            tail = self._log.read_text("utf-8", "replace").splitlines()[-20:]
            sys.exit("conformance: Flink went away:\n" + "\n".join(tail))
        return json.loads(line)

    def peak_bytes(self):
        """The most resident memory that it has had."""
        status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    def close(self):
        self._process.stdin.close()
        self._process.wait()
