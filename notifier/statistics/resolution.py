"""What there is to decide about a mailing: its failed messages, and the unknown ones."""

from dataclasses import dataclass

from django.db import connection

from notifier.delivery.ledger.reopening import COUNTED_AS_SENT
from notifier.mailings.models import Mailing


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
