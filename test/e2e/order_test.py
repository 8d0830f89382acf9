"""The same events in another order, twice or three times over, from an earlier position again: the same result.

Each case is one list of events with another history: neighbours in time swapped, copies among them, the tail
read once more. Whatever came of the list as it was made must come of each of them: windows and an interval join
over what is left without copies, and totals. Events that come behind the watermark, by far, are not in the
windows, but counted as late: on one shard only, for on several the slowest of them says what time it is."""

import datetime
import json
import os
import random

from lib import main

CASES = int(os.environ.get("WEIR_ORDERS", "500"))
SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
CASES_PER_RUN = 10
START = datetime.datetime(2024, 1, 1)
EVENTS = 120

TABLES = """
CREATE TABLE e{n} (id INT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '10' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'e{n}.json', 'format' = 'json');
CREATE VIEW once{n} AS SELECT id, k, v, ts FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts) AS rn FROM e{n}) WHERE rn = 1;
INSERT INTO p SELECT {n}, 'window', k, CAST(COUNT(*) AS STRING) || ' ' || CAST(SUM(v) AS STRING) || ' ' ||
  DATE_FORMAT(window_start, 'HH:mm:ss')
  FROM TABLE(TUMBLE(TABLE once{n}, DESCRIPTOR(ts), INTERVAL '20' SECOND)) GROUP BY window_start, window_end, k;
INSERT INTO p SELECT {n}, 'total', k, CAST(COUNT(*) AS STRING) || ' ' || CAST(SUM(v) AS STRING)
  FROM once{n} GROUP BY k;
INSERT INTO p SELECT {n}, 'pair', a.k, CAST(a.id AS STRING) || ' ' || CAST(b.id AS STRING)
  FROM once{n} a JOIN once{n} b ON a.k = b.k AND a.v = b.v AND a.id < b.id;
"""


def make_events(chance):
    """(id, key, value, second), in order of time."""
    now, events = 100, []
    for number in range(EVENTS):
        now += chance.choice([0, 0, 1, 1, 2, 3])
        events.append((number, chance.choice("abcd"), chance.randrange(9), now))
    return events


def make_history(chance, events, has_late):
    """The events as they come, none later than the watermark allows; then some that are."""
    shift = chance.choice([0, 2, 5, 9])
    at = [(event[3] + chance.random() * shift, event) for event in events]
    copies = chance.choice([0, 1, 2])
    at += [(moment + chance.random() * 60, event) for moment, event in at
           for _ in range(chance.randrange(copies + 1))]
    history = [event for _, event in sorted(at, key=lambda one: one[0])]
    if chance.random() < 0.5:  # from an earlier position again
        history += history[chance.randrange(len(history)):]
    late = []
    if has_late and chance.random() < 0.5:
        for number in range(chance.randrange(1, 6)):
            late.append((1000 + number, chance.choice("abcd"), 10, chance.randrange(20)))
    return history + late, late


def expected(events, late):
    """What must be there, and how many rows no window takes."""
    windows, totals, rows = {}, {}, set()
    for event in events:
        windows.setdefault((event[1], event[3] // 20 * 20), []).append(event[2])
    for event in events + late:
        totals.setdefault(event[1], []).append(event[2])
    for (key, start), values in windows.items():
        when = (START + datetime.timedelta(seconds=start)).strftime("%H:%M:%S")
        rows.add(("window", key, f"{len(values)} {sum(values)} {when}"))
    for key, values in totals.items():
        rows.add(("total", key, f"{len(values)} {sum(values)}"))
    for one in events + late:
        for other in events + late:
            if one[1] == other[1] and one[2] == other[2] and one[0] < other[0]:
                rows.add(("pair", one[1], f"{one[0]} {other[0]}"))
    return rows


def fold(text):
    """What is left of the changes, by case."""
    found = {}
    for line in text.splitlines():
        if not line.startswith(("+I[", "+U[", "-U[", "-D[")):
            continue
        case, kind, key, said = line[3:-1].split(", ")
        rows = found.setdefault(int(case), {})
        row = (kind, key, said)
        rows[row] = rows.get(row, 0) + (1 if line[0] == "+" else -1)
    return found


def run(box, first):
    script = """CREATE TABLE p (n INT, kind STRING, k STRING, said STRING) WITH ('connector' = 'print');\n"""
    wanted, behind = {}, 0
    shards = 1 + first // CASES_PER_RUN % 3
    weir = box.weir("")
    for number in range(first, first + CASES_PER_RUN):
        chance = random.Random(SEED + number)
        events = make_events(chance)
        history, late = make_history(chance, events, shards == 1)
        wanted[number] = expected(events, late)
        behind += len(late)
        weir.write(f"e{number}.json", "".join(json.dumps(
            {"id": event[0], "k": event[1], "v": event[2],
             "ts": str(START + datetime.timedelta(seconds=event[3]))}) + "\n" for event in history))
        script += TABLES.format(n=number)
    weir.write("pipeline.sql", f"SET 'parallelism.default' = '{shards}';\n" + script)
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode == 0, done.stderr
    found = fold(done.stdout)
    for number, rows in wanted.items():
        have = found.get(number, {})
        assert all(count in (0, 1) for count in have.values()), (SEED, number, have)
        have = {row for row, count in have.items() if count == 1}
        assert have == rows, (SEED, number, sorted(rows - have)[:4], sorted(have - rows)[:4])
    return behind, done.stderr


def test_order_copies_and_replays_make_no_difference(box):
    for first in range(0, CASES, CASES_PER_RUN):
        behind, said = run(box, first)
        assert f" {behind:,} late" in said, (SEED, first, behind, said)
    print(f"     seed {SEED}, {CASES} histories")


main()
