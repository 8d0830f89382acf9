"""What becomes of the position of a source and the files of a sink when their tables are edited between two
runs: they go on, end, or are said to be lost; never is one taken for that of another."""

import re

from lib import http_get, main, wait_until

ROWS = 3000

PIPELINE = """
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE g (n BIGINT) WITH ({source});
CREATE TABLE r ({columns}) WITH ({sink});
INSERT INTO r SELECT {values} FROM g;
"""

SEQUENCE = f"""'connector' = 'datagen', 'rows-per-second' = '2000', 'fields.n.kind' = 'sequence',
  'fields.n.start' = '1', 'fields.n.end' = '{ROWS}'"""
FILES = "'connector' = 'filesystem', 'path' = '{path}', 'format' = '{format}'"


def pipeline(source=SEQUENCE, columns="n BIGINT", sink=FILES.format(path="out", format="csv"), values="n"):
    return PIPELINE.format(source=source, columns=columns, sink=sink, values=values)


def edit(weir, **what):
    weir.write("pipeline.sql", pipeline(**what))


def run_a_while(weir):
    """Some rows; then a stop in order."""
    def read():
        text = http_get(weir.url + "/metrics").text()
        return sum(map(int, re.findall(r"^weir_source_records_total\{.*\} (\d+)$", text, re.M)))
    weir.start()
    wait_until(lambda: read() >= 100, "rows", process=weir)
    assert weir.stop() == 0, weir.log()


def lines(weir, folder):
    """Of what can be seen, by kind of file."""
    found = {}
    for path in sorted((weir.folder / folder).glob("part-*")):
        if path.suffix != ".parquet":
            found.setdefault(path.suffix, []).extend(path.read_text().splitlines())
    return found


def test_files_end_where_their_kind_does(box):
    """Another format, other columns, another folder: each goes to files of its own, and no row is missing."""
    weir = box.weir(pipeline())
    run_a_while(weir)
    edit(weir, columns="n BIGINT, m STRING", values="n, 'x'")
    run_a_while(weir)
    edit(weir, sink=FILES.format(path="out", format="json"))
    run_a_while(weir)
    edit(weir, sink=FILES.format(path="out", format="parquet"))
    run_a_while(weir)
    edit(weir, sink=FILES.format(path="elsewhere", format="csv"))
    weir.start()
    assert weir.wait(60) == 0, weir.log()
    out, elsewhere = lines(weir, "out"), lines(weir, "elsewhere")
    plain = [line for line in out[".csv"] if "," not in line]
    named = [line for line in out[".csv"] if "," in line]
    assert all(re.fullmatch(r"\d+,x", line) for line in named) and named, named[:3]
    numbers = [int(re.search(r"\d+", line)[0]) for line in plain + named + out[".json"] + elsewhere[".csv"]]
    assert numbers == sorted(set(numbers)) and numbers[0] == 1 and numbers[-1] == ROWS
    count = weir.call("sql", "-e", "CREATE TABLE p (n BIGINT) WITH ('connector' = 'filesystem', 'path' = 'out', "
                      "'format' = 'parquet', 'source.path.regex-pattern' = '.*[.]parquet'); SELECT n FROM p")
    assert count.returncode == 0, count.stderr
    packed = [int(number) for number in re.findall(r"^\W*(\d+)\W*$", count.stdout, re.M)]
    assert sorted(numbers + packed) == list(range(1, ROWS + 1)), (len(numbers), len(packed))
    assert not list(weir.folder.rglob(".part-*"))


AGING = f"""
SET 'execution.checkpointing.interval' = '50 ms';
{{ttl}}
CREATE TABLE g (n BIGINT, k AS 0, ts AS TO_TIMESTAMP_LTZ(n, 3), WATERMARK FOR ts AS ts) WITH ({SEQUENCE});
CREATE TABLE counts (k INT, n BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'counts');
CREATE TABLE firsts (k INT, n BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'firsts');
CREATE TABLE lasts (k INT, n BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'lasts');
CREATE TABLE so_far (k INT, n BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'so_far');
INSERT INTO counts SELECT k, COUNT(*) FROM g GROUP BY k;
INSERT INTO firsts SELECT k, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) AS r FROM g) WHERE r = 1;
INSERT INTO lasts SELECT k, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY n) AS r FROM g) WHERE r <= 2;
INSERT INTO so_far SELECT k, COUNT(*) OVER (PARTITION BY k ORDER BY ts) FROM g;
"""


def test_state_that_begins_to_age_is_young(box):
    """A time to live on a pipeline that had none: it counts from then on, and nothing is forgotten at once."""
    weir = box.weir(AGING.format(ttl=""))
    run_a_while(weir)
    printed = weir.stdout()
    weir.write("pipeline.sql", AGING.format(ttl="SET 'table.exec.state.ttl' = '1 d';"))
    weir.start()
    assert weir.wait(60) == 0, weir.log()
    printed += weir.stdout()
    seen = {name: re.findall(rf"^{name}> ([+-][IUD])\[0, (\d+)\]", printed, re.M)
            for name in ("counts", "firsts", "lasts", "so_far")}
    assert [kind for kind, _ in seen["counts"]].count("+I") == 1, seen["counts"]
    assert seen["counts"][-1] == ("+U", str(ROWS)), seen["counts"][-3:]
    assert seen["firsts"] == [("+I", "1")], seen["firsts"]
    assert seen["lasts"] == [("+I", "1"), ("+I", "2")], seen["lasts"]
    assert seen["so_far"] == [("+I", str(n)) for n in range(1, ROWS + 1)], seen["so_far"][-3:]


def refuses(weir, lost):
    """A run would lose state, says so beforehand and does not begin."""
    told = weir.call("diff", "pipeline.sql", "--data-dir", weir.data)
    assert re.search(rf"^lost .*{lost}", told.stdout, re.M), told.stdout + told.stderr
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data, "--no-http")
    assert done.returncode == 78 and "WR4407" in done.stderr and lost in done.stderr, (done.returncode, done.stderr)


ZONED = f"""
SET 'execution.checkpointing.interval' = '50 ms';
SET 'table.local-time-zone' = '{{zone}}';
CREATE TABLE g (n BIGINT, rt AS TO_TIMESTAMP_LTZ(n, 3), WATERMARK FOR rt AS rt) WITH ({SEQUENCE});
CREATE TABLE days (d TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'days');
CREATE TABLE counts (k BIGINT, n BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'counts');
INSERT INTO counts SELECT MOD(n, 2), COUNT(*) FROM g GROUP BY MOD(n, 2);
"""
DAYS = "INSERT INTO days SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE g, DESCRIPTOR(rt), INTERVAL '1' DAY))" \
       " GROUP BY window_start, window_end;"


def test_state_of_another_zone_is_lost(box):
    """A day that was begun in one zone is none of another; what knows no zone goes on."""
    weir = box.weir(ZONED.format(zone="Europe/Berlin"))
    run_a_while(weir)
    weir.write("pipeline.sql", ZONED.format(zone="Asia/Tokyo"))
    told = weir.call("diff", "pipeline.sql", "--data-dir", weir.data)
    assert told.returncode == 0 and "lost" not in told.stdout, told.stdout + told.stderr
    weir.write("pipeline.sql", ZONED.format(zone="Asia/Tokyo") + DAYS)
    run_a_while(weir)
    weir.write("pipeline.sql", ZONED.format(zone="Europe/Berlin") + DAYS)
    refuses(weir, "1 d")
    told = weir.call("diff", "pipeline.sql", "--data-dir", weir.data)
    assert re.search(r"^lost .*\(begun with table.local-time-zone = Asia/Tokyo\)$", told.stdout, re.M), told.stdout
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data, "--no-http")
    assert "begun with table.local-time-zone = Asia/Tokyo, now it is Europe/Berlin" in done.stderr, done.stderr
    weir.start("run", "pipeline.sql", "--allow-state-loss")
    assert weir.wait(60) == 0, weir.log()
    counted = sum(int(n) for n in re.findall(r"^days> \+I\[1970-01-01T00:00, (\d+)\]", weir.stdout(), re.M))
    assert 0 < counted < ROWS - 100 and f"counts> +U[0, {ROWS // 2}]" in weir.stdout(), weir.stdout()[-2000:]


def test_another_connector_is_another_table(box):
    """Neither a position nor rows that wait to be committed are taken over."""
    weir = box.weir(pipeline())
    run_a_while(weir)
    edit(weir, sink="'connector' = 'print'")
    refuses(weir, "sink r")
    edit(weir, source="'connector' = 'filesystem', 'path' = 'in', 'format' = 'csv'")
    weir.write("in/1.csv", "7\n8\n")
    refuses(weir, "source g")
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data, "--no-http", "--allow-state-loss")
    assert done.returncode == 0, done.stderr
    rows = lines(weir, "out")[".csv"]
    assert rows[-2:] == ["7", "8"] and len(rows) > 2, rows[-3:]


def test_what_is_lost_is_named_once(box):
    """An operator has state on each shard, in several pieces; people count operators."""
    text = f"""
SET 'execution.checkpointing.interval' = '50 ms';
SET 'parallelism.default' = '2';
CREATE TABLE g (n BIGINT, k AS MOD(n, 7), v AS MOD(n, 5)) WITH ({SEQUENCE});
CREATE TABLE r (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'blackhole');
CREATE TABLE r2 (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'blackhole');
INSERT INTO r SELECT k, COUNT(*) FROM g GROUP BY k;
INSERT INTO r2 SELECT v, COUNT(DISTINCT k) FROM g GROUP BY v;
"""
    text = text.replace(f"'{ROWS}'", "'1000000'")  # more than can be read before the stop
    weir = box.weir(text)
    run_a_while(weir)
    weir.write("pipeline.sql", text.replace("GROUP BY k", "GROUP BY k, v").replace("GROUP BY v", "GROUP BY v, n"))
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data, "--no-http")
    assert done.returncode == 78, done.stderr
    names = re.findall(r"`([^`]+)`", re.search(r"the state of (.*), which", done.stderr)[1])
    assert names and len(names) == len(set(names)), done.stderr


def test_a_mistake_on_the_command_line_is_shown_there(box):
    weir = box.weir(pipeline())
    done = weir.call("check", "pipeline.sql", "-D", "execution.checkpointing.intervall=1s", "-D", "s3.secret=hush")
    assert "unknown setting `execution.checkpointing.intervall`" in done.stderr, done.stderr
    assert "pipeline.sql:" not in done.stderr and "-D:1:1" in done.stderr and "hush" not in done.stderr, done.stderr


def test_after_a_stop_jdbc_has_nothing_to_lose(box):
    """Rows that wait are of the old columns: others need a word of consent, and after a stop no row goes."""
    postgres = box.postgres()
    postgres.sql("CREATE TABLE t (n BIGINT, m BIGINT)")
    target = f"""'connector' = 'jdbc', 'url' = 'jdbc:postgresql://127.0.0.1:{postgres.port}/weir', 'username' = 'weir',
      'password' = 'weir-secret', 'table-name' = 't', 'sink.delivery-guarantee' = 'exactly-once'"""
    weir = box.weir(pipeline(sink=target))
    run_a_while(weir)
    edit(weir, sink=target, columns="m BIGINT, n BIGINT", values="-n, n")
    refuses(weir, "sink r")
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data, "--no-http", "--allow-state-loss")
    assert done.returncode == 0, done.stderr
    found = postgres.sql("SELECT count(*), count(DISTINCT n), min(n), max(n), bool_and(m IS NULL OR m = -n) FROM t")
    assert found == [[str(ROWS), str(ROWS), "1", str(ROWS), "t"]], found


def test_a_lost_manifest_is_not_a_beginning(box):
    """Though it was that of the only checkpoint there was: to start over would write all rows twice."""
    weir = box.weir(pipeline().replace("'50 ms'", "'1 h'"))
    run_a_while(weir)
    [manifest] = weir.data.rglob("chk-*/MANIFEST")
    text = manifest.read_bytes()
    manifest.unlink()
    for _ in range(2):
        done = weir.call("run", "pipeline.sql", "--data-dir", weir.data, "--no-http")
        assert done.returncode == 74 and "MANIFEST is gone" in done.stderr, (done.returncode, done.stderr)
    manifest.write_bytes(text)
    weir.start()
    assert weir.wait(60) == 0, weir.log()
    assert not list(weir.data.rglob("made-*"))
    assert sorted(map(int, lines(weir, "out")[".csv"])) == list(range(1, ROWS + 1))


main()
