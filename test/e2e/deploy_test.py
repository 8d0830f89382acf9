"""weir deploy --replace: a new pipeline is rebuilt from the log beside the one that runs, and takes its place.

WEIR_DEPLOYS (4) deployments with a kill each; WEIR_SEED repeats the choices."""

import os
import random
import subprocess
import threading
import time

from lib import BINARY, free_port, http_get, main, wait_until

DEPLOYS = int(os.environ.get("WEIR_DEPLOYS", "4"))
SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
KEYS = 7
TOPIC = ("CREATE TABLE t (n BIGINT) WITH ('connector' = 'kafka', 'topic' = 't', 'format' = 'json', "
         "'scan.startup.mode' = 'latest-offset');\n")


def pipeline(version, more=""):
    """Rows of each version tell it apart, and say the same."""
    return ("SET 'execution.checkpointing.interval' = '200 ms';\nSET 'parallelism.default' = '2';\n" + TOPIC +
            f"CREATE MATERIALIZED TABLE totals AS SELECT n % {KEYS} AS k, COUNT(DISTINCT n) AS c, "
            f"MAX({version}) AS v FROM t GROUP BY n % {KEYS};\n" + more)


class Writer:
    """Writes 1, 2, 3 … to the topic, each until the hub has it: some come twice."""

    def __init__(self, address):
        self.address = address
        self.written = 0
        self.is_over = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def batch(self, count):
        numbers = range(self.written + 1, self.written + 1 + count)
        lines = "".join(f'{{"n": {n}}}\n' for n in numbers).encode()
        while not self.is_over:
            # A crash of the hub is over long before this is tried for the last time.
            done = subprocess.run(["kcat", "-P", "-b", self.address, "-t", "t", "-X", "message.timeout.ms=20000",
                                   "-X", "topic.metadata.refresh.interval.ms=200"],
                                  input=lines, capture_output=True, check=False)
            if done.returncode == 0:
                self.written += count
                return

    def run(self):
        while not self.is_over:
            self.batch(200)
            time.sleep(0.02)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.is_over = True
        self.thread.join()


def rows(weir):
    answer = http_get(weir.url + "/v1/tables/totals/rows")
    assert answer.status == 200, (answer.status, answer.body)
    return answer.json()["items"]


def total(items):
    return sum(row["c"] for row in items)


def version_of(items):
    versions = {row["v"] for row in items}
    assert len(versions) == 1, items
    return versions.pop()


def begin(box, text, *flags):
    """The first version runs as `p1`, and its topic can be written to."""
    weir = box.weir()
    weir.write("p1.sql", text)
    hub = f"127.0.0.1:{free_port()}"
    weir.arguments = ["run", "p1.sql", "--hub-listen", hub, *flags]
    weir.start(*weir.arguments)
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", 60, process=weir)
    return weir, Writer(hub)


def deploy(weir, script, *flags):
    return weir.call("deploy", script, "--data-dir", weir.data, *flags, seconds=120)


class Reader:
    """Asks all the time: there is always an answer, whole, and never an older one."""

    def __init__(self, weir, redis):
        self.weir, self.redis = weir, redis
        self.seen = []
        self.wrong = []
        self.is_over = False
        self.threads = [threading.Thread(target=self.run, args=(look,), daemon=True) for look in (self.look, self.look_there)]
        for thread in self.threads:
            thread.start()

    def run(self, look):
        last = 0
        while not self.is_over and not self.wrong:
            try:
                last = look(last)
            except Exception as error:  # pylint: disable=broad-exception-caught
                self.wrong.append(repr(error))
            time.sleep(0.002)

    def look(self, last):
        items = rows(self.weir)
        assert len(items) == KEYS and total(items) >= last, (last, items)
        self.seen.append(version_of(items))
        ready = http_get(self.weir.url + "/readyz").status
        assert ready == 200, ready
        return total(items)

    def look_there(self, last):
        now = int(self.redis.hash("s:3").get("c", "0"))
        assert now >= last, (last, now)
        return now

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        assert not self.wrong, self.wrong
        return self.seen


def sink_of(redis, version):
    return (f"CREATE TABLE s (k BIGINT, c BIGINT, v BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'redis', "
            f"'host' = '127.0.0.1', 'port' = '{redis.port}', 'command' = 'HSET', 'value.data.structure' = 'hash', "
            f"'key.prefix' = 's:');\nINSERT INTO s SELECT n % {KEYS}, COUNT(DISTINCT n), MAX({version}) FROM t "
            f"GROUP BY n % {KEYS};\n")


def in_redis(redis):
    """As rows of the table."""
    return [{name: int(value) for name, value in redis.hash(f"s:{k}").items()} for k in range(KEYS)]


def test_readers_see_the_old_result_then_the_new_one(box):
    """Of a table and of a sink by key, while the topic is written to; followers are told to read anew."""
    redis = box.redis()
    weir, writer = begin(box, pipeline(1, sink_of(redis, 1)))
    writer.batch(20000)
    writer.start()
    wait_until(lambda: total(rows(weir)) >= 20000 and redis.hash("s:3").get("v") == "1", "v1", process=weir)
    other = box.keep(type(redis)(redis.folder))
    other.port = redis.port
    reader = Reader(weir, other)
    follower = subprocess.Popen(["curl", "-sN", weir.url + "/v1/tables/totals/changes"], stdout=subprocess.PIPE)
    weir.write("p2.sql", pipeline(2, sink_of(redis, 2)))
    dry = deploy(weir, "p2.sql", "--replace", "p1", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert sorted(dry.stdout.splitlines()) == [
        "sink s (redis): by key, written at the switch; keys that only the old one has stay",
        "source t (kafka): read from its earliest record on", "table totals: replaced at the switch"], dry.stdout
    done = deploy(weir, "p2.sql", "--replace", "p1")
    assert done.returncode == 0, done.stderr + weir.log()
    assert version_of(rows(weir)) == 2, "what is deployed is served when the command has ended"
    wait_until(lambda: redis.hash("s:3").get("v") == "2", "the new one's rows in Redis", process=weir)
    time.sleep(0.3)
    seen = reader.stop()
    assert seen == sorted(seen) and set(seen) == {1, 2}, "first the one, then the other"
    events, _ = follower.communicate(timeout=20)
    assert events.rstrip().endswith(b'event: lost\ndata: "the pipeline was replaced: read the rows, then follow anew"')
    # A second one takes the place of the first; the same command starts whoever is in charge.
    weir.write("p3.sql", pipeline(3, sink_of(redis, 3)))
    done = deploy(weir, "p3.sql", "--replace", "p2", "--from", "@0")
    assert done.returncode == 0, done.stderr + weir.log()
    writer.stop()
    for stop in (weir.stop, weir.stop):
        wait_until(lambda: total(rows(weir)) == writer.written and version_of(rows(weir)) == 3, "v3", process=weir)
        wait_until(lambda: redis.hash("s:3").get("v") == "3", "v3 in Redis", process=weir)
        assert stop() == 0, weir.log()
        weir.start(*weir.arguments)
        wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", process=weir)
        assert "`p1` was replaced by `p3`, which runs" in weir.stderr()
    saved = weir.call("savepoint", "saved", "--data-dir", weir.data)
    assert saved.returncode == 0 and (weir.data / "deployed/p3/jobs/p3").is_dir(), saved.stderr
    assert weir.stop() == 0, weir.log()


def test_a_crash_leaves_one_in_charge(box):
    """Killed at a random moment of a deployment, the same command goes on with the old or with the new one, whole; and
    what the client says is so."""
    chance = random.Random(SEED)
    print(f"WEIR_SEED={SEED}")
    redis = box.redis()
    weir, writer = begin(box, pipeline(1, sink_of(redis, 1)))
    writer.batch(5000)
    writer.start()
    in_charge, outcomes = 1, []
    for version in range(2, 2 + DEPLOYS):
        wait_until(lambda: total(rows(weir)) > 5000, "rows", process=weir)
        weir.write(f"p{version}.sql", pipeline(version, sink_of(redis, version)))
        with subprocess.Popen([BINARY, "deploy", f"p{version}.sql", "--replace", f"p{in_charge}", "--data-dir",
                               weir.data], cwd=weir.folder, stderr=subprocess.PIPE, text=True) as client:
            time.sleep(chance.random() * 0.7 + chance.choice([0.2, 0.5]))
            before = total(rows(weir))
            weir.kill()
            weir.start(*weir.arguments)
            _, said = client.communicate(timeout=60)
        wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", process=weir)
        found = version_of(rows(weir))
        assert found == (version if client.returncode == 0 else in_charge), (said, found, in_charge, version)
        wait_until(lambda: total(rows(weir)) >= before, f"what was read before (seed {SEED})", process=weir)
        in_charge = found
        outcomes.append(client.returncode)
    writer.stop()
    wait_until(lambda: total(rows(weir)) == writer.written, f"all rows (seed {SEED})", process=weir)
    wait_until(lambda: sorted(rows(weir), key=lambda row: row["k"]) == [{"k": k, **row} for k, row in
                                                                        enumerate(in_redis(redis))],
               f"the same in Redis (seed {SEED})", process=weir)
    print("outcomes:", outcomes)
    assert weir.stop() == 0, weir.log()


def test_what_fails_at_the_last_moment_leaves_the_old_one_running(box):
    weir, writer = begin(box, pipeline(1))
    writer.batch(1000)
    wait_until(lambda: total(rows(weir)) == 1000, "rows", process=weir)
    weir.write("p2.sql", pipeline(2))
    # The note cannot get its name where a folder has it.
    obstacle = weir.data / "jobs/p1/replaced/x"
    obstacle.mkdir(parents=True)
    done = deploy(weir, "p2.sql", "--replace", "p1")
    assert done.returncode != 0 and version_of(rows(weir)) == 1, done.stderr
    writer.batch(1000)
    wait_until(lambda: total(rows(weir)) == 2000, "the old one goes on", process=weir)
    obstacle.rmdir()
    obstacle.parent.rmdir()
    done = deploy(weir, "p2.sql", "--replace", "p1")
    assert done.returncode == 0 and version_of(rows(weir)) == 2, done.stderr
    writer.batch(1000)
    wait_until(lambda: total(rows(weir)) == 3000, "the new one goes on", process=weir)
    assert weir.stop() == 0, weir.log()


def refused(weir, script, code, *flags):
    done = deploy(weir, script, *flags)
    assert done.returncode != 0 and f"[{code}]" in done.stderr, (code, done.stderr)


def test_what_cannot_be_is_refused_and_changes_nothing(box):
    files = ("CREATE TABLE f (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'csv', "
             "'sink.rolling-policy.rollover-interval' = '100 ms', 'sink.rolling-policy.check-interval' = '100 ms');\n"
             "INSERT INTO f SELECT n FROM t;\n")
    weir, writer = begin(box, pipeline(1, files % "out"))
    writer.batch(1000)
    wait_until(lambda: total(rows(weir)) == 1000, "rows", process=weir)
    weir.write("p2.sql", pipeline(2, files % "out"))
    refused(weir, "p2.sql", "WR7061", "--replace", "p1")          # all rows once more
    refused(weir, "p2.sql", "WR7060", "--replace", "p9")          # it does not run
    refused(weir, "p2.sql", "WR7065", "--replace", "p2")          # two of one name
    refused(weir, "p2.sql", "WR7065", "--replace", "p1", "--from", "monday")
    refused(weir, "p2.sql", "WR7060", "--cancel")
    weir.write("p3.sql", "CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '5');\n"
               "CREATE MATERIALIZED TABLE totals AS SELECT n AS k, COUNT(*) AS c FROM g GROUP BY n;\n")
    refused(weir, "p3.sql", "WR7063", "--replace", "p1")          # it ends by itself
    weir.write("p4.sql", pipeline(4).replace("'topic' = 't'", "'topic' = 'nobody'").replace(
        "'kafka', ", "'kafka', 'properties.bootstrap.servers' = '127.0.0.1:1', "))
    with subprocess.Popen([BINARY, "deploy", "p4.sql", "--replace", "p1", "--data-dir", weir.data], cwd=weir.folder,
                          stderr=subprocess.PIPE, text=True) as client:
        wait_until(lambda: (weir.data / "deployed/p4/lock").exists(), "the second job", process=weir)
        refused(weir, "p2.sql", "WR7060", "--replace", "p1")      # one is under way
        assert weir.call("deploy", "--cancel", "--data-dir", weir.data).returncode == 0
        _, said = client.communicate(timeout=60)
        assert client.returncode != 0, said
    assert version_of(rows(weir)) == 1 and total(rows(weir)) == 1000
    # With another place for its files it is taken, and its files are all of the topic.
    weir.write("p2.sql", pipeline(2, files % "out2"))
    done = deploy(weir, "p2.sql", "--replace", "p1")
    assert done.returncode == 0, done.stderr + weir.log()
    refused(weir, "p1.sql", "WR4462", "--replace", "p2")          # a name that the folder knows
    assert version_of(rows(weir)) == 2 and total(rows(weir)) == 1000
    wait_until(lambda: list(weir.folder.glob("out2/[!._]*")), "files", process=weir)
    assert weir.stop() == 0, weir.log()
    lines = [line for path in weir.folder.glob("out2/[!._]*") for line in path.read_text("utf-8").split()]
    assert sorted(map(int, lines)) == list(range(1, 1001)), (len(lines), lines[:5], sorted(weir.folder.glob("out2/*")))
    refused(weir, "p3.sql", "WR7060", "--replace", "p2")          # nothing runs
    # The old one's last checkpoint is there: without the note it goes on from where it stopped.
    weir.start("run", "p1.sql", "--fresh")
    wait_until(lambda: http_get(weir.url + "/readyz").status == 200, "a run", process=weir)
    assert "was replaced" not in weir.stderr().split("HTTP API")[-1]
    assert weir.stop() == 0, weir.log()


main()
