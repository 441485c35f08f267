"""Recipients are chosen in turns, so that no audience keeps the clusters' workers to itself."""

import threading
from collections.abc import Iterator

import pytest
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from notifier.clients.conditions import matching_clients
from notifier.delivery import rescue, tasks
from notifier.delivery.control import create_mailing
from notifier.delivery.models import Message
from tests.delivery.beside import Beside


@pytest.fixture(autouse=True)
def _one_chunk_a_turn(monkeypatch) -> None:
    monkeypatch.setattr("notifier.delivery.recipients.TURN_SECONDS", 0)
    monkeypatch.setattr("notifier.delivery.recipients.FIRST_CHUNK", 2)
    monkeypatch.setattr("notifier.delivery.recipients.RECIPIENT_CHUNK", 2)


def take_starts() -> Iterator[tuple[int, ...]]:
    """The arguments of all starts that are queued, which are taken from the queue."""
    for row in OrmQ.objects.order_by("id"):
        task = SignedPackage.loads(row.payload)
        if task["func"].endswith(".start"):
            row.delete()
            yield task["args"]


def test_a_small_mailing_does_not_wait_for_a_large_one(sandbox, add_clients, run_queue):
    add_clients(9, tag="many")
    add_clients(1, tag="few")
    large = create_mailing(text="Hi", conditions={"tag": "many"})
    small = create_mailing(text="Hi", conditions={"tag": "few"})

    run_queue()

    large.refresh_from_db()
    small.refresh_from_db()
    assert (large.status, large.audience) == ("finished", 9)
    assert (small.status, small.audience) == ("finished", 1)
    assert small.prepared_at < large.prepared_at


def test_of_several_tasks_that_choose_the_same_recipients_one_goes_on(gateway, add_clients):
    add_clients(20)
    mailing = create_mailing(text="Hi", conditions={})
    tasks.start(*next(take_starts()))
    rescue.restart_preparations()
    rescue.restart_preparations()

    for arguments in list(take_starts()):
        tasks.start(*arguments)
    for arguments in list(take_starts()):
        tasks.start(*arguments)

    [(number, _)] = take_starts()
    assert number == mailing.pk
    assert Message.objects.count() == Message.objects.distinct("client_id").count() == 10


def test_nobody_waits_for_who_chooses_the_same_recipients(gateway, add_clients, monkeypatch):
    """Where clients are slow to find, the sweeps' starts would take up every worker."""
    add_clients(5)
    mailing = create_mailing(text="Hi", conditions={})
    begun, may_end = threading.Event(), threading.Event()

    def slow_to_find(conditions):
        begun.set()
        assert may_end.wait(20)
        return matching_clients(conditions)

    monkeypatch.setattr("notifier.delivery.ledger.opening.matching_clients", slow_to_find)
    other = Beside(tasks.start, mailing.pk)
    assert begun.wait(20)

    tasks.start(mailing.pk)

    assert not Message.objects.exists()
    may_end.set()
    other.finish()
    assert Message.objects.count() == 2


def test_a_turn_that_was_lost_is_made_good_by_a_sweep(sandbox, add_clients, run_queue):
    add_clients(5)
    mailing = create_mailing(text="Hi", conditions={})
    tasks.start(*next(take_starts()))
    [_lost] = take_starts()

    rescue.sweep()
    run_queue()

    mailing.refresh_from_db()
    assert (mailing.status, mailing.audience) == ("finished", 5)
