"""The queries of Nexmark: weir against Flink, over the same events, from the generator and from JSON lines.

BENCH_NEXMARK_QUERIES ("q0 q5 …"): only these. BENCH_NEXMARK_EVENTS: how many, for all of them.

Flink is asked in a process of its own for each query, which holds JobManager and TaskManager with two
slots: no socket lies between them. It first runs the query over a fifth of the events, so that its
code is compiled, and then over all of them, twice; its time is that of the job, without planning and
the start of Java. weir's is the whole process. Both make the same events, draw for draw
(flink/Generator.java), and only the fields that are read. No checkpoints; into `blackhole`."""

import argparse
import hashlib
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import harness as h

sys.path[:0] = [str(h.TOP / "tools/conformance"), str(pathlib.Path(__file__).resolve().parent)]
import flink  # noqa: E402  pylint: disable=wrong-import-position
import nexmark  # noqa: E402  pylint: disable=wrong-import-position

SOURCES = h.TOP / "bench/nexmark/flink"
QUERIES = os.environ.get("BENCH_NEXMARK_QUERIES", "").split() or [
    query for query in nexmark.ALL if query.startswith("q") and query not in nexmark.REFUSED]
# Enough that Flink takes ten seconds or more, but for those whose state fills memory.
MANY, SOME, FEW = 20_000_000, 6_000_000, 2_000_000
EVENTS = dict.fromkeys(("q0", "q1", "q2", "q3", "q8", "q12", "q13", "q14", "q21", "q22"), MANY) | \
    dict.fromkeys(("q7", "q9", "q16", "q18", "q19", "q20", "q23"), FEW)
EVENTS_OF_LINES = 2_000_000
RATE = 10_000_000  # events in a second of event time, as the benchmark has it
FLINK_ROUNDS, WEIR_ROUNDS = (1, 1) if h.IS_QUICK else (2, 3)
WARM_PART = 5
HEAP = "10g"
FLINK_SETTINGS = {
    "parallelism.default": "2", "taskmanager.numberOfTaskSlots": "2", "pipeline.object-reuse": "true",
    "state.backend.type": "hashmap",
    "table.exec.mini-batch.enabled": "true", "table.exec.mini-batch.allow-latency": "2 s",
    "table.exec.mini-batch.size": "50000", "table.optimizer.distinct-agg.split.enabled": "true",
    "taskmanager.memory.managed.size": "64 mb", "taskmanager.memory.network.min": "128 mb",
    "taskmanager.memory.network.max": "128 mb",
}
WEIR_SETTINGS = ["parallelism.default=2", "execution.checkpointing.interval=0 s"]
SPEED, GEOMETRIC, MEMORY = 10, 15, 10  # times Flink's


def events_of(query):
    events = int(os.environ.get("BENCH_NEXMARK_EVENTS", EVENTS.get(query, SOME)))
    return events // 20 if h.IS_QUICK else events


def text_of(query, folder, events, source=None, settings=()):
    args = argparse.Namespace(source=source, rate=RATE, events=events, seed=1, set=settings)
    return nexmark.script(args, nexmark.query_text(query), folder)


# ---------------------------------------------------------------- the contestants

def classes():
    """The folder of the nexmark connector for Flink, compiled."""
    folder, library = flink.home()
    sources = sorted(SOURCES.glob("*.java"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    made = h.DATA / f"flink-nexmark-{digest}"
    if not made.exists():
        work = made.with_suffix(".new")
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(SOURCES / "META-INF", work / "META-INF")
        subprocess.run(["javac", "-nowarn", "-d", work, "-cp", f"{library}/*:{folder}/conformance.jar", *sources],
                       check=True, stdout=sys.stderr)
        work.rename(made)
    return made


def flink_runs(query, folder, connector, events, source=None):
    """Runs of one Flink, warmed up."""
    place = nexmark.fresh(folder / "flink")
    engine = flink.Scripts(folder / "flink.log", heap=HEAP, collector="Parallel", classes=[connector])
    try:
        runs = []
        for number in range(1 + FLINK_ROUNDS):
            some = events // WARM_PART if number == 0 else events
            read = source and (source[0] if number == 0 else source[1])
            text = nexmark.for_flink(text_of(query, nexmark.fresh(place), some, read))
            said = engine.ask({"sql": text, "output": str(folder / "output"), "settings": FLINK_SETTINGS})
            if "millis" not in said:
                raise RuntimeError(f"Flink at {query}: {said}")
            runs.append(h.Run(said["millis"] / 1000, 0, engine.peak_bytes()))
        return runs[1:]
    finally:
        engine.close()


def weir_runs(query, folder, events, source=None):
    runs = []
    for _ in range(WEIR_ROUNDS):
        place = nexmark.fresh(folder / "weir")
        ran = nexmark.Ran(place, text_of(query, place, events, source, WEIR_SETTINGS))
        if ran.code != 0:
            raise RuntimeError(f"weir at {query}: {ran.error}")
        runs.append(h.Run(ran.seconds, ran.cpu_seconds, int(ran.peak_mb * (1 << 20))))
    return runs


# ---------------------------------------------------------------- the same events

def check_events(folder, connector):
    """Both generators, field by field."""
    body = "CREATE TABLE seen (e INT, p STRING, a STRING, b STRING) WITH ('connector' = 'print');\n" \
           "INSERT INTO seen SELECT event_type, CAST(person AS STRING), CAST(auction AS STRING), " \
           "CAST(bid AS STRING) FROM datagen;\n"
    args = argparse.Namespace(source=None, rate=1000, events=5000, seed=1, set=["parallelism.default=1"])
    ours = nexmark.Ran(nexmark.fresh(folder / "weir"), nexmark.script(args, body, folder))
    args.set = []
    engine = flink.Scripts(folder / "flink.log", classes=[connector])
    said = engine.ask({"sql": nexmark.script(args, body, folder), "output": str(folder / "theirs"),
                       "settings": {"parallelism.default": "1"}})
    engine.close()
    one, other = ours.out_path.read_text().splitlines(), (folder / "theirs").read_text().splitlines()
    if ours.code != 0 or "millis" not in said or len(one) != 5000 or one != other:
        first = next((pair for pair in zip(one, other) if pair[0] != pair[1]), (len(one), len(other)))
        raise RuntimeError(f"the generators differ: weir {first[0]}, Flink {first[1]}; {ours.error} {said}")


def write_lines(events):
    """The events as JSON lines: a file for weir; for Flink, which reads a file in one piece, two with every other
    line, and the first of them for warming up."""
    folder = h.DATA / f"nexmark-{events}"
    whole, halves = folder / "whole", folder / "halves"
    if not halves.exists():
        h.say(f"writing {folder.relative_to(h.TOP)}")
        shutil.rmtree(folder, ignore_errors=True)
        whole.mkdir(parents=True)
        args = argparse.Namespace(source=None, rate=RATE, events=events, seed=1, set=["parallelism.default=1"])
        (path,) = nexmark.generate(args, "json", whole)
        work, warm = folder / "halves.new", folder / "warm"
        work.mkdir()
        warm.mkdir()
        with open(path, "rb") as lines, open(work / "a.json", "wb") as a, open(work / "b.json", "wb") as b, \
                open(warm / "a.json", "wb") as first:
            for number, line in enumerate(lines):
                (b if number % 2 else a).write(line)
                if number < events // WARM_PART:
                    first.write(line)
        work.rename(halves)
    return str(whole), (str(folder / "warm"), str(halves))


# ---------------------------------------------------------------- measuring

def rate_of(runs, events):
    rates = [events / one.seconds / 1e6 for one in runs]
    return h.spread(rates, 2 if min(rates) < 10 else 1)


def compare(report, title, folder, connector, lines=None):
    """All queries over one kind of source."""
    rows, ratios = [], {}
    for query in QUERIES:
        events = EVENTS_OF_LINES // (20 if h.IS_QUICK else 1) if lines else events_of(query)
        h.say(f"{title}: {query}, {events:,} events")
        try:
            theirs = flink_runs(query, folder, connector, events, lines and lines[1])
            ours = weir_runs(query, folder, events, lines and lines[0])
        except RuntimeError as error:  # the others are worth knowing
            report.failed(f"Nexmark {query}, {title}", error)
            continue
        ratio = h.median_seconds(theirs) / h.median_seconds(ours)
        memory = max(one.rss_max_bytes for one in theirs) / max(one.rss_max_bytes for one in ours)
        ratios[query] = ratio
        report.measure(f"Nexmark {query}, {title}", h.median_seconds(ours), "s", ratio, SPEED)
        rows.append([query, f"{events / 1e6:g} M", rate_of(theirs, events), rate_of(ours, events), f"{ratio:.1f}",
                     f"{max(one.rss_max_bytes for one in theirs) / 1e6:,.0f}",
                     f"{max(one.rss_max_bytes for one in ours) / 1e6:,.0f}", f"{memory:.1f}"])
    report.table(["query", "events", "Flink, M/s", "weir, M/s", "ratio", "Flink, MB", "weir, MB", "ratio"], rows)
    if ratios:
        mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios.values()))
        report.measure(f"Nexmark, geometric mean, {title}", mean, "×", target=GEOMETRIC)


def measure(report):
    subprocess.run([str(h.TOP / "tools/conformance/setup")], check=True, stdout=sys.stderr)
    report.section("Nexmark", f"weir and Flink {flink.version()} over the same events, two shards and two slots. "
                   "Million events a second; of memory the most. Flink: object reuse, mini-batches, heap state of "
                   f"up to {HEAP}, the parallel collector.")
    connector = classes()
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        folder = pathlib.Path(name)
        check_events(folder, connector)
        compare(report, "generated", folder, connector)
        compare(report, "JSON lines", folder, connector,
                write_lines(EVENTS_OF_LINES // (20 if h.IS_QUICK else 1)))
