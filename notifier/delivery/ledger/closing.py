"""pending → expired, cancelled, skipped; and the end of a mailing's messages."""

from django.db import connection
from django.db.models import QuerySet

from notifier.delivery.ledger.counting import COUNT_CHANGED
from notifier.delivery.models import Claim, Message
from notifier.mailings.models import Mailing

CLOSE_WAITING = """
    WITH waiting AS (
        SELECT id FROM message
        WHERE {which} AND due_at IS NOT NULL LIMIT %(most)s FOR UPDATE SKIP LOCKED
    ),
    changed AS (
        UPDATE message SET
            status = CASE WHEN maybe_sent THEN 'unknown' ELSE %(status)s END,
            -- What is unknown is so for the reason it had before.
            reason = CASE WHEN maybe_sent THEN reason ELSE %(reason)s END,
            due_at = NULL, finished_at = now()
        FROM waiting WHERE message.id = waiting.id
        RETURNING message.mailing_id, message.status AS outcome
    ),
    counted AS ({count_changed})
    SELECT count(*) FROM changed
"""

WAITS_NO_MORE = """
    mailing_id = %(mailing)s AND EXISTS (
        SELECT FROM mailing WHERE mailing.id = %(mailing)s
          AND (mailing.status = 'cancelled' OR mailing.end_time <= now())
    )
"""


def close_waiting(mailing_id: int, *, status: str, reason: str, most: int) -> int:
    """Close up to ``most`` waiting messages of a mailing that was cancelled or has passed its end.

    How many were found. The statement looks at the mailing itself, as a person
    may just have given it a new end.
    """
    return _close(WAITS_NO_MORE, {"mailing": mailing_id}, status, reason, most)


def close_waiting_of_client(client_id: int, *, reason: str) -> int:
    """Skip all that still waits for one client. Uses message_one_per_recipient."""
    return _close("client_id = %(client)s", {"client": client_id}, "skipped", reason, 100_000)


def _close(which: str, values: dict[str, int], status: str, reason: str, most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            CLOSE_WAITING.format(which=which, count_changed=COUNT_CHANGED),
            {**values, "status": status, "reason": reason, "most": most},
        )
        return cursor.fetchone()[0]


def has_open_messages(mailing: Mailing) -> bool:
    """Whether any message waits or is being sent: looks at the rows, never at a counter."""
    if Message.objects.filter(mailing=mailing, due_at__isnull=False).exists():
        return True
    if Claim.objects.filter(mailing=mailing, open__gt=0).exists():
        return True
    # Both indexes say no; only then the rows themselves, once in a mailing's life.
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
    Claim.objects.filter(mailing=mailing).delete()


def _messages_of(mailing: Mailing) -> QuerySet[Message]:
    """A mailing's messages by its range of ids: there is no index on the mailing alone."""
    return Message.objects.filter(
        mailing=mailing, id__range=(mailing.first_message_id or 0, mailing.last_message_id or -1)
    )
