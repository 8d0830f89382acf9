"""Checkpoints in the hands of a person: taken from a running pipeline, given to another, compared."""

import json
import re
import signal
import subprocess

from chaos import Chaos, Fault
from lib import BINARY, main, wait_until

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


STEPS = """
SET 'execution.checkpointing.interval' = '50 ms';
SET 'execution.checkpointing.num-retained' = '4';
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '2000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '4000');
CREATE TABLE counted (n BIGINT) WITH ('connector' = 'print');
INSERT INTO counted SELECT COUNT(*) FROM numbers;
"""


def checkpoints(weir):
    found = weir.path(weir.data).glob("jobs/*/checkpoints/chk-*/MANIFEST")
    return sorted((path.parent for path in found), key=lambda path: int(path.name[4:]))


def test_an_older_checkpoint_of_its_own_is_gone_back_to(box):
    """Each that is kept, after a stop and after a kill; nothing is lost before there is a newer one."""
    for which in (0, 1, -1):
        weir = box.weir(STEPS)
        weir.start()
        wait_until(lambda w=weir: len(checkpoints(w)) == 4, "checkpoints", process=weir)
        if which == 0:
            weir.kill()
        else:
            assert weir.stop() == 0, weir.log()
        start = checkpoints(weir)[which]
        weir.start("run", "pipeline.sql", "--fresh", "-D", f"execution.state-recovery.path={start}")
        if which == 1:  # and once more, from the same, before or after there are others
            weir.kill()
            assert start.exists() or len(checkpoints(weir)) == 4, checkpoints(weir)
            start = checkpoints(weir)[0]
            weir.start("run", "pipeline.sql", "--fresh", "-D", f"execution.state-recovery.path={start}")
        assert weir.wait(30) == 0, weir.log()
        assert "+U[4000]" in weir.stdout() and "+I[1]" not in weir.stdout(), weir.log()


def test_a_place_that_was_forgotten_is_asked_for(box):
    """A run that would go on from older checkpoints, or from none, does not begin."""
    weir = box.weir(STEPS)
    place = ["--checkpoint-dir", str(box.path("place"))]
    for with_older in (True, False):
        weir = box.weir(STEPS)
        if with_older:
            weir.start()
            wait_until(lambda w=weir: checkpoints(w), "checkpoints", process=weir)
            assert weir.stop() == 0, weir.log()
            done = weir.call("run", "pipeline.sql", "--no-http", "--data-dir", weir.data, *place)
            assert done.returncode == 65 and "WR4416" in done.stderr, (done.returncode, done.stderr)
        weir.start("run", "pipeline.sql", *place, "--fresh")
        wait_until(lambda: list(box.path("place").glob("*/chk-*/MANIFEST")), "checkpoints", process=weir)
        assert weir.stop() == 0, weir.log()
        done = weir.call("run", "pipeline.sql", "--no-http", "--data-dir", weir.data)
        assert done.returncode == 65 and "WR4416" in done.stderr and str(box.path("place")) in done.stderr, done.stderr
        weir.start("run", "pipeline.sql", *place)
        assert weir.wait(30) == 0, weir.log()
        assert "resumed from checkpoint" in weir.stderr() and "+U[4000]" in weir.stdout(), weir.log()


def test_another_name_is_another_pipeline_and_is_told(box):
    weir = box.weir(STEPS)
    weir.start()
    wait_until(lambda: checkpoints(weir), "checkpoints", process=weir)
    assert weir.stop() == 0, weir.log()
    weir.start("run", "pipeline.sql", "-D", "pipeline.name=renamed")
    wait_until(lambda: "`renamed` starts at the beginning" in weir.stderr(), "a word", process=weir)
    assert "`pipeline`" in weir.stderr(), weir.log()
    assert weir.stop() == 0, weir.log()


def test_a_pipeline_is_stopped_with_a_savepoint(box):
    """Nothing comes behind it: what goes on from there counts each number once."""
    redis = box.redis()
    weir = pipeline(box, redis).start()
    wait_until(lambda: sum(counts(redis)) > 3000, "counts", process=weir)
    target = saved(weir, weir.path("saved"), "--stop")
    assert weir.wait(10) == 0, weir.log()
    at = sum(counts(redis))
    other = pipeline(box, redis)
    assert other.call("restore", target, "--pipeline", "pipeline", "--data-dir", other.data).returncode == 0
    redis("FLUSHALL")
    other.start()
    wait_until(lambda: all(counts(redis)), "counts", process=other)
    assert sum(counts(redis)) >= at, "it does not go on where the other stopped"
    assert other.wait(60) == 0, other.log()
    assert sum(counts(redis)) == TOTAL > at
    again = weir.call("savepoint", weir.path("again"), "--data-dir", weir.data, "--stop")
    assert again.returncode == 0 and "nothing runs" in again.stderr, again.stderr


STUCK = """
SET 'execution.checkpointing.interval' = '200 ms';
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '100000000');
CREATE TABLE printed (n BIGINT) WITH ('connector' = 'print');
CREATE TABLE stored (n BIGINT, v BIGINT, PRIMARY KEY (n) NOT ENFORCED) WITH (
  'connector' = 'redis', 'host' = '127.0.0.1', 'port' = '{port}', 'command' = 'SET');
INSERT INTO printed SELECT n FROM numbers;
INSERT INTO stored SELECT n, n FROM numbers;
"""


def test_a_stop_that_fails_makes_no_savepoint_of_the_end(box):
    """With a sink that takes nothing, and killed: the copy stays, and is not said to be the last word."""
    redis = box.redis()
    proxy = Chaos(redis.port)
    weir = box.weir(STUCK.format(port=proxy.port)).start()
    wait_until(lambda: redis("DBSIZE") > 500, "rows", process=weir)
    proxy.fault = Fault(is_stalled=True)
    there = weir.stdout().count("+I")
    wait_until(lambda: weir.stdout().count("+I") > there + 50, "rows behind", process=weir)
    done = weir.call("savepoint", weir.path("saved"), "--stop", "--data-dir", weir.data, seconds=120)
    assert weir.wait(10) == 75, weir.log()
    assert done.returncode == 69 and "WR4426" in done.stderr and done.stdout == "", done
    assert "exit code 75" in done.stderr and "WR4405" not in done.stdout, done.stderr
    assert int(re.search(r"up to (\d+) rows", done.stderr).group(1)) > 0, done.stderr
    assert weir.path("saved/MANIFEST").exists()
    proxy.fault = Fault()
    weir.start()
    wait_until(lambda: "resumed from checkpoint" in weir.stderr() and weir.stdout(), "rows", process=weir)
    weir.process.send_signal(signal.SIGSTOP)
    stopper = subprocess.Popen([BINARY, "savepoint", weir.path("killed"), "--stop", "--data-dir", weir.data],
                               cwd=weir.path("."), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: (weir.path(weir.data) / "stop").exists(), "the question")
    weir.kill()
    said = stopper.communicate(timeout=60)[1]
    assert stopper.returncode == 69 and "did not say how it ended" in said, (stopper.returncode, said)
    left = [path.name for path in weir.path(weir.data).iterdir()]
    assert "stop" not in left and "stopped" not in left, left


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
