"""Members of groups that are late to a rebalance, or ask twice: the hub does with them what a real Kafka does."""

import itertools
import time

from hub import Hub
from kafka import Kafka
from lib import main, wait_until
from members import ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID, Member, subscription

# Enough for what a test does between two calls, on a machine that has others' work, too.
PATIENT, HASTY = 6000, 2000


def pair(server, group, names, **times):
    """Two members that have what they read: the first leads."""
    first, second = (Member(server, name, group, **times) for name in names)
    assert first.join(subscription("t")) == 0
    assert second.ask_until_it_has_an_id(subscription("t"))
    assert first.beat_until_called() == REBALANCE_IN_PROGRESS
    assert first.join(subscription("t")) == 0
    assert second.hear_joined() == 0
    assert first.leader == first.id
    assert first.sync(**{first.id: b"1", second.id: b"2"}) == (0, b"1")
    assert second.sync() == (0, b"2")
    return first, second


def a_static_member_that_is_late_keeps_its_place(server):
    """Both by the one that comes back as it was, and by one that was started anew."""
    for is_new in (False, True):
        first, second = pair(server, f"late-{is_new}", ("first", "second"), rebalance_ms=HASTY)
        assert first.join(subscription("t")) == 0
        assert sorted(first.others) == ["first", "second"]
        assert first.others["second"] == second.id
        assert first.sync(**{first.id: b"3", second.id: b"4"}) == (0, b"3")
        generation = first.generation
        if is_new:
            second = Member(server, "second", f"late-{is_new}", rebalance_ms=HASTY)
        else:
            assert second.beat() == ILLEGAL_GENERATION
        assert second.join(subscription("t")) == 0
        assert second.generation == generation
        assert second.sync() == (0, b"4")
        assert (first.beat(), second.beat()) == (0, 0)


def its_place_goes_with_its_session(server):
    first, second = pair(server, "gone", ("first", "second"), session_ms=HASTY, rebalance_ms=PATIENT)
    third = Member(server, "third", "gone", session_ms=HASTY, rebalance_ms=PATIENT)
    third.ask_to_join(subscription("t"))
    assert first.beat_until_called() == REBALANCE_IN_PROGRESS
    first.ask_to_join(subscription("t"))
    assert third.hear_joined() == first.hear_joined() == 0  # when second's session is over
    assert sorted({**first.others, **third.others}) == ["first", "third"]
    assert second.beat() == UNKNOWN_MEMBER_ID


def a_dynamic_member_that_is_late_is_out(server):
    first, second = pair(server, "out", (None, None), rebalance_ms=HASTY)
    assert first.join(subscription("t")) == 0
    assert list(first.others) == [first.id]
    assert second.beat() == UNKNOWN_MEMBER_ID


def a_leader_that_is_late_leads_no_more(server):
    first, second = pair(server, "lead", ("first", "second"), rebalance_ms=HASTY)
    assert second.join(subscription("t", extra=b"new")) == 0
    assert second.leader == second.id
    assert second.others == {"first": first.id, "second": second.id}


def who_never_asks_what_it_reads_is_out(server):
    """However often it says that it is there."""
    first, second = pair(server, "asks", (None, None), rebalance_ms=HASTY)
    second.ask_to_join(subscription("t", extra=b"new"))
    assert first.beat_until_called() == REBALANCE_IN_PROGRESS
    assert first.join(subscription("t")) == 0
    assert second.hear_joined() == 0
    assert first.sync(**{first.id: b"1", second.id: b"2"}) == (0, b"1")
    started = time.monotonic()
    while second.beat() == 0:
        assert first.beat() in (0, REBALANCE_IN_PROGRESS)
        time.sleep(0.05)
    assert time.monotonic() - started > HASTY / 1000 / 2
    assert second.beat() == UNKNOWN_MEMBER_ID
    assert first.beat() == REBALANCE_IN_PROGRESS


def who_asks_twice_disturbs_nobody(server):
    """As the answer was lost; unless it leads, or wants something else."""
    first, second = pair(server, "twice", (None, None))
    generation = first.generation
    assert second.join(subscription("t")) == 0
    assert second.generation == generation
    assert (second.leader, second.members) == (first.id, 0)
    assert second.sync() == (0, b"2")
    assert (first.beat(), second.beat()) == (0, 0)
    first.ask_to_join(subscription("t"))
    assert second.beat_until_called() == REBALANCE_IN_PROGRESS
    assert second.join(subscription("t")) == 0
    assert first.hear_joined() == 0
    assert first.generation == second.generation == generation + 1
    # Before there is anything to read the leader may ask twice as well.
    for member in (first, second):
        assert member.join(subscription("t")) == 0
        assert member.generation == generation + 1
        assert (member.leader, member.members) == (first.id, 2 if member is first else 0)
    assert first.sync(**{first.id: b"5", second.id: b"6"}) == (0, b"5")
    assert second.sync() == (0, b"6")
    second.ask_to_join(subscription("t", "u"))
    assert first.beat_until_called() == REBALANCE_IN_PROGRESS


SCENARIOS = (a_static_member_that_is_late_keeps_its_place, its_place_goes_with_its_session,
             a_dynamic_member_that_is_late_is_out, a_leader_that_is_late_leads_no_more,
             who_never_asks_what_it_reads_is_out, who_asks_twice_disturbs_nobody)


def play(server):
    for scenario in SCENARIOS:
        print(f"  {scenario.__name__}", flush=True)
        scenario(server)


def test_members_that_are_late_at_the_hub(box):
    play(box.keep(Hub(box, "--no-http")).start())


def test_members_that_are_late_at_a_kafka(box):
    kafka = Kafka(box, **{"group.min.session.timeout.ms": 1000})
    groups = (f"ready-{i}" for i in itertools.count())
    wait_until(lambda: Member(kafka, group=next(groups)).finds_coordinator(), "the coordinator", 60, every=0.5)
    play(kafka)


main()
