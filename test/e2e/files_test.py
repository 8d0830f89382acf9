"""Files in, files out: what a reader sees, malformed lines, a full disk, memory, late and future rows.

Kills and stops between file, window and file stand in resume_test.py."""

import base64
import contextlib
import datetime
import json
import os
import pathlib
import random
import subprocess
import time

from lib import Skip, main, wait_until

EPOCH = datetime.datetime(2024, 1, 1)


def stamp(millis):
    when = EPOCH + datetime.timedelta(milliseconds=millis)
    text = when.strftime("%Y-%m-%d %H:%M:%S")
    fraction = millis % 1000
    return text if fraction == 0 else f"{text}.{fraction:03d}".rstrip("0")


def visible(folder):
    """The files a reader of the folder takes: neither hidden nor marked."""
    return sorted(path for path in pathlib.Path(folder).rglob("*")
                  if path.is_file() and path.name[0] not in "._")


def lines_in(folder):
    return [line for path in visible(folder) for line in path.read_text("utf-8").splitlines()]


def test_malformed_lines_are_kept_with_bytes_place_and_reason(box):
    weir = box.weir("""
        CREATE TABLE t (a INT, s STRING) WITH ('connector' = 'filesystem', 'path' = 'in.json', 'format' = 'json');
        CREATE TABLE o (a INT, s STRING) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'json');
        INSERT INTO o SELECT a, s FROM t;
    """)
    chance = random.Random(3)
    kinds = [b'{"a":%d,"s":"cut', b'{"a":"no number %d","s":"x"}', b"free text %d", b'{"a":%d,,}',
             b'\xff\xfe %d not UTF-8', b'{"a":99999999999%d}', b'{"a":%d,"s":"\xc3\x28"}']
    good, bad, data = [], [], bytearray()
    for i in range(20_000):
        if chance.random() < 0.02:
            line = chance.choice(kinds) % i
            bad.append((len(data), line))
        else:
            line = json.dumps({"a": i, "s": "x" * chance.randrange(30)}).encode()
            good.append(i)
        data += line + b"\n"
    weir.write("in.json", bytes(data))
    weir.start()
    assert weir.wait() == 0, weir.log()
    assert [json.loads(line)["a"] for line in lines_in(weir.path("out"))] == good
    letters = [json.loads(line) for line in
               (weir.data / "dead-letters" / "t.jsonl").read_text("utf-8").splitlines()]
    kept = [letter["text"].encode() if "text" in letter else base64.b64decode(letter["base64"])
            for letter in letters]
    assert kept == [line for _, line in bad], (len(kept), len(bad), kept[:3])
    for letter, (offset, _) in zip(letters, bad):
        assert letter["stage"] == "decode" and letter["reason"] and letter["code"].startswith("WR")
        assert letter["position"].endswith(f"in.json:{offset}"), (letter, offset)
    assert f"{len(bad)} dead letters" in weir.stderr()
    assert f"dead letters are in {weir.data}/dead-letters" in weir.stderr()


def is_whole(path):
    """Whether a file of parquet or avro has its end."""
    data = path.read_bytes()
    if path.suffix == ".avro":
        # The mark behind the last block is the one behind the header.
        return data[:4] == b"Obj\1" and len(data) > 40 and data.count(data[-16:]) > 1
    if len(data) < 12 or data[:4] != b"PAR1" or data[-4:] != b"PAR1":
        return False
    return int.from_bytes(data[-8:-4], "little") + 12 <= len(data)


def has_ended(weir):
    """Its last word may be cut off by a kill; but output without a checkpoint is all output."""
    has_checkpoint = any(path.name == "MANIFEST" for path in weir.data.rglob("*"))
    return weir.exit_code() == 0 or (not has_checkpoint and bool(visible(weir.path("lake"))))


def whole_files_only(box, file_format):
    """At any moment, through kills and stops; and what they hold is the input, each row once."""
    weir = box.weir(f"""
        SET 'execution.checkpointing.interval' = '100 ms';
        CREATE TABLE g (id BIGINT, k INT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000',
          'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '300000',
          'fields.k.min' = '0', 'fields.k.max' = '3');
        CREATE TABLE lake (id BIGINT, k INT) PARTITIONED BY (k)
          WITH ('connector' = 'filesystem', 'path' = 'lake', 'format' = '{file_format}');
        INSERT INTO lake SELECT id, k FROM g;
    """)
    weir.write("read.sql", f"""
        CREATE TABLE lake (id BIGINT, k INT) PARTITIONED BY (k)
          WITH ('connector' = 'filesystem', 'path' = 'lake', 'format' = '{file_format}');
        CREATE TABLE p (id BIGINT) WITH ('connector' = 'print');
        INSERT INTO p SELECT id FROM lake;
    """)
    known = {}
    chance = random.Random(5)
    looks = 0
    for _ in range(8):
        weir.start()
        until = time.monotonic() + chance.uniform(0.4, 1.0)
        while time.monotonic() < until:
            for path in visible(weir.path("lake")):
                assert path.suffix == f".{file_format}", path
                size = path.stat().st_size
                if known.get(path) == size:
                    continue
                assert path not in known, f"{path} has changed"
                assert is_whole(path), path
                known[path] = size
            looks += 1
            time.sleep(0.005)
        if not weir.is_alive():
            break
        weir.kill()
        if has_ended(weir):
            break
    if not has_ended(weir):
        weir.start()
        assert weir.wait(60) == 0, weir.log()
    print(f"     {looks} looks at {len(visible(weir.path('lake')))} files")
    for path in visible(weir.path("lake")):
        assert is_whole(path), path
    done = weir.call("run", "read.sql", "--data-dir", "read-data")
    assert done.returncode == 0, done.stderr
    ids = sorted(int(line[3:-1]) for line in done.stdout.splitlines())
    assert ids == list(range(1, 300_001)), (len(ids), len(set(ids)))


def test_a_reader_sees_whole_parquet_files_only(box):
    whole_files_only(box, "parquet")


def test_a_reader_sees_whole_avro_files_only(box):
    whole_files_only(box, "avro")


def mount_small(box, name, megabytes):
    folder = box.path(name)
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip("may not mount a small tmpfs: " + done.stderr.strip())
    return folder


def disk_full(box, file_format):
    small = mount_small(box, "small", 6)
    try:
        filler = small / "_filler"
        weir = box.weir(f"""
            SET 'execution.checkpointing.interval' = '100 ms';
            CREATE TABLE g (id BIGINT, pad STRING) WITH ('connector' = 'datagen', 'rows-per-second' = '30000',
              'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '60000',
              'fields.pad.length' = '30');
            CREATE TABLE lake (id BIGINT, pad STRING) WITH ('connector' = 'filesystem',
              'path' = '{small / "lake"}', 'format' = '{file_format}',
              'sink.rolling-policy.rollover-interval' = '200 ms',
              'sink.rolling-policy.check-interval' = '100 ms');
            INSERT INTO lake SELECT id, pad FROM g;
        """)
        weir.start()
        wait_until(lambda: visible(small / "lake"), "the first files", process=weir)
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * 4096):
                pass
        wait_until(lambda: "o space" in weir.stderr(), "weir to say that the disk is full", process=weir)
        time.sleep(1.0)
        assert weir.is_alive(), weir.log()
        for path in visible(small / "lake"):
            if file_format != "json":
                assert is_whole(path), path
        os.unlink(filler)
        assert weir.wait(60) == 0, weir.log()
        if file_format == "json":
            ids = sorted(json.loads(line)["id"] for line in lines_in(small / "lake"))
        else:
            weir.write("read.sql", f"""
                CREATE TABLE lake (id BIGINT, pad STRING) WITH ('connector' = 'filesystem',
                  'path' = '{small / "lake"}', 'format' = '{file_format}');
                CREATE TABLE p (id BIGINT) WITH ('connector' = 'print');
                INSERT INTO p SELECT id FROM lake;""")
            done = weir.call("run", "read.sql", "--data-dir", "read-data")
            ids = sorted(int(line[3:-1]) for line in done.stdout.splitlines())
        assert ids == list(range(1, 60_001)), (len(ids), len(set(ids)))
        assert not [path for path in (small / "lake").rglob(".*")], "something in progress is left"
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


def newest_checkpoint(weir):
    return max((int(path.name[4:]) for path in weir.path(weir.data).glob("jobs/*/checkpoints/chk-*")), default=0)


def test_a_file_in_progress_that_somebody_removes_is_told(box):
    """Never passed over: neither by the run that writes it nor by the one after."""
    weir = box.weir("""
        SET 'execution.checkpointing.interval' = '100 ms';
        CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000',
          'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '3000000');
        CREATE TABLE o (id BIGINT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
        INSERT INTO o SELECT id FROM g;
    """)
    for removes_while_running in (True, False):
        weir.start("run", "pipeline.sql", "--fresh")
        wait_until(lambda: any(path.stat().st_size > 0 for path in in_progress(weir)), "a file", process=weir)
        before = newest_checkpoint(weir)
        wait_until(lambda: newest_checkpoint(weir) > before + 1, "a checkpoint that knows of it", process=weir)
        if not removes_while_running:
            weir.kill()
        for path in in_progress(weir):
            path.unlink()
        if removes_while_running:
            assert weir.stop() == 78, weir.log()
            assert "WR3412" in weir.log() and "help: " in weir.log(), weir.log()
        weir.start()
        assert weir.wait() == 78, weir.log()
        assert "WR3412" in weir.log_tail() and "--fresh" in weir.log_tail(), weir.log()


def test_files_of_runs_that_were_killed_before_a_checkpoint_go(box):
    """The next run of the pipeline takes them away; those of another one in the same folder stay."""
    pipeline = """
        SET 'execution.checkpointing.interval' = '1 h';
        CREATE TABLE s (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20000',
          'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '20000');
        CREATE TABLE o (id BIGINT) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv',
          'sink.rolling-policy.file-size' = '10 kb');
        INSERT INTO o SELECT id FROM s;
    """ % box.path("out")
    first, second = box.weir(pipeline), box.weir(pipeline)
    left = []
    for weir in (first, second):
        for _ in range(2):
            before = set(box.path("out").glob(".part-*"))
            weir.start()
            wait_until(lambda: set(box.path("out").glob(".part-*")) - before, "a file in progress", process=weir)
            weir.kill()
        left.append(set(box.path("out").glob(".part-*")))
    others = left[1] - left[0]
    assert left[0] and others
    first.start()
    assert first.wait(60) == 0, first.log()
    assert sorted(map(int, lines_in(box.path("out")))) == list(range(1, 20_001))
    assert set(box.path("out").glob(".part-*")) == others
    second.start()
    assert second.wait(60) == 0, second.log()
    assert len(lines_in(box.path("out"))) == 40_000
    assert not list(box.path("out").glob(".part-*"))


def in_progress(weir):
    return [path for path in weir.path("out").glob(".*") if path.is_file()]


def test_disk_full_under_json_files_waits_and_goes_on(box):
    disk_full(box, "json")


def test_disk_full_under_the_lake_waits_and_goes_on(box):
    disk_full(box, "parquet")


def test_disk_full_under_avro_files_waits_and_goes_on(box):
    disk_full(box, "avro")


def test_memory_stays_flat_while_millions_of_rows_pass(box):
    if "ASAN_OPTIONS" in os.environ:
        raise Skip("the sanitizer keeps what was freed")
    weir = box.weir("""
        CREATE TABLE g (id BIGINT, store INT, amount DECIMAL(10, 2), ts AS TO_TIMESTAMP_LTZ(id, 3),
          WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'datagen',
          'rows-per-second' = '100000000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1',
          'fields.id.end' = '6000000', 'fields.store.min' = '1', 'fields.store.max' = '1000');
        CREATE TABLE b (e TIMESTAMP(3), store INT, n BIGINT, amount DECIMAL(38, 2))
          WITH ('connector' = 'blackhole');
        INSERT INTO b SELECT window_end, store, COUNT(*), SUM(amount)
          FROM TABLE(HOP(TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '30' SECOND))
          GROUP BY window_start, window_end, store;
    """).start()
    memory = []
    while weir.is_alive():
        memory.append(weir.memory_bytes())
        time.sleep(0.05)
    assert weir.wait() == 0, weir.log()
    memory = [size for size in memory if size]
    early, late = max(memory[:len(memory) // 3]), max(memory[len(memory) // 3:])
    print(f"     {early / 1e6:.1f} MB in the first third, {late / 1e6:.1f} MB later, {len(memory)} looks")
    assert late < early * 1.25 + 4e6, (early, late)


def test_a_payment_of_the_future_and_late_ones_are_told(box):
    """Late rows are letters that say so; with a watermark that ignores the future nothing is late."""
    weir = box.weir("""
        CREATE TABLE t (id INT, ts TIMESTAMP(3), WATERMARK FOR ts AS {watermark})
          WITH ('connector' = 'filesystem', 'path' = 'in.json', 'format' = 'json');
        CREATE TABLE p (e TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print');
        INSERT INTO p SELECT window_end, COUNT(DISTINCT id)
          FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
    """)
    text = weir.path("pipeline.sql").read_text()
    lines = [json.dumps({"id": i, "ts": stamp(i * 1000)}) for i in range(600)]
    lines.insert(300, json.dumps({"id": -1, "ts": "2999-01-01 00:00:00"}))
    weir.write("in.json", "\n".join(lines) + "\n")
    weir.write("pipeline.sql", text.format(watermark="ts - INTERVAL '5' SECOND"))
    done = weir.call("run", "pipeline.sql", "--data-dir", "a")
    assert done.returncode == 0 and "300 late" in done.stderr, done.stderr
    letters = [json.loads(line) for line in (weir.path("a") / "dead-letters" / "t.jsonl").read_text().splitlines()]
    assert sorted(json.loads(letter["text"])["id"] for letter in letters) == list(range(300, 600))
    assert {letter["code"] for letter in letters} == {"WR4302"}
    weir.write("pipeline.sql", text.format(
        watermark="CASE WHEN ts < LOCALTIMESTAMP + INTERVAL '1' DAY THEN ts - INTERVAL '5' SECOND END"))
    done = weir.call("run", "pipeline.sql", "--data-dir", "b")
    assert done.returncode == 0 and "0 late" in done.stderr, done.stderr
    counts = [int(line.rsplit(" ", 1)[1][:-1]) for line in done.stdout.splitlines()]
    assert sorted(counts) == [1] + [60] * 10, counts


main()
