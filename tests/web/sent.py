"""A mailing that was sent, message by message, with all its counters."""

from datetime import datetime, timedelta

from django.db import connection

from notifier.clients.models import Client
from notifier.delivery.models import Attempt, Message, Traits
from notifier.delivery.recount import mend
from notifier.mailings.models import Mailing
from tests.web.making import MINUTE, make_finished

# What becomes of every so many messages, in turn: (status, reason, may have been sent).
FATES = (
    ("failed", "rejected", False),
    ("unknown", "timed_out", True),
    ("expired", "end_passed", False),
    ("skipped", "opted_out", False),
    ("unknown", "counted_as_sent", True),
    ("accepted", None, True),
    *[("accepted", None, False)] * 14,
)


def make_sent(
    *,
    messages: int,
    traits: list[tuple[int, str, str]],
    lasts: timedelta,
    start: datetime = MINUTE,
    **fields: object,
) -> Mailing:
    """Each message in turn has a fate, and traits (operator, tag, zone), evenly over the time."""
    times = {"started_at": start, "prepared_at": start, "finished_at": start + lasts}
    mailing = make_finished(**{"audience": messages, **times, **fields})
    kept = [
        Traits.objects.get_or_create(operator=operator, tag=tag, timezone=zone)[0]
        for operator, tag, zone in traits
    ]
    clients = Client.objects.bulk_create(
        Client(phone=f"7{mailing.pk:03}{number:07}", operator=999) for number in range(messages)
    )
    made = Message.objects.bulk_create(
        _message(mailing, client, number, start + lasts * number / max(messages - 1, 1), kept)
        for number, client in enumerate(clients)
    )
    Attempt.objects.bulk_create(_unclear_attempt(message) for message in made if message.maybe_sent)
    mailing.first_message_id, mailing.last_message_id = made[0].pk, made[-1].pk
    mailing.save()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM minute_count WHERE mailing_id = %s", [mailing.pk])
    mend()
    return mailing


def _message(
    mailing: Mailing, client: Client, number: int, moment: datetime, traits: list[Traits]
) -> Message:
    status, reason, maybe_sent = FATES[(number + 6) % len(FATES)]
    was_tried = status not in ("expired", "skipped")
    return Message(
        mailing=mailing,
        client=client,
        phone=client.phone,
        status=status,
        reason=reason,
        maybe_sent=maybe_sent,
        attempts=(1 + maybe_sent) if was_tried else 0,
        duration_ms=80 + number % 400 if was_tried else None,
        sent_at=moment if was_tried else None,
        finished_at=moment,
        traits=traits[number % len(traits)] if traits else None,
    )


def _unclear_attempt(message: Message) -> Attempt:
    return Attempt(
        message=message,
        number=1,
        started_at=message.finished_at,
        duration_ms=30_000,
        outcome="unknown",
        reason="timed_out",
        phase="reply",
    )
