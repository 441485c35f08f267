"""sending → accepted, failed, unknown, or pending again: what came of the attempts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F

from notifier.delivery.ledger.counting import COUNT_CHANGED, count_one
from notifier.delivery.ledger.withdrawing import withdraw_unreachable
from notifier.delivery.models import Message, MinuteCount


@dataclass(frozen=True)
class Result:
    """What an attempt came to: a new status, and all that is kept about the attempt.

    ``status`` pending means: wait ``wait_seconds`` and try again. ``unknown``
    says that the gateway may have taken it. Times are UTC.
    """

    message_id: int
    claim_id: int
    gateway_id: int
    number: int
    status: str
    reason: str | None
    outcome: str
    phase: str
    started_at: datetime
    duration_ms: int
    is_probe: bool = False
    wait_seconds: float = 0.0
    retry_after_seconds: float | None = None
    maybe_sent: bool = False
    http_status: int | None = None
    gateway_code: int | None = None
    error: str = ""
    reply: str = ""


RECORD_RESULTS = """
    WITH result AS (
        SELECT * FROM unnest(
            %(message_id)s::bigint[], %(claim_id)s::bigint[], %(status)s::text[],
            %(reason)s::text[], %(wait_seconds)s::float[], %(maybe_sent)s::bool[],
            %(started_at)s::timestamptz[], %(duration_ms)s::int[],
            %(http_status)s::smallint[], %(gateway_code)s::bigint[]
        ) AS result (message_id, claim_id, status, reason, wait_seconds, maybe_sent,
                     started_at, duration_ms, http_status, gateway_code)
    ),
    recorded AS (
        UPDATE message SET
            status = CASE WHEN result.status = 'failed' AND message.maybe_sent
                          THEN 'unknown' ELSE result.status END,
            reason = CASE WHEN result.status = 'failed' AND message.maybe_sent
                          THEN 'rejected_after_unknown' ELSE result.reason END,
            due_at = CASE WHEN result.status = 'pending'
                          THEN now() + result.wait_seconds * interval '1 second' END,
            finished_at = CASE WHEN result.status <> 'pending' THEN now() END,
            claim_id = NULL,
            attempts = message.attempts + 1,
            maybe_sent = message.maybe_sent OR result.maybe_sent,
            sent_at = result.started_at,
            duration_ms = result.duration_ms,
            http_status = result.http_status,
            gateway_code = result.gateway_code
        FROM result
        WHERE message.id = result.message_id AND message.claim_id = result.claim_id
        RETURNING message.id, message.mailing_id, message.status, result.claim_id
    ),
    changed AS (
        SELECT mailing_id,
               CASE WHEN status = 'pending' THEN 'retried' ELSE status END AS outcome
        FROM recorded
    ),
    counted AS ({count_changed}),
    settled AS (
        UPDATE claim SET open = open - done.count
        FROM (SELECT claim_id, count(*) FROM recorded GROUP BY claim_id ORDER BY claim_id) AS done
        WHERE claim.id = done.claim_id
    )
    SELECT id FROM recorded
"""

COLUMNS_RECORDED = (
    "message_id", "claim_id", "status", "reason", "wait_seconds", "maybe_sent",
    "started_at", "duration_ms", "http_status", "gateway_code",
)  # fmt: skip

RECORD_ATTEMPTS = """
    INSERT INTO attempt (message_id, number, started_at, duration_ms, outcome, reason, phase,
                         http_status, gateway_code, error, reply)
    SELECT * FROM unnest(
        %(message_id)s::bigint[], %(number)s::smallint[], %(started_at)s::timestamptz[],
        %(duration_ms)s::int[], %(outcome)s::text[], %(reason)s::text[], %(phase)s::text[],
        %(http_status)s::smallint[], %(gateway_code)s::bigint[], %(error)s::text[],
        %(reply)s::text[]
    )
"""

COLUMNS_ATTEMPTED = (
    "message_id", "number", "started_at", "duration_ms", "outcome", "reason", "phase",
    "http_status", "gateway_code", "error", "reply",
)  # fmt: skip


def record_results(results: Sequence[Result]) -> None:
    """Write what came of a few hundred attempts, in one transaction.

    A result counts only while its message still carries the claim it was sent
    under; only proof of acceptance is taken from whoever brings it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            RECORD_RESULTS.format(count_changed=COUNT_CHANGED),
            _columns(results, COLUMNS_RECORDED),
        )
        recorded = {row[0] for row in cursor.fetchall()}
        if len(recorded) < len(results):
            _record_late_acceptances(
                [r for r in results if r.status == "accepted" and r.message_id not in recorded]
            )
        told = [r for r in results if r.status != "accepted" and r.message_id in recorded]
        if told:
            cursor.execute(RECORD_ATTEMPTS, _columns(told, COLUMNS_ATTEMPTED))
            withdraw_unreachable([r.message_id for r in told if r.status == "pending"])
        cursor.execute(
            "DELETE FROM claim WHERE id = ANY(%s) AND open <= 0",
            [sorted({result.claim_id for result in results})],
        )


def _columns(results: Sequence[Result], names: Iterable[str]) -> dict[str, list[object]]:
    return {name: [getattr(result, name) for result in results] for name in names}


def _record_late_acceptances(results: Sequence[Result]) -> None:
    """Proof from a sender that lost its claim: whatever was thought since gives way to it."""
    for result in results:
        message = Message.objects.select_for_update().filter(pk=result.message_id).first()
        # It is gone where its mailing was cancelled and deleted at once.
        if message is None or message.status == "accepted":
            continue
        _forget_outcome(message)
        Message.objects.filter(pk=message.pk).update(
            status="accepted", reason=None, due_at=None, claim_id=None,
            attempts=message.attempts + 1, sent_at=result.started_at,
            finished_at=_now(), duration_ms=result.duration_ms,
            http_status=result.http_status, gateway_code=result.gateway_code,
        )  # fmt: skip
        count_one(message.mailing_id, "accepted")


def _forget_outcome(message: Message) -> None:
    if message.claim_id is not None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE claim SET open = open - 1 WHERE id = %s", [message.claim_id])
    if message.finished_at is not None:
        counted = MinuteCount.objects.filter(
            mailing_id=message.mailing_id,
            minute=message.finished_at.replace(second=0, microsecond=0),
            outcome=message.status,
        )
        counted.update(count=F("count") - 1)


def _now() -> datetime:
    """The database's clock at the start of the transaction, as the counters use it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]
