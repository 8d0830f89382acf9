"""kcat: ADDRESS → results."""

import json
import os
import re
import subprocess
import sys

ADDRESS = sys.argv[1]
SECURITY = [part for key, value in json.loads(os.environ.get("SECURITY", "{}")).items() for part in ("-X", f"{key}={value}")]


def kcat(*arguments, feed=None):
    done = subprocess.run(["kcat", "-b", ADDRESS, *SECURITY, *arguments], input=feed, capture_output=True, text=True, check=False,
                          timeout=60)
    return [done.returncode, done.stdout]


def consume(topic, *more):
    return kcat("-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-q", "-f", "%o %k %s %h\\n", *more)


def produce():
    out = {}
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        lines = "".join(f"k{i}:value {i} {'x' * (i * 37 % 300)}\n" for i in range(60))
        out[codec] = [kcat("-P", "-t", f"kc-{codec}", "-K", ":", "-z", codec, "-H", "a=b", feed=lines),
                      consume(f"kc-{codec}")]
    return out


def positions():
    kcat("-P", "-t", "kc-pos", feed="".join(f"{i}\n" for i in range(20)))
    return [kcat("-C", "-t", "kc-pos", "-p", "0", "-e", "-q", "-o", at) for at in ("5", "-3", "end", "beginning")] + [
        kcat("-C", "-t", "kc-pos", "-p", "0", "-q", "-o", "2", "-c", "3"),
        kcat("-Q", "-t", "kc-pos:0:-1", "-t", "kc-pos:0:-2")]


def tombstones():
    return [kcat("-P", "-t", "kc-null", "-K", ":", "-Z", feed="a:1\nb:\n:3\n"),
            kcat("-C", "-t", "kc-null", "-p", "0", "-o", "beginning", "-e", "-q", "-f", "%o %K %S\\n")]


def group():
    kcat("-P", "-t", "kc-group", feed="one\ntwo\n")
    first = kcat("-G", "kc-readers", "-q", "-e", "-X", "auto.offset.reset=earliest", "kc-group")
    kcat("-P", "-t", "kc-group", feed="three\n")
    return [first, kcat("-G", "kc-readers", "-q", "-e", "-X", "auto.offset.reset=earliest", "kc-group")]


def listing():
    told = json.loads(kcat("-L", "-J", "-t", "kc-pos")[1])
    return [[t["topic"], [sorted(p) for p in t["partitions"]]] for t in told["topics"]] + [len(told["brokers"])]


def main():
    found = {scenario.__name__: scenario() for scenario in (produce, positions, tombstones, group, listing)}
    print(re.sub(re.escape(ADDRESS), "ADDRESS", json.dumps(found)))


main()
