"""Look-up joins while MariaDB, PostgreSQL and Redis are gone, slow or changing."""

import re
import signal
import time

from lib import TIME_SCALE, main, wait_until
from lookups import each, metric, printed, stream


# ---------------------------------------------------------------- trouble while it runs

@each
def test_the_server_may_be_gone_for_a_while(server, box):
    """Killed and started again: no row is lost, none comes twice."""
    server.fill({1: "one"})
    weir = box.weir(stream(server)).start()
    wait_until(lambda: len(printed(weir.stdout())) > 10, "the first rows", process=weir)
    server.server.kill()
    time.sleep(3)
    assert weir.is_alive(), weir.log()
    before = len(printed(weir.stdout()))
    server.server.start()
    if server.NAME == "redis":
        server.put({1: "one"})
    wait_until(lambda: len(printed(weir.stdout())) > before + 40, "rows after the outage", 60,
               process=weir)
    assert metric(weir, "weir_lookup_retries_total") > 0
    assert weir.stop() == 0, weir.log()
    rows = [int(row) for row in re.findall(r"\+I\[(\d+), ", weir.stdout())]
    assert sorted(rows) == list(range(1, len(rows) + 1)), rows


@each
def test_a_second_stop_does_not_wait_for_a_server_that_is_gone(server, box):
    """The last checkpoint cannot be had then; the next run goes on from the one before."""
    server.fill({1: "one"})
    weir = box.weir("SET 'execution.checkpointing.interval' = '500 ms';\n" + stream(server)).start()
    wait_until(lambda: metric(weir, "weir_checkpoint_completed_total") > 1, "a checkpoint", process=weir)
    server.server.kill()
    time.sleep(1)
    began = time.monotonic()
    weir.process.send_signal(signal.SIGTERM)
    time.sleep(1.5)
    assert weir.is_alive()
    assert weir.stop() == 128 + signal.SIGTERM
    assert time.monotonic() - began < 30 * TIME_SCALE
    first = weir.stdout()
    server.server.start()
    if server.NAME == "redis":
        server.put({1: "one"})
    weir.start()
    wait_until(lambda: len(printed(weir.stdout())) > 20, "rows again", process=weir)
    assert weir.stop() == 0, weir.log()
    rows = {int(row) for row in re.findall(r"\+I\[(\d+), one\]", first + weir.stdout())}
    assert rows == set(range(1, len(rows) + 1)), sorted(rows)


@each
def test_a_slow_server_is_waited_for(server, box):
    """A request that takes longer than its timeout is given up and made again."""
    server.fill({1: "one"})
    weir = box.weir(stream(server, hint="/*+ LOOKUP('table'='t', 'async'='true', "
                                        "'timeout'='1s') */")).start()
    wait_until(lambda: len(printed(weir.stdout())) > 10, "the first rows", process=weir)
    thaw = server.freeze()
    wait_until(lambda: metric(weir, "weir_lookup_retries_total") >= 1, "a request given up", 30,
               process=weir)
    time.sleep(0.5)
    before = len(printed(weir.stdout()))
    thaw()
    wait_until(lambda: len(printed(weir.stdout())) > before + 40, "rows after that", 60,
               process=weir)
    assert weir.stop() == 0, weir.log()
    rows = [int(row) for row in re.findall(r"\+I\[(\d+), ", weir.stdout())]
    assert sorted(rows) == list(range(1, len(rows) + 1)), rows


@each
def test_a_cache_is_asked_until_it_expires(server, box):
    server.fill({1: "old"})
    weir = box.weir(stream(server, server.cache(3))).start()
    wait_until(lambda: "old]" in weir.stdout(), "the first rows", process=weir)
    server.change(1, "new")
    wait_until(lambda: "new]" in weir.stdout(), "the changed row", process=weir)
    rows = len(printed(weir.stdout()))
    assert rows > 20, rows
    assert 2 <= metric(weir, "weir_lookup_keys_total") < rows / 2
    assert metric(weir, "weir_lookup_cache_hits_total") > rows / 2
    assert weir.stop() == 0, weir.log()


main()
