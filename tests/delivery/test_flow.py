"""A mailing from its creation to its end, with tasks run in this process one by one."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.utils import timezone

from notifier.clients.models import Client
from notifier.delivery import recipients, rescue
from notifier.delivery.control import (
    cancel_mailing,
    create_mailing,
    delete_mailing,
    pause_mailing,
    resume_mailing,
)
from notifier.delivery.deliver import Delivery, process_sender, through_trouble
from notifier.delivery.ledger import Result, claim_messages, record_results, return_unsent
from notifier.delivery.models import Attempt, Claim, Message, MinuteCount, Slot
from notifier.delivery.outcome import Sent
from notifier.delivery.slots import Slice
from notifier.delivery.withdrawal import delete_client, opt_out_client
from notifier.gateway.classify import ACCEPTED_OK
from notifier.gateway.wire import Reply
from notifier.mailings import lifecycle
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.counts import failure_reasons, mailing_counts, total_counts
from tests.running import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def statuses(mailing):
    return dict(Counter(Message.objects.filter(mailing=mailing).values_list("status", flat=True)))


def counted(mailing):
    """By the counters; a status that nobody is in is left out."""
    mailing.refresh_from_db()
    return {status: count for status, count in mailing_counts(mailing).items() if count}


def test_every_matching_client_gets_the_text_once(sandbox, add_clients, run_queue):
    wanted = add_clients(5, tag="a2")
    add_clients(2, tag="other")
    add_clients(1, tag="a2", opted_out_at=timezone.now())

    mailing = create_mailing(text="Привет, «мир» 🎈", conditions={"tag": "a2"})
    run_queue()

    received = sandbox.ledger()
    assert sorted((entry.phone, entry.text) for entry in received) == [
        (int(client.phone), "Привет, «мир» 🎈") for client in wanted
    ]
    assert {entry.id for entry in received} == set(
        Message.objects.filter(mailing=mailing, status="accepted").values_list("id", flat=True)
    )
    mailing.refresh_from_db()
    assert (mailing.status, mailing.audience) == ("finished", 6)
    assert counted(mailing) == statuses(mailing) == {"accepted": 5, "skipped": 1}
    assert total_counts() == mailing_counts(mailing)
    assert Claim.objects.count() == Attempt.objects.count() == 0


def test_a_mailing_ahead_waits_for_its_start(sandbox, add_clients, run_queue):
    add_clients(1)
    mailing = create_mailing(
        text="Hi", conditions={}, start_time=timezone.now() + timedelta(hours=1)
    )

    assert run_queue() == []
    rescue.sweep()
    assert run_queue() == []
    mailing.refresh_from_db()
    assert (mailing.status, sandbox.ledger()) == ("scheduled", [])


def test_a_start_that_was_missed_is_caught_up_by_the_sweep(sandbox, add_clients, run_queue):
    add_clients(2)
    mailing = create_mailing(
        text="Hi", conditions={}, start_time=timezone.now() + timedelta(hours=1)
    )
    Mailing.objects.update(start_time=timezone.now() - timedelta(minutes=5))

    rescue.sweep()
    run_queue()

    mailing.refresh_from_db()
    assert (mailing.status, len(sandbox.ledger())) == ("finished", 2)


def test_a_start_whose_mailing_was_deleted_does_nothing(sandbox, add_clients, run_queue):
    add_clients(1)
    mailing = create_mailing(text="Hi", conditions={})
    delete_mailing(mailing.pk)

    assert run_queue() == ["start"]


def test_rejections_are_final_and_keep_the_gateways_words(sandbox, add_clients, run_queue):
    add_clients(3)
    sandbox.set_faults({"code": 1})

    mailing = create_mailing(text="Hi", conditions={})
    run_queue()

    assert statuses(mailing) == {"failed": 3}
    message = Message.objects.first()
    assert message.gateway_code not in (0, None)
    assert message.http_status == 200
    attempt = message.failed_attempts.get()
    assert (attempt.outcome, attempt.reason, attempt.number) == ("rejected", "rejected", 1)
    assert str(message.gateway_code) in attempt.reply
    assert failure_reasons(mailing) == [("rejected", "Rejected by the gateway", 3)]


@pytest.mark.parametrize(
    ("fault", "outcome", "reason", "maybe_sent"),
    [
        ("429", "busy", "too_many_requests", False),
        ("503", "busy", "unavailable", False),
        ("500", "unknown", "server_error", True),
        ("502", "unknown", "server_error", True),
        ("garbage", "unknown", "unreadable_reply", True),
        ("empty", "unknown", "unreadable_reply", True),
        ("html", "unknown", "unreadable_reply", True),
        ("truncated", "unknown", "unreadable_reply", True),
        ("reset", "unknown", "broken_connection", True),
        ("huge_body", "unknown", "unreadable_reply", True),
    ],
)
def test_other_answers_put_the_message_back_to_wait(
    sandbox, add_clients, run_queue, come_due, fault, outcome, reason, maybe_sent
):
    add_clients(1)
    sandbox.set_faults({fault: 1})

    mailing = create_mailing(text="Hi", conditions={})
    run_queue()

    message = Message.objects.get()
    assert (message.status, message.attempts, message.maybe_sent) == ("pending", 1, maybe_sent)
    assert timezone.now() < message.due_at < timezone.now() + timedelta(minutes=15)
    attempt = message.failed_attempts.get()
    assert (attempt.outcome, attempt.reason) == (outcome, reason)
    assert counted(mailing) == {"pending": 1}

    sandbox.reset()
    come_due()
    run_queue()

    message.refresh_from_db()
    assert (message.status, message.attempts, message.maybe_sent) == ("accepted", 2, maybe_sent)
    mailing.refresh_from_db()
    assert (mailing.status, counted(mailing)) == ("finished", {"accepted": 1})


@pytest.mark.parametrize(("fault", "reason"), [("401", "unauthorised"), ("redirect", "redirected")])
def test_a_wrong_address_or_token_costs_the_message_nothing(
    sandbox, add_clients, run_queue, come_due, fault, reason
):
    add_clients(1)
    sandbox.set_faults({fault: 1})

    mailing = create_mailing(text="Hi", conditions={})
    run_queue()

    message = Message.objects.get()
    assert (message.status, message.reason, message.maybe_sent) == ("pending", reason, False)
    assert message.due_at <= timezone.now()

    sandbox.reset()
    come_due()
    run_queue()
    assert counted(mailing) == {"accepted": 1}


def test_a_reset_on_a_kept_connection_is_not_repeated_behind_our_back(
    sandbox, add_clients, run_queue
):
    add_clients(1)
    first = create_mailing(text="Opens the connection", conditions={})
    run_queue()
    sandbox.set_faults({"reset": 1})

    create_mailing(text="Breaks it", conditions={})
    run_queue()

    assert [entry.text for entry in sandbox.ledger()] == ["Opens the connection", "Breaks it"]
    assert statuses(first) == {"accepted": 1}


def test_with_hold_an_unknown_outcome_is_left_for_a_person(
    sandbox, gateway, add_clients, run_queue
):
    gateway.unknown_outcome = "hold"
    gateway.save()
    add_clients(2)
    sandbox.set_faults({"500": 1})

    mailing = create_mailing(text="Hi", conditions={})
    run_queue()

    mailing.refresh_from_db()
    assert (mailing.status, statuses(mailing)) == ("finished", {"unknown": 2})
    assert len(sandbox.ledger()) == 2


def test_a_rejection_after_an_unknown_outcome_stays_unknown(
    sandbox, add_clients, run_queue, come_due
):
    add_clients(1)
    sandbox.set_faults({"500": 1})
    mailing = create_mailing(text="Hi", conditions={})
    run_queue()
    sandbox.set_faults({"code": 1})
    come_due()
    run_queue()

    assert counted(mailing) == statuses(mailing) == {"unknown": 1}
    assert [reason for reason, _, _ in failure_reasons(mailing)] == ["rejected_after_unknown"]


def test_what_waits_at_the_end_expires_or_is_unknown(sandbox, add_clients, run_queue):
    add_clients(2)
    sandbox.set_faults({"500": 1})
    mailing = create_mailing(text="Hi", conditions={})
    run_queue()
    add_clients(1)
    never = Message.objects.first()
    Message.objects.filter(pk=never.pk).update(maybe_sent=False)
    Mailing.objects.update(start_time=timezone.now() - timedelta(hours=2), end_time=timezone.now())

    rescue.sweep()
    run_queue()

    mailing.refresh_from_db()
    assert mailing.status == "finished"
    assert counted(mailing) == statuses(mailing) == {"expired": 1, "unknown": 1}
    reasons = dict(Message.objects.values_list("status", "reason"))
    assert reasons == {"expired": "end_passed", "unknown": "server_error"}


@pytest.mark.parametrize("prepared", [True, False])
def test_a_paused_mailing_whose_end_passes_expires(sandbox, add_clients, run_queue, prepared):
    add_clients(2)
    mailing = create_mailing(text="Hi", conditions={})
    lifecycle.start_preparing(mailing.pk)
    if prepared:
        recipients.start_mailing(mailing.pk)
    pause_mailing(mailing.pk)
    Mailing.objects.update(start_time=timezone.now() - timedelta(hours=2), end_time=timezone.now())

    rescue.sweep()
    run_queue()
    rescue.sweep()
    run_queue()

    mailing.refresh_from_db()
    assert (mailing.status, counted(mailing)) == ("finished", {"expired": 2})
    assert sandbox.ledger() == []


def test_a_paused_mailing_sends_nothing_until_it_is_resumed(
    sandbox, add_clients, run_queue, come_due
):
    add_clients(3)
    sandbox.set_faults({"503": 1})
    mailing = create_mailing(text="Hi", conditions={})
    run_queue()
    sandbox.reset(counts=True)
    sent = len(sandbox.ledger())
    pause_mailing(mailing.pk)
    come_due()
    run_queue()
    assert len(sandbox.ledger()) == sent
    assert statuses(mailing) == {"pending": 3}

    resume_mailing(mailing.pk)
    run_queue()
    assert statuses(mailing) == {"accepted": 3}


def test_a_mailing_paused_while_it_prepares_goes_on_choosing(
    sandbox, add_clients, run_queue, monkeypatch
):
    monkeypatch.setattr("notifier.delivery.recipients.FIRST_CHUNK", 2)
    monkeypatch.setattr("notifier.delivery.recipients.RECIPIENT_CHUNK", 2)
    add_clients(5)
    mailing = create_mailing(text="Hi", conditions={})
    chunks = iter([None, pause_mailing])

    def wake_and_pause():
        if act := next(chunks, None):
            act(mailing.pk)

    monkeypatch.setattr("notifier.delivery.recipients.wake_slots", wake_and_pause)
    next(chunks)
    run_queue()
    mailing.refresh_from_db()
    assert (mailing.status, mailing.audience, mailing.prepared_at) == ("paused", 2, None)

    monkeypatch.undo()
    resume_mailing(mailing.pk)
    run_queue()

    mailing.refresh_from_db()
    assert (mailing.status, statuses(mailing)) == ("finished", {"accepted": 5})


def test_every_chunk_of_recipients_wakes_the_senders(add_clients, gateway, monkeypatch):
    """They may be through with the chunk before, and asleep."""
    monkeypatch.setattr("notifier.delivery.recipients.FIRST_CHUNK", 2)
    monkeypatch.setattr("notifier.delivery.recipients.RECIPIENT_CHUNK", 2)
    add_clients(6)
    mailing = create_mailing(text="Hi", conditions={})

    recipients.start_mailing(mailing.pk)

    assert set(Slot.objects.values_list("wakes", flat=True)) == {3}


def test_cancelling_withdraws_who_waits(sandbox, add_clients, run_queue):
    add_clients(2)
    sandbox.set_faults({"503": 1})
    mailing = create_mailing(text="Hi", conditions={})
    run_queue()

    cancel_mailing(mailing.pk)
    run_queue()

    assert counted(mailing) == statuses(mailing) == {"cancelled": 2}


def test_a_client_who_opts_out_or_is_deleted_in_mid_run_gets_nothing(
    sandbox, add_clients, run_queue, come_due
):
    leaving, gone, staying = add_clients(3)
    sandbox.set_faults({"503": 1})
    mailing = create_mailing(text="Hi", conditions={})
    run_queue()
    sandbox.reset()

    opt_out_client(leaving)
    delete_client(gone)
    come_due()
    run_queue()

    outcome = dict(Message.objects.values_list("phone", "reason"))
    assert outcome == {
        leaving.phone: "opted_out",
        f"{staying.phone}": None,
        str(int(leaving.phone) + 1): "client_deleted",
    }
    assert Client.objects.count() == 2
    assert counted(mailing) == {"accepted": 1, "skipped": 2}


@pytest.mark.parametrize(
    ("leave", "reason"), [(opt_out_client, "opted_out"), (delete_client, "client_deleted")]
)
@pytest.mark.parametrize("end", ["busy", "unsent", "lost"])
def test_a_client_who_leaves_while_the_message_is_sent_gets_it_no_second_time(
    sandbox, add_clients, leave, reason, end
):
    (client,) = add_clients(1)
    mailing = create_mailing(text="Hi", conditions={})
    recipients.start_mailing(mailing.pk)
    batch = claim(mailing)

    leave(client)
    assert statuses(mailing) == {"sending": 1}
    END_OF_ATTEMPT[end](batch)

    # One that is lost with its sender may have been sent.
    expected = {"unknown": 1} if end == "lost" else {"skipped": 1}
    assert counted(mailing) == statuses(mailing) == expected
    assert Message.objects.get().reason == ("sender_lost" if end == "lost" else reason)


def test_an_opt_out_waits_for_a_result_that_did_not_see_it(sandbox, add_clients):
    (client,) = add_clients(1)
    mailing = create_mailing(text="Hi", conditions={})
    recipients.start_mailing(mailing.pk)
    batch = claim(mailing)
    written, go_on = threading.Event(), threading.Event()

    def write_slowly():
        with transaction.atomic():
            be_told_to_wait(batch)
            written.set()
            go_on.wait(10)
        connection.close()

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write_slowly)
        assert written.wait(10)
        leaving = pool.submit(opt_out_and_close_connection, client)
        wait_for(is_anybody_blocked, seconds=10, what="the opt-out waiting")
        go_on.set()
        writing.result(10)
        leaving.result(10)

    assert counted(mailing) == statuses(mailing) == {"skipped": 1}


def claim(mailing):
    batch = claim_messages(
        mailing_id=mailing.pk, gateway_id=mailing.gateway_id, slot=1, generation=1,
        worker="host:1", lease_seconds=15, most=10,
    )  # fmt: skip
    assert batch
    return batch


def be_told_to_wait(batch):
    (message,) = batch.messages
    record_results(
        [
            Result(
                message_id=message.id, claim_id=batch.claim_id, gateway_id=1, number=1,
                status="pending", reason="unavailable", outcome="busy", phase="reply",
                started_at=time.time(), duration_ms=1,
            )
        ]
    )  # fmt: skip


def be_returned(batch):
    return_unsent(batch.claim_id, [message.id for message in batch.messages])


def be_lost(batch):
    Claim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    rescue.rescue_claims()


END_OF_ATTEMPT = {"busy": be_told_to_wait, "unsent": be_returned, "lost": be_lost}


def opt_out_and_close_connection(client):
    opt_out_client(client)
    connection.close()


def is_anybody_blocked():
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone()[0]


def test_a_task_that_comes_twice_or_late_does_nothing(sandbox, add_clients, run_queue):
    from notifier.delivery import tasks

    add_clients(2)
    mailing = create_mailing(text="Hi", conditions={})
    run_queue()
    before = list(Slot.objects.values())

    tasks.start(mailing.pk)
    tasks.deliver_slice(1, 1)
    tasks.close(mailing.pk)
    tasks.close(10**9)
    tasks.wake()
    run_queue()
    tasks.deliver_slice(1, 1)

    assert len(sandbox.ledger()) == 2
    assert before[0]["generation"] <= Slot.objects.get(pk=1).generation
    assert Message.objects.count() == 2


def test_the_minute_counters_say_what_the_rows_say(sandbox, add_clients, run_queue):
    add_clients(200)
    sandbox.set_faults({"code": 0.2, "500": 0.2, "429": 0.2}, seed=3)

    create_mailing(text="Hi", conditions={})
    run_queue()

    ended = Counter(Message.objects.exclude(status="pending").values_list("status", flat=True))
    counts = dict(MinuteCount.objects.values_list("outcome", "count"))
    assert counts.pop("retried") == Attempt.objects.exclude(outcome="rejected").count()
    assert counts == dict(ended)


@pytest.mark.parametrize(
    "error", [OperationalError("gone"), InterfaceError("closed"), DatabaseError("server closed")]
)
def test_a_step_is_taken_again_while_the_database_is_away(transactional_db, error):
    """The last is what psycopg2 raises where the server dies in the middle of a statement."""
    errors = [error]

    def step():
        if errors:
            raise errors.pop()

    through_trouble(step)

    assert errors == []


def test_a_step_that_the_database_refuses_is_not_taken_again(transactional_db):
    taken = []

    def step():
        taken.append(1)
        raise IntegrityError("violates")

    with pytest.raises(IntegrityError):
        through_trouble(step)
    assert len(taken) == 1


def test_replies_that_came_while_the_database_was_away_are_kept(gateway, monkeypatch):
    """To an earlier slice's requests, so that the gateway must be looked up first."""
    sent = Sent(message_id=7, claim_id=1, attempt=1, mailing_id=1, gateway_id=gateway.pk)
    arrived = [Reply(sent, started_at=0.0, duration_seconds=0.1, status=200, body=ACCEPTED_OK)]
    sender = process_sender()
    monkeypatch.setattr(sender, "take_replies", lambda *_, **__: [arrived.pop()] if arrived else [])
    delivery = Delivery(Slice(slot=1, generation=1, worker="host:1", wakes=0), sender)

    with monkeypatch.context() as outage:
        outage.setattr(Gateway.objects, "get", _fail_as_if_away)
        with pytest.raises(OperationalError):
            delivery._take_replies()
    delivery._take_replies()

    assert len(delivery.recorder) == 1


def _fail_as_if_away(**_fields):
    raise OperationalError("server closed the connection unexpectedly")


def test_a_claim_whose_answer_was_lost_is_not_kept(
    sandbox, settings, add_clients, run_queue, monkeypatch
):
    """Its sender knows nothing of it: others must have it within a lease."""
    settings.LEASE_SECONDS = 5.0
    sandbox.set_faults(latency=2.5)
    add_clients(100)
    lost = []

    def lose_first_answer(**fields):
        batch = claim_messages(**fields)
        if not lost:
            lost.append(batch.claim_id)
            raise OperationalError("server closed the connection unexpectedly")
        return batch

    monkeypatch.setattr("notifier.delivery.deliver.claim_messages", lose_first_answer)
    create_mailing(text="Hi", conditions={})
    run_queue()

    claim_lost = Claim.objects.get()
    assert [claim_lost.pk] == lost
    assert (claim_lost.expires_at - claim_lost.taken_at).total_seconds() == 5.0
