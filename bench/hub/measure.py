"""The hub against Apache Kafka: the same client, the same durability, the same two cores."""

import contextlib
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

import harness as h
import kafka
from lib import free_port

CLIENT = h.BUILD / "bench" / "hub" / "client"
IDLE = pathlib.Path(__file__).parent / "Idle.java"
IDLE_PARTITIONS = 1000
SIZES = (100, 1024)
PARTITIONS = (1, 16)
CROWD = 4  # consumers at once
# As its scripts start it: a gigabyte of heap, G1, all of the compiler.
JAVA = ["java", "-Xmx1g", "-Xms1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
        "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"]
FIGURE = re.compile(r"(\w+)=([\d.]+)")
TICKS = os.sysconf("SC_CLK_TCK")


def figures_of(output):
    """What a client prints, as numbers."""
    return {key: float(value) for key, value in FIGURE.findall(output)}


def client(what, address, *arguments):
    return figures_of(h.run([CLIENT, what, address, *arguments]).output)


def crowd(what, address, *arguments):
    """Several at once: what they have done together."""
    clients = [subprocess.Popen([str(part) for part in (CLIENT, what, address, *arguments)], stdout=subprocess.PIPE,
                                text=True, preexec_fn=h.die_with_parent) for _ in range(CROWD)]
    each = [figures_of(one.communicate()[0]) for one in clients]
    assert all(one.returncode == 0 for one in clients)
    return {"bytes": sum(one["bytes"] for one in each), "seconds": max(one["seconds"] for one in each)}


class Contestant:
    """A server that is started as a user would, and how long that took."""

    def __init__(self, folder, argv, port):
        self.name = folder.name
        self.address = f"127.0.0.1:{port}"
        self.log = open(folder / "log", "wb")  # pylint: disable=consider-using-with
        began = time.monotonic()
        self.process = subprocess.Popen([str(part) for part in argv], stdout=self.log, stderr=self.log, cwd=folder,
                                        preexec_fn=self._prepare)
        client("ready", self.address)
        self.ready_seconds = time.monotonic() - began

    @staticmethod
    def _prepare():
        h.die_with_parent()
        os.sched_setaffinity(0, h.CORES)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_bytes(self):
        return h.resident_bytes(self.process.pid)

    def create(self, topic, partitions):
        subprocess.run([str(h.WEIR), "topic", "create", topic, "-p", str(partitions), "-b", self.address,
                        "--config", "flush.messages=1", "--quiet"], check=True, capture_output=True)

    def delete(self, topic):
        subprocess.run([str(h.WEIR), "topic", "delete", topic, "-b", self.address, "--quiet"], check=True,
                       capture_output=True)

    def measured(self, what, *arguments, ask=client):
        """The client's figures, and the processor seconds of the server meanwhile."""
        before = self.cpu_seconds()
        try:
            figures = ask(what, self.address, *arguments)
        except RuntimeError as error:
            raise RuntimeError(f"{error}\nThe server was {self.name}, which has said:\n{self.said()}") from error
        figures["cpu"] = self.cpu_seconds() - before
        return figures

    def said(self):
        return "\n".join(pathlib.Path(self.log.name).read_text("utf-8", "replace").splitlines()[-20:])

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        finally:
            self.process.kill()
            self.log.close()


def start_weir(folder):
    folder.mkdir(exist_ok=True)
    port = free_port()
    return Contestant(folder, [h.WEIR, "hub", "--listen", f"127.0.0.1:{port}", "--data-dir", folder / "data"], port)


def start_kafka(folder):
    folder.mkdir(exist_ok=True)
    port, controller = free_port(), free_port()
    config = folder / "server.properties"
    config.write_text(kafka.PROPERTIES.format(port=port, controller=controller, folder=folder) +
                      "auto.create.topics.enable=false\nlog.segment.delete.delay.ms=1000\n", "utf-8")
    if not (folder / "data").exists():
        kafka.tool("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c", config, "--standalone")
    return Contestant(folder, [*JAVA, "-cp", kafka.jars(), "kafka.Kafka", config], port)


def starts(folder):
    """Seconds to the first answer, with what the runs before have left: (weir, Kafka)."""
    taken = {}
    for name, start in (("weir", start_weir), ("kafka", start_kafka)):
        taken[name] = []
        for _ in range(1 if h.IS_QUICK else 3):
            server = start(folder / name)
            taken[name].append(server.ready_seconds)
            server.stop()
    return statistics.median(taken["weir"]), statistics.median(taken["kafka"])


class Comparison:
    """Runs of one kind with both, in turn: weir, Kafka, weir again for what chance makes of it."""

    def __init__(self, report, weir, other, rounds):
        self.report, self.servers, self.rounds = report, [weir, other, weir], rounds
        self.rows = []

    def rates(self, name, target, figure, what, *arguments, ask=client):
        runs = [[], [], []]
        for _ in range(self.rounds):
            for server, figures in zip(self.servers, runs):
                figures.append(server.measured(what, *arguments, ask=ask))
        rates = [[one[figure] / one["seconds"] for one in figures] for figures in runs]
        costs = [statistics.median(one["cpu"] / one[figure] for one in figures) for figures in runs]
        ours, theirs, again = (statistics.median(values) for values in rates)
        both = statistics.median(rates[0] + rates[2])
        scale, unit, much = (1e6, "MB/s", 1e9) if figure == "bytes" else (1, "records/s", 1e6)
        self.report.measure(f"hub, {name}, against Kafka", both / scale, unit, both / theirs, target,
                            cpu_ratio=costs[1] / costs[0] if costs[0] > 0 else None)
        self.rows.append([name, h.spread([value / scale for value in rates[0] + rates[2]], 0),
                          h.spread([value / scale for value in rates[1]], 0), unit, f"{again / ours:.2f}",
                          *(f"{cost * much:.2f}" for cost in costs[:2]),
                          f"{costs[1] / max(costs[0], 1e-12):.2f}"])
        return theirs


def latency(comparison, rate):
    """p99 of both at half of what the slower one can, in milliseconds."""
    seconds = 2 if h.IS_QUICK else 10
    worst = []
    for server in comparison.servers[:2]:
        server.create("late", 1)
        worst.append(server.measured("produce", "late", 1, 100, seconds, rate / 2)["p99_us"] / 1000)
    comparison.report.measure("hub, p99 of produce at half load, against Kafka", worst[0], "ms", worst[0] / worst[1],
                              1.0, at_most=True)


def warm_up(servers):
    """A virtual machine compiles what has run for a while."""
    for server in servers:
        server.create("warm", 1)
        for _ in range(1 if h.IS_QUICK else 3):
            client("write", server.address, "warm", 1, 100, 1)
            client("produce", server.address, "warm", 1, 100, 3)
            client("fetch", server.address, "warm", 1, 3)


def idle(report, servers):
    """What a consumer costs that has nothing to read (the Java client)."""
    seconds = 2 if h.IS_QUICK else 20
    rows, costs = [], []
    for name, server in servers.items():
        server.create("idle", IDLE_PARTITIONS)
        with subprocess.Popen(["java", *kafka.HEAP, "-cp", kafka.jars(), IDLE, server.address, "idle", str(IDLE_PARTITIONS),
                               str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              preexec_fn=h.die_with_parent) as consumer:
            assert consumer.stdout.readline().strip() == "begin"
            before = server.cpu_seconds()
            figures = {key: float(value) for key, value in FIGURE.findall(consumer.stdout.readline())}
            costs.append((server.cpu_seconds() - before) / seconds)
        rows.append([name, *(f"{figures[key] / seconds:.0f}" for key in ("sent", "received")), f"{costs[-1]:.2%}"])
    report.measure(f"hub, processor time while a consumer of {IDLE_PARTITIONS} partitions is idle, against Kafka",
                   costs[0] * 1000, "ms/s", costs[0] / max(costs[1], 1e-6), 1, at_most=True)
    report.table(["idle consumer", "bytes sent a second", "received", "processor of the server"], rows)


def compare(report, weir, other):
    seconds = 1 if h.IS_QUICK else 4
    warm_up([weir, other])
    comparison = Comparison(report, weir, other, 1 if h.IS_QUICK else 3)
    slower = 0
    for partitions in PARTITIONS:
        for size in SIZES:
            topic = f"t{partitions}.{size}"
            for server in (weir, other):
                server.create(topic, partitions)
            what = f"{size} B, {partitions} partition{'s' if partitions > 1 else ''}"
            for server in (weir, other):
                server.create(f"w{topic}", partitions)
            comparison.rates(f"write {what}", 2, "records", "write", f"w{topic}", partitions, size, seconds / 2)
            for server in (weir, other):
                server.delete(f"w{topic}")
            time.sleep(0 if h.IS_QUICK else 3)  # Kafka's files go a second later
            rate = comparison.rates(f"produce {what}", None, "records", "produce", topic, partitions, size,
                                    seconds)
            slower = rate if (partitions, size) == (1, 100) else slower
            comparison.rates(f"fetch {what}", 2, "bytes", "fetch", topic, partitions, seconds)
            comparison.rates(f"consume {what}, by librdkafka", None, "records", "consume", topic, partitions, seconds)
    many, most = max(SIZES), max(PARTITIONS)
    comparison.rates(f"fetch {many} B, {most} partitions, {CROWD} consumers", 2, "bytes", "fetch", f"t{most}.{many}", most,
                     seconds, ask=crowd)
    latency(comparison, slower)
    report.measure("hub, resident memory after that, against Kafka", weir.resident_bytes() / 1e6, "MB",
                   weir.resident_bytes() / other.resident_bytes(), 0.1, at_most=True)
    report.table(["", "hub", "Kafka", "", "hub again to hub", "processor seconds of the hub", "of Kafka", "Kafka to hub"],
                 comparison.rows)


def measure(report):
    subprocess.run(["ninja", "-C", str(h.BUILD), "bench/hub/client"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([str(h.TOP / "tools" / "kafka" / "setup")], check=True)
    h.DATA.mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(dir=h.DATA))
    report.section("The hub", "Against Apache Kafka 4.1.1 with a gigabyte of heap and flush.messages=1: what is "
                   "acknowledged is on the disk, with both. The client (hub/client.c) shares the two cores with the "
                   "server. `fetch` is a bare socket that looks at nothing but offsets, `write` one that sends a batch "
                   "which was made once (10,000 records, or a megabyte), five on their way, so that the server "
                   "decides; `produce` and `consume` are librdkafka. In turn: hub, Kafka, hub again. With librdkafka how fast both are together with "
                   "their client depends on the client, too, which has one of the two cores; the processor "
                   "seconds of the server alone, for a gigabyte that is fetched or a million records, do not.")
    try:
        with contextlib.ExitStack() as stack:
            servers = []
            for name, start in (("weir", start_weir), ("kafka", start_kafka)):
                servers.append(start(folder / name))
                stack.callback(servers[-1].stop)
            compare(report, *servers)
            idle(report, dict(zip(("hub", "Kafka"), servers)))
        ours, theirs = starts(folder)
        report.measure("hub, from start to ready", ours * 1000, "ms", target=100, at_most=True)
        report.measure("hub, from start to ready, against Kafka", ours, "s", ours / theirs)
    finally:
        shutil.rmtree(folder)
