"""Starts and ends come at awkward moments, and clients leave in mid-run."""

from datetime import UTC, datetime, timedelta
from time import time

import pytest

from tests.faults.quick import MANY, SETTLED_SECONDS
from tests.faults.story import Story
from tests.running import wait_for


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def slow(notifier, seconds: float) -> None:
    """40 requests at once, each so slow."""
    notifier.set_faults(latency={"kind": "fixed", "seconds": seconds})


@pytest.fixture
def under_way(calm):
    """A mailing to many, a hundred messages of which have been accepted."""

    def start(text: str, **fields: object) -> int:
        slow(calm, 0.2)
        mailing = calm.send("many", text, **fields)
        wait_for(
            lambda: calm.mailing(mailing)["counts"]["accepted"] > 100,
            seconds=30,
            what="a mailing under way",
        )
        return mailing

    return start


def test_the_end_passes_with_a_backlog(calm, under_way):
    mailing = under_way("Not all of you", end_time=in_seconds(5))

    facts = calm.settle(mailing)

    assert facts.statuses.keys() == {"accepted", "expired"}
    assert facts.times[-1] < facts.ends[0].end


def test_the_end_passes_while_the_gateway_is_down(calm, under_way):
    """What may have been taken is not called expired."""
    mailing = under_way("Down to the end", end_time=in_seconds(5))
    calm.set_faults(faults={"500_taken": 0.5, "503": 0.5}, latency=0)

    facts = calm.settle(mailing)

    assert facts.statuses.keys() == {"accepted", "expired", "unknown"}


def test_the_end_is_moved_forward_in_mid_run(calm, under_way):
    mailing = under_way("Sooner than I said")
    old = datetime.fromisoformat(calm.mailing(mailing)["end_time"]).timestamp()
    story = Story(recipients=MANY)
    with story.move_end(old=old, new=time() + 1):
        change(calm, f"mailing/{mailing}/", end_time=in_seconds(1))

    facts = calm.settle(mailing, story=story)

    assert facts.statuses.keys() == {"accepted", "expired"}


def test_a_start_in_the_past_is_now(calm):
    facts = calm.settle(calm.send("few", "An hour ago", start_time=in_seconds(-3_600)))

    assert facts.statuses == {"accepted": 300}


def test_the_start_passes_during_a_downtime(calm):
    mailing = calm.send("few", "While you slept", start_time=in_seconds(2))
    start = time() + 2
    calm.stop()
    wait_for(lambda: time() > start, seconds=10, what="the start")

    calm.start()
    facts = calm.settle(mailing)

    assert facts.statuses == {"accepted": 300}


def test_start_and_end_pass_during_a_downtime(calm):
    end = time() + 3
    mailing = calm.send("few", "Missed", start_time=in_seconds(2), end_time=in_seconds(3))
    calm.stop()
    wait_for(lambda: time() > end, seconds=10, what="the end")

    calm.start()
    facts = calm.settle(mailing)

    assert (facts.statuses, facts.times) == ({"expired": 300}, [])


def test_the_end_passes_during_a_downtime(calm, under_way):
    mailing = under_way("Too late", end_time=in_seconds(4))
    end = datetime.fromisoformat(calm.mailing(mailing)["end_time"]).timestamp()
    calm.stop()
    wait_for(lambda: time() > end, seconds=10, what="the end")

    calm.start()
    facts = calm.settle(mailing)

    assert facts.statuses.keys() == {"accepted", "expired"}


@pytest.mark.parametrize("faults", [{}, {"503": 0.3}], ids=["sound", "busy"])
def test_clients_opt_out_in_mid_run(calm, under_way, faults):
    mailing = under_way(f"Before you leave, {len(faults)}")
    calm.set_faults(faults=faults, retry_after="none")
    story = Story(recipients=MANY)
    rows = calm.sql("SELECT id, phone FROM client WHERE tag = 'many' ORDER BY id DESC LIMIT 40")
    leaving = rows + calm.sql(
        "SELECT client.id, client.phone FROM client JOIN message ON client_id = client.id"
        " WHERE mailing_id = %s AND status = 'sending' LIMIT 20",
        mailing,
    )

    for client, phone in leaving:
        with story.stop("opt-out", phone=int(phone)):
            change(calm, f"client/{client}/", opted_out=True)
    slow(calm, 0)
    facts = calm.settle(mailing, story=story)
    calm.sql("UPDATE client SET opted_out_at = NULL")

    assert facts.statuses.keys() == {"accepted", "skipped"}
    assert facts.statuses["skipped"] >= 20


@pytest.mark.parametrize("act", ["pause", "cancel"])
def test_a_stop_in_mid_run(calm, under_way, act):
    mailing = under_way(f"Halt: {act}")
    story = Story(recipients=MANY)
    with story.stop(act):
        calm.post(f"mailing/{mailing}/{act}/")
    if act == "pause":
        wait_for(lambda: not calm.mailing(mailing)["counts"]["sending"], seconds=20, what="a stop")
        slow(calm, 0)
        with story.resume():
            calm.post(f"mailing/{mailing}/resume/")
    status = "finished" if act == "pause" else "cancelled"
    calm.wait_for_mailing(mailing, status=status, seconds=SETTLED_SECONDS)
    wait_for(lambda: is_settled(calm, mailing), seconds=SETTLED_SECONDS, what="nothing open")

    facts = calm.settle(mailing, story=story, status=status)

    outcomes = {"pause": {"accepted"}, "cancel": {"accepted", "cancelled"}}
    assert facts.statuses.keys() == outcomes[act]


def test_the_end_passes_while_paused(calm, under_way):
    mailing = under_way("Paused for good", end_time=in_seconds(5))
    story = Story()
    with story.stop("pause"):
        calm.post(f"mailing/{mailing}/pause/")

    facts = calm.settle(mailing, story=story)

    assert facts.statuses.keys() == {"accepted", "expired"}


def is_settled(notifier, mailing: int) -> bool:
    counts = notifier.mailing(mailing)["counts"]
    return not counts["pending"] and not counts["sending"]


def change(notifier, path: str, **fields: object) -> None:
    reply = notifier.session.patch(f"{notifier.url}/api/{path}", json=fields, timeout=60)
    assert reply.ok, reply.text
