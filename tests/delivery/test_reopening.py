"""Messages that a person sends again, or counts as sent: rows, counters, and who comes between."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from notifier.clients.models import Client
from notifier.delivery import ledger, recipients, rejections, resolution
from notifier.delivery.closing import close_mailing
from notifier.delivery.control import cancel_mailing, create_mailing, pause_mailing
from notifier.delivery.ledger import Choice, Reopened
from notifier.delivery.models import Message, MinuteCount, Slot
from notifier.delivery.resolution import count_as_sent, send_again
from notifier.delivery.withdrawal import delete_client, opt_in_client, opt_out_client
from notifier.mailings.checking import MailingProblems
from notifier.mailings.lifecycle import WrongStatus
from notifier.mailings.models import Mailing, MailingStatus
from notifier.statistics.counts import failure_reasons, mailing_counts
from tests.delivery.beside import Beside
from tests.delivery.test_ledger import claim, result

pytestmark = pytest.mark.django_db(transaction=True)

EARLIER = timedelta(minutes=7)


@pytest.fixture
def done(gateway, add_clients):
    """Makes a mailing every message of which came to the given outcome, in the order given."""

    def make(*outcomes: str, finish: bool = True) -> Mailing:
        add_clients(len(outcomes))
        mailing = create_mailing(text="Hi", conditions={})
        recipients.start_mailing(mailing.pk)
        mailing.refresh_from_db()
        come_to(mailing, *outcomes)
        if finish:
            close_mailing(mailing.pk)
        mailing.refresh_from_db()
        return mailing

    return make


def come_to(mailing: Mailing, *outcomes: str) -> None:
    batch = claim(mailing, most=len(outcomes))
    assert len(batch.messages) == len(outcomes)
    ids = sorted(message.id for message in batch.messages)
    ledger.record_results(
        [
            result(message_id, batch.claim_id, outcome, maybe_sent=outcome == "unknown")
            for message_id, outcome in zip(ids, outcomes, strict=True)
        ]
    )


def move_back(mailing: Mailing, time: timedelta) -> None:
    """All that came to an outcome did so earlier."""
    Message.objects.filter(mailing=mailing).update(finished_at=F("finished_at") - time)
    MinuteCount.objects.filter(mailing=mailing).update(minute=F("minute") - time)


def rows(mailing: Mailing) -> list[str]:
    messages = Message.objects.filter(mailing=mailing).order_by("id")
    return list(messages.values_list("status", flat=True))


def counted(mailing: Mailing) -> dict[str, int]:
    """By the counters, having made sure that they say what the rows say."""
    mailing.refresh_from_db()
    counts = {status: count for status, count in mailing_counts(mailing).items() if count}
    statuses = rows(mailing)
    assert counts == {status: statuses.count(status) for status in set(statuses)}
    return counts


def status_of(mailing: Mailing) -> str:
    return Mailing.objects.get(pk=mailing.pk).status


def by_minute(mailing: Mailing) -> dict[tuple[str, str], int]:
    counters = MinuteCount.objects.filter(mailing=mailing, count__gt=0)
    return {(f"{each.minute:%H:%M}", each.outcome): each.count for each in counters}


# --- Sending again --------------------------------------------------------------------


def test_the_failed_wait_again_and_nobody_else(done):
    mailing = done("accepted", "failed", "unknown", "failed")

    answer = send_again(mailing.pk, statuses=["failed"])

    assert answer.messages == Reopened(waiting=2)
    assert rows(mailing) == ["accepted", "pending", "unknown", "pending"]
    assert counted(mailing) == {"accepted": 1, "unknown": 1, "pending": 2}
    assert (answer.mailing.status, answer.mailing.finished_at) == ("running", None)
    waiting = Message.objects.filter(status="pending")
    assert set(waiting.values_list("attempts", "maybe_sent", "reason", "finished_at")) == {
        (1, False, "rejected", None)
    }


def test_only_they_are_posted_again_and_the_mailing_finishes_again(
    sandbox, add_clients, run_queue, come_due
):
    add_clients(5)
    sandbox.set_faults({"code": 1})
    mailing = create_mailing(text="Hi", conditions={})
    run_queue()
    sandbox.set_faults({})
    accepted = Message.objects.order_by("id").first()
    Message.objects.filter(pk=accepted.pk).update(status="accepted", reason=None)
    assert status_of(mailing) == "finished"

    send_again(mailing.pk, statuses=["failed"])
    run_queue()

    assert status_of(mailing) == "finished"
    assert rows(mailing) == ["accepted"] * 5
    posted = [entry.id for entry in sandbox.ledger()]
    assert posted.count(accepted.pk) == 1
    assert len(posted) == 5 + 4


def test_an_outcome_is_taken_back_from_the_minute_in_which_it_was_counted(done):
    mailing = done("accepted", "failed", "unknown")
    move_back(mailing, EARLIER)
    then = Message.objects.first().finished_at
    opt_out_client(Client.objects.order_by("id")[1])

    answer = send_again(mailing.pk, statuses=["failed", "unknown"])

    skipped = Message.objects.get(status="skipped")
    assert answer.messages == Reopened(waiting=1, maybe_twice=1, skipped=1)
    assert by_minute(mailing) == {
        (f"{then:%H:%M}", "accepted"): 1,
        (f"{skipped.finished_at:%H:%M}", "skipped"): 1,
    }
    assert counted(mailing) == {"accepted": 1, "skipped": 1, "pending": 1}


def test_whoever_opted_out_or_was_deleted_is_not_sent_to_again(done):
    mailing = done("failed", "failed", "unknown", "unknown", "unknown")
    clients = list(Client.objects.order_by("id"))
    opt_out_client(clients[0])
    delete_client(clients[1])
    opt_out_client(clients[2])
    delete_client(clients[3])

    answer = send_again(mailing.pk, statuses=["failed", "unknown"])

    assert answer.messages == Reopened(waiting=1, maybe_twice=1, skipped=2, left_unknown=2)
    assert rows(mailing) == ["skipped", "skipped", "unknown", "unknown", "pending"]
    assert counted(mailing) == {"skipped": 2, "unknown": 2, "pending": 1}
    skipped = Message.objects.filter(status="skipped").order_by("id")
    assert list(skipped.values_list("reason", flat=True)) == ["opted_out", "client_deleted"]


def test_a_mailing_none_of_whose_clients_is_left_stays_finished(done):
    mailing = done("accepted", "failed")
    opt_out_client(Client.objects.order_by("id").last())
    end = timezone.now() + timedelta(days=9)

    answer = send_again(mailing.pk, statuses=["failed"], end_time=end)

    assert answer.messages == Reopened(skipped=1)
    assert (answer.mailing.status, answer.mailing.end_time) == ("finished", mailing.end_time)
    assert counted(mailing) == {"accepted": 1, "skipped": 1}


@pytest.mark.parametrize(("outcome", "becomes"), [("accepted", "accepted"), ("failed", "unknown")])
def test_what_is_sent_again_after_an_unknown_outcome_ends_accepted_or_unknown(
    done, outcome, becomes
):
    mailing = done("unknown")

    send_again(mailing.pk, statuses=["unknown"])
    come_to(mailing, outcome)

    message = Message.objects.get()
    assert (message.status, message.maybe_sent, message.attempts) == (becomes, True, 2)
    assert counted(mailing) == {becomes: 1}


def test_it_is_unknown_also_where_the_mailing_is_cancelled_before_it_is_sent_again(done):
    mailing = done("unknown", "failed")
    send_again(mailing.pk, statuses=["unknown", "failed"])

    cancel_mailing(mailing.pk)
    close_mailing(mailing.pk)

    assert rows(mailing) == ["unknown", "cancelled"]
    assert Message.objects.get(status="unknown").reason == "rejected"
    assert counted(mailing) == {"unknown": 1, "cancelled": 1}


def test_one_reason_alone_may_be_chosen(done):
    mailing = done("failed", "failed", "unknown")
    first = Message.objects.order_by("id").first()
    Message.objects.filter(pk=first.pk).update(reason="another")

    answer = send_again(mailing.pk, statuses=["failed", "unknown"], reason="another")

    assert answer.messages == Reopened(waiting=1)
    assert rows(mailing) == ["pending", "failed", "unknown"]


def test_chunks_come_to_the_same_as_the_whole_and_a_second_time_to_nothing(done, monkeypatch):
    monkeypatch.setattr(resolution, "CHUNK_IDS", 2)
    mailing = done("failed", "accepted", "failed", "failed", "unknown", "failed", "failed")

    first = send_again(mailing.pk, statuses=["failed"])
    second = send_again(mailing.pk, statuses=["failed"])

    assert (first.messages, second.messages) == (Reopened(waiting=5), Reopened())
    assert counted(mailing) == {"pending": 5, "accepted": 1, "unknown": 1}


def test_what_failed_after_one_asked_was_not_meant(done):
    mailing = done("failed")
    earlier = timezone.now() - timedelta(minutes=1)
    span = {"first": mailing.first_message_id, "last": mailing.last_message_id}

    reopened = ledger.reopen_messages(Choice(mailing.pk, ["failed"], earlier), **span)

    assert reopened == Reopened()
    assert rows(mailing) == ["failed"]


def test_the_senders_are_woken(done):
    mailing = done("failed")
    Slot.objects.update(state="idle")

    send_again(mailing.pk, statuses=["failed"])

    assert set(Slot.objects.values_list("state", flat=True)) == {"queued"}


# --- The mailing ----------------------------------------------------------------------


@pytest.mark.parametrize("statuses", [["failed"], ["unknown"]])
def test_a_mailing_whose_end_has_passed_needs_a_new_one(done, statuses):
    mailing = done("failed", "unknown")
    long_ago = timezone.now() - timedelta(days=2)
    mailing.start_time, mailing.end_time = long_ago, long_ago + timedelta(days=1)
    mailing.save()
    end = timezone.now() + timedelta(hours=1)

    with pytest.raises(MailingProblems, match="has passed: give a new one, until which they may"):
        send_again(mailing.pk, statuses=statuses)
    with pytest.raises(MailingProblems, match="has passed: nothing could be sent"):
        send_again(mailing.pk, statuses=statuses, end_time=timezone.now() - timedelta(hours=1))
    assert sorted(rows(mailing)) == ["failed", "unknown"]
    answer = send_again(mailing.pk, statuses=statuses, end_time=end)

    assert (answer.mailing.end_time, answer.messages.waiting) == (end, 1)


def test_the_statuses_in_which_messages_may_be_sent_again(done):
    becomes = {}
    for status in MailingStatus.values:
        Client.objects.all().delete()
        mailing = done("failed")
        ended = timezone.now() if status in ("finished", "cancelled") else None
        Mailing.objects.filter(pk=mailing.pk).update(status=status, finished_at=ended)
        try:
            becomes[status] = send_again(mailing.pk, statuses=["failed"]).mailing.status
        except WrongStatus:
            assert (status_of(mailing), rows(mailing)) == (status, ["failed"])

    assert becomes == {
        "preparing": "preparing", "running": "running", "paused": "paused", "finished": "running",
    }  # fmt: skip


def test_a_cancelled_mailing_says_that_it_cannot_be_sent_again(done):
    mailing = done("failed", "accepted", finish=False)
    cancel_mailing(mailing.pk)

    with pytest.raises(WrongStatus, match=f"Mailing {mailing.pk} was cancelled: it cannot be sent"):
        send_again(mailing.pk, statuses=["failed"])


def test_what_waits_in_a_paused_mailing_is_not_sent_until_it_is_resumed(done):
    mailing = done("failed", finish=False)
    pause_mailing(mailing.pk)

    send_again(mailing.pk, statuses=["failed"])

    assert claim(mailing) is None
    assert counted(mailing) == {"pending": 1}


def test_rejections_from_before_do_not_pause_it_at_once_again(done, settings):
    settings.PAUSE_AFTER_RESULTS = 3
    mailing = done(*["failed"] * 4)
    Message.objects.filter(pk=mailing.first_message_id).update(reason="another")

    send_again(mailing.pk, statuses=["failed"], reason="another")
    rejections.pause_if_rejected([mailing.pk])

    assert counted(mailing) == {"failed": 3, "pending": 1}
    assert status_of(mailing) == "running"


# --- Counting as sent -----------------------------------------------------------------


def test_what_is_counted_as_sent_stays_unknown_and_is_decided(done):
    mailing = done("accepted", "unknown", "failed", "unknown")
    end = timezone.now() + timedelta(hours=1)

    first, second = count_as_sent(mailing.pk), count_as_sent(mailing.pk)
    again = send_again(mailing.pk, statuses=["unknown"], end_time=end)

    assert (first.messages, second.messages, again.messages) == (2, 0, Reopened())
    assert rows(mailing) == ["accepted", "unknown", "failed", "unknown"]
    assert counted(mailing) == {"accepted": 1, "unknown": 2, "failed": 1}
    assert status_of(mailing) == "finished"
    assert failure_reasons(mailing) == [
        ("counted_as_sent", "No clear answer; a person counted it as sent", 2),
        ("rejected", "Rejected by the gateway", 1),
    ]


def test_those_of_a_cancelled_mailing_may_be_counted_as_sent(done):
    mailing = done("unknown", "unknown", finish=False)
    cancel_mailing(mailing.pk)
    Message.objects.filter(pk=mailing.first_message_id).update(reason="timed_out")

    answer = count_as_sent(mailing.pk, reason="timed_out")

    assert answer.messages == 1
    reasons = Message.objects.order_by("id").values_list("reason", flat=True)
    assert list(reasons) == ["counted_as_sent", "rejected"]
    assert status_of(mailing) == "cancelled"


def test_late_proof_is_worth_more_than_what_was_decided(done):
    mailing = done("unknown")
    count_as_sent(mailing.pk)

    ledger.record_results([result(mailing.first_message_id, claim_id=0)])

    assert counted(mailing) == {"accepted": 1}
    assert Message.objects.get().reason is None


def test_late_proof_finds_a_message_that_waits_again(done):
    mailing = done("unknown")
    send_again(mailing.pk, statuses=["unknown"])

    ledger.record_results([result(mailing.first_message_id, claim_id=0)])

    assert counted(mailing) == {"accepted": 1}


# --- Who comes between ----------------------------------------------------------------


def while_sent_again(mailing: Mailing, act, *arguments) -> None:
    """``act`` comes when the messages wait again and nobody can see it yet."""
    with transaction.atomic():
        send_again(mailing.pk, statuses=["failed"])
        beside = Beside(act, *arguments)
        beside.wait_until_it_waits()
    beside.finish()


def test_a_mailing_does_not_finish_over_messages_that_are_just_sent_again(done):
    mailing = done("failed", "accepted", finish=False)

    while_sent_again(mailing, close_mailing, mailing.pk)

    assert status_of(mailing) == "running"
    assert counted(mailing) == {"pending": 1, "accepted": 1}


def test_an_opt_out_withdraws_what_is_just_sent_again(done):
    mailing = done("failed", "failed")
    client = Client.objects.order_by("id").first()

    while_sent_again(mailing, opt_out_client, client)

    assert rows(mailing) == ["skipped", "pending"]
    assert counted(mailing) == {"skipped": 1, "pending": 1}


def test_whoever_opted_in_again_is_sent_to_again(done):
    mailing = done("failed")
    client = Client.objects.get()
    opt_out_client(client)
    opt_in_client(client)

    assert send_again(mailing.pk, statuses=["failed"]).messages == Reopened(waiting=1)


def test_senders_write_results_and_new_minutes_while_a_mailing_is_held(done):
    mailing = done("failed", "accepted", finish=False)
    move_back(mailing, EARLIER)
    waiting = claim_of_one_more(mailing)

    with transaction.atomic():
        send_again(mailing.pk, statuses=["failed"])
        beside = Beside(ledger.record_results, [result(waiting.messages[0].id, waiting.claim_id)])
        beside.finish()

    assert counted(mailing) == {"pending": 1, "accepted": 2}


def claim_of_one_more(mailing: Mailing):
    """A recipient more, whose message a sender holds."""
    client = Client.objects.create(phone="79991112233", operator=999)
    message = Message.objects.create(
        mailing=mailing, client=client, phone=client.phone, status="pending", due_at=timezone.now()
    )
    Mailing.objects.filter(pk=mailing.pk).update(
        audience=mailing.audience + 1, last_message_id=message.pk
    )
    return claim(mailing, most=1)
