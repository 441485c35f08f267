"""sending → accepted, failed, unknown, or pending again: what came of the attempts."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from notifier.arrays import array_of
from notifier.delivery.ledger.counting import COUNT_CHANGED, count_one, keep_rollup_away
from notifier.delivery.ledger.withdrawing import withdraw_unreachable
from notifier.delivery.models import Message

Columns = dict[str, Any]


class Result(NamedTuple):
    """What an attempt came to: a new status, and all that is kept about the attempt.

    Without further words it is an acceptance. ``started_at`` is in seconds
    since 1970. ``status`` pending means: wait ``wait_seconds`` and try again.
    ``maybe_sent`` says that the gateway may have taken it.
    """

    message_id: int
    claim_id: int
    gateway_id: int
    number: int
    started_at: float
    duration_ms: int
    is_probe: bool = False
    status: str = "accepted"
    reason: str | None = None
    outcome: str = "accepted"
    phase: str = "reply"
    wait_seconds: float = 0.0
    retry_after_seconds: float | None = None
    maybe_sent: bool = False
    http_status: int | None = 200
    gateway_code: int | None = 0
    error: str = ""
    reply: str = ""


# Nearly all results are acceptances and differ in four numbers only, so they
# have a statement of their own: a third of the general one's cost.
RECORD_ACCEPTED = """
    WITH result AS (
        SELECT unnest(%(message_id)s::bigint[]) AS message_id,
               unnest(%(claim_id)s::bigint[]) AS claim_id,
               unnest(%(started_at)s::float8[]) AS started_at,
               unnest(%(duration_ms)s::int[]) AS duration_ms
    ),
    recorded AS (
        UPDATE message SET
            status = 'accepted', reason = NULL, due_at = NULL, claim_id = NULL,
            finished_at = now(),
            attempts = message.attempts + 1,
            sent_at = to_timestamp(result.started_at),
            duration_ms = result.duration_ms,
            http_status = 200, gateway_code = 0
        FROM result
        WHERE message.id = result.message_id AND message.claim_id = result.claim_id
        RETURNING message.id, message.mailing_id, message.status, message.traits_id,
                  message.reason, message.attempts, message.duration_ms, result.claim_id
    ),
"""

RECORD_OTHERS = """
    WITH result AS (
        SELECT * FROM unnest(
            %(message_id)s::bigint[], %(claim_id)s::bigint[], %(status)s::text[],
            %(reason)s::text[], %(wait_seconds)s::float[], %(maybe_sent)s::bool[],
            %(started_at)s::float8[], %(duration_ms)s::int[],
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
            sent_at = to_timestamp(result.started_at),
            duration_ms = result.duration_ms,
            http_status = result.http_status,
            gateway_code = result.gateway_code
        FROM result
        WHERE message.id = result.message_id AND message.claim_id = result.claim_id
        RETURNING message.id, message.mailing_id, message.status, message.traits_id,
                  message.reason, message.attempts, message.duration_ms, result.claim_id
    ),
"""

# What follows from the rows in "recorded": the counters, and the claims that are settled.
SETTLE = f"""
    changed AS (
        SELECT mailing_id,
               CASE WHEN status = 'pending' THEN 'retried' ELSE status END AS outcome,
               traits_id, reason, attempts, duration_ms
        FROM recorded
    ),
    {COUNT_CHANGED},
    settled AS (
        UPDATE claim SET open = open - done.count
        FROM (SELECT claim_id, count(*) FROM recorded GROUP BY claim_id ORDER BY claim_id) AS done
        WHERE claim.id = done.claim_id
    )
    SELECT id FROM recorded
"""

COLUMNS_ACCEPTED = ("message_id", "claim_id", "started_at", "duration_ms")

COLUMNS_OTHERS = (
    "message_id", "claim_id", "status", "reason", "wait_seconds", "maybe_sent",
    "started_at", "duration_ms", "http_status", "gateway_code",
)  # fmt: skip

RECORD_ATTEMPTS = """
    INSERT INTO attempt (message_id, number, started_at, duration_ms, outcome, reason, phase,
                         http_status, gateway_code, error, reply)
    SELECT message_id, number, to_timestamp(started_at), duration_ms, outcome, reason, phase,
           http_status, gateway_code, error, reply
    FROM unnest(
        %(message_id)s::bigint[], %(number)s::smallint[], %(started_at)s::float8[],
        %(duration_ms)s::int[], %(outcome)s::text[], %(reason)s::text[], %(phase)s::text[],
        %(http_status)s::smallint[], %(gateway_code)s::bigint[], %(error)s::text[],
        %(reply)s::text[]
    ) AS attempt (message_id, number, started_at, duration_ms, outcome, reason, phase,
                  http_status, gateway_code, error, reply)
"""

COLUMNS_ATTEMPTED = (
    "message_id", "number", "started_at", "duration_ms", "outcome", "reason", "phase",
    "http_status", "gateway_code", "error", "reply",
)  # fmt: skip


def record_results(results: Sequence[Result]) -> None:
    """Write what came of some hundred attempts, in one transaction.

    A result counts only while its message still carries the claim it was sent
    under; only proof of acceptance is taken from whoever brings it.
    """
    accepted = [result for result in results if result.status == "accepted"]
    others = [result for result in results if result.status != "accepted"]
    with transaction.atomic(), connection.cursor() as cursor:
        if accepted:
            _record_accepted(accepted)
        if others:
            _record_others(others)
        cursor.execute(
            "DELETE FROM claim WHERE id = ANY(%s) AND open <= 0",
            [sorted({result.claim_id for result in results})],
        )


def _record_accepted(results: Sequence[Result]) -> None:
    columns = _columns(results, COLUMNS_ACCEPTED)
    columns = {name: array_of(numbers) for name, numbers in columns.items()}
    recorded = _recorded(RECORD_ACCEPTED + SETTLE, columns)
    if len(recorded) < len(results):
        _record_late_acceptances([r for r in results if r.message_id not in recorded])


def _record_others(results: Sequence[Result]) -> None:
    recorded = _recorded(RECORD_OTHERS + SETTLE, _columns(results, COLUMNS_OTHERS))
    told = [result for result in results if result.message_id in recorded]
    if told:
        with connection.cursor() as cursor:
            cursor.execute(RECORD_ATTEMPTS, _columns(told, COLUMNS_ATTEMPTED))
    withdraw_unreachable([result.message_id for result in told if result.status == "pending"])


def _recorded(sql: str, columns: Columns) -> set[int]:
    """The ids of those messages that still carried their claim, and are changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, columns)
        return {row[0] for row in cursor.fetchall()}


def _columns(results: Sequence[Result], names: Iterable[str]) -> Columns:
    return {name: [getattr(result, name) for result in results] for name in names}


def _record_late_acceptances(results: Sequence[Result]) -> None:
    """Proof from a sender that lost its claim: whatever was thought since gives way to it."""
    keep_rollup_away()
    for result in results:
        message = Message.objects.select_for_update().filter(pk=result.message_id).first()
        # It is gone where its mailing was cancelled and deleted at once.
        if message is None or message.status == "accepted":
            continue
        _forget_outcome(message)
        Message.objects.filter(pk=message.pk).update(
            status="accepted", reason=None, due_at=None, claim_id=None,
            attempts=message.attempts + 1,
            sent_at=datetime.fromtimestamp(result.started_at, tz=UTC),
            finished_at=_now(), duration_ms=result.duration_ms,
            http_status=result.http_status, gateway_code=result.gateway_code,
        )  # fmt: skip
        count_one(message.pk, times=1)


def _forget_outcome(message: Message) -> None:
    if message.claim_id is not None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE claim SET open = open - 1 WHERE id = %s", [message.claim_id])
    count_one(message.pk, times=-1)


def _now() -> datetime:
    """The database's clock at the start of the transaction, as the counters use it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]
