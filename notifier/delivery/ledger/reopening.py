"""failed, unknown → pending: a person sends messages again, or decides that they were sent.

The outcome that is taken back is taken back from the minute in which it was
counted. What a person has decided stays decided: no message that is counted as
sent is found here again. ``maybe_sent`` stays as it is, and with it the promise
that such a message ends only as accepted or unknown.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from notifier.delivery.ledger.counting import COUNT_MOVED, keep_rollup_away

COUNTED_AS_SENT = "counted_as_sent"


@dataclass(frozen=True)
class Choice:
    """Messages that a person chose: those in ``statuses`` since ``asked_at`` or earlier.

    What comes to such an outcome only afterwards was not meant. ``reason``
    and ``message_id`` None are any.
    """

    mailing_id: int
    statuses: Collection[str]
    asked_at: datetime
    reason: str | None = None
    message_id: int | None = None


@dataclass(frozen=True)
class Reopened:
    """What became of the chosen messages.

    ``waiting`` wait to be sent, ``maybe_twice`` of them after an unknown
    outcome; ``skipped`` and ``left_unknown`` have clients who have opted out
    or were deleted.
    """

    waiting: int = 0
    maybe_twice: int = 0
    skipped: int = 0
    left_unknown: int = 0

    def __add__(self, other: Reopened) -> Reopened:
        return Reopened(
            waiting=self.waiting + other.waiting,
            maybe_twice=self.maybe_twice + other.maybe_twice,
            skipped=self.skipped + other.skipped,
            left_unknown=self.left_unknown + other.left_unknown,
        )


CHOSEN = """
    mailing_id = %(mailing)s AND id BETWEEN %(first)s AND %(last)s
    AND status = ANY(%(statuses)s) AND finished_at <= %(asked_at)s
    AND reason IS DISTINCT FROM 'counted_as_sent'
    AND (%(reason)s::text IS NULL OR reason = %(reason)s)
    AND (%(message)s::bigint IS NULL OR id = %(message)s)
"""

REOPEN_MESSAGES = """
    WITH chosen AS (
        SELECT id, client_id, status, reason, finished_at
        FROM message WHERE {chosen} ORDER BY id FOR UPDATE
    ),
    judged AS (
        SELECT chosen.id, chosen.status, chosen.reason, chosen.finished_at,
               CASE WHEN client.id IS NULL THEN 'client_deleted'
                    WHEN client.opted_out_at IS NOT NULL THEN 'opted_out' END AS barred
        FROM chosen LEFT JOIN client ON client.id = chosen.client_id
    ),
    reopened AS (
        UPDATE message SET
            status = CASE WHEN barred IS NULL THEN 'pending' ELSE 'skipped' END,
            -- Until it is sent, the reason says why it was not accepted before.
            reason = coalesce(barred, message.reason),
            due_at = CASE WHEN barred IS NULL THEN now() END,
            finished_at = CASE WHEN barred IS NOT NULL THEN now() END
        FROM judged
        WHERE message.id = judged.id
          -- It may have been sent: saying "skipped" would claim to know better.
          AND (barred IS NULL OR judged.status <> 'unknown')
        RETURNING message.mailing_id, message.status, message.traits_id, message.reason,
                  message.attempts, message.duration_ms, judged.status AS status_before,
                  judged.reason AS reason_before, judged.finished_at AS finished_before
    ),
    changed AS (
        SELECT mailing_id, status_before AS outcome, traits_id, reason_before AS reason, attempts,
               duration_ms, finished_before AS at, -1 AS times
        FROM reopened
        UNION ALL
        SELECT mailing_id, status, traits_id, reason, attempts, duration_ms, now(), 1
        FROM reopened WHERE status = 'skipped'
    ),
    {count_moved}
    SELECT count(*) FILTER (WHERE status = 'pending'),
           count(*) FILTER (WHERE status = 'pending' AND status_before = 'unknown'),
           count(*) FILTER (WHERE status = 'skipped'),
           (SELECT count(*) FROM judged) - count(*)
    FROM reopened
"""

COUNT_AS_SENT = """
    WITH chosen AS (SELECT id, reason FROM message WHERE {chosen} ORDER BY id FOR UPDATE),
    decided AS (
        UPDATE message SET reason = 'counted_as_sent'
        FROM chosen WHERE message.id = chosen.id
        RETURNING message.*, chosen.reason AS reason_before
    ),
    changed AS (
        SELECT mailing_id, status AS outcome, traits_id, reason_before AS reason, attempts,
               duration_ms, finished_at AS at, -1 AS times
        FROM decided
        UNION ALL
        SELECT mailing_id, status, traits_id, reason, attempts, duration_ms, finished_at, 1
        FROM decided
    ),
    {count_moved}
    SELECT count(*) FROM decided
"""


def reopen_messages(choice: Choice, *, first: int, last: int) -> Reopened:
    """Make the chosen messages from id ``first`` to ``last`` wait again, due at once.

    The caller holds the mailing's row, and sees to it that it is under way.
    Uses the primary key: a mailing's messages lie together.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        keep_rollup_away()
        cursor.execute(
            REOPEN_MESSAGES.format(chosen=CHOSEN, count_moved=COUNT_MOVED),
            _values(choice, first, last),
        )
        return Reopened(*cursor.fetchone())


def count_as_sent(choice: Choice, *, first: int, last: int) -> int:
    """Mark the chosen messages, which are unknown, as decided; how many. They stay unknown."""
    with transaction.atomic(), connection.cursor() as cursor:
        keep_rollup_away()
        cursor.execute(
            COUNT_AS_SENT.format(chosen=CHOSEN, count_moved=COUNT_MOVED),
            _values(choice, first, last),
        )
        return cursor.fetchone()[0]


def _values(choice: Choice, first: int, last: int) -> dict[str, Any]:
    return {
        "mailing": choice.mailing_id,
        "statuses": list(choice.statuses),
        "asked_at": choice.asked_at,
        "reason": choice.reason,
        "message": choice.message_id,
        "first": first,
        "last": last,
    }
