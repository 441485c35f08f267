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


MAILINGS_TO_DECIDE = """
    SELECT mailing.*, undecided
    FROM mailing
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(count), 0) AS undecided FROM quarter_hour_count
        WHERE mailing_id = mailing.id AND dimension = 'reason' AND outcome = 'unknown'
          AND value <> %s
    ) AS counted
    WHERE status IN ('finished', 'cancelled') AND finished_at > now() - %s AND undecided > 0
    ORDER BY mailing.id DESC LIMIT %s
"""


def mailings_to_decide(*, most: int) -> list[Mailing]:
    """The newest that ended lately with unknown messages, how many as ``undecided``."""
    return list(Mailing.objects.raw(MAILINGS_TO_DECIDE, [COUNTED_AS_SENT, LATELY, most]))
