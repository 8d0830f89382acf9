"""Dead letters through kills: each bad record has its letter once, and is read again once."""

import collections
import json
import random
import re
import time

from lib import main, wait_until

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


def run_until(weir, name, letters, *flags):
    """Until so many stand in the file; then a stop in order."""
    weir.start("run", f"{name}.sql", *flags)
    wait_until(lambda: len(letters_of(weir)) >= letters, "letters", process=weir)
    assert weir.stop() == 0, weir.log()


def test_from_an_older_checkpoint_each_bad_record_has_one_letter(box):
    """Those that come again leave the file, and no others; whichever way the savepoint is taken up."""
    weir = box.weir()
    chance = random.Random(14)
    expected, since, others = collections.Counter(), collections.Counter(), collections.Counter()
    for name in ("x", "y"):
        text = re.sub(r"(TABLE o .* WITH).*;", r"\1 ('connector' = 'blackhole');", PIPELINE % (name, name, name))
        weir.write(f"{name}.sql", text)
    make_file(weir, "x", 0, chance, expected)
    run_until(weir, "x", expected.total())
    saved = weir.path("saved")
    assert weir.call("savepoint", saved, "--latest", "--data-dir", weir.data).returncode == 0
    make_file(weir, "x", 1, chance, since)
    run_until(weir, "x", expected.total() + since.total())
    make_file(weir, "y", 0, chance, others)
    run_until(weir, "y", expected.total() + since.total() + others.total())
    for number in (1, 2):
        flags = ["--fresh", "-D", f"execution.savepoint.path={saved}"] if number == 2 else []
        if flags:
            weir.start("run", "x.sql", *flags)
            wait_until(lambda: "superseded/t-2.jsonl" in weir.stderr(), "a word", process=weir)
            weir.kill()
        else:
            done = weir.call("restore", saved, "--pipeline", "x", "--data-dir", weir.data)
            assert done.returncode == 0 and f"superseded/t-{number}.jsonl" in done.stderr, done.stderr
            assert counted(letters_of(weir)) == expected + others
        run_until(weir, "x", expected.total() + since.total() + others.total(), *flags)
        assert counted(letters_of(weir)) == expected + since + others
        aside = weir.data / "dead-letters" / "superseded" / f"t-{number}.jsonl"
        assert counted(map(json.loads, aside.read_text("utf-8").splitlines())) == since
    # The next time somebody has changed what stood there before the savepoint was taken.
    path = weir.data / "dead-letters" / "t.jsonl"
    path.write_text(path.read_text("utf-8").replace('"ts":"20', '"ts":"30'), "utf-8")
    done = weir.call("restore", saved, "--pipeline", "x", "--data-dir", weir.data)
    assert done.returncode == 0 and "stands twice" in done.stderr, done.stderr


def test_a_fresh_start_gives_back_nothing_that_it_reads_well(box):
    """What it reads again leaves the file; letters of other pipelines stay."""
    weir = box.weir()
    chance = random.Random(15)
    expected, others = collections.Counter(), collections.Counter()
    for name, made in (("x", expected), ("y", others)):
        weir.write(f"{name}.sql", PIPELINE % (name, name, name))
        make_file(weir, name, 0, chance, made)
        done = weir.call("run", f"{name}.sql", "--once", "--data-dir", weir.data)
        assert done.returncode == 0, done.stderr
    assert counted(letters_of(weir)) == expected + others
    mended = PIPELINE.replace("(a INT, n INT)", "(a STRING)").replace("a, 10 / n", "1, CHAR_LENGTH(a)", 1)
    weir.write("x.sql", mended.replace("'format' = 'csv',", "'format' = 'csv', 'csv.field-delimiter' = '|',")
               % ("x", "x", "x-fresh"))
    done = weir.call("run", "x.sql", "--once", "--fresh", "--data-dir", weir.data)
    assert done.returncode == 0 and "superseded/t-1.jsonl" in done.stderr, done.stderr
    assert counted(letters_of(weir)) == others
    aside = weir.data / "dead-letters" / "superseded" / "t-1.jsonl"
    assert counted(map(json.loads, aside.read_text("utf-8").splitlines())) == expected
    done = weir.call("dlq", "replay", "t", "--pipeline", "x", "--data-dir", weir.data)
    assert done.returncode != 0 and "WR4423" in done.stderr, done.stderr


def test_a_fresh_start_at_the_offsets_of_a_group_keeps_its_letters(box):
    """What lies before them does not come again; what another source reads from its beginning does."""
    weir = box.weir()
    weir.write("write.sql", """
        CREATE TABLE t (a STRING) WITH ('connector' = 'kafka', 'topic' = 't', 'format' = 'raw');
        INSERT INTO t VALUES ('{"n": 1}'), ('{"n": bad'), ('{"n": 2}');
    """)
    reads = """
        SET 'pipeline.name' = 'reads';
        CREATE TABLE t (n INT) WITH ('connector' = 'kafka', 'topic' = 't', 'format' = 'json',
          'properties.group.id' = 'readers', 'scan.bounded.mode' = 'latest-offset', %s);
        CREATE TABLE u (n INT) WITH ('connector' = 'filesystem', 'path' = 'u', 'format' = 'csv');
        CREATE TABLE o (n INT) WITH ('connector' = 'blackhole');
        INSERT INTO o SELECT n FROM t UNION ALL SELECT n FROM u;
    """
    weir.write("u/a", "1\nbad\n2\n")
    for name, begin in (("group", "'properties.auto.offset.reset' = 'earliest'"),
                        ("all", "'scan.startup.mode' = 'earliest-offset'")):
        weir.write(f"{name}.sql", reads % begin)
    for name, fresh in (("write", []), ("group", []), ("group", ["--fresh"])):
        done = weir.call("run", f"{name}.sql", "--once", "--data-dir", weir.data, *fresh)
        assert done.returncode == 0, done.stderr
        assert ("1 dead letters in" in done.stderr and "stay" in done.stderr) == bool(fresh), done.stderr
    folder = weir.data / "dead-letters"
    assert len(letters_of(weir)) == 1 and len((folder / "u.jsonl").read_text("utf-8").splitlines()) == 1
    assert [path.name for path in (folder / "superseded").iterdir()] == ["u-1.jsonl"]
    done = weir.call("run", "all.sql", "--once", "--fresh", "--data-dir", weir.data)
    assert done.returncode == 0 and "superseded/t-1.jsonl" in done.stderr, done.stderr
    assert len(letters_of(weir)) == 1


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


def test_a_letter_file_that_has_lost_its_end_is_named(box):
    weir = box.weir()
    expected = collections.Counter()
    weir.write("x.sql", PIPELINE % ("x", "x", "x"))
    make_file(weir, "x", 0, random.Random(17), expected)
    done = weir.call("run", "x.sql", "--once", "--data-dir", weir.data)
    assert done.returncode == 0, done.stderr
    path = weir.data / "dead-letters" / "t.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-3]))
    done = weir.call("run", "x.sql", "--once", "--data-dir", weir.data)
    assert done.returncode == 0 and "letters at its end are missing" in done.stderr, done.stderr


main()
