"""What there is to decide: of one mailing, and which mailings wait for a decision."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from notifier.delivery.ledger.reopening import COUNTED_AS_SENT
from notifier.mailings.models import Mailing

# Whoever has not decided by then does not mean to.
LATELY = timedelta(days=7)


@dataclass(frozen=True)
class Undecided:
    """Messages of one status; ``barred`` of them have clients who opted out or were deleted."""

    messages: int = 0
    barred: int = 0

    @property
    def sendable(self) -> int:
        return self.messages - self.barred


UNDECIDED = """
    SELECT count(*), count(*) FILTER (WHERE client.id IS NULL OR client.opted_out_at IS NOT NULL)
    FROM message LEFT JOIN client ON client.id = message.client_id
    WHERE message.mailing_id = %s AND reason IS NOT NULL AND reason <> %s AND status = %s
"""


def undecided_messages(mailing: Mailing, status: str) -> Undecided:
    """Those that are failed, or unknown and not counted as sent. Uses message_reason."""
    with connection.cursor() as cursor:
        cursor.execute(UNDECIDED, [mailing.pk, COUNTED_AS_SENT, status])
        return Undecided(*cursor.fetchone())


# The counters know how many are unknown, the index message_reason how many of them are decided.
MAILINGS_TO_DECIDE = """
    SELECT mailing.*, unknown - decided AS undecided
    FROM mailing
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(count), 0) AS unknown FROM minute_count
        WHERE mailing_id = mailing.id AND outcome = 'unknown'
    ) AS counted
    CROSS JOIN LATERAL (
        SELECT count(*) AS decided FROM message
        WHERE unknown > 0 AND mailing_id = mailing.id AND reason = %s
    ) AS marked
    WHERE status IN ('finished', 'cancelled') AND finished_at > now() - %s AND unknown > decided
    ORDER BY mailing.id DESC LIMIT %s
"""


def mailings_to_decide(*, most: int) -> list[Mailing]:
    """The newest that ended lately with unknown messages, how many as ``undecided``."""
    return list(Mailing.objects.raw(MAILINGS_TO_DECIDE, [COUNTED_AS_SENT, LATELY, most]))
