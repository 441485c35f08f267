"""pending → skipped, for clients who left while their messages were being sent."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from django.db import connection

from notifier.arrays import array_of
from notifier.delivery.ledger.closing import close_waiting_among

# Each one's client is looked up, not joined: see WAITS_FOR_CLIENTS.
UNREACHABLE = """
    SELECT CASE WHEN is_reachable IS NULL THEN 'client_deleted' ELSE 'opted_out' END, id
    FROM (
        SELECT id, (SELECT opted_out_at IS NULL FROM client WHERE client.id = message.client_id)
            AS is_reachable
        FROM message WHERE id = ANY(%s) AND status = 'pending'
    ) AS waiting
    WHERE is_reachable IS NOT TRUE
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


def await_results(client_ids: Collection[int]) -> None:
    """Let whoever is writing a result for one of the clients finish.

    Such a transaction may have looked before the opt-out was committed; all
    that look later see it.
    """
    _await_rows(
        "message",
        "SELECT id FROM message WHERE client_id = ANY(%s::bigint[]) AND finished_at IS NULL",
        client_ids,
    )


def await_chunks(client_ids: Collection[int]) -> None:
    """Let whoever is choosing recipients, or sends messages of the clients again, finish a chunk.

    A chunk holds its mailing's row, so waiting for that row is waiting for the
    chunk; every later one sees the opt-out by itself.
    """
    _await_rows(
        "mailing",
        "SELECT id FROM mailing WHERE status = 'preparing' OR id IN ("
        " SELECT mailing_id FROM message"
        " WHERE client_id = ANY(%s::bigint[]) AND status IN ('failed', 'unknown'))",
        client_ids,
    )


def _await_rows(table: str, chosen: str, client_ids: Collection[int]) -> None:
    """Wait until nobody holds one of the rows any more that was held at the beginning.

    One row at a time, so that nothing is held while waiting for the next: two
    could else wait for each other. Not within a transaction.
    """
    lock = f"SELECT id FROM {table} WHERE id = ANY(%s::bigint[]) FOR NO KEY UPDATE"
    with connection.cursor() as cursor:
        cursor.execute(chosen, [array_of(client_ids)])
        ids = {row[0] for row in cursor.fetchall()}
        cursor.execute(f"{lock} SKIP LOCKED", [array_of(ids)])
        free = {row[0] for row in cursor.fetchall()}
        for held in sorted(ids - free):
            cursor.execute(lock, [array_of([held])])
