"""Static members of groups, byte by byte: which one of two with a name goes on, and what a return costs."""

from hub import Hub
from lib import main
from members import (FENCED_INSTANCE_ID, INVALID_SESSION_TIMEOUT, LIST_GROUPS, REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID,
                     Member, subscription)


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
