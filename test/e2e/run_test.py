"""weir run, check and the other commands from outside: resuming, ending, refusing, exit codes."""

import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from lib import BINARY, TIME_SCALE, free_port, main, wait_until

NUMBERS = """
CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{rate}',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '{end}');
CREATE TABLE seen (id BIGINT) WITH ('connector' = 'print');
INSERT INTO seen SELECT id FROM numbers;
"""

# Counts per key survive only if state does: the last count of each key is checked.
COUNTS = """
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{rate}',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '{end}');
CREATE TABLE counts (k BIGINT, n BIGINT, s BIGINT) WITH ('connector' = 'print');
INSERT INTO counts SELECT MOD(id, 7), COUNT(*), SUM(id) FROM numbers GROUP BY MOD(id, 7);
"""


def numbers_in(text):
    return [int(found) for found in re.findall(r"^\+I\[(\d+)\]$", text, re.M)]


def last_counts(text):
    last = {}
    for kind, key, count, total in re.findall(r"^([+-][IUD])\[(\d+), (\d+), (\d+)\]$", text, re.M):
        if kind in ("+I", "+U"):
            last[int(key)] = (int(count), int(total))
    return last


def expected_counts(end):
    groups = {}
    for number in range(1, end + 1):
        count, total = groups.get(number % 7, (0, 0))
        groups[number % 7] = (count + 1, total + number)
    return groups


def test_resumes_after_a_stop_exactly(box):
    """Stopped by SIGTERM and by SIGINT in turn, the runs together print every number once."""
    weir = box.weir(NUMBERS.format(rate=5000, end=8000))
    text = ""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        weir.start()
        wait_until(lambda: len(numbers_in(weir.stdout())) > 500, "500 rows", process=weir)
        assert weir.stop(number) == 0, weir.log()
        assert "resumes from checkpoint" in weir.stderr()
        text += weir.stdout()
    weir.start()
    assert weir.wait() == 0, weir.log()
    assert "resumed from checkpoint" in weir.stderr(), weir.stderr()
    assert numbers_in(text + weir.stdout()) == list(range(1, 8001))


def test_state_survives_kill(box):
    """Killed again and again, the job ends with the counts of a run that never was."""
    weir = box.weir(COUNTS.format(rate=8000, end=12000))
    text = ""
    for _ in range(6):
        weir.start()
        time.sleep(0.25)
        if weir.is_alive():
            weir.kill()
        text += weir.stdout()
    weir.start()
    assert weir.wait() == 0, weir.log()
    assert last_counts(text + weir.stdout()) == expected_counts(12000)


def test_end_leaves_nothing_to_resume(box):
    weir = box.weir(NUMBERS.format(rate=1000000, end=100))
    for _ in range(2):
        weir.start()
        assert weir.wait() == 0, weir.log()
        assert numbers_in(weir.stdout()) == list(range(1, 101))
        assert "resumed" not in weir.stderr()
        assert sorted(path.name for path in weir.data.rglob("*")) == ["lock"]


def test_fresh_says_what_it_discards(box):
    weir = box.weir(NUMBERS.format(rate=1000, end=100000))
    weir.start()
    wait_until(lambda: len(numbers_in(weir.stdout())) > 10, "rows", process=weir)
    assert weir.stop() == 0
    weir.start("run", "pipeline.sql", "--fresh")
    wait_until(lambda: len(numbers_in(weir.stdout())) > 10, "rows", process=weir)
    assert weir.stop() == 0
    assert numbers_in(weir.stdout())[0] == 1
    assert "discarded checkpoint" in weir.stderr(), weir.stderr()


def test_a_data_folder_that_is_removed_is_named(box):
    for place in ((), ("--checkpoint-dir", str(box.path("place")))):
        weir = box.weir("""
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000');
CREATE TABLE s (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO s SELECT 1 / (n - n) FROM g;""")
        weir.start("run", "pipeline.sql", *place)
        wait_until(lambda w=weir: list(w.data.glob("dead-letters/*.jsonl")) and list(
            box.path(".").rglob("chk-*/MANIFEST")), "a checkpoint", process=weir)
        while weir.data.exists():  # a checkpoint may be written meanwhile
            shutil.rmtree(weir.data, ignore_errors=True)
        assert weir.wait(30) == 74, weir.log()
        assert "WR4417" in weir.stderr() and f"`{weir.data}` was removed or emptied" in weir.stderr(), weir.log()
        assert ("resumes from checkpoint" in weir.stderr()) == bool(place), weir.log()


def test_two_processes_do_not_share_a_folder(box):
    weir = box.weir(NUMBERS.format(rate=1000, end=100000)).start()
    wait_until(lambda: numbers_in(weir.stdout()), "rows", process=weir)
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode == 75, done
    assert "WR4406" in done.stderr and "--data-dir" in done.stderr
    assert weir.stop() == 0
    # The lock is gone with the process.
    weir.start()
    wait_until(lambda: numbers_in(weir.stdout()), "rows", process=weir)
    assert weir.stop() == 0


def test_an_edited_pipeline_does_not_lose_state_unasked(box):
    weir = box.weir(COUNTS.format(rate=1000, end=100000)).start()
    wait_until(lambda: last_counts(weir.stdout()), "counts", process=weir)
    assert weir.stop() == 0
    weir.write("pipeline.sql", NUMBERS.format(rate=1000, end=100000))
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode == 78 and "WR4407" in done.stderr, done
    weir.start("run", "pipeline.sql", "--allow-state-loss")
    wait_until(lambda: numbers_in(weir.stdout()), "rows", process=weir)
    assert weir.stop() == 0
    assert "dropped the state of" in weir.stderr()
    assert numbers_in(weir.stdout())[0] > 1, "the source goes on where it was"


def test_a_second_signal_ends_at_once(box):
    """Output that nobody reads holds up the last checkpoint; the second signal does not wait."""
    weir = box.weir(NUMBERS.format(rate=1000000, end=100000000))
    child = subprocess.Popen([str(BINARY), "run", "pipeline.sql"], cwd=weir.folder,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5 * TIME_SCALE)
        child.send_signal(signal.SIGINT)
        time.sleep(1)
        assert child.poll() is None, "the pipe is full"
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == 130
    finally:
        child.kill()
        child.stdout.close()


def test_a_stop_interrupts_a_sink_that_waits(box):
    """A server that accepts and says nothing: the job ends soon, before it has begun."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        weir = box.weir(f"""
            CREATE TABLE g (k STRING, v STRING) WITH ('connector' = 'datagen', 'rows-per-second' = '100');
            CREATE TABLE r (k STRING, v STRING, PRIMARY KEY (k) NOT ENFORCED) WITH (
              'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{deaf.getsockname()[1]}',
              'command' = 'SET', 'timeout' = '60000');
            INSERT INTO r SELECT * FROM g;
        """).start()
        time.sleep(0.5)
        began = time.monotonic()
        assert weir.stop() == 0, weir.log()
        assert time.monotonic() - began < 30 * TIME_SCALE  # the time-out is 60 s


def test_a_signal_sent_twice_at_once_is_one(box):
    weir = box.weir(NUMBERS.format(rate=1000, end=100000)).start()
    wait_until(lambda: numbers_in(weir.stdout()), "rows", process=weir)
    for _ in range(5):
        weir.process.child.send_signal(signal.SIGTERM)
        time.sleep(0.002)
    assert weir.wait() == 0, weir.log()
    assert "resumes from checkpoint" in weir.stderr()


def test_preview_shows_rows_and_touches_nothing(box):
    weir = box.weir(NUMBERS.format(rate=100000, end=100000))
    done = weir.call("run", "pipeline.sql", "--preview=3")
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines[0] == "seen" and lines[1] == "| id |" and lines[-1] == "3 rows", lines
    assert "+I" not in done.stdout and not (weir.folder / "weir-data").exists()
    assert weir.call("run", "pipeline.sql", "--preview").stdout.count("\n|") == 12


def test_exit_codes(box):
    """Every kind of failure has its own, and says what to do."""
    weir = box.weir(NUMBERS.format(rate=100000, end=1000))
    closed = free_port()
    weir.write("bad.sql", "SELEC 1;")
    weir.write("empty.sql", "CREATE TABLE t (a INT) WITH ('connector' = 'blackhole');")
    weir.write("file", "")
    weir.write("redis.sql", f"""
        CREATE TABLE r (k STRING, v STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'redis',
          'host' = '127.0.0.1', 'port' = '{closed}', 'command' = 'SET');
        INSERT INTO r VALUES ('a', 'b');""")
    cases = [
        (64, [], "Usage"),
        (64, ["rum", "pipeline.sql"], "did you mean `weir run`?"),
        (64, ["run"], "FILE.sql"),
        (64, ["run", "pipeline.sql", "--fersh"], "did you mean `--fresh`?"),
        (64, ["run", "pipeline.sql", "--parallelism", "many"], "whole number"),
        (64, ["run", "pipeline.sql", "-D", "novalue"], "KEY=VALUE"),
        (64, ["connector", "doc", "datagne"], "did you mean `datagen`?"),
        (65, ["run", "bad.sql"], "bad.sql:1:1"),
        (65, ["run", "empty.sql"], "nothing to run"),
        (66, ["run", "missing.sql"], "missing.sql"),
        (73, ["run", "pipeline.sql", "--data-dir", "file/below"], "file"),
        (1, ["check", "bad.sql"], "bad.sql:1:1"),
        (66, ["check", "missing.sql"], "missing.sql"),
        (0, ["check", "pipeline.sql"], "no problems"),
        (77, ["run", "pipeline.sql", "--listen", "0.0.0.0:0"], "--allow-plaintext"),
        (77, ["run", "pipeline.sql", "-D", "weir.http.listen=0.0.0.0:0"], "--allow-plaintext"),
        (0, ["version"], ""),
        (0, ["run", "--help"], ""),
        (0, ["explain", "pipeline.sql"], ""),
        (0, ["explain-error", "wr4406"], ""),
        (64, ["explain-error", "WR1"], "WR2041"),
    ]
    for code, arguments, words in cases:
        done = weir.call(*arguments)
        assert done.returncode == code, (arguments, done)
        assert words in done.stderr, (arguments, done.stderr)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(BINARY), "run", "pipeline.sql"], stdout=full, stderr=subprocess.PIPE,
                              cwd=weir.folder, check=False, timeout=30)
    assert done.returncode == 74 and b"WR3391" in done.stderr, done


def test_a_reader_that_has_seen_enough_is_no_error(box):
    weir = box.weir(NUMBERS.format(rate=1000000, end=1000000))
    done = subprocess.run(f"{BINARY} run pipeline.sql | head -1", shell=True, cwd=weir.folder,
                          capture_output=True, check=False, timeout=30)
    assert done.stdout == b"+I[1]\n" and b"error" not in done.stderr, done


def test_scripts_from_stdin_and_folders(box):
    weir = box.weir()
    text = NUMBERS.format(rate=1000000, end=5)
    done = weir.call("run", "-", stdin=text.encode())
    assert done.returncode == 0 and numbers_in(done.stdout) == [1, 2, 3, 4, 5], done
    head, tail = text.rsplit("INSERT", 1)
    weir.write("parts/1-tables.sql", head)
    weir.write("parts/2-jobs.sql", "INSERT" + tail)
    done = weir.call("run", "parts")
    assert done.returncode == 0 and numbers_in(done.stdout) == [1, 2, 3, 4, 5], done
    done = weir.call("run", "parts", "-D", "pipeline.name=other", "-D", "parallelism.default=1")
    assert done.returncode == 0, done


def test_commands_speak_json(box):
    weir = box.weir(NUMBERS.format(rate=1000, end=5))
    version = json.loads(weir.call("version", "--json").stdout)
    assert version["schema"] == "weir.v1.Version" and version["version"], version
    listed = json.loads(weir.call("connector", "list", "--json").stdout)
    assert "datagen" in [item["name"] for item in listed["items"]], listed
    doc = json.loads(weir.call("connector", "doc", "datagen", "--json").stdout)
    assert "fields.#.kind" in [option["key"] for option in doc["options"]], doc
    doc = json.loads(weir.call("connector", "doc", "filesystem", "--json").stdout)
    assert {"csv", "json", "parquet"} <= {form["name"] for form in doc["formats"]}, doc
    functions = json.loads(weir.call("functions", "--json").stdout)
    assert "SUM" in [item["name"] for item in functions["items"]], functions
    json.loads(weir.call("explain", "pipeline.sql", "--json").stdout)
    assert "digraph" in weir.call("explain", "pipeline.sql", "--dot").stdout
    weir.write("bad.sql", "INSERT INTO nowhere SELECT 1;")
    checked = json.loads(weir.call("check", "bad.sql", "--json").stdout)
    assert not checked["ok"] and checked["items"], checked


def test_once_stops_when_nothing_new_comes(box):
    """An endless source that has given what there is: --once keeps a checkpoint and ends."""
    weir = box.weir("""
        CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1');
        CREATE TABLE b (id BIGINT) WITH ('connector' = 'blackhole');
        INSERT INTO b SELECT id FROM g;
    """)
    weir.start("run", "pipeline.sql", "--once")
    assert weir.wait(10) == 0, weir.log()
    assert "resumes from checkpoint" in weir.stderr()


def test_idles_small(box):
    """Below 20 MB and without a busy loop; the time to start is printed, not judged."""
    weir = box.weir(NUMBERS.format(rate=1, end=1))
    best = 1e9
    for _ in range(5):
        began = time.monotonic()
        done = weir.call("run", "pipeline.sql")
        best = min(best, time.monotonic() - began)
        assert done.stdout == "+I[1]\n", done
    weir.write("pipeline.sql", NUMBERS.format(rate=1, end=1000))
    weir.start()
    wait_until(lambda: numbers_in(weir.stdout()), "a row", process=weir)
    time.sleep(2)
    memory = weir.memory_bytes()
    ticks = sum(map(int, pathlib.Path(f"/proc/{weir.pid}/stat").read_text().split()[13:15]))
    assert weir.stop() == 0
    print(f"     start to end of a one-row job {best * 1000:.0f} ms, idle {memory / 1e6:.1f} MB, {ticks} ticks")
    assert ticks < 100, ticks  # a busy loop takes 200
    assert memory < 20e6 or TIME_SCALE > 1, memory  # sanitizers have memory of their own

ENDING = """
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '2000000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '300000');
CREATE TABLE copies (n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'copies', 'format' = 'csv');
CREATE TABLE counts (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO copies SELECT n FROM numbers WHERE MOD(n, 100) = 0;
INSERT INTO counts SELECT n, COUNT(*) FROM numbers GROUP BY n;
"""


def test_a_crash_at_the_end_does_not_do_all_again(box):
    """Killed when the last checkpoint has committed, and when it is gone: a note says so until the exit."""
    noted = 0
    for trial in range(8):
        weir = box.weir(ENDING)
        weir.start()
        note = weir.path(weir.data) / "over-pipeline"
        folder = weir.path(weir.data) / "jobs" / "pipeline" / "checkpoints"
        while weir.is_alive():
            has_all = weir.path("copies").is_dir() and "300000" in visible_lines(weir)
            if has_all and (trial % 2 == 1 or not has_manifest(folder)):
                break
        # Stopped first: in the moment between the note and the exit it is to end by itself.
        weir.process.send_signal(signal.SIGSTOP)
        has_checkpoint = has_manifest(folder)
        noted += note.exists() and not has_checkpoint
        if note.exists() or has_checkpoint:
            weir.kill()
            weir.start()
        else:
            weir.process.send_signal(signal.SIGCONT)
        assert weir.wait(60) == 0, weir.log()
        lines = sorted(map(int, visible_lines(weir)))
        assert lines == list(range(100, 300001, 100)), (trial, len(lines), weir.log_tail())
        assert not note.exists(), trial
    assert noted > 0, "never was there a note when the checkpoints were gone"


def has_manifest(folder):
    try:
        return bool(list(folder.glob("chk-*/MANIFEST")))
    except FileNotFoundError:  # it went while it was read
        return False


def visible_lines(weir):
    files = [path for path in weir.path("copies").iterdir() if path.name[0] not in "._"]
    return [line for path in files for line in path.read_text().split()]


main()
