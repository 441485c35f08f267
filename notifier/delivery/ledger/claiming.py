"""pending → sending: a sender takes messages under a lease, keeps it, or gives them back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection, transaction

from notifier.delivery.ledger.frontier import CHOOSE_WAITING
from notifier.delivery.ledger.withdrawing import withdraw_unreachable


class ClaimedMessage(NamedTuple):
    id: int
    phone: str
    attempts: int


@dataclass(frozen=True)
class ClaimedBatch:
    """Messages of one mailing under one lease, which ends ``lease_seconds`` after ``taken_at``."""

    claim_id: int
    mailing_id: int
    messages: list[ClaimedMessage]


CLAIM_MESSAGES = f"""
    WITH span AS (
        SELECT last_message_id FROM mailing
        WHERE id = %(mailing)s AND status IN ('preparing', 'running')
          AND start_time <= now() AND now() < end_time
    ),
    due AS (
        SELECT id FROM message
        WHERE mailing_id = %(mailing)s AND due_at <= now() AND EXISTS (SELECT FROM span)
        ORDER BY due_at LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ),
    {CHOOSE_WAITING},
    next_claim AS (SELECT nextval(pg_get_serial_sequence('claim', 'id')) AS id),
    taken AS (
        UPDATE message SET status = 'sending', due_at = NULL, claim_id = next_claim.id
        FROM chosen, next_claim
        WHERE message.id = chosen.id AND message.status = 'pending'
        RETURNING message.id, message.phone, message.attempts
    ),
    claimed AS (
        INSERT INTO claim (id, mailing_id, gateway_id, slot, generation, worker,
                           taken_at, expires_at, message_ids, open)
        SELECT next_claim.id, %(mailing)s, %(gateway)s, %(slot)s, %(generation)s, %(worker)s,
               now(), now() + %(lease)s * interval '1 second', array_agg(taken.id), count(*)
        FROM taken, next_claim GROUP BY next_claim.id
    )
    SELECT next_claim.id, taken.id, taken.phone, taken.attempts FROM taken, next_claim
"""


def claim_messages(
    *,
    mailing_id: int,
    gateway_id: int,
    slot: int,
    generation: int,
    worker: str,
    lease_seconds: float,
    most: int,
) -> ClaimedBatch | None:
    """Take up to ``most`` due messages of a mailing that may send now; None if none are due.

    Committed on return, so that no byte leaves before the claim is known.
    Uses the index message_due, and the primary key from the frontier on.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM_MESSAGES,
            {
                "mailing": mailing_id,
                "gateway": gateway_id,
                "slot": slot,
                "generation": generation,
                "worker": worker,
                "lease": lease_seconds,
                "most": most,
            },
        )
        rows = cursor.fetchall()
    if not rows:
        return None
    return ClaimedBatch(
        claim_id=rows[0][0],
        mailing_id=mailing_id,
        messages=[ClaimedMessage(*row[1:]) for row in rows],
    )


RETURN_UNSENT = """
    WITH returned AS (
        UPDATE message SET status = 'pending', due_at = now(), claim_id = NULL
        WHERE id = ANY(%(messages)s) AND claim_id = %(claim)s
        RETURNING id
    )
    UPDATE claim SET open = open - (SELECT count(*) FROM returned) WHERE id = %(claim)s
"""


def return_unsent(claim_id: int, message_ids: Sequence[int]) -> None:
    """Put back messages whose request never began: nothing happened to them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RETURN_UNSENT, {"messages": list(message_ids), "claim": claim_id})
        withdraw_unreachable(message_ids)


def renew_claims(claim_ids: Collection[int], *, lease_seconds: float) -> set[int]:
    """Keep claims for another lease from now; those that were there to be kept.

    By their ids and not by their slot: where the answer to a claim was lost on
    the way, its sender knows nothing of it, and it must come to its end.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE claim SET expires_at = now() + %s * interval '1 second'"
            " WHERE id = ANY(%s) AND expires_at > now() RETURNING id",
            [lease_seconds, sorted(claim_ids)],
        )
        return {row[0] for row in cursor.fetchall()}
