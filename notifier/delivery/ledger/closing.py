"""pending → expired, cancelled, skipped; and the end of a mailing's messages."""

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from notifier.arrays import array_of
from notifier.delivery.ledger.counting import COUNT_CHANGED, forget_counts
from notifier.delivery.ledger.frontier import CHOOSE_WAITING
from notifier.delivery.models import Claim, Frontier, Message
from notifier.mailings.models import Mailing

WAITING_OF_MAILING = f"""
    span AS (
        SELECT last_message_id FROM mailing
        WHERE id = %(mailing)s AND (status = 'cancelled' OR end_time <= now())
    ),
    due AS (
        SELECT id FROM message
        WHERE mailing_id = %(mailing)s AND due_at IS NOT NULL AND EXISTS (SELECT FROM span)
        LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ),
    {CHOOSE_WAITING}
"""

# Uses message_one_per_recipient. Whoever was opted in again meanwhile is sent to. Each one's
# client is looked up: joined, while the planner takes both tables for nearly empty, every
# message would be compared with every client.
WAITS_FOR_CLIENTS = """
    client_id = ANY(%(clients)s::bigint[]) AND status = 'pending'
    AND (SELECT opted_out_at IS NULL FROM client WHERE client.id = message.client_id) IS NOT TRUE
"""

WAITING_OF_CLIENTS = f"""
    chosen AS (SELECT id FROM message WHERE {WAITS_FOR_CLIENTS} FOR UPDATE SKIP LOCKED)
"""

WAITING_AMONG = """
    chosen AS (
        SELECT id FROM message
        WHERE id = ANY(%(messages)s) AND status = 'pending' FOR UPDATE SKIP LOCKED
    )
"""

CLOSE = f""",
    changed AS (
        UPDATE message SET
            status = CASE WHEN maybe_sent THEN 'unknown' ELSE %(status)s END,
            -- What is unknown is so for the reason it had before.
            reason = CASE WHEN maybe_sent THEN reason ELSE %(reason)s END,
            due_at = NULL, finished_at = now()
        FROM chosen WHERE message.id = chosen.id AND message.status = 'pending'
        RETURNING message.mailing_id, message.status AS outcome, message.traits_id,
                  message.reason, message.attempts, message.duration_ms
    ),
    {COUNT_CHANGED}
    SELECT count(*) FROM changed
"""


def close_waiting(mailing_id: int, *, status: str, reason: str, most: int) -> int:
    """Close up to ``most`` waiting messages of a mailing that was cancelled or has passed its end.

    How many were found. The statement looks at the mailing itself, as a person
    may just have given it a new end.
    """
    values = {"mailing": mailing_id, "most": most, "status": status, "reason": reason}
    return _close(WAITING_OF_MAILING, values)


def close_waiting_of_clients(client_ids: Collection[int], *, reason: str) -> int:
    """Skip all that waits for clients who have opted out or were deleted, but what others hold.

    One statement, whatever their number: two of them take the minute counters
    in the same order, so neither waits for the other.
    """
    values = {"clients": array_of(client_ids), "status": "skipped", "reason": reason}
    return _close(WAITING_OF_CLIENTS, values)


def is_anything_waiting(client_ids: Collection[int]) -> bool:
    """Whether anything waits for clients who have opted out or were deleted, held by others."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM message WHERE {WAITS_FOR_CLIENTS})",
            {"clients": array_of(client_ids)},
        )
        return cursor.fetchone()[0]


def close_waiting_among(message_ids: Sequence[int], *, reason: str) -> int:
    """Skip those of the messages that wait."""
    values = {"messages": list(message_ids), "status": "skipped", "reason": reason}
    return _close(WAITING_AMONG, values)


def _close(waiting: str, values: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute("WITH " + waiting + CLOSE, values)
        return cursor.fetchone()[0]


def has_open_messages(mailing: Mailing) -> bool:
    """Whether any message waits or is being sent: looks at the rows, never at a counter."""
    if Frontier.objects.filter(mailing=mailing, next_id__lte=mailing.last_message_id or 0).exists():
        return True
    if Message.objects.filter(mailing=mailing, due_at__isnull=False).exists():
        return True
    if Claim.objects.filter(mailing=mailing, open__gt=0).exists():
        return True
    # All three say no; only then the rows themselves, once in a mailing's life.
    return _messages_of(mailing).filter(status__in=("pending", "sending")).exists()


def delete_messages(mailing: Mailing) -> None:
    """Remove every trace of a mailing's messages."""
    messages = _messages_of(mailing)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM attempt USING message WHERE attempt.message_id = message.id"
            " AND message.mailing_id = %s AND message.id BETWEEN %s AND %s",
            [mailing.pk, mailing.first_message_id or 0, mailing.last_message_id or -1],
        )
    messages._raw_delete(messages.db)
    forget_counts(mailing)
    Claim.objects.filter(mailing=mailing).delete()
    Frontier.objects.filter(mailing=mailing).delete()


def _messages_of(mailing: Mailing) -> QuerySet[Message]:
    """A mailing's messages by its range of ids: there is no index on the mailing alone."""
    return Message.objects.filter(
        mailing=mailing, id__range=(mailing.first_message_id or 0, mailing.last_message_id or -1)
    )
