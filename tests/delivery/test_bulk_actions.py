"""What is done to many clients at once: in chunks, cancelled between them, and after a loss."""

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from notifier.clients.models import Client
from notifier.delivery import bulk_actions, rescue, withdrawal
from notifier.delivery.bulk_actions import (
    begin_bulk_action,
    cancel_bulk_action,
    continue_bulk_action,
    newest_client_id,
)
from notifier.delivery.control import create_mailing
from notifier.delivery.ledger import open_messages
from notifier.delivery.models import BulkAction, Message
from notifier.mailings.models import Mailing
from tests.delivery.beside import Beside

pytestmark = pytest.mark.django_db(transaction=True)

# Whoever was changed is not found by it any more.
SEARCHES = {
    "tag": {"tag": "a2"},
    "opt_out": {"tag": "a2", "opted_out": "no"},
    "delete": {"tag": "a2"},
}


class PowerCut(Exception):
    """A worker is no more."""


@pytest.fixture(autouse=True)
def _short_turns(monkeypatch, gateway):
    """Two clients in each turn, the first of them at once."""
    monkeypatch.setattr(bulk_actions, "CHUNK", 2)
    monkeypatch.setattr(bulk_actions, "FIRST_TURN_SECONDS", 0)
    monkeypatch.setattr(bulk_actions, "TURN_SECONDS", 0)


@pytest.fixture
def five(add_clients) -> list[Client]:
    return add_clients(5, tag="a2")


def begin(kind: str = "tag") -> BulkAction:
    return begin_bulk_action(
        kind,
        search=SEARCHES[kind],
        total=Client.objects.filter(tag="a2").count(),
        newest_client_id=newest_client_id(),
        created_by=User.objects.create_user("anna"),
        tag="vip" if kind == "tag" else "",
    )


def turn(action: BulkAction) -> None:
    continue_bulk_action(action.pk, action.last_client_id)


def account(action: BulkAction) -> tuple[str, int, int]:
    action.refresh_from_db()
    return action.state, action.done, action.changed


def left_alone() -> int:
    return Client.objects.filter(tag="a2", opted_out_at=None).count()


@pytest.fixture
def lose_worker(monkeypatch):
    """Loses whoever works, once a chunk is committed and before it is noted."""

    def lose(work) -> None:
        def cut(_action):
            raise PowerCut

        with monkeypatch.context() as patch:
            patch.setattr(bulk_actions, "_note_chunk", cut)
            with pytest.raises(PowerCut):
                work()

    return lose


# --- Between two chunks ---------------------------------------------------------------


def test_one_that_is_not_cancelled_comes_to_its_end(five, run_queue):
    action = begin()

    assert account(action) == ("running", 2, 2)
    # The last turn finds nobody left.
    assert run_queue() == ["bulk"] * 3
    assert account(action) == ("done", 5, 5)


@pytest.mark.parametrize("kind", SEARCHES)
def test_cancelled_between_two_chunks_it_does_no_other(five, run_queue, kind):
    action = begin(kind)

    assert cancel_bulk_action(action)
    assert account(action) == ("cancelled", 2, 2)
    # The turn that waits in the queue comes, and so does the sweep.
    assert run_queue() == ["bulk"]
    rescue.sweep()
    assert "bulk" not in run_queue()

    assert account(action) == ("cancelled", 2, 2)
    assert left_alone() == 3


def test_of_two_who_cancel_one_does(five):
    action, same = begin(), BulkAction.objects.get()

    assert cancel_bulk_action(action)
    cancelled_at = action.cancelled_at
    assert not cancel_bulk_action(same)

    assert (same.state, same.cancelled_at) == ("cancelled", cancelled_at)


def test_what_is_done_cannot_be_cancelled(five, run_queue):
    action = begin()
    run_queue()

    assert not cancel_bulk_action(action)

    assert account(action) == ("done", 5, 5)


# --- At the same moment ---------------------------------------------------------------


def test_cancelled_while_a_chunk_is_done_that_chunk_is_the_last_and_counts(
    five, run_queue, monkeypatch
):
    action = begin()
    tag_clients = bulk_actions.tag_clients
    seen = []

    def cancelled_meanwhile(clients, tag):
        number = tag_clients(clients, tag)
        other = BulkAction.objects.get(pk=action.pk)
        Beside(lambda: seen.append((cancel_bulk_action(other), other.state))).finish()
        return number

    monkeypatch.setattr(bulk_actions, "tag_clients", cancelled_meanwhile)
    turn(action)

    assert seen == [(True, "cancelling")]
    assert account(action) == ("cancelled", 4, 4)
    run_queue()
    rescue.sweep()
    assert "bulk" not in run_queue()
    assert left_alone() == 1


def test_whoever_cancels_while_a_chunk_commits_finds_it_counted(five):
    action, same = begin(), BulkAction.objects.get()

    with transaction.atomic():
        turn(action)
        beside = Beside(cancel_bulk_action, same)
        beside.wait_until_it_waits()
    beside.finish()

    assert account(same) == ("cancelled", 4, 4)


def test_a_chunk_that_would_begin_while_somebody_cancels_does_not(five):
    action = begin()

    with transaction.atomic():
        cancel_bulk_action(BulkAction.objects.get())
        beside = Beside(turn, action)
        beside.wait_until_it_waits()
    beside.finish()

    assert account(action) == ("cancelled", 2, 2)
    assert left_alone() == 3


def test_a_turn_that_finds_nobody_left_does_not_end_a_chunk_of_another_s(five, run_queue):
    action = begin()
    late = BulkAction.objects.get()
    # Another has begun: those of its chunk, and the one after, match no more.
    BulkAction.objects.update(chunk=[five[2].pk, five[3].pk])
    Client.objects.update(tag="vip")

    bulk_actions.work_on(late, seconds=0)

    assert account(action) == ("running", 2, 2)
    turn(action)
    run_queue()
    assert account(action) == ("done", 4, 2)


# --- After a loss ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_chunk_whose_worker_was_lost_is_counted_once(five, run_queue, lose_worker, kind):
    action = begin(kind)
    lose_worker(lambda: turn(action))
    assert left_alone() == 1

    rescue.sweep()
    run_queue()

    assert account(action) == ("done", 5, 5)
    assert left_alone() == 0


@pytest.mark.parametrize("kind", SEARCHES)
def test_cancelled_after_its_worker_was_lost_it_ends_with_that_chunk(
    five, run_queue, lose_worker, kind
):
    action = begin(kind)
    lose_worker(lambda: turn(action))

    assert cancel_bulk_action(action)
    assert account(action) == ("cancelling", 2, 4)
    rescue.sweep()
    run_queue()

    assert account(action) == ("cancelled", 4, 4)
    rescue.sweep()
    assert "bulk" not in run_queue()
    assert left_alone() == 1


@pytest.mark.parametrize(
    ("kind", "reason"), [("opt_out", "opted_out"), ("delete", "client_deleted")]
)
def test_what_a_lost_worker_did_not_withdraw_is_withdrawn_though_it_was_cancelled(
    add_clients, run_queue, monkeypatch, kind, reason
):
    """They became recipients in a transaction that the worker did not see."""
    add_clients(2, tag="a2")
    mailing = create_mailing(text="Hi", conditions={})
    Mailing.objects.update(status="preparing", newest_client_id=newest_client_id())

    def cut(*_ids, **_reason):
        raise PowerCut

    with transaction.atomic():
        open_messages(mailing.pk, most=10)
        with monkeypatch.context() as patch:
            patch.setattr(withdrawal, "_withdraw_the_rest", cut)
            with pytest.raises(PowerCut):
                Beside(begin, kind).finish()
    assert [each.status for each in Message.objects.all()] == ["pending", "pending"]
    action = BulkAction.objects.get()
    cancel_bulk_action(action)

    rescue.restart_bulk_actions()
    run_queue()

    assert account(action) == ("cancelled", 2, 2)
    assert [(each.status, each.reason) for each in Message.objects.all()] == [
        ("skipped", reason)
    ] * 2
