"""Files that are not what they were when the next run comes to them: a position says nothing about another file,
and no row is passed over without a word."""

import collections
import gzip
import json
import os
import signal
import subprocess
import time
import zlib

from lib import BINARY, http_get, main, wait_until

ROWS = 900_000

PIPELINE = """
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE s (id BIGINT, t STRING) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'csv'{more});
CREATE TABLE o (id BIGINT, t STRING) WITH ('connector' = '{sink}'{into});
INSERT INTO o SELECT id, t FROM s;
"""


def pipeline(path="in", watched=False, sink="print"):
    more = ", 'source.monitor-interval' = '50 ms'" if watched else ""
    into = "" if sink == "print" else ", 'path' = 'out', 'format' = 'csv'"
    return PIPELINE.format(path=path, more=more, sink=sink, into=into)


def run(weir, *more):
    return weir.call("run", "pipeline.sql", "--no-http", "--data-dir", weir.data, *more)


def numbers(text):
    return [int(line.split("[")[1].split(",")[0]) for line in text.splitlines()]


def half_read(weir, name, content):
    """The numbers that a run prints which is stopped in the midst of the file. As little is taken of what it
    prints, it does not come to the end before it has heard that it is to stop."""
    weir.write(f"in/{name}", content)
    told = weir.path("told.txt")
    with open(told, "wb") as log:
        first = subprocess.Popen([BINARY, "run", "pipeline.sql", "--no-http", "--data-dir", weir.data],
                                 cwd=weir.folder, stdout=subprocess.PIPE, stderr=log, bufsize=0)
    try:
        printed = b""
        is_told = False
        while piece := first.stdout.read(65536):
            printed += piece
            if len(printed) >= 1_000_000 and not is_told:
                first.send_signal(signal.SIGTERM)
                is_told = True
            time.sleep(0.02)
        first.wait(60)
    finally:
        first.kill()
        first.wait()
    assert first.returncode == 0, told.read_text()
    found = numbers(printed.decode())
    assert found == list(range(len(found))) and 0 < len(found) < ROWS, len(found)
    return found


def refuses(weir, name, why):
    """Not one row, and a word about the file; again and again."""
    for _ in range(2):
        done = run(weir)
        assert done.returncode == 78 and not done.stdout, (done.returncode, done.stdout[:200])
        assert "WR3414" in done.stderr and name in done.stderr and why in done.stderr, done.stderr


def rows_of(count, text="row"):
    return "".join(f"{i},{text}{i}\n" for i in range(count)).encode()


def test_a_half_read_file_goes_on_only_as_itself(box):
    whole = rows_of(ROWS)
    weir = box.weir(pipeline())
    file = weir.path("in/a.csv")
    first = half_read(weir, "a.csv", whole)
    file.write_bytes(whole[:1000])
    refuses(weir, "in/a.csv", "another file or a cut one")
    file.write_bytes(rows_of(ROWS, "longer"))
    refuses(weir, "in/a.csv", "another file or a cut one")
    file.unlink()
    refuses(weir, "a.csv", "is gone")
    # It has only grown, in a copy.
    file.write_bytes(whole + f"{ROWS},more\n".encode())
    done = run(weir)
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout) == list(range(len(first), ROWS + 1))


def test_a_half_read_packed_file_goes_on_only_as_itself(box):
    whole = rows_of(ROWS)
    packed = gzip.compress(whole, 1)
    weir = box.weir(pipeline())
    first = half_read(weir, "a.csv.gz", packed)
    file = weir.path("in/a.csv.gz")
    file.write_bytes(packed[:2000])
    refuses(weir, "in/a.csv.gz", "another file or a cut one")
    file.write_bytes(gzip.compress(rows_of(ROWS, "longer"), 1))
    refuses(weir, "in/a.csv.gz", "another file or a cut one")
    file.write_bytes(packed + gzip.compress(f"{ROWS},more\n".encode()))
    done = run(weir)
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout) == list(range(len(first), ROWS + 1))


def watch(weir, rows):
    """A run that sees so many rows, as counted by the program, and is stopped."""
    def seen():
        text = http_get(weir.url + "/metrics").text()
        return sum(int(line.split()[-1]) for line in text.splitlines()
                   if line.startswith("weir_source_records_total"))
    weir.start()
    wait_until(lambda: seen() >= rows, f"{rows} rows", process=weir)
    assert weir.stop() == 0, weir.log()
    return numbers(weir.stdout())


def test_another_folder_has_other_files(box):
    """Whether the option was edited or a link leads elsewhere: no file counts as read because of its name."""
    weir = box.weir(pipeline(path="link", watched=True))
    weir.write("one/a.csv", "1,a\n2,b\n")
    weir.write("two/a.csv", "11,a\n12,b\n")
    weir.write("two/b.csv", "13,c\n")
    os.symlink("one", weir.path("link"))
    assert watch(weir, 2) == [1, 2]
    weir.path("link").unlink()
    os.symlink("two", weir.path("link"))
    refuses(weir, "link/a.csv", "another file or a cut one")
    # The folder itself may move, or be copied.
    weir.path("link").unlink()
    weir.write("copy/a.csv", "1,a\n2,b\n")
    weir.write("copy/c.csv", "3,c\n")
    os.symlink("copy", weir.path("link"))
    assert watch(weir, 1) == [3]
    weir.write("pipeline.sql", pipeline(path="two", watched=True))
    told = weir.call("diff", "pipeline.sql", "--data-dir", weir.data)
    assert "lost" in told.stdout and "source s" in told.stdout, told.stdout + told.stderr
    done = run(weir)
    assert done.returncode == 78 and "WR4407" in done.stderr, done.stderr


WATCHED = """
SET 'execution.checkpointing.interval' = '20 ms';
CREATE TABLE s (id BIGINT, t STRING) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'csv',
  'source.monitor-interval' = '20 ms');
CREATE TABLE q (id BIGINT, t STRING) WITH ('connector' = 'filesystem', 'path' = 'pq', 'format' = 'parquet',
  'source.monitor-interval' = '20 ms');
CREATE TABLE o (id BIGINT, f STRING) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
INSERT INTO o SELECT id, 'csv' FROM s;
INSERT INTO o SELECT id, 'parquet' FROM q;
"""


def lines_before_damage(packed):
    """Whole lines that come out of a gzip file up to where it is damaged, as Python's zlib sees it."""
    found = bytearray()
    try:
        while packed:
            unpacker = zlib.decompressobj(31)
            for i in range(len(packed)):
                found += unpacker.decompress(packed[i:i + 1])
            packed = unpacker.unused_data
    except zlib.error:
        pass
    return bytes(found[:found.rfind(b"\n") + 1])


def make_parquet(weir, count):
    """As weir writes it."""
    weir.write("make.sql", f"""CREATE TABLE g (id BIGINT, t STRING) WITH ('connector' = 'datagen',
  'rows-per-second' = '1000000000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '{count}', 'fields.t.length' = '9');
CREATE TABLE p (id BIGINT, t STRING) WITH ('connector' = 'filesystem', 'path' = 'made', 'format' = 'parquet');
INSERT INTO p SELECT id, t FROM g;""")
    done = weir.call("run", "make.sql", "--no-http", "--data-dir", weir.path("made-data"))
    assert done.returncode == 0, done.stderr
    [path] = weir.path("made").glob("part-*")
    return path.read_bytes()


def test_a_damaged_file_of_a_watched_folder_is_one_dead_letter(box):
    """Its good rows come once, through kills, and so do those of the files behind it; a bounded run stops."""
    weir = box.weir(WATCHED)
    packed = gzip.compress(rows_of(60_000), 1)
    middle = len(packed) // 2
    invalid = gzip.compress(b"")[:10] + b"\xff" * 64  # a member whose first block is of no kind
    files = {"a.csv": rows_of(10), "b.csv.gz": packed[:middle], "c.csv.gz": packed + invalid, "d.csv.gz": packed[:-8] + b"12345678",
             "e.csv.gz": b"no gzip at all", "f.csv.gz": gzip.compress(rows_of(20))}
    expected = collections.Counter()
    for name, content in files.items():
        good = lines_before_damage(content) if name.endswith(".gz") else content
        expected.update((int(line.split(b",")[0]), "csv") for line in good.splitlines())
    parquet, flipped = make_parquet(weir, ROWS // 6), bytearray()
    flipped += parquet
    for at in range(len(parquet) * 3 // 4, len(parquet) - 4000, 97):
        flipped[at] ^= 0xff
    weir.write("pq/a.parquet", b"PAR1 and no more")
    weir.write("pq/b.parquet", bytes(flipped))
    weir.write("pq/c.parquet", parquet)
    for name, content in files.items():
        weir.write(f"in/{name}", content)
    for pause in (0.1, 0.2, 0.4):
        weir.start()
        time.sleep(pause)
        weir.kill()
    done = run(weir, "--once")
    assert done.returncode == 0, done.stderr
    letters = [json.loads(line) for name in ("s", "q")
               for line in (weir.data / "dead-letters" / f"{name}.jsonl").read_text().splitlines()]
    positions = [letter["position"].split(":") for letter in letters]
    assert [path for path, _ in positions] == ["in/b.csv.gz", "in/c.csv.gz", "in/d.csv.gz", "in/e.csv.gz", "pq/a.parquet",
                                               "pq/b.parquet"], positions
    assert all(letter["code"] == "WR3403" and "cannot be read behind" in letter["reason"] for letter in letters), letters
    good = int(positions[-1][1])
    assert good < ROWS // 6, good
    expected.update((i, "parquet") for i in range(1, good + 1))
    expected.update((i, "parquet") for i in range(1, ROWS // 6 + 1))
    found = collections.Counter()
    for path in weir.path("out").iterdir():  # after a stop the one in progress holds what it should, too
        found.update((int(n), f) for n, f in (line.split(",") for line in path.read_text().splitlines()))
    assert found == expected, (len(found), len(expected), list((found - expected).items())[:3],
                               list((expected - found).items())[:3])
    weir.write("bounded.sql", WATCHED.replace("'source.monitor-interval' = '20 ms'", "'source.path.regex-pattern' = '.*'"))
    done = weir.call("run", "bounded.sql", "--no-http", "--data-dir", weir.path("other"))
    assert done.returncode == 65 and ("WR3403" in done.stderr or "WR3464" in done.stderr), (done.returncode, done.stderr)


def test_links_in_a_circle(box):
    """As the path itself they are a mistake with a name; among the files they are none, as one that leads nowhere."""
    weir = box.weir(pipeline(path="around"))
    os.symlink("back", weir.path("around"))
    os.symlink("around", weir.path("back"))
    done = run(weir)
    assert done.returncode == 66 and "WR5007" in done.stderr and "`around`" in done.stderr, done.stderr
    weir.write("pipeline.sql", pipeline())
    weir.write("in/a.csv", "1,a\n")
    os.symlink("self", weir.path("in/self"))
    os.symlink("nowhere", weir.path("in/gone"))
    done = run(weir)
    assert done.returncode == 0 and numbers(done.stdout) == [1], (done.stdout, done.stderr)
    os.symlink("..", weir.path("in/up"))
    done = run(weir)
    assert done.returncode != 0 and "WR3402" in done.stderr and "a symbolic link" in done.stderr, done.stderr


def test_a_file_that_changes_after_it_was_read_is_told(box):
    weir = box.weir(pipeline(watched=True))
    weir.write("in/a.csv", "1,a\n")
    weir.write("in/b.csv", "2,b\n")
    weir.start()
    wait_until(lambda: len(numbers(weir.stdout())) == 2, "two rows", process=weir)
    with open(weir.path("in/a.csv"), "a", encoding="utf-8") as grown:
        grown.write("3,late\n")
    wait_until(lambda: "a.csv has grown after it was read" in weir.stderr(), "a word about a.csv", process=weir)
    weir.write("in/new.csv", "9,other\n")
    os.replace(weir.path("in/new.csv"), weir.path("in/b.csv"))
    wait_until(lambda: "b.csv was read, and another file" in weir.stderr(), "a word about b.csv", process=weir)
    assert weir.stop() == 0, weir.log()
    assert weir.stderr().count("WR3414") == 2, weir.log()


main()
