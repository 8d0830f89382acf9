"""Topics of a real Apache Kafka or of the hub, and tables over them: what the tests of the kafka
connector share."""

import json
import subprocess

from hub import Hub, python
from kafka import Kafka
from lib import Skip, wait_until


class Topics:
    """A server by its address, asked with kcat and kafka-python."""

    def __init__(self, kind, server):
        self.kind, self.server = kind, server

    @property
    def address(self):
        return self.server.address

    def make(self, name, partitions=1, **configs):
        return python(self.address, f"""
import json
from kafka.admin import KafkaAdminClient, NewTopic
KafkaAdminClient(bootstrap_servers=ADDRESS).create_topics(
    [NewTopic({name!r}, {partitions}, 1, topic_configs={configs!r})])
print(json.dumps(True))""")

    def python(self, script):
        return python(self.address, script)

    def kcat(self, *arguments, feed=None):
        done = subprocess.run(["kcat", "-b", self.address, *map(str, arguments)], input=feed,
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, (arguments, done.stderr, self.server.process.exit_code(),
                                      self.server.process.log_tail())
        return done.stdout

    def put(self, topic, lines, partition=0, *more):
        self.kcat("-P", "-t", topic, "-p", partition, *more, feed="".join(f"{line}\n" for line in lines))

    def get(self, topic, form="%p %o %k %s\\n", *more):
        """Lines of all records there are now, by partition and offset; nothing of transactions that
        are not committed."""
        text = self.kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", form,
                         "-X", "isolation.level=read_committed", *more)
        return sorted(text.splitlines(), key=lambda line: tuple(map(int, line.split()[:2]))
                      if form.startswith("%p %o") else 0)

    def end(self, topic, partition=0):
        """The offset behind the last record, seen by all or not."""
        return int(self.kcat("-Q", "-t", f"{topic}:{partition}:-1").split()[-1])

    def values(self, topic):
        """The values of all records, as JSON, each partition in its order."""
        return [json.loads(line) for line in self.get(topic, "%s\\n")]

    def restart(self):
        if self.kind == "kafka":
            self.server.process.kill()
            self.server.start()
        else:
            self.server.kill()
            self.server.start()


def servers(box, kinds=("hub", "kafka"), **properties):
    for kind in kinds:
        if kind == "hub":
            server = Hub(box).start()
        else:
            try:
                server = Kafka(box, **properties)
            except Skip as why:
                print(f"     without Apache Kafka: {why}", flush=True)
                continue
        yield Topics(kind, server)
        if kind == "hub":
            server.close()


def on(*kinds):
    """The test once for each kind of server."""
    def decorate(test):
        def run(box):
            ran = 0
            for topics in servers(box, kinds):
                print(f"     {test.__name__} with {topics.kind}", flush=True)
                test(topics, box)
                ran += 1
            if ran == 0:
                raise Skip("Apache Kafka is not set up (tools/kafka/setup)")
        run.__doc__ = test.__doc__
        return run
    return decorate


def table(topics, name, columns, topic, more, connector="kafka", format="json"):
    """CREATE TABLE over a topic."""
    what = "'format'" if connector == "kafka" and "key.format" not in more else "'value.format'"
    return (f"CREATE TABLE `{name}` ({columns}) WITH ('connector' = '{connector}', 'topic' = '{topic}', "
            f"'properties.bootstrap.servers' = '{topics.address}', {what} = '{format}'"
            f"{', ' + more if more else ''});\n")


EARLIEST = "'scan.startup.mode' = 'earliest-offset'"
BOUNDED = EARLIEST + ", 'scan.bounded.mode' = 'latest-offset'"


def run(weir, script, code=0):
    """Run the script from its beginning to its end; the lines that it prints, sorted."""
    weir.write("run.sql", script)
    done = weir.call("run", "run.sql", "--data-dir", weir.data, "--fresh")
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-4000:])
    return sorted(done.stdout.splitlines()) if code == 0 else done.stderr


def arrives(topics, topic, condition, what, process):
    wait_until(lambda: condition(topics.values(topic)), what, 60, process=process)
