"""file -> window -> file, killed again and again: the output is that of a run that never was."""

import datetime
import json
import os
import random
import signal
import time

from lib import Skip, main

ROWS = 900000
SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
KILLS = int(os.environ.get("WEIR_KILLS", "8"))
START = datetime.datetime(2024, 1, 1)

PIPELINE = """
SET 'execution.checkpointing.interval' = '20 ms';
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE payments (id BIGINT, store INT, amount DECIMAL(10, 2), ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH (
  'connector' = 'filesystem', 'path' = 'in', 'format' = 'json');
CREATE TABLE sums (store INT, window_end TIMESTAMP(3), n BIGINT, amount DECIMAL(38, 2)) WITH (
  'connector' = 'filesystem', 'path' = 'sums', 'format' = 'json');
CREATE TABLE copies (id BIGINT) WITH ('connector' = 'filesystem', 'path' = 'copies', 'format' = 'json');
INSERT INTO sums SELECT store, window_end, COUNT(*), SUM(amount)
  FROM TABLE(HOP(TABLE payments, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))
  GROUP BY store, window_start, window_end;
INSERT INTO copies SELECT id FROM payments WHERE MOD(id, 3) = 0;
"""


def need_filesystem(weir):
    listed = json.loads(weir.call("connector", "list", "--json").stdout)
    if "filesystem" not in [item["name"] for item in listed["items"]]:
        raise Skip("there is no filesystem connector")


def write_input(weir):
    """Several files, and the sums per store and window end (in minutes since the start) in cents."""
    random.seed(SEED)
    lines = []
    texts = [str(START + datetime.timedelta(seconds=second)) for second in range(7210)]
    minutes = {}
    for i in range(ROWS):
        second = i * 7200 // ROWS + i * 7 % 4
        store, cents = random.getrandbits(4), random.getrandbits(13)
        lines.append(f'{{"id":{i},"store":{store},"amount":{cents / 100},"ts":"{texts[second]}"}}\n')
        slot = minutes.setdefault((store, second // 60), [0, 0])
        slot[0] += 1
        slot[1] += cents
    sums = {}
    for (store, minute), (rows, cents) in minutes.items():
        for end in range(minute + 1, minute + 6):
            count, total = sums.get((store, end), (0, 0))
            sums[store, end] = (count + rows, total + cents)
    for part in range(3):
        weir.write(f"in/{part}.json", "".join(lines[part * ROWS // 3:(part + 1) * ROWS // 3]))
    return sums


def read_rows(folder):
    rows = []
    for path in sorted(folder.rglob("*")) if folder.exists() else []:
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            rows += [json.loads(line) for line in path.read_text().splitlines()]
    return rows


def check_output(weir, sums):
    seen = {}
    for row in read_rows(weir.path("sums")):
        end = (datetime.datetime.fromisoformat(row["window_end"].replace("T", " ")) - START).total_seconds()
        key = (row["store"], round(end / 60))
        assert key not in seen, ("twice", key, SEED)
        seen[key] = (row["n"], round(float(row["amount"]) * 100))
    assert seen == sums, (len(seen), len(sums), SEED)
    copies = sorted(row["id"] for row in read_rows(weir.path("copies")))
    assert copies == list(range(0, ROWS, 3)), (len(copies), SEED)


def has_ended(weir):
    """The last word may be cut off by the kill; but output without a checkpoint is all output."""
    has_checkpoint = any(path.name == "MANIFEST" for path in weir.data.rglob("*"))
    return "weir: done:" in weir.stderr() or (not has_checkpoint and bool(read_rows(weir.path("sums"))))


def test_killed_again_and_again(box):
    weir = box.weir(PIPELINE)
    need_filesystem(weir)
    sums = write_input(weir)
    resumed = 0
    for _ in range(KILLS):
        weir.start()
        time.sleep(random.uniform(0.02, 0.25))
        weir.kill()
        resumed += "resumed from checkpoint" in weir.stderr()
        if has_ended(weir):
            break
    if not has_ended(weir):
        weir.start()
        assert weir.wait(60) == 0, (SEED, weir.log())
    print(f"     seed {SEED}, {resumed} resumptions")
    check_output(weir, sums)
    # A kill on the last way out may leave empty folders.
    assert [path.name for path in weir.data.rglob("*") if path.is_file()] == ["lock"]


def test_stopped_again_and_again(box):
    weir = box.weir(PIPELINE)
    need_filesystem(weir)
    sums = write_input(weir)
    for number in (signal.SIGTERM, signal.SIGINT) * 2:
        weir.start()
        time.sleep(random.uniform(0.02, 0.2))
        code = weir.stop(number)
        # Before its first line of code the program cannot do better than die.
        assert code == 0 or (code == 128 + number and not weir.stderr()), (SEED, code, weir.log())
        if has_ended(weir):
            break
    if not has_ended(weir):
        weir.start()
        assert weir.wait(60) == 0, (SEED, weir.log())
    check_output(weir, sums)


main()
