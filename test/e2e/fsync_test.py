"""Syncs that fail under the program itself, and calls that do a part: a library that is loaded before
all others (preload/faults.c) has the k-th fsync fail with EIO or ENOSPC and takes away what was written
since the last one, or interrupts and shortens reads and writes.

After a failed sync nothing may be believed: the program ends within a second, says WR5009, and syncs
that file never again; what was acknowledged before is there after a restart, and nothing twice.

WEIR_SYNCS (10, with WEIR_SOAK=1 500) syncs that fail, of a pipeline and of a hub; WEIR_SEED repeats the
choices.
"""

import collections
import errno
import http.client
import json
import os
import pathlib
import random
import shutil
import threading
import time

from hub import Hub
from lib import BINARY, Skip, free_port, http_get, main, wait_until

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
SYNCS = int(os.environ.get("WEIR_SYNCS", "500" if os.environ.get("WEIR_SOAK") else "10"))
LIBRARY = BINARY.parent / "test" / "e2e" / "preload" / "libfaults.so"
ROWS, STORES, BAD_EVERY = 60000, 7, 5000
PRODUCERS, PARTITIONS = 3, 2
END_SECONDS = 1
EXIT_IO_FAILED = 74

PIPELINE = """
SET 'execution.checkpointing.interval' = '10 ms';
SET 'table.local-time-zone' = 'UTC';
CREATE TABLE payments (id BIGINT, store INT, cents BIGINT, ms BIGINT, ts AS TO_TIMESTAMP_LTZ(ms, 3),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json',
  'json.ignore-parse-errors' = 'false');
CREATE TABLE sums (store INT, window_end TIMESTAMP(3), n BIGINT, cents BIGINT) WITH (
  'connector' = 'filesystem', 'path' = 'out/sums', 'format' = 'json');
CREATE TABLE copies (id BIGINT, store INT) PARTITIONED BY (store) WITH (
  'connector' = 'filesystem', 'path' = 'out/copies', 'format' = 'json');
INSERT INTO sums SELECT store, window_end, COUNT(*), SUM(cents)
  FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY store, window_start, window_end;
INSERT INTO copies SELECT id, store FROM payments WHERE MOD(id, 3) = 0;
"""


class Faults:
    """The library and what it says, of one process at a time."""

    def __init__(self, folder):
        if not LIBRARY.exists():
            raise Skip(f"{LIBRARY} is not built")
        self.log = pathlib.Path(folder) / "syncs"

    def env(self, **settings):
        self.log.unlink(missing_ok=True)
        return {"LD_PRELOAD": str(LIBRARY), "WEIR_FAULTS_LOG": str(self.log),
                **{f"WEIR_FAULTS_{name.upper()}": str(value) for name, value in settings.items()}}

    def lines(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def syncs(self):
        """(file, result, path) of each."""
        return [tuple(line.split(" ", 4)[2:]) for line in self.lines() if line.startswith("sync ")]

    def has_failed(self):
        return any(result != "ok" for _, result, _ in self.syncs())

    def check_none_again(self, about):
        """No sync of a file after one that has failed."""
        failed = {}
        for file, result, path in self.syncs():
            assert file not in failed, (about, f"{path} was synced again after {failed.get(file)}")
            if result != "ok":
                failed[file] = path
        assert failed, about


def settings(chance, count):
    """A sync of so many that fails, and how."""
    return {"sync": chance.randint(1, count), "errno": chance.choice([errno.EIO, errno.ENOSPC]),
            "lose": chance.choice(["cut", "zeros", "keep"])}


def check_end(process, faults, fault, said=0):
    """The process has ended by itself as it should, within END_SECONDS of the failed sync; what it says of
    that comes behind the first `said` characters. How long it took, in seconds."""
    wait_until(lambda: faults.has_failed() or not process.is_alive(), "the sync to fail", every=0.005)
    failed = time.monotonic()
    try:
        code = process.wait(END_SECONDS)
    except AssertionError as error:
        raise AssertionError(f"seed {SEED}, {fault}: {error}") from error
    text = process.stderr()[said:]
    assert code == EXIT_IO_FAILED and "WR5009" in text, (SEED, fault, code, process.log_tail())
    assert os.strerror(fault["errno"]) in text, (SEED, fault, process.log_tail())
    faults.check_none_again((SEED, fault))
    return time.monotonic() - failed


# ---------------------------------------------------------------- a pipeline

def write_input(weir):
    """What must come out: the sums by store and end of window, the copies, and the bad lines."""
    chance = random.Random(SEED)
    sums, copies, lines, bad = collections.Counter(), [], [], 0
    for i in range(ROWS):
        if i % BAD_EVERY == 17:
            lines.append(f"{{no record {i}\n")
            bad += 1
            continue
        store, cents, at = chance.randrange(STORES), chance.randrange(10000), i * 10
        lines.append(f'{{"id":{i},"store":{store},"cents":{cents},"ms":{at}}}\n')
        end = at // 10000 * 10 + 10
        sums[store, end, "n"] += 1
        sums[store, end, "cents"] += cents
        if i % 3 == 0:
            copies.append(i)
    for part in range(3):
        weir.write(f"in/{part}.json", "".join(lines[part * ROWS // 3:(part + 1) * ROWS // 3]))
    return sums, copies, bad


def rows_of(folder):
    for path in sorted(folder.rglob("*")) if folder.exists() else []:
        if path.is_file() and not path.name.startswith((".", "_")):
            for line in path.read_text().splitlines():
                yield json.loads(line)


def check_output(weir, wanted, about):
    sums, copies, bad = wanted
    seen = collections.Counter()
    for row in rows_of(weir.path("out/sums")):
        minute, second = row["window_end"][14:16], row["window_end"][17:19]
        key = (row["store"], int(minute) * 60 + int(second))
        assert (*key, "n") not in seen, (about, "twice", row)
        seen[(*key, "n")], seen[(*key, "cents")] = row["n"], row["cents"]
    assert seen == sums, (about, len(seen), len(sums))
    assert sorted(row["id"] for row in rows_of(weir.path("out/copies"))) == copies, about
    letters = weir.data / "dead-letters" / "payments.jsonl"
    assert len(letters.read_text().splitlines()) == bad, about


def clear(weir):
    for folder in (weir.path("out"), weir.data):
        shutil.rmtree(folder, ignore_errors=True)


def test_a_pipeline_whose_sync_fails_ends_and_loses_nothing(box):
    weir = box.weir(PIPELINE)
    faults = Faults(weir.folder)
    wanted = write_input(weir)
    assert weir.start(env=faults.env()).wait() == 0, weir.log()
    check_output(weir, wanted, "without a fault")
    count = len(faults.syncs())
    chance, slowest, reached = random.Random(SEED), 0.0, 0
    print(f"     seed {SEED}, {count} syncs in a run")
    for _ in range(SYNCS):
        clear(weir)
        fault = settings(chance, count)
        weir.start(env=faults.env(**fault))
        wait_until(lambda: faults.has_failed() or not weir.is_alive(), "the sync to fail", every=0.005)
        if faults.has_failed():  # a run may need fewer of them than the first
            slowest = max(slowest, check_end(weir.process, faults, fault))
            reached += 1
            assert weir.start().wait() == 0, (SEED, fault, weir.log())
        assert weir.exit_code() == 0, (SEED, fault, weir.log())
        check_output(weir, wanted, (SEED, fault))
    print(f"     {reached} of {SYNCS} failed; the slowest end after {slowest * 1000:.0f} ms")
    assert reached >= SYNCS // 2, (SEED, reached)


def test_a_pipeline_whose_calls_are_short_is_exact(box):
    weir = box.weir(PIPELINE)
    faults = Faults(weir.folder)
    wanted = write_input(weir)
    weir.start(env=faults.env(short=SEED))
    assert weir.wait(60) == 0, (SEED, weir.log())
    assert "short" in faults.lines(), SEED
    check_output(weir, wanted, SEED)


# ---------------------------------------------------------------- a hub

class Producers:
    """Threads that send numbered records by HTTP, again until each is acknowledged."""

    def __init__(self, box, flags=()):
        self.port = free_port()
        self.hub = box.keep(Hub(box, "--http", f"127.0.0.1:{self.port}", "--partitions", PARTITIONS, *flags))
        self.places = {who: [] for who in range(PRODUCERS)}
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.produce, args=(who,), daemon=True) for who in self.places]

    def begin(self):
        for thread in self.threads:
            thread.start()

    def finish(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def ask(self, path, body=None, **headers):
        answer = http_get(f"http://127.0.0.1:{self.port}/v1/topics/t/records{path}", headers,
                          "GET" if body is None else "POST", body)
        return answer.status, json.loads(answer.body)

    def produce(self, who):
        chance, mine = random.Random(SEED + who), self.places[who]
        while not self.is_over.is_set():
            first = len(mine)
            body = json.dumps([{"who": who, "n": first + i} for i in range(chance.randrange(1, 40))])
            while not self.is_over.is_set() or self.hub.process.is_alive():
                try:
                    status, answer = self.ask("?key=who", body.encode(), **{"Idempotency-Key": f"{who}-{first}"})
                    if status == 200:
                        mine += [(record["partition"], record["offset"]) for record in answer["records"]]
                        break
                except (OSError, http.client.HTTPException, ValueError):
                    pass
                time.sleep(0.01)

    def check(self):
        """Each record once, where it was acknowledged, in its order."""
        found = {}
        for partition in range(PARTITIONS):
            offset = end = 0
            while offset < end or end == 0:
                status, answer = self.ask(f"?partition={partition}&offset={offset}&limit=1000")
                assert status == 200, (SEED, answer)
                for record in answer["records"]:
                    found.setdefault(record["value"]["who"], []).append(
                        (record["value"]["n"], (partition, record["offset"])))
                offset, end = answer["next_offset"], answer["end_offset"]
                if end == 0:
                    break
        for who, places in self.places.items():
            assert places, (SEED, who)
            assert found[who] == list(enumerate(places)), (SEED, who, len(found[who]), len(places))


def test_a_hub_whose_sync_fails_ends_and_loses_nothing(box):
    producers = Producers(box)
    hub, faults = producers.hub, Faults(box.folder)
    chance, slowest = random.Random(SEED), 0.0
    print(f"     seed {SEED}")
    producers.begin()
    try:
        for _ in range(SYNCS):
            fault = settings(chance, 120)  # some while it starts
            hub.env = faults.env(**fault)
            said = len(hub.process.stderr()) if hub.process is not None else 0
            slowest = max(slowest, check_end(hub.launch(), faults, fault, said))
        hub.env = None
        hub.start()
        time.sleep(0.2)
    finally:
        producers.finish()
    producers.check()
    print(f"     {sum(map(len, producers.places.values()))} records; the slowest end after {slowest * 1000:.0f} ms")
    hub.stop()
    code, report = hub.fsck()
    assert code == 0 and report["findings"] == [], (SEED, report)


def test_a_hub_whose_calls_are_short_is_exact(box):
    producers = Producers(box)
    hub, faults = producers.hub, Faults(box.folder)
    hub.env = faults.env(short=SEED)
    hub.start()
    producers.begin()
    try:
        for _ in range(2):
            time.sleep(1)
            hub.stop()
            hub.start()
    finally:
        producers.finish()
    assert "short" in faults.lines(), SEED
    producers.check()


main()
