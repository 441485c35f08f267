"""Claims, fencing and rescue: what is written down when senders die or come late."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from notifier.clients.models import Client
from notifier.delivery import ledger, recipients
from notifier.delivery.control import cancel_mailing, create_mailing, delete_mailing
from notifier.delivery.ledger import Result
from notifier.delivery.ledger.frontier import STRETCH
from notifier.delivery.models import Attempt, Claim, Frontier, Message, MinuteCount
from notifier.statistics.counts import mailing_counts
from tests.running import wait_for

LONG_AGO = "2026-01-01T00:00Z"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mailing(gateway, add_clients):
    add_clients(4)
    mailing = create_mailing(text="Hi", conditions={})
    recipients.start_mailing(mailing.pk)
    mailing.refresh_from_db()
    return mailing


def claim(mailing, *, most=10, lease_seconds=60.0, generation=1):
    return ledger.claim_messages(
        mailing_id=mailing.pk,
        gateway_id=mailing.gateway_id,
        slot=1,
        generation=generation,
        worker="host:1",
        lease_seconds=lease_seconds,
        most=most,
    )


def result(message_id, claim_id, status="accepted", **fields):
    return Result(
        message_id=message_id,
        claim_id=claim_id,
        gateway_id=1,
        number=1,
        status=status,
        reason=None if status == "accepted" else "rejected",
        outcome=fields.pop("outcome", "accepted" if status == "accepted" else "rejected"),
        phase="reply",
        started_at=time.time(),
        duration_ms=5,
        http_status=200,
        gateway_code=0,
        **fields,
    )


def counted(mailing):
    mailing.refresh_from_db()
    return {status: count for status, count in mailing_counts(mailing).items() if count}


def test_a_message_is_claimed_by_one_sender_only(mailing):
    first, second, third = claim(mailing, most=3), claim(mailing, most=3), claim(mailing)

    ids = [message.id for batch in (first, second) for message in batch.messages]
    assert (len(ids), len(set(ids)), third) == (4, 4, None)
    assert counted(mailing) == {"sending": 4}


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "paused"},
        {"status": "cancelled", "finished_at": LONG_AGO},
        {"start_time": "2026-01-01T00:00Z", "end_time": "2026-01-02T00:00Z"},
        {"start_time": "2090-01-01T00:00Z", "end_time": "2091-01-02T00:00Z"},
    ],
)
def test_nothing_is_claimed_of_a_mailing_that_may_not_send(mailing, fields):
    type(mailing).objects.filter(pk=mailing.pk).update(**fields)

    assert claim(mailing) is None


def test_a_result_counts_only_under_its_own_claim(mailing):
    lost = claim(mailing, most=1, lease_seconds=-1)
    message_id = lost.messages[0].id
    assert ledger.rescue_expired_claim() == 1
    Message.objects.update(due_at=timezone.now())
    held = claim(mailing, most=4)

    ledger.record_results([result(message_id, lost.claim_id, "failed")])

    message = Message.objects.get(pk=message_id)
    assert (message.status, message.claim_id) == ("sending", held.claim_id)
    assert Attempt.objects.filter(message=message).count() == 1  # the rescue's own


def test_proof_of_acceptance_is_taken_from_a_sender_that_lost_its_claim(mailing):
    lost = claim(mailing, most=1, lease_seconds=-1)
    message_id = lost.messages[0].id
    ledger.rescue_expired_claim()
    Message.objects.update(due_at=timezone.now())
    held = claim(mailing)

    ledger.record_results([result(message_id, lost.claim_id)])
    ledger.record_results([result(each.id, held.claim_id) for each in held.messages])

    assert set(Message.objects.values_list("status", flat=True)) == {"accepted"}
    assert counted(mailing) == {"accepted": 4}
    assert Claim.objects.count() == 0


def test_late_proof_corrects_an_outcome_that_was_counted(mailing, gateway):
    gateway.unknown_outcome = "hold"
    gateway.save()
    lost = claim(mailing, lease_seconds=-1)
    ledger.rescue_expired_claim()
    assert counted(mailing) == {"unknown": 4}

    ledger.record_results([result(lost.messages[0].id, lost.claim_id)])

    assert counted(mailing) == {"unknown": 3, "accepted": 1}
    assert dict(MinuteCount.objects.values_list("outcome", "count")) == {
        "unknown": 3, "accepted": 1,
    }  # fmt: skip


def test_a_result_for_a_deleted_mailing_does_not_lose_the_others(mailing, add_clients):
    batch = claim(mailing, most=2)
    cancel_mailing(mailing.pk)
    delete_mailing(mailing.pk)
    other = create_mailing(text="Ho", conditions={})
    recipients.start_mailing(other.pk)
    kept = claim(other, most=1)

    ledger.record_results(
        [
            result(batch.messages[0].id, batch.claim_id),
            result(batch.messages[1].id, batch.claim_id, "failed"),
            result(kept.messages[0].id, kept.claim_id),
        ]
    )

    assert Message.objects.get(pk=kept.messages[0].id).status == "accepted"
    assert counted(other) == {"accepted": 1, "pending": 3}
    assert not MinuteCount.objects.filter(mailing=batch.mailing_id).exists()


def test_writing_results_twice_changes_nothing(mailing):
    batch = claim(mailing)
    results = [result(each.id, batch.claim_id) for each in batch.messages[:3]]
    results.append(result(batch.messages[3].id, batch.claim_id, "failed"))

    ledger.record_results(results)
    before = list(Message.objects.order_by("id").values())
    ledger.record_results(results)

    assert list(Message.objects.order_by("id").values()) == before
    assert counted(mailing) == {"accepted": 3, "failed": 1}
    assert Attempt.objects.count() == 1


def test_what_a_dead_sender_held_may_have_been_sent(mailing):
    claim(mailing, most=3, lease_seconds=-1)
    claim(mailing, most=1, lease_seconds=60)

    assert ledger.rescue_expired_claim() == 3
    assert ledger.rescue_expired_claim() is None

    rescued = Message.objects.filter(maybe_sent=True)
    assert set(rescued.values_list("status", "reason", "attempts")) == {
        ("pending", "sender_lost", 1)
    }
    assert counted(mailing) == {"pending": 3, "sending": 1}
    told = Attempt.objects.values_list("outcome", "reason", "error")
    assert list(told) == 3 * [
        ("unknown", "sender_lost", "The sender host:1 vanished while it held this message.")
    ]


def test_a_renewed_claim_is_not_rescued_and_an_expired_one_not_renewed(mailing):
    batch = claim(mailing, most=1, lease_seconds=5)
    assert ledger.renew_claims([batch.claim_id], lease_seconds=3600) == {batch.claim_id}
    assert Claim.objects.get(pk=batch.claim_id).expires_at > timezone.now() + timedelta(minutes=50)

    Claim.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ledger.renew_claims([batch.claim_id], lease_seconds=3600) == set()
    assert ledger.rescue_expired_claim() == 1


def test_what_never_left_goes_back_without_an_attempt(mailing):
    batch = claim(mailing)
    ids = [each.id for each in batch.messages]

    ledger.return_unsent(batch.claim_id, ids[:3])

    returned = Message.objects.filter(id__in=ids[:3])
    assert set(returned.values_list("status", "attempts", "maybe_sent")) == {("pending", 0, False)}
    assert counted(mailing) == {"pending": 3, "sending": 1}
    assert len(claim(mailing, most=10).messages) == 3


def test_a_mailing_whose_messages_lie_between_another_ones_is_claimed_whole(mailing, add_clients):
    """The frontier passes over what is not the mailing's, a stretch at a time."""
    frontier = Frontier.objects.get(mailing=mailing)
    Message.objects.filter(mailing=mailing, id__gt=frontier.next_id + 1).update(
        id=F("id") + 3 * STRETCH
    )
    mailing.last_message_id += 3 * STRETCH
    mailing.save()

    batches = [claim(mailing, most=2) for _ in range(6)]

    assert sum(len(batch.messages) for batch in batches if batch) == 4


def test_senders_that_claim_at_once_get_every_message_once(mailing, add_clients):
    add_clients(3_000)
    large = create_mailing(text="Hi", conditions={})
    recipients.start_mailing(large.pk)

    def claim_all(slot: int) -> list[int]:
        found = []
        while batch := claim(large, most=50, generation=slot):
            found += [message.id for message in batch.messages]
        connection.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        claimed = list(itertools.chain(*pool.map(claim_all, range(4))))

    assert len(claimed) == len(set(claimed)) == 3_004


def test_what_is_closed_while_it_is_being_claimed_is_one_or_the_other(mailing, add_clients):
    """An opt-out in mid-claim: the row is looked at again once the other is done with it."""
    opted_out = Client.objects.earliest("id")
    Client.objects.filter(pk=opted_out.pk).update(opted_out_at=timezone.now())
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            ledger.close_waiting_of_clients([opted_out.pk], reason="opted_out")
            claiming = pool.submit(_claim_and_hang_up, mailing)
            wait_for(_waits_for_a_lock, seconds=10, what="the claim at the locked row")
        batch = claiming.result(10)

    assert len(batch.messages) == 3
    assert Message.objects.get(client_id=opted_out.pk).status == "skipped"


def _claim_and_hang_up(mailing):
    batch = claim(mailing)
    connection.close()
    return batch


def _waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_closing_a_mailing_closes_what_was_never_tried_and_what_was(mailing):
    batch = claim(mailing, most=1)
    ledger.return_unsent(batch.claim_id, [batch.messages[0].id])
    cancel_mailing(mailing.pk)

    closed = [
        ledger.close_waiting(mailing.pk, status="cancelled", reason="cancelled", most=2)
        for _ in range(3)
    ]

    assert closed == [2, 2, 0]
    assert not ledger.has_open_messages(mailing)


@pytest.mark.parametrize(
    "broken",
    [
        {"status": "sending", "due_at": None},
        {"status": "accepted", "due_at": None},
        {"due_at": None, "attempts": 1},
        {"claim_id": 5},
        {
            "status": "failed",
            "due_at": None,
            "finished_at": "2026-01-01T00:00Z",
            "maybe_sent": True,
        },
    ],
)
def test_the_database_refuses_a_state_that_cannot_be(mailing, broken):
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.filter(mailing=mailing).update(**broken)


def test_a_client_is_a_recipient_once(mailing):
    message = Message.objects.first()
    message.pk = None

    with pytest.raises(IntegrityError), transaction.atomic():
        message.save(force_insert=True)
