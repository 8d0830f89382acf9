"""The small benches beside the code, as lines of the common report.

Each is a program that ninja builds on demand; what it prints is read here by pattern. One that is
not there yet is left out."""

import os
import re
import subprocess

import harness as h

JSON_LINE = re.compile(r"weir, into columns: +([\d.]+) MB/s")
JSON_RATIO = re.compile(r"json_decode ratio: ([\d.]+)")
AVRO_LINE = re.compile(r"weir, into columns: +([\d.]+) M records/s")
AVRO_RATIO = re.compile(r"avro_decode ratio: ([\d.]+)")
KERNEL_LINE = re.compile(r"(.+?) {2,}([\d.]+) M rows/s +([\d.]+) GB/s(?: +([\d.]+) x memcpy)?")
WINDOW_LINE = re.compile(r"(\w+) +keys, (\w+), +(\d+) slices: +([\d.]+) M rows/s")


def program(target, *arguments):
    """The output of a bench on one core, or None if there is no such program."""
    built = subprocess.run(["ninja", "-C", str(h.BUILD), target], capture_output=True, text=True,
                           check=False)
    if built.returncode != 0:
        if "unknown target" in built.stdout + built.stderr:
            return None
        raise RuntimeError(f"could not build {target}:\n{(built.stdout + built.stderr)[-2000:]}")
    done = subprocess.run([str(h.BUILD / target), *map(str, arguments)], capture_output=True,
                          text=True, check=True, timeout=h.RUN_SECONDS_MAX,
                          preexec_fn=lambda: os.sched_setaffinity(0, h.CORES[:1]))
    return done.stdout


def json_decode(report):
    output = program("bench/json_decode/json_decode")
    if output is None:
        return
    report.section("JSON lines into columns", "Against simdjson alone reading the same fields of "
                   "the same lines, in turns on one core; the best of each.")
    report.text += ["```", output.strip(), "```"]
    report.measure("JSON decode, three fields, against simdjson alone",
                   float(JSON_LINE.search(output)[1]), "MB/s",
                   float(JSON_RATIO.search(output)[1]), 0.7)



def avro_decode(report):
    output = program("bench/avro_decode/avro_decode")
    if output is None:
        return
    report.section("Records of Avro into columns", "Against libavro (Debian's libavro-dev, which has to be there) "
                   "reading the same records into its generic value, in turns on one core; the best of each.")
    report.text += ["```", output.strip(), "```"]
    report.measure("Avro decode, eight fields, against libavro", float(AVRO_LINE.search(output)[1]),
                   "million records/s", float(AVRO_RATIO.search(output)[1]), 1.0)


def window(report):
    output = program("src/exec/exec-window_bench", *([1000000, 7200] if h.IS_QUICK else []))
    if output is None:
        return
    rates = {(kind, call, int(slices)): float(rate)
             for kind, call, slices, rate in WINDOW_LINE.findall(output)}
    report.section("The window operator alone", "On one core, rows from memory.")
    report.text += ["```", output.strip(), "```"]
    few, many = rates[("bigint", "SUM", 30)], rates[("bigint", "SUM", 1800)]
    # No target: the one for the slide is for a whole pipeline. Alone, the operator's rows out
    # (9 million against 150,000) weigh more than its 10 million rows in.
    report.measure("window operator, 1,800 slices against 30", many, "million rows/s", many / few)


def kernels(report):
    output = program("bench/kernels/kernels")
    if output is None:
        return
    rates = {line[0]: line for line in KERNEL_LINE.findall(output)}
    report.section("Expression kernels and aggregates", "On one core, columns from memory; memcpy "
                   "reads the same bytes in the same run.")
    report.text += ["```", output.strip(), "```"]
    name = "WHERE amount > 500 (50 %)"
    report.measure("filter of a BIGINT column, against memcpy", float(rates[name][1]),
                   "million rows/s", float(rates[name][3]), 0.3)


def measure(report):
    json_decode(report)
    avro_decode(report)
    window(report)
    kernels(report)
