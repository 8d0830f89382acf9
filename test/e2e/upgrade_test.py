"""What older versions have left in their folders is gone on with, exactly; what later ones will leave is refused.

test/fixtures/make wrote the folders, with the versions that they are named after."""

import hashlib
import json
import pathlib
import re
import shutil
import struct

from hub import Hub
from lib import main, wait_until
from upgrade import FIXTURES, newest_fixture, rows, start, table_names, unpack

NEXT_MANIFEST = b"5" + struct.pack("<I", 5)


def archive_lines(weir):
    """Of files in progress, too, which the next run would go on with."""
    return sorted(line for path in weir.folder.glob("archive/*part-*") for line in path.read_text().splitlines())


def add_the_other_half(weir):
    for path in weir.folder.glob("later/*/2.json"):
        path.rename(weir.path(path.parent.name) / "2.json")


def test_state_of_older_versions_is_gone_on_with(box):
    """Every kind of state: what comes of the second half is what comes of both halves in one run."""
    assert FIXTURES
    for fixture in FIXTURES:
        fresh = box.weir()
        unpack(fixture, "job", fresh.folder)
        shutil.rmtree(fresh.data)
        shutil.rmtree(fresh.path("archive"), ignore_errors=True)
        start(fresh)
        wait_until(lambda weir=fresh: rows(weir, "totals") and len(rows(weir, "sessions")) > 100, "the first half",
                   process=fresh)
        add_the_other_half(fresh)
        older = box.weir()
        unpack(fixture, "job", older.folder)
        start(older)
        before = wait_until(lambda weir=older: {table: rows(weir, table) for table in table_names(weir)}, "an answer",
                            process=older)
        assert all(before.values()), [table for table, found in before.items() if not found]
        assert "resumed from checkpoint" in older.stderr(), older.log()
        add_the_other_half(older)
        for table in table_names(older):
            def is_same(name=table):
                return before[name] != rows(fresh, name) == rows(older, name)
            wait_until(is_same, f"{table} of {fixture.name} to be the same", 60, process=older)
        assert older.stop() == 0 and fresh.stop() == 0, older.log()
        assert archive_lines(older) == archive_lines(fresh) and archive_lines(older)
        letters = [json.loads(line) for line in (older.data / "dead-letters/payments.jsonl").read_text().splitlines()]
        assert len(letters) == 1, letters


def contents(folder):
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in ("LOCK", "lock")}


def test_state_of_a_later_version_is_refused_and_stays(box):
    weir = box.weir()
    unpack(newest_fixture(), "job", weir.folder)
    manifest = max(weir.data.glob("jobs/*/checkpoints/*/MANIFEST"), key=lambda path: path.stat().st_mtime)
    text = manifest.read_bytes()
    digit = re.match(rb"[A-Za-z]+", text).end()
    manifest.write_bytes(text[:digit] + NEXT_MANIFEST + text[digit + len(NEXT_MANIFEST):])
    before = contents(weir.data)
    start(weir)
    assert weir.wait(30) == 65, weir.log()
    assert "WR4401" in weir.stderr() and "another version" in weir.stderr(), weir.stderr()
    assert contents(weir.data) == before


HUB_CHECK = """
from kafka import KafkaConsumer, TopicPartition, KafkaProducer, KafkaAdminClient
import json
def read(topic, partition, level='read_committed'):
    consumer = KafkaConsumer(bootstrap_servers=ADDRESS, enable_auto_commit=False, isolation_level=level,
                             auto_offset_reset='earliest', consumer_timeout_ms=1000)
    where = TopicPartition(topic, partition)
    consumer.assign([where])
    end = consumer.end_offsets([where])[where]
    found = []
    while consumer.position(where) < end:
        for records in consumer.poll(timeout_ms=200).values():
            found += [[r.offset, (r.key or b'').decode(), None if r.value is None else r.value.decode(), r.timestamp]
                      for r in records]
    consumer.close()
    return found
group = KafkaConsumer(bootstrap_servers=ADDRESS, group_id='g', enable_auto_commit=False)
committed = [group.committed(TopicPartition('plain', p)) for p in (0, 1)]
producer = KafkaProducer(bootstrap_servers=ADDRESS, acks='all', transactional_id='t')
producer.init_transactions()
producer.begin_transaction()
more = producer.send('sure', value=b'more', timestamp_ms=1)
producer.commit_transaction()
print(json.dumps({'plain': [read('plain', 0), read('plain', 1)], 'latest': read('latest', 0), 'sure': read('sure', 0),
                  'committed': committed}))
"""


def check_hub(found):
    base = 1764547200000
    for partition in (0, 1):
        expected = [[at, f"k{i}", f"value {i}", base + i] for at, i in enumerate(range(partition, 1000, 2))]
        assert found["plain"][partition] == expected, found["plain"][partition][:3]
    last = {}
    for _, key, value, _ in found["latest"]:
        last[key] = value
    assert last == {f"k{k}": None if k == 7 else f"value {980 + k}" for k in range(20)}, last
    assert [value for _, _, value, _ in found["sure"]] == \
        [f"{i} of {t}" for t in range(0, 10, 2) for i in range(10)] + ["more"], found["sure"]
    assert found["committed"] == [123, 45], found["committed"]


def test_folders_of_older_hubs_are_gone_on_with(box):
    for fixture in FIXTURES:
        hub = box.keep(Hub(box, "--offsets-retention-minutes", "100000000", name=f"hub-{fixture.name}"))
        unpack(fixture, "hub", pathlib.Path(hub.folder))
        hub.start()
        check_hub(hub.python(HUB_CHECK))
        hub.stop()
        code, found = hub.fsck()
        assert code == 0, found


def test_a_folder_of_a_later_hub_is_refused_and_stays(box):
    hub = box.keep(Hub(box))
    folder = pathlib.Path(hub.folder)
    unpack(newest_fixture(), "hub", folder)
    marks, = folder.rglob("marks")
    body = b"WPM3" + marks.read_bytes()[4:-4]
    marks.write_bytes(body + struct.pack("<I", crc32c(body)))
    before = contents(folder)
    hub.launch()
    assert hub.process.wait(30) == 65, hub.process.log_tail()
    assert "WR5307" in hub.process.stderr() and "later version" in hub.process.stderr(), hub.process.stderr()
    assert contents(folder) == before


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


main()
