"""Kafka's own tools: ADDRESS CLASSPATH → results."""

import json
import re
import subprocess
import sys
import tempfile

ADDRESS, JARS = sys.argv[1:3]
SERVER = ["--bootstrap-server", ADDRESS]
HEAP = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
TOPICS = "org.apache.kafka.tools.TopicCommand"
CONFIGS = "kafka.admin.ConfigCommand"


def tool(name, *arguments, feed=""):
    """[exit code, lines without what differs from run to run]"""
    done = subprocess.run(["java", *HEAP, "-cp", JARS, name, *map(str, arguments)], input=feed, text=True,
                          capture_output=True, check=False, timeout=120)
    out = []
    for line in done.stdout.splitlines():
        line = line.replace(ADDRESS, "ADDRESS")
        line = re.sub(r"TopicId: \S+", "TopicId: ID", line)
        # What is of replicas, and where Kafka takes defaults from.
        line = re.sub(r" synonyms=\{.*\}|\tElr:.*|min\.insync\.replicas=1,?", "", line)
        line = re.sub(r"\s+", " ", line).strip()
        if line and "SLF4J" not in line and "WARN" not in line:
            out.append(line)
    return [done.returncode, out]


def ordered(result):
    return [result[0], sorted(result[1])]


def topics():
    return [tool(TOPICS, *SERVER, "--create", "--topic", "kt", "--partitions", 2, "--config", "retention.ms=-1"),
            tool(TOPICS, *SERVER, "--create", "--topic", "kt", "--if-not-exists"),
            tool(TOPICS, *SERVER, "--alter", "--topic", "kt", "--partitions", 3),
            tool(TOPICS, *SERVER, "--describe", "--topic", "kt"),
            tool(TOPICS, *SERVER, "--create", "--topic", "kt-gone"),
            tool(TOPICS, *SERVER, "--delete", "--topic", "kt-gone"),
            tool(TOPICS, *SERVER, "--list", "--exclude-internal", "--topic", "kt.*")]


def console():
    lines = "".join(f"key{i}:value {i}\n" for i in range(20))
    out = []
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        out.append(tool("org.apache.kafka.tools.ConsoleProducer", *SERVER, "--topic", f"kt-{codec}", "--compression-codec", codec,
                        "--property", "parse.key=true", "--property", "key.separator=:", feed=lines)[0])
        out.append(tool("org.apache.kafka.tools.consumer.ConsoleConsumer", *SERVER, "--topic", f"kt-{codec}", "--from-beginning",
                        "--max-messages", 20, "--property", "print.key=true", "--property", "print.offset=true"))
    return out


def groups():
    tool("org.apache.kafka.tools.ConsoleProducer", *SERVER, "--topic", "kt-group", feed="1\n2\n3\n4\n5\n")
    read = tool("org.apache.kafka.tools.consumer.ConsoleConsumer", *SERVER, "--topic", "kt-group", "--group", "kt-readers",
                "--from-beginning", "--max-messages", 3, "--consumer-property", "max.poll.records=1")
    return [read, "kt-readers" in tool(GROUPS, *SERVER, "--list")[1],
            tool(GROUPS, *SERVER, "--describe", "--group", "kt-readers", "--state")[0],
            tool(GROUPS, *SERVER, "--group", "kt-readers", "--topic", "kt-group", "--reset-offsets", "--to-offset", 2, "--execute"),
            ordered(tool(GROUPS, *SERVER, "--describe", "--group", "kt-readers", "--offsets")),
            tool(GROUPS, *SERVER, "--delete-offsets", "--group", "kt-readers", "--topic", "kt-group"),
            tool(GROUPS, *SERVER, "--delete", "--group", "kt-readers"),
            tool(GROUPS, *SERVER, "--describe", "--group", "kt-readers")]


def configs():
    topic = ["--entity-type", "topics", "--entity-name", "kt"]
    return [tool(CONFIGS, *SERVER, *topic, "--alter", "--add-config", "retention.ms=100000,cleanup.policy=[compact,delete]"),
            tool(CONFIGS, *SERVER, *topic, "--describe"), tool(CONFIGS, *SERVER, *topic, "--alter", "--delete-config", "retention.ms"),
            tool(CONFIGS, *SERVER, *topic, "--describe")]


def records():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as said:
        json.dump({"partitions": [{"topic": "kt-none", "partition": 0, "offset": 15}], "version": 1}, said)
        said.flush()
        deleted = tool("org.apache.kafka.tools.DeleteRecordsCommand", *SERVER, "--offset-json-file", said.name)
    return [deleted, tool("org.apache.kafka.tools.GetOffsetShell", *SERVER, "--topic", "kt-none", "--time", "earliest"),
            tool("org.apache.kafka.tools.GetOffsetShell", *SERVER, "--topic", "kt-none", "--time", "latest")]


def transactions():
    def ask(*arguments):
        code, lines = tool("org.apache.kafka.tools.TransactionsCommand", *SERVER, *arguments)
        # Without ids and times. A list has the coordinator before the producer's id, which is what others have had.
        return [code, [re.sub(r"^kt-tx \d+ \d+|(?<= )kt-tx \d+|\d{13} \d+$",
                              lambda found: "kt-tx N" if "kt-tx" in found[0] else "N", line)
                       for line in lines if "kt-tx" in line or "Id" in line]]

    made = tool("org.apache.kafka.tools.ProducerPerformance", "--topic", "kt-tx", "--num-records", 100, "--record-size", 10,
                "--throughput", -1, "--producer-props", f"bootstrap.servers={ADDRESS}", "--transactional-id", "kt-tx",
                "--transaction-duration-ms", 100000)
    return [made[0], ask("list"), ask("describe", "--transactional-id", "kt-tx"), ask("find-hanging", "--broker-id", 1),
            ask("describe-producers", "--topic", "kt-tx", "--partition", 0)[0],
            ask("forceTerminateTransaction", "--transactionalId", "kt-tx"), ask("describe", "--transactional-id", "kt-tx"),
            ask("describe", "--transactional-id", "kt-nobody")[0]]


def verifiable():
    def events(name, *arguments):
        code, lines = tool(f"org.apache.kafka.tools.{name}", *SERVER, "--topic", "kt-verified", *arguments)
        kept = ("name", "value", "offset", "count", "offsets", "success", "sent", "acked", "partitions")
        return [code, [{key: value for key, value in json.loads(line).items() if key in kept} for line in lines]]

    return [events("VerifiableProducer", "--max-messages", 5, "--acks", -1),
            events("VerifiableConsumer", "--group-id", "kt-verified", "--max-messages", 5, "--reset-policy", "earliest")]


def others():
    features = tool("org.apache.kafka.tools.FeatureCommand", *SERVER, "describe")
    dirs = tool("org.apache.kafka.tools.LogDirsCommand", *SERVER, "--describe", "--topic-list", "kt-verified")
    found = json.loads(dirs[1][-1])["brokers"][0]["logDirs"][0]["partitions"]
    offsets = [tool("org.apache.kafka.tools.GetOffsetShell", *SERVER, "--topic", "kt-verified", "--time", time)
               for time in ("earliest", "latest", "earliest-local", "latest-tiered", 0)]
    return [[features[0], [line.split(" Epoch")[0] for line in features[1] if "transaction" in line]],
            [dirs[0], [(part["partition"], part["size"] > 0, part["offsetLag"]) for part in found]], offsets,
            tool("org.apache.kafka.tools.ClusterTool", "list-endpoints", *SERVER)[0],
            ordered(tool("org.apache.kafka.tools.GroupsCommand", *SERVER, "--list", "--consumer"))[0],
            tool("org.apache.kafka.tools.StreamsResetter", *SERVER, "--application-id", "kt-app", "--input-topics", "kt-verified",
                 "--dry-run"),
            tool(CONFIGS, *SERVER, "--entity-type", "client-metrics", "--describe"),
            tool(CONFIGS, *SERVER, "--entity-type", "groups", "--describe")[0],
            tool("org.apache.kafka.tools.ClientMetricsCommand", *SERVER, "--list"),
            tool("org.apache.kafka.tools.reassign.ReassignPartitionsCommand", *SERVER, "--list")]


def performance():
    """That they run, and come to the end."""
    made = tool("org.apache.kafka.tools.ProducerPerformance", "--topic", "kt-perf", "--num-records", 20000, "--record-size", 100,
                "--throughput", -1, "--producer-props", f"bootstrap.servers={ADDRESS}", "acks=all")
    read = tool("org.apache.kafka.tools.ConsumerPerformance", *SERVER, "--topic", "kt-perf", "--messages", 20000)
    return [made[0], made[1][-1].split(",")[0] if made[1] else None, read[0], len(read[1])]


def main():
    print(json.dumps({scenario.__name__: scenario() for scenario in (
        topics, console, groups, configs, records, transactions, verifiable, others, performance)}))


main()
