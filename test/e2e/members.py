"""Members of consumer groups, byte by byte, of a hub or a real Kafka."""

import socket
import struct

FIND_COORDINATOR, JOIN, HEARTBEAT, LEAVE, SYNC, COMMIT = 10, 11, 12, 13, 14, 8
UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS, FENCED_INSTANCE_ID = 25, 22, 27, 82
INVALID_SESSION_TIMEOUT, MEMBER_ID_REQUIRED, LIST_GROUPS = 26, 79, 16


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


def blob(value):
    return struct.pack(">i", len(value)) + value


def subscription(*topics, extra=b""):
    """As consumers say it: version 1, topics, data of their own, and what they own."""
    names = b"".join(text(topic) for topic in topics)
    return struct.pack(">hi", 1, len(topics)) + names + blob(extra) + struct.pack(">i", 0)


class Answer:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, form):
        value, = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value

    def text(self):
        length = self.number("h")
        value = None if length < 0 else self.data[self.at:self.at + length].decode()
        self.at += max(length, 0)
        return value

    def blob(self):
        length = self.number("i")
        self.at += length
        return self.data[self.at - length:self.at]


class Member:
    """A consumer that has its own connection, and joins by `instance`, or as anybody."""

    def __init__(self, hub, instance=None, group="g", session_ms=30000, rebalance_ms=30000):
        self.socket = socket.create_connection(("127.0.0.1", hub.port), timeout=30)
        self.instance, self.group, self.id, self.generation = instance, group, "", -1
        self.session_ms, self.rebalance_ms = session_ms, rebalance_ms
        self.leader, self.members, self.others = None, 0, {}

    def send(self, api, version, body):
        frame = struct.pack(">hhi", api, version, 1) + text("c") + body
        self.socket.sendall(blob(frame))

    def hear(self):
        length, = struct.unpack(">i", self.socket.recv(4, socket.MSG_WAITALL))
        return Answer(self.socket.recv(length, socket.MSG_WAITALL)[4:])

    def finds_coordinator(self):
        """A Kafka makes its topic of offsets when it is first asked."""
        self.send(FIND_COORDINATOR, 1, text(self.group) + b"\0")
        answer = self.hear()
        answer.number("i")
        return answer.number("h") == 0 and self.join(subscription("t")) == 0

    def ask_to_join(self, metadata, session_ms=None):
        self.send(JOIN, 5, text(self.group) + struct.pack(">ii", self.session_ms if session_ms is None else session_ms,
                                                          self.rebalance_ms)
                  + text(self.id) + text(self.instance) + text("consumer") + struct.pack(">i", 1) + text("range")
                  + blob(metadata))

    def hear_joined(self):
        answer = self.hear()
        answer.number("i")
        code = answer.number("h")
        self.generation = answer.number("i")
        answer.text()
        self.leader = answer.text()
        self.id = answer.text()
        self.members = answer.number("i")
        self.others = {}  # of whom it leads: instance or id -> id
        for _ in range(self.members):
            member, instance = answer.text(), answer.text()
            answer.blob()
            self.others[instance or member] = member
        return code

    def join(self, metadata):
        self.ask_to_join(metadata)
        code = self.hear_joined()
        if code == MEMBER_ID_REQUIRED:  # now it has an id
            self.ask_to_join(metadata)
            code = self.hear_joined()
        return code

    def ask_until_it_has_an_id(self, metadata):
        """To join; what comes of it is yet to be heard."""
        self.ask_to_join(metadata)
        if self.instance is None and self.id == "":
            if self.hear_joined() != MEMBER_ID_REQUIRED:
                return False
            self.ask_to_join(metadata)
        return True

    def who(self):
        return text(self.group) + struct.pack(">i", self.generation) + text(self.id) + text(self.instance)

    def sync(self, **assignments):
        self.send(SYNC, 3, self.who() + struct.pack(">i", len(assignments))
                  + b"".join(text(member) + blob(what) for member, what in assignments.items()))
        answer = self.hear()
        answer.number("i")
        return answer.number("h"), answer.blob()

    def beat(self):
        self.send(HEARTBEAT, 3, self.who())
        answer = self.hear()
        answer.number("i")
        return answer.number("h")

    def beat_until_called(self):
        """Another connection's call may come later than ours."""
        while (code := self.beat()) == 0:
            pass
        return code

    def commit(self):
        self.send(COMMIT, 7, self.who() + struct.pack(">i", 1) + text("t") + struct.pack(">iiqi", 1, 0, 1, -1)
                  + text(""))
        answer = self.hear()
        answer.number("i")
        answer.number("i")
        answer.text()
        answer.number("i")
        answer.number("i")
        return answer.number("h")

    def leave(self):
        self.send(LEAVE, 3, text(self.group) + struct.pack(">i", 1) + text(self.id) + text(self.instance))
        answer = self.hear()
        answer.number("i")
        answer.number("h")
        answer.number("i")
        answer.text()
        answer.text()
        return answer.number("h")
