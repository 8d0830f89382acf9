"""What every comparison stands on: interleaved runs, statistics, and the report.

A comparison runs its contestants in turn (A B A B …), on the same two cores, with warm files, and
quotes the median with the least and the most. Wall time decides; the processor time beside it
tells whether another load was on the machine meanwhile.
"""

import ctypes
import dataclasses
import datetime
import hashlib
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "test" / "e2e"))
BUILD = TOP / "build"
PROGRAMS = BUILD / "bench"
WEIR = pathlib.Path(os.environ.get("WEIR_BINARY", BUILD / "weir")).resolve()
DATA = BUILD / "bench-data"
LIBDUCKDB = TOP / ".deps" / "duckdb" / "libduckdb.so"
IS_QUICK = os.environ.get("BENCH_QUICK", "0") not in ("", "0")
CORES = sorted(os.sched_getaffinity(0))[:2]
RUN_SECONDS_MAX = 300
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


# ---------------------------------------------------------------- running programs

@dataclasses.dataclass
class Run:
    """One timed run of one contestant."""
    seconds: float
    cpu_seconds: float
    rss_max_bytes: int = 0
    samples: list = dataclasses.field(default_factory=list)  # (seconds, resident bytes)
    output: str = ""


def die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def resident_bytes(pid):
    """Resident memory of a process now; 0 once it is gone."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(match[1]) * 1024 if match else 0


class Sampler:
    """Reads the resident memory of a process every few milliseconds until it is stopped."""

    def __init__(self, pid, every):
        self.pid, self.every = pid, every
        self.samples = []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        began = time.monotonic()
        while not self.done.wait(self.every):
            size = resident_bytes(self.pid)
            if size > 0:
                self.samples.append((time.monotonic() - began, size))

    def stop(self):
        self.done.set()
        self.thread.join()
        return self.samples


def run(argv, stdin=None, stdout=None, sample_every=0.0, env=None, cwd=None):
    """Run a program on the two cores to its end: a Run. Fails with its output if it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        def prepare():
            die_with_parent()
            os.sched_setaffinity(0, CORES)

        began = time.monotonic()
        child = subprocess.Popen([str(part) for part in argv], stdin=stdin or subprocess.DEVNULL,
                                 stdout=out if stdout is None else stdout, stderr=err,
                                 env={**os.environ, **(env or {})}, cwd=cwd, preexec_fn=prepare)
        alarm = threading.Timer(RUN_SECONDS_MAX, child.kill)
        alarm.start()
        sampler = Sampler(child.pid, sample_every) if sample_every else None
        try:
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.monotonic() - began
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            alarm.cancel()
            samples = sampler.stop() if sampler else []
            if child.returncode is None:
                child.kill()
                child.wait()
        out.seek(0)
        err.seek(0)
        text, errors = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
    if child.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))} ended with {child.returncode}:\n"
                           + (errors + text)[-4000:])
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, samples, text)


def interleave(rounds, contestants):
    """Run the contestants (name: callable giving a Run) in turn; name: [Run]."""
    results = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            results[name].append(contestant())
    return results


def warm(path):
    """Bring a file into the page cache."""
    with open(path, "rb", buffering=0) as file:
        chunk = bytearray(1 << 20)
        while file.readinto(chunk):
            pass


def duckdb(query, repeats=1, threads=2):
    """Run SQL in DuckDB: a Run for each repeat, timed inside, without start and load."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "setup.sql").write_text("")
        (path / "query.sql").write_text(query)
        output = run([PROGRAMS / "duckdb_sql", LIBDUCKDB, threads, repeats, path / "setup.sql",
                      path / "query.sql"]).output
    return [Run(*map(float, line.split()[:2]), output=line.split()[2])
            for line in output.splitlines()]


def weir_run(pipeline, **more):
    """Run a bounded pipeline in a folder of its own: a Run."""
    folder = tempfile.mkdtemp(prefix="weir-bench-")
    try:
        path = pathlib.Path(folder) / "pipeline.sql"
        path.write_text(pipeline)
        return run([WEIR, "run", path, "--no-http", "--data-dir", f"{folder}/data", "--quiet"],
                   cwd=folder, **more)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---------------------------------------------------------------- data

def generated(name, program, *arguments):
    """A file made by a generator, kept under build/bench-data until the generator changes."""
    DATA.mkdir(parents=True, exist_ok=True)
    source = hashlib.sha256((PROGRAMS / program).read_bytes())
    source.update(repr(arguments).encode())
    path, stamp = DATA / name, DATA / f"{name}.stamp"
    if not path.exists() or not stamp.exists() or stamp.read_text() != source.hexdigest():
        say(f"writing {path.relative_to(TOP)}")
        stamp.unlink(missing_ok=True)
        with open(path, "wb") as file:
            subprocess.run([str(PROGRAMS / program), *map(str, arguments)], stdout=file, check=True)
        stamp.write_text(source.hexdigest())
    return path


# ---------------------------------------------------------------- statistics

def spread(values, digits=2):
    """Median and range as text."""
    return (f"{statistics.median(values):.{digits}f} "
            f"({min(values):.{digits}f}-{max(values):.{digits}f})")


def seconds_of(runs):
    return [one.seconds for one in runs]


def median_seconds(runs):
    return statistics.median(seconds_of(runs))


def ratio_of_cpu(other, ours):
    return (statistics.median([one.cpu_seconds for one in other])
            / statistics.median([one.cpu_seconds for one in ours]))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def slope(points):
    """Least squares: change of y per x."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    mean_x, mean_y = statistics.fmean(xs), statistics.fmean(ys)
    below = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / below if below else 0.0


# ---------------------------------------------------------------- the report

def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Report:
    """Collects measures and prose; prints a line per measure and writes RESULTS.md."""

    def __init__(self):
        self.began = time.monotonic()
        self.date = datetime.datetime.now(datetime.timezone.utc)
        self.load_before = os.getloadavg()[0]
        self.measures = []  # (line parts)
        self.text = []
        self.failures = []

    def section(self, title, prose=""):
        self.text += ["", f"## {title}", ""]
        if prose:
            self.text += [prose.strip(), ""]

    def table(self, head, rows):
        self.text.append("| " + " | ".join(head) + " |")
        self.text.append("|" + "---|" * len(head))
        self.text += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
        self.text.append("")

    def commands(self, *lines):
        self.text += ["", *(f"    {line}" for line in lines), ""]

    def measure(self, name, value, unit, ratio=None, target=None, at_most=False, cpu_ratio=None):
        """One line. `target` is held against the ratio if there is one, else the value. The ratio
        of processor times is for the table only: what another load cannot have bent."""
        number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" \
            if abs(value) < 10 else f"{value:.1f}"
        line = f"{name}: {number} {unit}"
        if ratio is not None:
            line += f", ratio {ratio:.2f}"
        verdict = ""
        if target is not None:
            judged = ratio if ratio is not None else value
            verdict = "reached" if (judged <= target if at_most else judged >= target) else "missed"
            line += f" (target {'<=' if at_most else '>='} {target:g}) [{verdict}]"
        print(line, flush=True)
        self.measures.append((name, f"{number} {unit}", "" if ratio is None else f"{ratio:.2f}",
                              "" if target is None else
                              f"{'≤' if at_most else '≥'} {target:g}", verdict,
                              "" if cpu_ratio is None else f"{cpu_ratio:.2f}"))

    def failed(self, title, error):
        """A comparison that could not be made: said in both places."""
        self.failures.append(title)
        print(f"{title}: not measured: {error}", flush=True)
        self.text += ["", f"**Not measured:** {str(error).strip().splitlines()[0]}", ""]

    def write(self, path):
        head = ["# Results of `make bench`", "",
                "Written by the run; how it is measured stands in [README.md](README.md)."
                + (" **Quick mode: small inputs, few rounds; not for quoting.**"
                   if IS_QUICK else ""), ""]
        if max(self.load_before, os.getloadavg()[0]) > 2 * len(CORES):
            head += ["**Another load was on the machine: trust the ratios of processor times more "
                     "than those of wall time, and repeat the run.**", ""]
        body, self.text = self.text, head
        self.table(["", ""], machine(self))
        self.table(["what", "value", "ratio", "target", "", "ratio of processor times"], self.measures)
        path.write_text("\n".join(self.text + body).rstrip() + "\n")


def first_line(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return "not there"
    return (done.stdout or done.stderr).strip().splitlines()[0] if done.stdout or done.stderr \
        else "?"


def machine(report):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    revision = first_line(["git", "-C", str(TOP), "describe", "--always", "--dirty",
                           "--exclude=*", "--exclude=bench/RESULTS.md"])
    return [
        ("date", report.date.strftime("%Y-%m-%d %H:%M UTC")),
        ("took", f"{time.monotonic() - report.began:.0f} s"),
        ("cpu", f"{cpu[1] if cpu else '?'}, {os.cpu_count()} cores, used: {len(CORES)}"),
        ("memory", f"{int(memory[1]) / (1 << 20):.0f} GiB" if memory else "?"),
        ("load before and after", f"{report.load_before:.1f}, {os.getloadavg()[0]:.1f}"),
        ("kernel", platform.release()),
        ("compiler", first_line(["gcc", "--version"])),
        ("weir", f"{first_line([str(WEIR), 'version'])}, revision {revision}"),
        ("DuckDB", "libduckdb 1.4.4, threads=2"),
        ("MariaDB", first_line(["mariadb", "--version"])),
        ("command", "`make bench`" if not IS_QUICK else "`BENCH_QUICK=1 make bench`"),
    ]
