"""pending → skipped, for clients who left while their messages were being sent."""

from collections import defaultdict
from collections.abc import Sequence

from django.db import connection

from notifier.delivery.ledger.closing import close_waiting_among
from notifier.delivery.models import Message

UNREACHABLE = """
    SELECT CASE WHEN client.id IS NULL THEN 'client_deleted' ELSE 'opted_out' END, message.id
    FROM message LEFT JOIN client ON client.id = message.client_id
    WHERE message.id = ANY(%s) AND message.status = 'pending'
      AND (client.id IS NULL OR client.opted_out_at IS NOT NULL)
"""


def withdraw_unreachable(message_ids: Sequence[int]) -> None:
    """Skip those of the waiting messages whose client has opted out or was deleted.

    Belongs into every transaction that puts messages back to wait: an opt-out
    withdraws only what waits, and does not see what is being sent. The other
    half is ``await_results``.
    """
    if not message_ids:
        return
    by_reason: dict[str, list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(UNREACHABLE, [list(message_ids)])
        for reason, message_id in cursor.fetchall():
            by_reason[reason].append(message_id)
    for reason, unreachable in by_reason.items():
        close_waiting_among(unreachable, reason=reason)


def await_results(client_id: int) -> None:
    """Let whoever is writing a result for the client finish.

    Such a transaction may have looked before the opt-out was committed; all
    that look later see it. One row at a time, so that nothing is held while
    waiting for the next: two writers could else wait for each other.
    """
    ids = Message.objects.filter(client_id=client_id, finished_at=None).values_list("id", flat=True)
    with connection.cursor() as cursor:
        for message_id in list(ids):
            cursor.execute("SELECT FROM message WHERE id = %s FOR UPDATE", [message_id])
