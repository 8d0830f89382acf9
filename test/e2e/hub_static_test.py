"""Static members of groups, byte by byte: which one of two with a name goes on, and what a return costs."""

import socket
import struct

from hub import Hub
from lib import main

JOIN, HEARTBEAT, LEAVE, SYNC, COMMIT = 11, 12, 13, 14, 8
UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS, FENCED_INSTANCE_ID = 25, 22, 27, 82
INVALID_SESSION_TIMEOUT, LIST_GROUPS = 26, 16


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

    def __init__(self, hub, instance=None, group="g"):
        self.socket = socket.create_connection(("127.0.0.1", hub.port), timeout=30)
        self.instance, self.group, self.id, self.generation = instance, group, "", -1
        self.leader, self.members = None, 0

    def send(self, api, version, body):
        frame = struct.pack(">hhi", api, version, 1) + text("c") + body
        self.socket.sendall(blob(frame))

    def hear(self):
        length, = struct.unpack(">i", self.socket.recv(4, socket.MSG_WAITALL))
        return Answer(self.socket.recv(length, socket.MSG_WAITALL)[4:])

    def ask_to_join(self, metadata, session_ms=30000):
        self.send(JOIN, 5, text(self.group) + struct.pack(">ii", session_ms, 30000) + text(self.id)
                  + text(self.instance) + text("consumer") + struct.pack(">i", 1) + text("range") + blob(metadata))

    def hear_joined(self):
        answer = self.hear()
        answer.number("i")
        code = answer.number("h")
        self.generation = answer.number("i")
        answer.text()
        self.leader = answer.text()
        self.id = answer.text()
        self.members = answer.number("i")
        return code

    def join(self, metadata):
        self.ask_to_join(metadata)
        code = self.hear_joined()
        if code == 79:  # now it has an id
            self.ask_to_join(metadata)
            code = self.hear_joined()
        return code

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


def make_topic(hub):
    hub.kcat("-P", "-t", "t", feed="x\n")


def test_the_older_one_of_two_with_a_name_is_fenced(box):
    """In every call, waiting or not; and nothing of it takes the newer one out."""
    hub = box.keep(Hub(box)).start()
    make_topic(hub)
    old, new = Member(hub, "same"), Member(hub, "same")
    assert old.join(subscription("t")) == 0
    assert old.sync(**{old.id: b"mine"}) == (0, b"mine")
    assert (old.beat(), old.commit()) == (0, 0)
    assert new.join(subscription("t")) == 0
    assert new.id != old.id
    assert new.generation == old.generation
    assert new.sync() == (0, b"mine")
    assert old.beat() == FENCED_INSTANCE_ID
    assert old.commit() == FENCED_INSTANCE_ID
    assert old.sync()[0] == FENCED_INSTANCE_ID
    assert old.leave() == FENCED_INSTANCE_ID
    old.ask_to_join(subscription("t"))
    assert old.hear_joined() == FENCED_INSTANCE_ID
    assert (new.beat(), new.commit()) == (0, 0)
    # A name that nobody has is no member at all.
    other = Member(hub, "nobody")
    other.id, other.generation = new.id, new.generation
    assert (other.beat(), other.leave()) == (UNKNOWN_MEMBER_ID, UNKNOWN_MEMBER_ID)
    assert new.leave() == 0


def test_a_join_that_waits_is_fenced(box):
    hub = box.keep(Hub(box)).start()
    other, old, new = Member(hub, "other"), Member(hub, "same"), Member(hub, "same")
    assert other.join(subscription("t")) == 0
    old.ask_to_join(subscription("t"))  # waits for the other one, which does not come
    assert other.beat_until_called() == REBALANCE_IN_PROGRESS
    new.ask_to_join(subscription("t"))
    assert old.hear_joined() == FENCED_INSTANCE_ID
    assert other.join(subscription("t")) == 0
    assert new.hear_joined() == 0
    assert new.generation == other.generation


def test_who_comes_back_disturbs_nobody(box):
    """Not the leader, not another one; unless it wants something else."""
    hub = box.keep(Hub(box)).start()
    first, second = Member(hub, "first"), Member(hub, "second")
    assert first.join(subscription("t")) == 0
    second.ask_to_join(subscription("t"))
    assert first.beat_until_called() == REBALANCE_IN_PROGRESS
    assert first.join(subscription("t")) == 0
    assert second.hear_joined() == 0
    assert (first.leader, first.members, second.members) == (first.id, 2, 0)
    assert first.sync(**{first.id: b"1", second.id: b"2"}) == (0, b"1")
    assert second.sync() == (0, b"2")
    generation = first.generation
    for name, mine in (("second", b"2"), ("first", b"1")):
        again = Member(hub, name)
        assert again.join(subscription("t", extra=b"whatever it says besides")) == 0
        assert (again.generation, again.members) == (generation, 0)
        assert again.leader != again.id  # it does not share anew, even if it leads
        assert again.sync() == (0, mine)
        assert again.beat() == 0
        if name == "second":
            assert first.beat() == 0
            second = again
        else:
            first = again
    assert second.beat() == 0
    # Another subscription is another matter.
    changed = Member(hub, "second")
    changed.ask_to_join(subscription("t", "u"))
    assert first.beat_until_called() == REBALANCE_IN_PROGRESS
    assert first.join(subscription("t")) == 0
    assert changed.hear_joined() == 0
    assert changed.generation == generation + 1
    assert first.members == 2


def test_whoever_assigns_partitions_to_itself_commits_by_any_name(box):
    """As long as the group has no members: consumers send their name with each commit."""
    hub = box.keep(Hub(box)).start()
    make_topic(hub)
    alone = Member(hub, "mine")
    assert alone.commit() == 0
    assert Member(hub).commit() == 0
    member = Member(hub)
    assert member.join(subscription("t")) == 0
    assert (alone.commit(), Member(hub).commit()) == (UNKNOWN_MEMBER_ID, UNKNOWN_MEMBER_ID)


def test_who_is_refused_leaves_no_group(box):
    """Neither with a session that is too short, nor with an id that nobody has."""
    hub = box.keep(Hub(box)).start()
    for i in range(20):
        member = Member(hub, group=f"refused{i}")
        member.ask_to_join(subscription("t"), session_ms=0)
        assert member.hear_joined() == INVALID_SESSION_TIMEOUT
        member.id = "somebody"
        member.ask_to_join(subscription("t"))
        assert member.hear_joined() == UNKNOWN_MEMBER_ID
    member.send(LIST_GROUPS, 0, b"")
    answer = member.hear()
    assert (answer.number("h"), answer.number("i")) == (0, 0)


main()
