"""Checkpoints and savepoints in a bucket: what is left of a machine that is gone."""

import json
import os
import random
import shutil
import time

from lib import main, wait_until
from s3 import S3, Proxy, refuse

SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
TOTAL = 20000
KEYS = 4

PIPELINE = """
SET 'execution.checkpointing.interval' = '300 ms';
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '5000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{total}');
CREATE TABLE counts (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH (
  'connector' = 'filesystem', 'path' = '{out}/counts', 'format' = 'debezium-json');
CREATE TABLE copies (n BIGINT) WITH (
  'connector' = 'filesystem', 'path' = '{out}/copies', 'format' = 'json');
INSERT INTO copies SELECT n FROM numbers;
INSERT INTO counts SELECT MOD(n, {keys}), COUNT(*) FROM numbers GROUP BY MOD(n, {keys});
"""


def server(box):
    return box.keep(S3(box.path("s3"))).start()


def pipeline(box, name="out", keys=KEYS, total=TOTAL):
    """A machine of its own; the output is on none of them."""
    return box.weir(PIPELINE.format(total=total, keys=keys, out=box.path(name)))


def rows_of(box, name):
    folder = box.path(name)
    rows = []
    for path in sorted(folder.rglob("*")) if folder.exists() else []:
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            rows += [json.loads(line) for line in path.read_text().splitlines()]
    return rows


def counts_of(box, name, keys):
    """What the changes add up to."""
    counts = dict.fromkeys(range(keys), 0)
    for row in rows_of(box, f"{name}/counts"):
        if row["op"] == "d":
            assert counts[row["before"]["k"]] == row["before"]["n"], (SEED, row)
        else:
            counts[row["after"]["k"]] = row["after"]["n"]
    return counts


def check(box, name="out", keys=KEYS, total=TOTAL):
    copies = sorted(row["n"] for row in rows_of(box, f"{name}/copies"))
    assert copies == list(range(1, total + 1)), (SEED, len(copies))
    assert counts_of(box, name, keys) == {k: total // keys for k in range(keys)}, SEED


def start(weir, s3, location, *more, url=None, **environment):
    return weir.start("run", "pipeline.sql", "--no-http", "--data-dir", weir.data,
                      "--checkpoint-dir", location, *more,
                      env={**s3.environment(url), **environment})


def has_checkpoint(s3, prefix):
    return any(key.endswith("MANIFEST") for key in s3.keys(prefix))


def test_a_new_machine_goes_on_from_the_bucket_alone(box):
    """Killed again and again, each time with the loss of the whole data folder."""
    random.seed(SEED)
    s3 = server(box)
    proxy = box.keep(Proxy(s3.url))
    kills, total = 5, 40000
    for run in range(kills + 1):
        weir = pipeline(box, total=total)
        proxy.requests.clear()
        start(weir, s3, "s3://weir/k=v/checkpoints/", url=proxy.url)
        if run < kills:
            wait_until(lambda: proxy.count("PUT", "MANIFEST") >= 2, "checkpoints", process=weir)
            time.sleep(random.uniform(0, 0.5))
            weir.kill()
        else:
            assert weir.wait(60) == 0, (SEED, weir.log())
        assert ("resumed from checkpoint" in weir.stderr()) == (run > 0), (SEED, run, weir.log())
        shutil.rmtree(weir.data)
    check(box, total=total)
    assert s3.keys() == [] and not s3.boto("s3.list_multipart_uploads(Bucket='weir')").get("Uploads")
    assert s3.secret_key not in weir.stderr()


def put_flipped(s3, key, bit):
    """One bit in the middle of the object is another one; the same again is as it was."""
    s3.boto("(lambda body, at: s3.put_object(Bucket='weir', Key=%r, Body=body[:at] + bytes([body[at] ^ %d]) "
            "+ body[at + 1:]) and None)(*(lambda body: (body, len(body) // 2))"
            "(s3.get_object(Bucket='weir', Key=%r)['Body'].read()))" % (key, bit, key))


def test_a_damaged_object_is_named(box):
    """A bit that flips in the bucket is found by the machine that goes on; with the object put back it does."""
    s3 = server(box)
    weir = pipeline(box)
    start(weir, s3, "s3://weir/damage")
    wait_until(lambda: has_checkpoint(s3, "damage/"), "a checkpoint", process=weir)
    weir.kill()
    shutil.rmtree(weir.data)
    newest = max(int(key.split("/")[-2].removeprefix("chk-"))
                 for key in s3.keys("damage/") if key.endswith("MANIFEST"))
    folder = "damage/pipeline"
    for key in [f"{folder}/chk-{newest}/MANIFEST", f"{folder}/shared/state-{newest}"]:
        put_flipped(s3, key, 4)
        start(weir, s3, "s3://weir/damage")
        assert weir.wait(60) == 74 and "WR4402" in weir.stderr(), (key, weir.log())
        assert key in weir.stderr(), (key, weir.log())
        put_flipped(s3, key, 4)
    start(weir, s3, "s3://weir/damage")
    assert weir.wait(60) == 0 and "resumed from checkpoint" in weir.stderr(), weir.log()
    check(box)


def test_pipelines_share_a_prefix(box):
    """Two of them at a time, each with a machine of its own: told apart by their names."""
    s3 = server(box)
    weirs = {name: pipeline(box, name, keys) for name, keys in (("first", 4), ("second", 5))}
    for name, weir in weirs.items():
        start(weir, s3, "s3://weir/shared", "-D", f"pipeline.name={name}")
    for name, weir in weirs.items():
        wait_until(lambda n=name: has_checkpoint(s3, f"shared/{n}/"), name, process=weir)
        weir.kill()
        shutil.rmtree(weir.data)
    assert {key.split("/")[1] for key in s3.keys("shared/")} == {"first", "second"}
    for name, weir in weirs.items():
        start(weir, s3, "s3://weir/shared", "-D", f"pipeline.name={name}")
    for name, keys in (("first", 4), ("second", 5)):
        assert weirs[name].wait(60) == 0, weirs[name].log()
        assert "resumed from checkpoint" in weirs[name].stderr()
        check(box, name, keys)
    # --fresh discards what is in the bucket, and nothing of another.
    for name, weir in weirs.items():
        start(weir, s3, "s3://weir/shared", "-D", f"pipeline.name={name}")
        wait_until(lambda n=name: has_checkpoint(s3, f"shared/{n}/"), name, process=weir)
        assert weir.stop() == 0, weir.log()
    start(weirs["first"], s3, "s3://weir/shared", "-D", "pipeline.name=first", "--fresh")
    wait_until(lambda: "discarded checkpoint" in weirs["first"].stderr(), "a fresh start",
               process=weirs["first"])
    assert weirs["first"].stop() == 0
    assert has_checkpoint(s3, "shared/second/")


def test_savepoints_in_a_bucket(box):
    """Taken from a bucket into a bucket, found by name and by settings, given to another."""
    s3 = server(box)
    redis = box.redis()
    text = PIPELINE.format(total=TOTAL, keys=KEYS, out="/nowhere").replace(
        "'connector' = 'filesystem', 'path' = '/nowhere/counts', 'format' = 'debezium-json'",
        f"'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{redis.port}', 'command' = 'SET'")
    text = "".join(line for line in text.splitlines(True) if "copies" not in line)

    def counted():
        return sum(int(value or 0) for value in redis.pipeline([("GET", str(k)) for k in range(KEYS)]))

    weir = box.weir(text)
    settings = ("-D", "execution.checkpointing.savepoint-dir=s3a://weir/saved/",
                "-D", "s3.access-key=${env:KEY}", "-D", "s3.secret-key=${env:SECRET}",
                "-D", f"s3.endpoint={s3.url}", "-D", "s3.path.style.access=true",
                "-D", "s3.region=us-east-1")
    secrets = {"KEY": s3.access_key, "SECRET": s3.secret_key, "AWS_ACCESS_KEY_ID": "",
               "AWS_SECRET_ACCESS_KEY": "", "AWS_ENDPOINT_URL": ""}
    start(weir, s3, "s3://weir/checkpoints", *settings, **secrets)
    wait_until(lambda: counted() > 1000, "counts", process=weir)
    done = weir.call("savepoint", "--data-dir", weir.data, *settings, env=secrets)
    assert done.returncode == 0, done.stderr
    target = done.stdout.strip()
    assert target.startswith("s3a://weir/saved/savepoint-pipeline-"), target
    done = weir.call("diff", "pipeline.sql", "--data-dir", weir.data, "--from", target,
                     *settings, env=secrets)
    assert done.returncode == 0 and "kept" in done.stdout, done.stderr
    # The data folder knows where the checkpoints are, and the environment how to get there.
    done = weir.call("savepoint", "s3://weir/saved/second", "--data-dir", weir.data, "--latest",
                     env=s3.environment())
    assert done.returncode == 0, done.stderr
    done = weir.call("savepoint", "s3://weir/saved/second", "--data-dir", weir.data, "--latest",
                     env=s3.environment())
    assert "WR4411" in done.stderr, done.stderr
    weir.kill()
    # From one bucket to another place in it, and by a path in the settings to a folder.
    for way in ("restore", "path"):
        redis("FLUSHALL")
        other = box.weir(text)
        if way == "restore":
            done = other.call("restore", target, "--pipeline", "pipeline", "--data-dir", other.data,
                              "--checkpoint-dir", "s3://weir/others", env=s3.environment())
            assert done.returncode == 0, done.stderr
            start(other, s3, "s3://weir/others")
        else:
            start(other, s3, box.path("local"), "-D",
                  "execution.state-recovery.path=s3://weir/saved/second")
        assert other.wait(60) == 0, other.log()
        assert "resumed from checkpoint" in other.stderr(), other.stderr()
        assert counted() == TOTAL and "20,000 rows in" not in other.stderr(), other.stderr()
    done = weir.call("savepoint", "s3://weir/none", "--data-dir", box.path("empty"), env=s3.environment())
    assert done.returncode == 66 and "WR4408" in done.stderr, done.stderr


def test_a_bucket_that_is_away_is_waited_for(box):
    """The pipeline goes on meanwhile, and its checkpoint is complete when the bucket is back."""
    s3 = server(box)
    proxy = box.keep(Proxy(s3.url))
    weir = pipeline(box, total=60000)
    start(weir, s3, "s3://weir/checkpoints", url=proxy.url)
    wait_until(lambda: has_checkpoint(s3, "checkpoints/"), "a checkpoint", process=weir)
    away = [refuse(503, "SlowDown")] * 1000
    for method in ("PUT", "POST", "GET", "DELETE"):
        proxy.plans.append((method, "", away))
    wait_until(lambda: "WR4447" in weir.stderr() or "waits: " in weir.stderr(), "patience", 60,
               process=weir)
    before = len(rows_of(box, "out/copies"))
    away.clear()
    assert weir.wait(90) == 0, weir.log()
    check(box, total=60000)
    assert before < 60000 and "trying again" in weir.stderr()
    # From the start it is an error, with the exit code that tells a supervisor to try again.
    away += [refuse(503, "SlowDown")] * 100
    start(weir, s3, "s3://weir/checkpoints", url=proxy.url)
    assert weir.wait(60) == 75 and "WR4447" in weir.stderr(), (weir.exit_code(), weir.log())


TWICE = """
SET 'execution.checkpointing.interval' = '100 ms';
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '2000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{total}');
CREATE TABLE copies (n BIGINT) WITH ('connector' = 'jdbc', 'table-name' = 'copies', 'username' = 'weir',
  'url' = 'jdbc:postgresql://127.0.0.1:{port}/weir', 'password' = 'weir-secret',
  'sink.delivery-guarantee' = 'exactly-once');
INSERT INTO copies SELECT n FROM numbers;
"""


def test_the_run_that_begins_last_has_the_place(box):
    """A machine that was thought to be gone: it ends by itself, and no row is lost or there twice."""
    chance = random.Random(SEED)
    s3 = server(box)
    postgres = box.postgres()
    postgres.sql("CREATE TABLE copies (n BIGINT)")
    total = 40000
    machines = [box.weir(TWICE.format(total=total, port=postgres.port)) for _ in range(6)]
    for number, weir in enumerate(machines):
        start(weir, s3, "s3://weir/once")
        if number > 0:
            assert machines[number - 1].wait(30) == 78, (SEED, machines[number - 1].log())
            assert "WR4415" in machines[number - 1].log(), (SEED, machines[number - 1].log())
        if number < len(machines) - 1:
            wait_until(lambda: has_checkpoint(s3, "once/"), "a checkpoint", process=weir)
        time.sleep(chance.uniform(0, 0.6))
    assert machines[-1].wait(60) == 0, (SEED, machines[-1].log())
    rows = postgres.value("SELECT string_agg(n::text, ' ' ORDER BY n) FROM copies").split()
    assert [int(n) for n in rows] == list(range(1, total + 1)), (SEED, len(rows), len(set(rows)))
    assert not s3.keys("once/"), s3.keys("once/")


def test_what_is_wrong_is_said_at_once(box):
    s3 = server(box)
    weir = pipeline(box)
    for location, environment, code, words in (
            ("s3://weir/x", {"AWS_SECRET_ACCESS_KEY": "wrong"}, 77, ("WR4442", "compare")),
            ("s3://weir/x", {"AWS_ACCESS_KEY_ID": ""}, 65, ("WR4440", "AWS_ACCESS_KEY_ID")),
            ("s3://nowhere/x", {}, 65, ("WR4443", "create it")),
            ("s3://", {}, 65, ("WR2012", "s3://BUCKET/PREFIX")),
            ("s3://AKID:hidden-one@weir/x", {}, 65, ("WR2012", "s3.access-key")),
            ("hdfs://host/x", {}, 65, ("WR2012", "hdfs://host/x"))):
        start(weir, s3, location, **environment)
        assert weir.wait(30) == code, (location, weir.exit_code(), weir.log())
        assert all(word in weir.stderr() for word in words), weir.stderr()
        assert s3.secret_key not in weir.stderr() and "hidden-one" not in weir.stderr()
    # Back to the data folder: not by mistake, if there was something in the bucket.
    start(weir, s3, "s3://weir/x")
    wait_until(lambda: has_checkpoint(s3, "x/"), "a checkpoint", process=weir)
    assert weir.stop() == 0, weir.log()
    shutil.rmtree(box.path("out"))
    weir.start("run", "pipeline.sql", "--no-http", "--data-dir", weir.data)
    assert weir.wait(30) == 65, weir.log()
    assert "WR4416" in weir.stderr() and "`s3://weir/x/pipeline`" in weir.stderr(), weir.stderr()
    done = weir.call("sql", "-e", "SET 's3.secret-key' = 'hidden-one'; SET;")
    assert done.returncode == 0 and "s3.secret-key" in done.stdout, done.stdout + done.stderr
    assert "hidden-one" not in done.stdout + done.stderr
    done = weir.call("run", "pipeline.sql", "-D", "s3.secret-key=${env:NOT_SET}")
    assert "NOT_SET" in done.stderr and done.returncode == 65, (done.returncode, done.stderr)


main()
