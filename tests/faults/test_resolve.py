"""A person decides about failed and unknown messages, over real processes and a bad gateway."""

from collections import Counter

import psutil
import pytest

from tests.faults.invariants import check_invariants
from tests.faults.story import Story
from tests.running import RunningNotifier, wait_for

HOLD = "from notifier.models import Gateway; Gateway.objects.update(unknown_outcome='hold')"
FINISHED_SECONDS = 120


@pytest.fixture(scope="module", autouse=True)
def _unknown_outcomes_are_held(notifier: RunningNotifier) -> None:
    notifier.manage("shell", "-v0", "-c", HOLD)


def finish(notifier: RunningNotifier, mailing: int) -> Counter[str]:
    notifier.wait_for_mailing(mailing, status="finished", seconds=FINISHED_SECONDS)
    return check_invariants(notifier, mailing, Story(was_sent_again=True))


def ids(notifier: RunningNotifier, mailing: int, status: str) -> set[int]:
    return {message["id"] for message in notifier.messages(mailing=mailing, status=status)}


def posted_since(notifier: RunningNotifier, before: int) -> Counter[int | None]:
    return Counter(entry.id for entry in notifier.ledger()[before:])


def holders(notifier: RunningNotifier, mailing: int) -> list[psutil.Process]:
    """The processes that hold messages of the mailing at this moment."""
    with notifier.database().cursor() as cursor:
        cursor.execute("SELECT worker FROM claim WHERE mailing_id = %s AND open > 0", [mailing])
        return [psutil.Process(int(row[0].rpartition(":")[2])) for row in cursor.fetchall()]


def test_only_the_chosen_are_sent_again_and_everybody_is_accounted_for(notifier):
    notifier.set_faults(faults={"code": 0.1, "reset_taken": 0.05}, seed=7)
    mailing = notifier.post("mailing/", {"clients": {}, "text": "Decide about me"})["id"]
    first = finish(notifier, mailing)
    assert first.keys() == {"accepted", "failed", "unknown", "skipped"}
    failed, unknown = ids(notifier, mailing, "failed"), ids(notifier, mailing, "unknown")

    # The contract with the gateway was mended.
    notifier.set_faults(faults={})
    before = len(notifier.ledger())
    answer = notifier.post(f"mailing/{mailing}/send_again/", {"statuses": ["failed"]})
    second = finish(notifier, mailing)
    assert (answer["sent_again"], answer["maybe_twice"]) == (len(failed), 0)
    assert posted_since(notifier, before) == dict.fromkeys(failed, 1)
    assert second == first - Counter(failed=len(failed)) + Counter(accepted=len(failed))

    # It is bad again while the unknown are sent again.
    notifier.set_faults(faults={"reset_taken": 0.2, "code": 0.2}, seed=7)
    before = len(notifier.ledger())
    answer = notifier.post(f"mailing/{mailing}/send_again/", {"statuses": ["unknown"]})
    third = finish(notifier, mailing)
    assert answer["maybe_twice"] == answer["sent_again"] == len(unknown)
    assert posted_since(notifier, before) == dict.fromkeys(unknown, 1)
    assert third.keys() == {"accepted", "unknown", "skipped"}

    before = len(notifier.ledger())
    answer = notifier.post(f"mailing/{mailing}/count_as_sent/", {})
    none = notifier.post(f"mailing/{mailing}/send_again/", {"statuses": ["unknown"]})
    assert (answer["counted_as_sent"], none["sent_again"]) == (third["unknown"], 0)
    assert finish(notifier, mailing) == third
    assert posted_since(notifier, before) == {}
    reasons = {
        message["reason"] for message in notifier.messages(mailing=mailing, status="unknown")
    }
    assert reasons == {"counted_as_sent"}


def test_a_sender_is_killed_while_messages_are_sent_again(notifier):
    notifier.set_faults(faults={"code": 0.3}, seed=7)
    mailing = notifier.post("mailing/", {"clients": {}, "text": "Kill me"})["id"]
    failed = finish(notifier, mailing)["failed"]
    notifier.set_faults(faults={}, latency={"kind": "fixed", "seconds": 1})

    notifier.post(f"mailing/{mailing}/send_again/", {})
    found = wait_for(
        lambda: holders(notifier, mailing), seconds=30, what="a sender that holds some"
    )
    found[0].kill()
    statuses = finish(notifier, mailing)

    assert failed > 1000
    assert statuses["unknown"] > 0
    assert statuses.keys() == {"accepted", "unknown", "skipped"}
