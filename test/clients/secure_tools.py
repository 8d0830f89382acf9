"""Kafka's own tools on users and access rules: ADDRESS CLASSPATH → results."""

import json
import os
import re
import subprocess
import sys
import tempfile

ADDRESS, JARS = sys.argv[1:3]
TOLD = json.loads(os.environ["SECURITY"])
HEAP = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
ACLS = "kafka.admin.AclCommand"
CONFIGS = "kafka.admin.ConfigCommand"
TOPICS = "org.apache.kafka.tools.TopicCommand"


def properties(name, password, mechanism):
    """A file with what a client of that name needs."""
    login = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
    file = tempfile.NamedTemporaryFile("w", suffix=".properties", delete=False)  # pylint: disable=consider-using-with
    file.write(f"security.protocol={TOLD['security.protocol']}\nsasl.mechanism={mechanism}\n"
               f"sasl.jaas.config=org.apache.kafka.common.security.{login} required username=\"{name}\" "
               f"password=\"{password}\";\ndefault.api.timeout.ms=15000\nrequest.timeout.ms=10000\n")
    file.close()
    return file.name


def tool(name, config, *arguments, feed="", option="--command-config"):
    """[exit code, lines without what differs from run to run]"""
    done = subprocess.run(["java", *HEAP, "-cp", JARS, name, "--bootstrap-server", ADDRESS, option, config,
                           *map(str, arguments)], input=feed, text=True, capture_output=True, check=False, timeout=120)
    lines = [re.sub(r"\s+", " ", line).strip() for line in done.stdout.splitlines()]
    lines = [re.sub(r"TopicId: \S+", "TopicId: ID", line) for line in lines if line and "SLF4J" not in line]
    errors = sorted(set(re.findall(r"\w+(?:Exception|Error)(?=:)", done.stdout + done.stderr)))
    return [done.returncode, sorted(line for line in lines if "xception" not in line and not line.startswith("at ")), errors]


def main():
    admin = properties(TOLD["sasl.username"], TOLD["sasl.password"], TOLD["sasl.mechanism"])
    user = ["--entity-type", "users", "--entity-name", "st-alice"]
    out = {"users": [
        tool(CONFIGS, admin, *user, "--alter", "--add-config", "SCRAM-SHA-256=[iterations=4096,password=one]"),
        tool(CONFIGS, admin, *user, "--alter", "--add-config", "SCRAM-SHA-512=[password=two]"),
        tool(CONFIGS, admin, *user, "--alter", "--add-config", "SCRAM-SHA-512=[iterations=100,password=two]"),
        tool(CONFIGS, admin, *user, "--describe"),
    ]}
    named, standard = ["--entity-type", "users", "--entity-name", "st-bob"], ["--entity-type", "users", "--entity-default"]
    both = [*named, "--entity-type", "clients", "--entity-name", "st-till"]
    out["quotas"] = [
        tool(CONFIGS, admin, *named, "--alter", "--add-config", "producer_byte_rate=1024,consumer_byte_rate=2048"),
        tool(CONFIGS, admin, *standard, "--alter", "--add-config", "producer_byte_rate=4096"),
        tool(CONFIGS, admin, *both, "--alter", "--add-config", "consumer_byte_rate=512"),
        tool(CONFIGS, admin, *named, "--describe"), tool(CONFIGS, admin, *standard, "--describe"),
        tool(CONFIGS, admin, *both, "--describe"),
        tool(CONFIGS, admin, *named, "--alter", "--delete-config", "consumer_byte_rate"),
        tool(CONFIGS, admin, *named, "--describe"),
        tool(CONFIGS, admin, *standard, "--alter", "--delete-config", "producer_byte_rate"),
    ]
    one, two = properties("st-alice", "one", "SCRAM-SHA-256"), properties("st-alice", "two", "SCRAM-SHA-512")
    wrong = properties("st-alice", "two", "SCRAM-SHA-256")
    topic = ["--topic", "st-orders"]
    out["made"] = tool(TOPICS, admin, "--create", *topic)[0]
    out["before"] = [tool(TOPICS, one, "--list"), tool(TOPICS, wrong, "--list")[0], tool(ACLS, one, "--list")]
    out["rules"] = [
        tool(ACLS, admin, "--add", "--allow-principal", "User:st-alice", "--producer", *topic),
        tool(ACLS, admin, "--add", "--allow-principal", "User:st-alice", "--consumer", *topic, "--group", "st-readers"),
        tool(ACLS, admin, "--add", "--allow-principal", "User:*", "--operation", "read", "--topic", "st-pub-",
             "--resource-pattern-type", "prefixed"),
        tool(ACLS, admin, "--add", "--deny-principal", "User:st-bob", "--deny-host", "10.0.0.1", "--operation", "all",
             "--cluster"),
        tool(ACLS, admin, "--list"), tool(ACLS, admin, "--list", "--topic", "st-pub-x", "--resource-pattern-type", "match"),
        tool(ACLS, admin, "--list", "--principal", "User:st-bob"),
    ]
    out["used"] = [
        tool("org.apache.kafka.tools.ConsoleProducer", one, *topic, feed="1\n2\n3\n", option="--producer.config")[0],
        tool("org.apache.kafka.tools.consumer.ConsoleConsumer", two, *topic, "--group", "st-readers", "--from-beginning",
             "--max-messages", 3, option="--consumer.config"),
        tool("org.apache.kafka.tools.consumer.ConsoleConsumer", two, *topic, "--group", "st-others", "--from-beginning",
             "--max-messages", 3, option="--consumer.config"),
        tool(TOPICS, one, "--describe", *topic), tool(TOPICS, one, "--list"), tool(TOPICS, one, "--delete", *topic),
        tool(TOPICS, one, "--create", "--topic", "st-new"),
        tool(CONFIGS, one, "--entity-type", "topics", "--entity-name", "st-orders", "--alter", "--add-config", "retention.ms=-1"),
    ]
    out["removed"] = [
        tool(ACLS, admin, "--remove", "--force", "--topic", "st-orders"), tool(ACLS, admin, "--list", "--topic", "st-orders"),
        tool(TOPICS, one, "--list"), tool(CONFIGS, admin, *user, "--alter", "--delete-config", "SCRAM-SHA-256"),
        tool(CONFIGS, admin, *user, "--alter", "--delete-config", "SCRAM-SHA-256"), tool(CONFIGS, admin, *user, "--describe"),
        tool(TOPICS, one, "--list")[0], tool(TOPICS, two, "--list")[0]]
    print(json.dumps(out).replace(ADDRESS, "ADDRESS"))


main()
