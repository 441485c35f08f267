"""The statuses of messages: the only module that changes them.

Every function is one statement or one transaction, keeps the minute counters
and the claims' open counts in step with the rows it changes, and is safe to
run twice and against others.

    pending → sending → accepted | failed | unknown | pending (retry)
    pending → expired | cancelled | skipped

A message that some attempt may have delivered (``maybe_sent``) can end only as
accepted or unknown, whatever else was wished for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F, QuerySet

from notifier.clients.conditions import matching_clients
from notifier.delivery.models import Claim, Message, MinuteCount
from notifier.mailings.models import Mailing, UnknownOutcome

# The counters at the end of a statement whose rows are in "changed":
# (mailing_id, outcome). Sorted, so that two writers lock rows in one order.
COUNT_CHANGED = """
    INSERT INTO minute_count AS counted (mailing_id, minute, outcome, count)
    SELECT mailing_id, date_trunc('minute', now()), outcome, count(*)
    FROM changed GROUP BY mailing_id, outcome ORDER BY mailing_id, outcome
    ON CONFLICT (mailing_id, minute, outcome)
    DO UPDATE SET count = counted.count + excluded.count
"""


@dataclass(frozen=True)
class OpenedChunk:
    """How many recipients a chunk gave their message rows; 0 when there are no more."""

    recipients: int
    waiting: int


@dataclass(frozen=True)
class ClaimedMessage:
    id: int
    phone: str
    attempts: int


@dataclass(frozen=True)
class ClaimedBatch:
    """Messages of one mailing under one lease, which ends ``lease_seconds`` after ``taken_at``."""

    claim_id: int
    mailing_id: int
    messages: list[ClaimedMessage]


@dataclass(frozen=True)
class Result:
    """What an attempt came to: a new status, and all that is kept about the attempt.

    ``status`` pending means: wait ``wait_seconds`` and try again. ``unknown``
    says that the gateway may have taken it. Times are UTC.
    """

    message_id: int
    claim_id: int
    number: int
    status: str
    reason: str | None
    outcome: str
    phase: str
    started_at: datetime
    duration_ms: int
    wait_seconds: float = 0.0
    maybe_sent: bool = False
    http_status: int | None = None
    gateway_code: int | None = None
    error: str = ""
    reply: str = ""


# --- pending: the recipients ----------------------------------------------------------

OPEN_MESSAGES = """
    WITH chosen AS ({clients}),
    opened AS (
        INSERT INTO message (mailing_id, client_id, phone, status, reason,
                             due_at, finished_at, attempts, maybe_sent)
        SELECT %s, id, phone,
               CASE WHEN opted_out_at IS NULL THEN 'pending' ELSE 'skipped' END,
               CASE WHEN opted_out_at IS NOT NULL THEN 'opted_out' END,
               CASE WHEN opted_out_at IS NULL THEN now() END,
               CASE WHEN opted_out_at IS NOT NULL THEN now() END,
               0, false
        FROM chosen ORDER BY chosen.id
        RETURNING id, client_id, mailing_id, status
    ),
    changed AS (SELECT mailing_id, status AS outcome FROM opened WHERE status = 'skipped'),
    counted AS ({count_changed} RETURNING 1)
    SELECT count(*), count(*) FILTER (WHERE status = 'pending'),
           min(id), max(id), max(client_id)
    FROM opened
"""


def open_messages(mailing_id: int, *, most: int) -> OpenedChunk:
    """Give the next ``most`` recipients their rows, by client id.

    Which clients these are is decided by the mailing's conditions and how far
    earlier chunks came. Whoever has opted out gets a row that is skipped.
    Uses the clients' primary key, or the index of the field that is asked for.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        mailing = Mailing.objects.select_for_update(of=("self",)).get(pk=mailing_id)
        if mailing.prepared_at is not None:
            return OpenedChunk(recipients=0, waiting=0)
        clients = (
            matching_clients(mailing.conditions)
            .filter(id__gt=mailing.last_client_id, id__lte=mailing.newest_client_id)
            .order_by("id")
            .values("id", "phone", "opted_out_at")[:most]
        )
        sql, parameters = clients.query.sql_with_params()
        cursor.execute(
            OPEN_MESSAGES.format(clients=sql, count_changed=COUNT_CHANGED),
            (*parameters, mailing_id),
        )
        recipients, waiting, first, last, last_client = cursor.fetchone()
        if recipients:
            mailing.audience += recipients
            mailing.last_client_id = last_client
            mailing.first_message_id = mailing.first_message_id or first
            mailing.last_message_id = last
            mailing.save(
                update_fields=[
                    "audience", "last_client_id", "first_message_id", "last_message_id",
                ]
            )  # fmt: skip
    return OpenedChunk(recipients=recipients, waiting=waiting)


# --- pending → sending: the claim -----------------------------------------------------

CLAIM_MESSAGES = """
    WITH due AS (
        SELECT id FROM message
        WHERE mailing_id = %(mailing)s AND due_at <= now()
          AND EXISTS (
            SELECT FROM mailing
            WHERE mailing.id = %(mailing)s AND mailing.status IN ('preparing', 'running')
              AND mailing.start_time <= now() AND now() < mailing.end_time
          )
        ORDER BY due_at LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ),
    next_claim AS (SELECT nextval(pg_get_serial_sequence('claim', 'id')) AS id),
    taken AS (
        UPDATE message SET status = 'sending', due_at = NULL, claim_id = next_claim.id
        FROM due, next_claim WHERE message.id = due.id
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
    Uses the index message_due.
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
    with connection.cursor() as cursor:
        cursor.execute(RETURN_UNSENT, {"messages": list(message_ids), "claim": claim_id})


# --- sending → …: the results ---------------------------------------------------------

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
            reason = result.reason,
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
        cursor.execute(
            "DELETE FROM claim WHERE id = ANY(%s) AND open <= 0",
            [sorted({result.claim_id for result in results})],
        )


def _columns(results: Sequence[Result], names: Iterable[str]) -> dict[str, list[object]]:
    return {name: [getattr(result, name) for result in results] for name in names}


def _record_late_acceptances(results: Sequence[Result]) -> None:
    """Proof from a sender that lost its claim: whatever was thought since gives way to it."""
    for result in results:
        message = Message.objects.select_for_update().get(pk=result.message_id)
        if message.status == "accepted":
            continue
        _forget_outcome(message)
        Message.objects.filter(pk=message.pk).update(
            status="accepted", reason=None, due_at=None, claim_id=None,
            attempts=message.attempts + 1, sent_at=result.started_at,
            finished_at=_now(), duration_ms=result.duration_ms,
            http_status=result.http_status, gateway_code=result.gateway_code,
        )  # fmt: skip
        _count(message.mailing_id, "accepted")


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


def _count(mailing_id: int, outcome: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH changed AS (SELECT %s::bigint AS mailing_id, %s::text AS outcome)"
            + COUNT_CHANGED,
            [mailing_id, outcome],
        )


def _now() -> datetime:
    """The database's clock at the start of the transaction, as the counters use it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]


# --- sending → unknown or pending: the rescue -----------------------------------------

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
        RETURNING message.id, message.mailing_id, message.status, message.attempts,
                  lost.taken_at, lost.worker
    ),
    changed AS (
        SELECT mailing_id,
               CASE WHEN status = 'pending' THEN 'retried' ELSE status END AS outcome
        FROM rescued
    ),
    counted AS ({count_changed}),
    told AS (
        INSERT INTO attempt (message_id, number, started_at, duration_ms, outcome, reason,
                             phase, error, reply)
        SELECT id, attempts, taken_at, 0, 'unknown', 'sender_lost', 'unknown',
               'The sender ' || worker || ' vanished while it held this message.', ''
        FROM rescued
    )
    SELECT (SELECT count(*) FROM lost), (SELECT count(*) FROM rescued)
"""


def rescue_expired_claim() -> int | None:
    """Take back what one sender held beyond its lease; None when there is no such claim.

    Whether its messages left is not known, so each counts as an attempt with
    an unknown outcome, and the gateway's setting says what becomes of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            RESCUE_CLAIM.format(count_changed=COUNT_CHANGED), {"hold": UnknownOutcome.HOLD.value}
        )
        claims, messages = cursor.fetchone()
    return messages if claims else None


def renew_claims(*, slot: int, generation: int, lease_seconds: float) -> None:
    """Keep all claims of one slice for another lease from now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE claim SET expires_at = now() + %s * interval '1 second'"
            " WHERE slot = %s AND generation = %s AND expires_at > now()",
            [lease_seconds, slot, generation],
        )


# --- pending → expired, cancelled, skipped --------------------------------------------

CLOSE_WAITING = """
    WITH waiting AS (
        SELECT id FROM message
        WHERE {which} AND due_at IS NOT NULL LIMIT %(most)s FOR UPDATE SKIP LOCKED
    ),
    changed AS (
        UPDATE message SET
            status = CASE WHEN maybe_sent THEN 'unknown' ELSE %(status)s END,
            reason = %(reason)s, due_at = NULL, finished_at = now()
        FROM waiting WHERE message.id = waiting.id
        RETURNING message.mailing_id, message.status AS outcome
    ),
    counted AS ({count_changed})
    SELECT count(*) FROM changed
"""


def close_waiting(mailing_id: int, *, status: str, reason: str, most: int) -> int:
    """Close up to ``most`` waiting messages of a mailing; how many were found."""
    return _close("mailing_id = %(mailing)s", {"mailing": mailing_id}, status, reason, most)


def close_waiting_of_client(client_id: int, *, reason: str) -> int:
    """Skip all that still waits for one client. Uses message_one_per_recipient."""
    return _close("client_id = %(client)s", {"client": client_id}, "skipped", reason, 100_000)


def _close(which: str, values: dict[str, int], status: str, reason: str, most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            CLOSE_WAITING.format(which=which, count_changed=COUNT_CHANGED),
            {**values, "status": status, "reason": reason, "most": most},
        )
        return cursor.fetchone()[0]


# --- the end --------------------------------------------------------------------------


def has_open_messages(mailing: Mailing) -> bool:
    """Whether any message waits or is being sent: looks at the rows, never at a counter."""
    if Message.objects.filter(mailing=mailing, due_at__isnull=False).exists():
        return True
    if Claim.objects.filter(mailing=mailing, open__gt=0).exists():
        return True
    # Both indexes say no; only then the rows themselves, once in a mailing's life.
    return _messages_of(mailing).filter(status__in=("pending", "sending")).exists()


def delete_messages(mailing: Mailing) -> None:
    """Remove every trace of a mailing's messages."""
    messages = _messages_of(mailing)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM attempt USING message WHERE attempt.message_id = message.id"
            " AND message.mailing_id = %s AND message.id BETWEEN %s AND %s",
            [mailing.pk, mailing.first_message_id or 0, mailing.last_message_id or -1],
        )
    messages._raw_delete(messages.db)
    Claim.objects.filter(mailing=mailing).delete()


def _messages_of(mailing: Mailing) -> QuerySet[Message]:
    """A mailing's messages by its range of ids: there is no index on the mailing alone."""
    return Message.objects.filter(
        mailing=mailing, id__range=(mailing.first_message_id or 0, mailing.last_message_id or -1)
    )
