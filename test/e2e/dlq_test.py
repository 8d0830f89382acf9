"""Dead letters through kills: each bad record has its letter once, and is read again once."""

import collections
import json
import random
import time

from lib import main

PIPELINE = """
    SET 'pipeline.name' = '%s';
    SET 'execution.checkpointing.interval' = '30 ms';
    CREATE TABLE t (a INT, n INT) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv',
      'source.monitor-interval' = '20 ms');
    CREATE TABLE o (a INT, q INT) WITH ('connector' = 'filesystem', 'path' = '%s-out', 'format' = 'csv');
    INSERT INTO o SELECT a, 10 / n FROM t;
"""
LINES = 30_000


def letters_of(weir):
    path = weir.data / "dead-letters" / "t.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def make_file(weir, folder, number, chance, expected):
    """Lines of which some are none (decode) and some divide by zero (compute)."""
    lines = []
    for i in range(number * LINES, (number + 1) * LINES):
        kind = chance.random()
        if kind < 0.01:
            lines.append(f"{folder} is bad {i}")
            expected[lines[-1]] += 1
        elif kind < 0.02:
            lines.append(f"{i},0")
            expected[f'{folder}{{"a":{i},"n":0}}'] += 1
        else:
            lines.append(f"{i},{1 + i % 9}")
    weir.write(f"{folder}/.{number}", "\n".join(lines) + "\n").rename(
        weir.path(f"{folder}/{number:03d}.csv"))


def counted(letters):
    return collections.Counter(
        letter["text"] if letter["stage"] == "decode" else letter["pipeline"] + letter["text"]
        for letter in letters)


def test_each_bad_record_has_one_letter_through_kills(box):
    """A quarter of the kills while it starts; now and then another pipeline has the folder."""
    weir = box.weir()
    chance = random.Random(11)
    expected = collections.Counter()
    for name in ("x", "y"):
        weir.write(f"{name}.sql", PIPELINE % (name, name, name))
    kills = 0
    for number in range(24):
        name = "y" if number % 5 == 4 else "x"
        make_file(weir, name, number, chance, expected)
        weir.start("run", f"{name}.sql")
        time.sleep(chance.uniform(0, 0.08) if number % 4 == 0 else chance.uniform(0.1, 0.5))
        weir.kill()
        kills += 1
    for name in ("x", "y", "x"):
        done = weir.call("run", f"{name}.sql", "--once", "--data-dir", weir.data)
        assert done.returncode == 0, done.stderr
    found = counted(letters_of(weir))
    print(f"     {kills} kills, {sum(expected.values())} letters")
    assert found == expected, list((found - expected).items())[:3] + list(
        (expected - found).items())[:3]


def test_a_replay_gives_each_record_back_once_through_kills(box):
    """Both the replay and the run that reads what was given back are killed."""
    weir = box.weir()
    chance = random.Random(12)
    expected = collections.Counter()
    make_file(weir, "x", 0, chance, expected)
    weir.write("x.sql", PIPELINE % ("x", "x", "x"))
    assert weir.call("run", "x.sql", "--once", "--data-dir", weir.data).returncode == 0
    bad = {text for text in expected if "bad" in text}
    for _ in range(12):
        weir.start("dlq", "replay", "t", "--data-dir", weir.data)
        time.sleep(chance.uniform(0, 0.03))
        weir.kill()
    last = weir.call("dlq", "replay", "t", "--data-dir", weir.data)
    assert last.returncode == 0 or "WR4423" in last.stderr, last.stderr
    for _ in range(8):
        weir.start("run", "x.sql")
        time.sleep(chance.uniform(0, 0.3))
        weir.kill()
    assert weir.call("run", "x.sql", "--once", "--data-dir", weir.data).returncode == 0
    first = counted(letter for letter in letters_of(weir)
                    if letter["stage"] == "decode" and "replay/" not in letter["position"])
    again = counted(letter for letter in letters_of(weir) if "replay/" in letter["position"])
    assert first == again == {text: 1 for text in bad}, (len(first), len(again), len(bad))
    replayed = [letter for letter in letters_of(weir) if "replayed" in letter]
    assert len(replayed) == len(bad)


def test_a_letter_file_that_is_moved_away_is_no_hindrance(box):
    weir = box.weir()
    chance = random.Random(13)
    expected = collections.Counter()
    weir.write("x.sql", PIPELINE % ("x", "x", "x"))
    make_file(weir, "x", 0, chance, expected)
    weir.start("run", "x.sql")
    time.sleep(0.4)
    weir.kill()
    (weir.data / "dead-letters" / "t.jsonl").rename(weir.path("old.jsonl"))
    more = collections.Counter()
    make_file(weir, "x", 1, chance, more)
    done = weir.call("run", "x.sql", "--once", "--data-dir", weir.data)
    assert done.returncode == 0, done.stderr
    assert more - counted(letters_of(weir)) == collections.Counter()


main()
