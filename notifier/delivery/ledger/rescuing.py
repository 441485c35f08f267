"""sending → pending or unknown: messages are taken back from senders that vanished."""

from django.db import connection, transaction

from notifier.delivery.ledger.counting import COUNT_CHANGED
from notifier.delivery.ledger.withdrawing import withdraw_unreachable
from notifier.mailings.models import UnknownOutcome

RESCUE_CLAIM = """
    WITH lost AS (
        DELETE FROM claim WHERE id = (
            SELECT id FROM claim WHERE expires_at < now() ORDER BY expires_at LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id, gateway_id, message_ids, taken_at, worker
    ),
    rescued AS (
        UPDATE message SET
            status = CASE WHEN gateway.unknown_outcome = %(hold)s
                          THEN 'unknown' ELSE 'pending' END,
            due_at = CASE WHEN gateway.unknown_outcome <> %(hold)s THEN now() END,
            finished_at = CASE WHEN gateway.unknown_outcome = %(hold)s THEN now() END,
            reason = 'sender_lost', claim_id = NULL, maybe_sent = true,
            attempts = attempts + 1, sent_at = lost.taken_at
        FROM lost JOIN gateway ON gateway.id = lost.gateway_id
        WHERE message.id = ANY(lost.message_ids) AND message.claim_id = lost.id
        RETURNING message.id, message.mailing_id, message.status, message.traits_id,
                  message.reason, message.attempts, message.duration_ms,
                  lost.taken_at, lost.worker
    ),
    changed AS (
        SELECT mailing_id,
               CASE WHEN status = 'pending' THEN 'retried' ELSE status END AS outcome,
               traits_id, reason, attempts, duration_ms
        FROM rescued
    ),
    {count_changed},
    told AS (
        INSERT INTO attempt (message_id, number, started_at, duration_ms, outcome, reason,
                             phase, error, reply)
        SELECT id, attempts, taken_at, 0, 'unknown', 'sender_lost', 'unknown',
               'The sender ' || worker || ' vanished while it held this message.', ''
        FROM rescued
    )
    SELECT (SELECT count(*) FROM lost), (SELECT array_agg(id) FROM rescued)
"""


def rescue_expired_claim() -> int | None:
    """Take back what one sender held beyond its lease; None when there is no such claim.

    Whether its messages left is not known, so each counts as an attempt with
    an unknown outcome, and the gateway's setting says what becomes of it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            RESCUE_CLAIM.format(count_changed=COUNT_CHANGED), {"hold": UnknownOutcome.HOLD.value}
        )
        claims, messages = cursor.fetchone()
        withdraw_unreachable(messages or [])
    return len(messages or []) if claims else None
