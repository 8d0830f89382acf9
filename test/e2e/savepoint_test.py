"""Checkpoints in the hands of a person: taken from a running pipeline, given to another, compared."""

import json

from lib import main, wait_until

TOTAL = 20000

PIPELINE = """
SET 'execution.checkpointing.interval' = '200 ms';
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '5000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{total}');
CREATE TABLE counts (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{port}', 'command' = 'SET');
INSERT INTO counts SELECT n % {keys}, COUNT(*) FROM numbers GROUP BY n % {keys};
"""


def pipeline(box, redis, keys=4):
    return box.weir(PIPELINE.format(total=TOTAL, port=redis.port, keys=keys))


def counts(redis, keys=4):
    return [int(value or 0) for value in redis.pipeline([("GET", str(k)) for k in range(keys)])]


def saved(weir, target, *arguments):
    done = weir.call("savepoint", target, "--data-dir", weir.data, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(target), done.stdout
    return target


def test_a_savepoint_of_a_running_pipeline_is_one_of_another(box):
    redis = box.redis()
    weir = pipeline(box, redis).start()
    wait_until(lambda: sum(counts(redis)) > 3000, "counts", process=weir)
    target = saved(weir, weir.path("saved/monday"))
    weir.kill()
    before = sum(counts(redis))
    redis("FLUSHALL")
    other = pipeline(box, redis)
    done = other.call("restore", target, "--pipeline", "pipeline", "--data-dir", other.data)
    assert done.returncode == 0, done.stderr
    other.start()
    wait_until(lambda: sum(counts(redis)) == TOTAL, "all counts", 60, process=other)
    assert other.wait(30) == 0, other.log()
    assert before < TOTAL and "resumed from checkpoint" in other.stderr(), other.stderr()


def test_a_path_in_the_settings_does_the_same(box):
    redis = box.redis()
    weir = pipeline(box, redis).start()
    wait_until(lambda: sum(counts(redis)) > 3000, "counts", process=weir)
    assert weir.stop() == 0, weir.log()
    target = saved(weir, weir.path("saved"))
    redis("FLUSHALL")
    other = pipeline(box, redis)
    other.start("run", "pipeline.sql", "--data-dir", other.data, "--no-http",
                "-D", f"execution.savepoint.path=file://{target}")
    wait_until(lambda: sum(counts(redis)) == TOTAL, "all counts", 60, process=other)
    assert other.wait(30) == 0, other.log()


def test_what_an_edit_would_lose_is_said_before(box):
    redis = box.redis()
    weir = pipeline(box, redis).start()
    wait_until(lambda: sum(counts(redis)) > 100, "counts", process=weir)
    assert weir.stop() == 0, weir.log()
    done = weir.call("diff", "pipeline.sql", "--data-dir", weir.data)
    assert done.returncode == 0, done.stderr
    assert "kept" in done.stdout and "lost" not in done.stdout, done.stdout
    weir.write("pipeline.sql", PIPELINE.format(total=TOTAL, port=redis.port, keys=7))
    done = weir.call("diff", "pipeline.sql", "--data-dir", weir.data, "--json")
    assert done.returncode == 1, (done.returncode, done.stderr)
    fates = {(item["fate"], item["what"]) for item in json.loads(done.stdout)["items"]}
    assert ("lost", "state") in fates and ("new", "state") in fates, fates
    assert ("kept", "position") in fates, fates


def test_what_is_not_possible_is_said(box):
    redis = box.redis()
    weir = pipeline(box, redis)
    done = weir.call("restore", "nothing", "--pipeline", "pipeline", "--data-dir", weir.data)
    assert done.returncode == 66 and "no savepoint `nothing`" in done.stderr, (done.returncode, done.stderr)
    done = weir.call("savepoint", "saved", "--data-dir", weir.data)
    assert done.returncode == 66 and "WR4408" in done.stderr, (done.returncode, done.stderr)
    weir.start()
    wait_until(lambda: sum(counts(redis)) > 100, "counts", process=weir)
    target = saved(weir, weir.path("saved"))
    done = weir.call("savepoint", target, "--data-dir", weir.data)
    assert "WR4411" in done.stderr, done.stderr
    own = next(weir.path(weir.data).glob("jobs/*/checkpoints"))
    done = weir.call("savepoint", str(own / "mine" / "monday"), "--data-dir", weir.data)
    assert done.returncode == 65 and "WR4414" in done.stderr, (done.returncode, done.stderr)
    done = weir.call("restore", target, "--pipeline", "pipeline", "--data-dir", weir.data)
    assert done.returncode == 75 and "WR4406" in done.stderr, (done.returncode, done.stderr)
    assert weir.stop() == 0, weir.log()
    manifest = weir.path("saved/MANIFEST")
    damaged = bytearray(manifest.read_bytes())
    damaged[40] ^= 1
    manifest.write_bytes(damaged)
    done = weir.call("restore", target, "--pipeline", "pipeline", "--data-dir", weir.data)
    assert "WR4402" in done.stderr and "MANIFEST" in done.stderr, done.stderr


main()
