"""Rows for tests of pages."""

from datetime import UTC, datetime, timedelta
from itertools import count

from django.utils import timezone

from notifier.clients.models import Client
from notifier.delivery.models import BulkAction, Message, MinuteCount, QuarterHourCount
from notifier.mailings.models import Mailing

MINUTE = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
_numbers = count(79990000001)


def make_client(**fields: object) -> Client:
    fields = {"phone": str(next(_numbers)), "operator": 999, **fields}
    return Client.objects.create(**fields)


def make_bulk_action(**fields: object) -> BulkAction:
    """On a cluster for a minute, tagging 120,000 clients, 45,000 done; unless said otherwise."""
    fields = {
        "kind": "tag",
        "tag": "vip",
        "search": {"tag": "a2"},
        "total": 120_000,
        "done": 45_000,
        "last_client_id": 45_000,
        "newest_client_id": 120_000,
        "created_at": timezone.now() - timedelta(minutes=1),
        **fields,
    }
    fields.setdefault("changed", fields["done"])
    return BulkAction.objects.create(**fields)


def make_mailing(**fields: object) -> Mailing:
    """Scheduled for tomorrow, unless said otherwise."""
    start = timezone.now() + timedelta(days=1)
    fields = {
        "name": "Autumn sale",
        "text": "Everything must go",
        "start_time": start,
        "end_time": start + timedelta(days=1),
        **fields,
    }
    return Mailing.objects.create(**fields)


def make_running(*, audience: int = 100, **fields: object) -> Mailing:
    now = timezone.now()
    fields = {
        "status": "running",
        "start_time": now - timedelta(hours=1),
        "end_time": now + timedelta(hours=1),
        "started_at": now - timedelta(minutes=10),
        "prepared_at": now - timedelta(minutes=9),
        **fields,
    }
    return make_mailing(audience=audience, **fields)


def make_finished(*, audience: int = 100, **fields: object) -> Mailing:
    fields = {"status": "finished", "finished_at": timezone.now(), **fields}
    return make_running(audience=audience, **fields)


def count_outcomes(mailing: Mailing, minute: datetime = MINUTE, **outcomes: int) -> None:
    for outcome, number in outcomes.items():
        MinuteCount.objects.create(mailing=mailing, minute=minute, outcome=outcome, count=number)


def count_fully(mailing: Mailing, minute: datetime = MINUTE, **outcomes: int) -> None:
    """As the ledger does: by minute, and by reason (none) in its quarter of an hour."""
    count_outcomes(mailing, minute, **outcomes)
    period = minute.replace(minute=minute.minute // 15 * 15, second=0, microsecond=0)
    for outcome, number in outcomes.items():
        counted, _ = QuarterHourCount.objects.get_or_create(
            mailing=mailing,
            period=period,
            dimension="reason",
            value="",
            outcome=outcome,
            defaults={"count": 0},
        )
        QuarterHourCount.objects.filter(pk=counted.pk).update(count=counted.count + number)


def make_message(
    mailing: Mailing, client: Client, *, status: str = "accepted", **fields: object
) -> Message:
    ended = {"finished_at": MINUTE, "sent_at": MINUTE, "attempts": 1}
    waiting = {"due_at": MINUTE}
    state = waiting if status == "pending" else ended
    message = Message.objects.create(
        mailing=mailing, client=client, phone=client.phone, status=status, **{**state, **fields}
    )
    if message.finished_at:
        count_by_reason(message)
    mailing.first_message_id = min(mailing.first_message_id or message.pk, message.pk)
    mailing.last_message_id = message.pk
    mailing.save()
    return message


def count_by_reason(message: Message) -> None:
    """As the ledger does with every message that ended; but not by minute: see count_outcomes."""
    key = {
        "mailing": message.mailing,
        "period": message.finished_at.replace(minute=0, second=0, microsecond=0),
        "dimension": "reason",
        "value": message.reason or "",
        "outcome": message.status,
    }
    counted, _ = QuarterHourCount.objects.get_or_create(**key, defaults={"count": 0})
    QuarterHourCount.objects.filter(pk=counted.pk).update(count=counted.count + 1)
