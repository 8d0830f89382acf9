"""Every request, by who may and who may not: ADDRESS → results. Each is asked by a user without rules, by one whom a
rule denies what others allow him, and by one who has just what Kafka's documentation says that it takes; what they
get are the error codes in the answer."""

import json
import os
import pathlib
import struct
import sys
import time

from kafka.admin import (ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, KafkaAdminClient, NewTopic,
                         ResourcePattern, ResourceType, ScramMechanism, UserScramCredentialUpsertion)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from wire import Wire, text  # noqa: E402 pylint: disable=wrong-import-position

TOLD = json.loads(os.environ["SECURITY"])
ADDRESS = sys.argv[1]
PORT = int(ADDRESS.rsplit(":", 1)[1])
PASSWORD = "a password"
# Kafka learns of rules a little later, and its coordinators are there when first asked for.
NOT_YET = {"no login", 3, 14, 15, 16, 29, 30, 31, 53}
TOPIC, GROUP, CLUSTER, TX = (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.CLUSTER, ResourceType.TRANSACTIONAL_ID)
OP = ACLOperation
HUB = (CLUSTER, "kafka-cluster")


# Kafka 4.1 says nothing at all to who may not describe users.
SILENCE = {50: 31}


def i8(n):
    return struct.pack(">b", n)


def i16(n):
    return struct.pack(">h", n)


def i32(n):
    return struct.pack(">i", n)


def i64(n):
    return struct.pack(">q", n)


def many(*items):
    return i32(len(items)) + b"".join(items)


def compact(words):
    return bytes([len(words) + 1]) + words.encode()


def some(*items):
    """An array of a flexible version."""
    return bytes([len(items) + 1]) + b"".join(items)


def code(at):
    """The error code at that place of the answer, from the end if it is negative."""
    return lambda answer: struct.unpack_from(">h", answer, at if at >= 0 else len(answer) + at)[0]


def batch():
    """A batch of one record without anything."""
    record = bytes([12, 0, 0, 0, 1, 1, 0])
    body = struct.pack(">hiqqqhii", 0, 0, 0, 0, -1, -1, -1, 1) + record
    crc = 0xffffffff
    for byte in body:  # CRC-32C
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return struct.pack(">qiibI", 0, len(body) + 9, -1, 2, crc ^ 0xffffffff) + body


def cases():
    """name: (key, version, body, where the code is, is it flexible, what it takes)"""
    def topic(name):
        return f"ac-{name}"

    def group(name):
        return f"ac-{name}"

    def tx(name):
        return f"ac-{name}"

    part = many(i32(0))
    # These first: they make Kafka begin to coordinate.
    yield ("FindCoordinator-group", 10, 1, text(group("FindCoordinator")) + i8(0), code(4), False,
           [(GROUP, group("FindCoordinator"), OP.DESCRIBE)])
    yield ("FindCoordinator-transaction", 10, 1, text(tx("FindCoordinator")) + i8(1), code(4), False,
           [(TX, tx("FindCoordinator"), OP.DESCRIBE)])
    yield ("Produce", 0, 3, i16(-1) + i16(-1) + i32(5000) + many(
        text(topic("Produce")) + many(i32(0) + i32(len(batch())) + batch())), code(4 + 2 + 10 + 4 + 4), False,
        [(TOPIC, topic("Produce"), OP.WRITE)])
    yield ("Fetch", 1, 4, i32(-1) + i32(0) + i32(0) + i32(100000) + i8(0) + many(
        text(topic("Fetch")) + many(i32(0) + i64(0) + i32(1000))), code(4 + 4 + 2 + 8 + 4 + 4), False,
        [(TOPIC, topic("Fetch"), OP.READ)])
    yield ("ListOffsets", 2, 1, i32(-1) + many(text(topic("ListOffsets")) + many(i32(0) + i64(-1))),
           code(4 + 2 + 14 + 4 + 4), False, [(TOPIC, topic("ListOffsets"), OP.DESCRIBE)])
    yield ("Metadata", 3, 4, many(text(topic("Metadata"))) + i8(0), metadata_code, False,
           [(TOPIC, topic("Metadata"), OP.DESCRIBE)])
    yield ("Metadata-create", 3, 4, many(text("ac-new-by-name")) + i8(1), metadata_code, False,
           [(TOPIC, "ac-new-by-name", OP.DESCRIBE), (TOPIC, "ac-new-by-name", OP.CREATE)])
    yield ("DescribeTopicPartitions", 75, 0, some(compact(topic("DescribeTopicPartitions")) + b"\0") + i32(2000) + b"\xff\0",
           code(5), True, [(TOPIC, topic("DescribeTopicPartitions"), OP.DESCRIBE)])
    yield ("OffsetCommit", 8, 2, text(group("OffsetCommit")) + i32(-1) + text("") + i64(-1) + many(
        text(topic("OffsetCommit")) + many(i32(0) + i64(0) + i16(-1))), code(-2), False,
        [(GROUP, group("OffsetCommit"), OP.READ), (TOPIC, topic("OffsetCommit"), OP.READ)])
    yield ("OffsetFetch", 9, 2, text(group("OffsetFetch")) + many(text(topic("OffsetFetch")) + part), code(-2), False,
           [(GROUP, group("OffsetFetch"), OP.DESCRIBE)])
    yield ("JoinGroup", 11, 4, text(group("JoinGroup")) + i32(10000) + i32(10000) + text("") + text("consumer") + many(
        text("range") + i32(0)), code(4), False, [(GROUP, group("JoinGroup"), OP.READ)])
    yield ("Heartbeat", 12, 0, text(group("Heartbeat")) + i32(1) + text("m"), code(0), False,
           [(GROUP, group("Heartbeat"), OP.READ)])
    yield ("LeaveGroup", 13, 0, text(group("LeaveGroup")) + text("m"), code(0), False, [(GROUP, group("LeaveGroup"), OP.READ)])
    yield ("SyncGroup", 14, 0, text(group("SyncGroup")) + i32(1) + text("m") + many(), code(0), False,
           [(GROUP, group("SyncGroup"), OP.READ)])
    yield ("DescribeGroups", 15, 0, many(text(group("DescribeGroups"))), code(4), False,
           [(GROUP, group("DescribeGroups"), OP.DESCRIBE)])
    yield ("CreateTopics-by-name", 19, 2, many(text("ac-made") + i32(1) + i16(1) + many() + many()) + i32(5000) + i8(0),
           code(4 + 4 + 2 + 7), False, [(TOPIC, "ac-made", OP.CREATE)])
    yield ("CreateTopics-anywhere", 19, 2, many(text("ac-made2") + i32(1) + i16(1) + many() + many()) + i32(5000) + i8(0),
           code(4 + 4 + 2 + 8), False, [(*HUB, OP.CREATE)])
    yield ("DeleteTopics", 20, 1, many(text(topic("DeleteTopics"))) + i32(5000), code(-2), False,
           [(TOPIC, topic("DeleteTopics"), OP.DELETE)])
    yield ("DeleteRecords", 21, 0, many(text(topic("DeleteRecords")) + many(i32(0) + i64(0))) + i32(5000), code(-2), False,
           [(TOPIC, topic("DeleteRecords"), OP.DELETE)])
    yield ("InitProducerId", 22, 0, i16(-1) + i32(1000), code(4), False, [(*HUB, OP.IDEMPOTENT_WRITE)])
    yield ("InitProducerId-writer", 22, 0, i16(-1) + i32(1000), code(4), False, [(TOPIC, "ac-anything", OP.WRITE)])
    yield ("InitProducerId-transaction", 22, 0, text(tx("Init")) + i32(1000), code(4), False, [(TX, tx("Init"), OP.WRITE)])
    yield ("OffsetForLeaderEpoch", 23, 2, many(text(topic("OffsetForLeaderEpoch")) + many(i32(0) + i32(-1) + i32(0))),
           code(4 + 4 + 2 + 23 + 4), False, [(TOPIC, topic("OffsetForLeaderEpoch"), OP.DESCRIBE)])
    yield ("AddPartitionsToTxn", 24, 0, text(tx("AddPartitions")) + i64(1) + i16(0) + many(
        text(topic("AddPartitionsToTxn")) + part), code(-2), False,
        [(TX, tx("AddPartitions"), OP.WRITE), (TOPIC, topic("AddPartitionsToTxn"), OP.WRITE)])
    yield ("AddOffsetsToTxn", 25, 0, text(tx("AddOffsets")) + i64(1) + i16(0) + text(group("AddOffsets")), code(4), False,
           [(TX, tx("AddOffsets"), OP.WRITE), (GROUP, group("AddOffsets"), OP.READ)])
    yield ("EndTxn", 26, 0, text(tx("EndTxn")) + i64(1) + i16(0) + i8(1), code(4), False, [(TX, tx("EndTxn"), OP.WRITE)])
    yield ("TxnOffsetCommit", 28, 0, text(tx("Commit")) + text(group("Commit")) + i64(1) + i16(0) + many(
        text(topic("TxnOffsetCommit")) + many(i32(0) + i64(0) + i16(-1))), code(-2), False,
        [(TX, tx("Commit"), OP.WRITE), (GROUP, group("Commit"), OP.READ), (TOPIC, topic("TxnOffsetCommit"), OP.READ)])
    yield ("DescribeAcls", 29, 1, i8(2) + text("nothing") + i8(3) + i16(-1) + i16(-1) + i8(1) + i8(1), code(4), False,
           [(*HUB, OP.DESCRIBE)])
    yield ("CreateAcls", 30, 1, many(i8(2) + text("ac-x") + i8(3) + text("User:nobody") + text("*") + i8(3) + i8(3)),
           code(8), False, [(*HUB, OP.ALTER)])
    yield ("DeleteAcls", 31, 1, many(i8(2) + text("ac-x") + i8(3) + i16(-1) + i16(-1) + i8(1) + i8(1)), code(8), False,
           [(*HUB, OP.ALTER)])
    yield ("DescribeConfigs", 32, 1, many(i8(2) + text(topic("DescribeConfigs")) + i32(-1)) + i8(0), code(8), False,
           [(TOPIC, topic("DescribeConfigs"), OP.DESCRIBE_CONFIGS)])
    yield ("AlterConfigs", 33, 0, many(i8(2) + text(topic("AlterConfigs")) + many(text("retention.ms") + text("-1"))) + i8(0),
           code(8), False, [(TOPIC, topic("AlterConfigs"), OP.ALTER_CONFIGS)])
    yield ("DescribeLogDirs", 35, 3, b"\x01\x00", code(4), True, [(*HUB, OP.DESCRIBE)])
    yield ("CreatePartitions", 37, 0, many(text(topic("CreatePartitions")) + i32(2) + i32(-1)) + i32(5000) + i8(0),
           code(8 + 2 + len(topic("CreatePartitions"))), False, [(TOPIC, topic("CreatePartitions"), OP.ALTER)])
    yield ("DeleteGroups", 42, 0, many(text(group("DeleteGroups"))), code(-2), False, [(GROUP, group("DeleteGroups"), OP.DELETE)])
    yield ("IncrementalAlterConfigs", 44, 0, many(
        i8(2) + text(topic("IncrementalAlterConfigs")) + many(text("retention.ms") + i8(0) + text("-1"))) + i8(0), code(8), False,
        [(TOPIC, topic("IncrementalAlterConfigs"), OP.ALTER_CONFIGS)])
    yield ("ListPartitionReassignments", 46, 0, i32(5000) + b"\x00\x00", code(4), True, [(*HUB, OP.DESCRIBE)])
    yield ("OffsetDelete", 47, 0, text(group("OffsetDelete")) + many(text(topic("OffsetDelete")) + part), code(0), False,
           [(GROUP, group("OffsetDelete"), OP.DELETE)])
    yield ("DescribeUserScramCredentials", 50, 0, b"\x00\x00", code(4), True, [(*HUB, OP.DESCRIBE)])
    yield ("AlterUserScramCredentials", 51, 0, some(compact("ac-nobody") + i8(1) + b"\0") + b"\x01\x00",
           code(4 + 1 + 1 + 9), True, [(*HUB, OP.ALTER)])
    yield ("DescribeProducers", 61, 0, some(compact(topic("DescribeProducers")) + some(i32(0)) + b"\0") + b"\0",
           code(4 + 1 + 1 + 20 + 1 + 4), True, [(TOPIC, topic("DescribeProducers"), OP.READ)])
    yield ("ListConfigResources", 74, 1, some(i8(2)) + b"\0", code(4), True, [(*HUB, OP.DESCRIBE_CONFIGS)])
    yield ("DescribeTransactions", 65, 0, some(compact(tx("DescribeTx"))) + b"\0", code(5), True,
           [(TX, tx("DescribeTx"), OP.DESCRIBE)])


def metadata_code(answer):
    """Behind brokers, cluster id and controller."""
    at = 4
    brokers = struct.unpack_from(">i", answer, at)[0]
    at += 4
    for _ in range(brokers):
        at += 4
        at += 2 + struct.unpack_from(">h", answer, at)[0]
        at += 4
        at += 2 + max(struct.unpack_from(">h", answer, at)[0], 0)
    at += 2 + max(struct.unpack_from(">h", answer, at)[0], 0)
    return struct.unpack_from(">h", answer, at + 4 + 4)[0]


def rule(user, kind, name, operation, permission=ACLPermissionType.ALLOW):
    return ACL(f"User:{user}", "*", operation, permission, ResourcePattern(kind, name, ACLResourcePatternType.LITERAL))


def ask(case, user):
    _, key, version, body, where, is_flexible, _ = case
    wire = Wire(PORT)
    if wire.scram(user, PASSWORD) != 0:
        return "no login"
    try:
        answer = (wire.flexible if is_flexible else wire.ask)(key, version, body)
    except TimeoutError:
        return SILENCE.get(key, "no answer")
    return "closed" if answer is None else where(answer)


def matrix(admin):
    todo = list(cases())
    names = ["none"] + [f"{kind}-{case[0]}" for case in todo for kind in ("denied", "has")]
    admin.alter_user_scram_credentials([UserScramCredentialUpsertion(name, ScramMechanism.SCRAM_SHA_256, PASSWORD.encode(), 4096)
                                        for name in names])
    made = {name for case in todo for kind, name, _ in case[6] if kind == TOPIC and not name.startswith(("ac-made", "ac-new"))}
    made |= {"ac-OffsetFetch", "ac-OffsetDelete"}
    admin.create_topics([NewTopic(name, 1, 1) for name in sorted(made)])
    rules = []
    for case in todo:
        for kind, name, operation in case[6]:
            rules += [rule(f"{who}-{case[0]}", kind, name, operation) for who in ("denied", "has")]
        kind, name, operation = case[6][-1]
        rules.append(rule(f"denied-{case[0]}", kind, name, operation, ACLPermissionType.DENY))
    admin.create_acls(rules)
    out = {}
    for case in todo:
        deadline = time.monotonic() + 30
        out[case[0]] = [ask(case, "none"), ask(case, f"denied-{case[0]}"), None]
        while out[case[0]][2] is None or (out[case[0]][2] in NOT_YET and time.monotonic() < deadline):
            out[case[0]][2] = ask(case, f"has-{case[0]}")
    return out


def main():
    admin = KafkaAdminClient(bootstrap_servers=ADDRESS, security_protocol=TOLD["security.protocol"],
                             sasl_mechanism=TOLD["sasl.mechanism"], sasl_plain_username=TOLD["sasl.username"],
                             sasl_plain_password=TOLD["sasl.password"])
    print(json.dumps(matrix(admin)))


main()
