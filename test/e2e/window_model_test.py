"""Windows over random changes, late ones among them, against a model that keeps every window.

Event times are whole seconds, so that every watermark is more than an interval ahead of the last
one: it is due at once, and which rows are late does not depend on the clock."""

import datetime
import json
import os
import random

from lib import main

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
START = datetime.datetime(2024, 1, 1)
WINDOWS = {
    "tumble": ("TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)", 10, 10, 0),
    "shifted": ("TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '3' SECOND)", 10, 10, 3),
    "hop": ("HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '30' SECOND)", 5, 30, 0),
    "cumulate": ("CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '40' SECOND)", 10, 40, 0),
}
AGGREGATES = "COUNT(*), COUNT(v), SUM(v), MIN(v), MAX(v), COUNT(DISTINCT v), COUNT(*) FILTER (WHERE v > 3)"


def ends_of(name, second):
    """The ends of the windows that a time is in, and where they start."""
    _, step, size, offset = WINDOWS[name]
    if name == "cumulate":
        base = second - (second - offset) % size
        return [(base, end) for end in range(base + step, base + size + 1, step) if end > second]
    last = second - (second - offset) % step
    return [(start, start + size) for start in range(last, second - size, -step)]


def make_changes(chance, count):
    """(op, before, after) with rows (id, key, value, second); what is taken back was there."""
    rows, changes, now = {}, [], 100
    for number in range(count):
        now += chance.choice([0, 0, 1, 1, 2, 3]) if chance.random() < 0.995 else 200
        kind = chance.random()
        second = max(1, now - (chance.randrange(60) if chance.random() < 0.1 else chance.randrange(8)))
        value = None if chance.random() < 0.1 else chance.randrange(7)
        row = (number, chance.choice("abcdefgh"), value, second)
        if kind < 0.6 or not rows:
            rows[number] = row
            changes.append(("c", None, row))
            continue
        old = rows.pop(chance.choice(list(rows)[-12:]))
        if kind < 0.8:
            new = (old[0], chance.choice([old[1], row[1]]), row[2], chance.choice([old[3], second]))
            rows[old[0]] = new
            changes.append(("u", old, new))
        else:
            changes.append(("d", old, None))
    return changes


def model(changes, delay):
    """What every window gives, and how many rows are late, by name of the window."""
    steps = []
    for op, before, after in changes:
        if before is not None:
            steps.append((-1, before))
        if after is not None:
            steps.append((1, after))
    results, late = {}, {}
    for name in WINDOWS:
        windows, mark, dropped = {}, 0, 0
        for sign, (_, key, value, second) in steps:
            is_counted = False
            for start, end in ends_of(name, second):
                if mark >= end:
                    continue
                is_counted = True
                counts = windows.setdefault((start, end, key), {})
                counts[value] = counts.get(value, 0) + sign
            dropped += not is_counted
            mark = max(mark, second - delay)
        late[name] = dropped
        results[name] = sorted(show(name, *at, counts) for at, counts in windows.items()
                               if sum(counts.values()) != 0)
    return results, late


def show(name, start, end, key, counts):
    values = {value: count for value, count in counts.items() if value is not None and count != 0}
    total = sum(value * count for value, count in values.items()) if sum(values.values()) else "null"
    fields = [name, *((START + datetime.timedelta(seconds=at)).strftime("%H:%M:%S") for at in (start, end)),
              key, sum(counts.values()), sum(values.values()), total, min(values, default="null"),
              max(values, default="null"), len(values), sum(c for v, c in values.items() if v > 3)]
    return ", ".join(map(str, fields))


def write_changes(weir, changes):
    def image(row):
        if row is None:
            return None
        when = START + datetime.timedelta(seconds=row[3])
        return {"id": row[0], "k": row[1], "v": row[2], "ts": str(when)}
    weir.write("in.json", "".join(
        json.dumps({"before": image(before), "after": image(after), "op": op}) + "\n"
        for op, before, after in changes))


def compare(box, number, delay, shards):
    chance = random.Random(SEED + number)
    changes = make_changes(chance, 3000)
    text = f"""
        SET 'parallelism.default' = '{shards}';
        CREATE TABLE t (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '{delay}' SECOND)
          WITH ('connector' = 'filesystem', 'path' = 'in.json', 'format' = 'debezium-json');
        CREATE TABLE p (w STRING, s STRING, e STRING, k STRING, n BIGINT, nv BIGINT, sv INT, mi INT, ma INT, d BIGINT, f BIGINT)
          WITH ('connector' = 'print');
    """
    for name, (call, *_) in WINDOWS.items():
        text += f"""INSERT INTO p SELECT '{name}', DATE_FORMAT(window_start, 'HH:mm:ss'),
            DATE_FORMAT(window_end, 'HH:mm:ss'), k, {AGGREGATES}
            FROM TABLE({call}) GROUP BY window_start, window_end, k;\n"""
    weir = box.weir(text)
    write_changes(weir, changes)
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode == 0, done.stderr
    results, late = model(changes, delay)
    for name in WINDOWS:
        have = sorted(line[3:-1] for line in done.stdout.splitlines() if line.startswith(f"+I[{name},"))
        want = results[name]
        assert have == want, (SEED, name, len(have), len(want), [row for row in want if row not in have][:3],
                              [row for row in have if row not in want][:3])
    assert f"{sum(late.values()):,} late" in done.stderr, (SEED, late, done.stderr)


def test_windows_of_changes_as_the_model_has_them(box):
    for number, (delay, shards) in enumerate([(0, 1), (5, 1), (20, 2), (60, 2), (3, 4)]):
        compare(box, number, delay, shards)
    print(f"     seed {SEED}")


main()
