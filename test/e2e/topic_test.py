"""weir topic and weir group, against the hub: what they say is what kcat sees."""

import json
import subprocess

from hub import Hub
from lib import BINARY, main


def weir(hub, *arguments, feed=None, code=0):
    done = subprocess.run([BINARY, *arguments, "--bootstrap", hub.address], input=feed, capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def test_topics_are_made_filled_read_and_removed(box):
    hub = box.keep(Hub(box)).start()
    weir(hub, "topic", "create", "orders", "--partitions", "3", "--config", "cleanup.policy=compact,segment.bytes=20000")
    assert "orders  3\n" in weir(hub, "topic", "list")
    assert {"name": "orders", "partitions": 3} in json.loads(weir(hub, "topic", "list", "--json"))["items"]
    lines = [f"k{i % 10}|value {i}" for i in range(1000)]
    weir(hub, "topic", "produce", "orders", "-K", "|", feed="\n".join(lines) + "\n")
    theirs = sorted(line for p in range(3) for line in hub.consume("orders", p, form="%p %o %k|%s\\n").splitlines())
    ours = weir(hub, "topic", "consume", "orders", "-o", "earliest", "-e", "-f", r"%p %o %k|%v\n")
    assert sorted(ours.splitlines()) == theirs and len(theirs) == 1000
    assert sorted(line.split(" ", 2)[2] for line in theirs) == sorted(lines)
    first = json.loads(weir(hub, "topic", "consume", "orders", "-o", "earliest", "-n", "1", "-p", "0", "--json"))
    assert (first["partition"], first["offset"]) == (0, 0), first
    assert weir(hub, "topic", "consume", "orders", "-o", "latest", "-e") == ""
    assert len(weir(hub, "topic", "consume", "orders", "-o", f"@{first['timestamp']}", "-e").splitlines()) == 1000
    shown = weir(hub, "topic", "describe", "orders")
    ends = [int(line.split()[3]) for line in shown.splitlines()[1:4]]
    assert sum(ends) == 1000, shown
    assert "WR7050" in weir(hub, "topic", "create", "orders", code=65)
    assert "WR7051" in weir(hub, "topic", "describe", "other", code=66)
    assert "WR7052" in weir(hub, "topic", "list", "-X", "no.such=1", code=65)
    weir(hub, "topic", "delete", "orders")
    assert "orders" not in weir(hub, "topic", "list")
    hub.kill()
    assert "WR3423" in weir(hub, "topic", "list", code=69)


def test_groups_are_shown_and_set_back(box):
    hub = box.keep(Hub(box)).start()
    weir(hub, "topic", "create", "t", "--partitions", "2")
    weir(hub, "topic", "produce", "t", "-p", "0", feed="a\nb\nc\n")
    weir(hub, "topic", "produce", "t", "-p", "1", feed="d\n")
    assert sorted(weir(hub, "topic", "consume", "t", "-g", "readers", "-n", "4").split()) == ["a", "b", "c", "d"]
    assert "readers" in weir(hub, "group", "list")
    shown = weir(hub, "group", "describe", "readers")
    assert "t  0  3  3  0\n" in shown and "t  1  1  1  0\n" in shown, shown
    planned = weir(hub, "group", "reset-offsets", "readers", "--topic", "t", "--to", "earliest", "--dry-run")
    assert planned == "t  0  0\nt  1  0\n", planned
    assert "t  0  3  3  0\n" in weir(hub, "group", "describe", "readers")
    weir(hub, "group", "reset-offsets", "readers", "--topic", "t", "--to", "earliest")
    assert "t  0  0  3  3\n" in weir(hub, "group", "describe", "readers")
    assert sorted(weir(hub, "topic", "consume", "t", "-g", "readers", "-n", "4").split()) == ["a", "b", "c", "d"]
    assert "WR7003" in weir(hub, "group", "reset-offsets", "readers", code=64)
    assert "WR7005" in weir(hub, "group", "reset-offsets", "readers", "--topic", "t", "--to", "soon", code=65)


main()
