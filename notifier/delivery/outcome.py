"""From the gateway's reply to what is written down about the message. No I/O."""

from dataclasses import dataclass
from datetime import UTC, datetime

from notifier.delivery.ledger import Result
from notifier.gateway.backoff import wait_seconds
from notifier.gateway.classify import Kind, Verdict, classify
from notifier.gateway.wire import Reply
from notifier.mailings.models import UnknownOutcome


@dataclass(frozen=True, slots=True)
class Sent:
    """The key of a request: which message it carries, and under which claim."""

    message_id: int
    claim_id: int
    attempt: int
    mailing_id: int
    gateway_id: int


def result_of(reply: Reply, *, unknown_outcome: str) -> Result | None:
    """What to record for a reply; None where the request never began.

    ``unknown_outcome`` is the gateway's setting for replies that leave open
    whether the message was taken: see the delivery contract, point 3.
    """
    verdict = classify(reply)
    if verdict.kind is Kind.HELD_BACK:
        return None
    sent: Sent = reply.key  # type: ignore[assignment]
    status = _status_after(verdict, unknown_outcome)
    return Result(
        message_id=sent.message_id,
        claim_id=sent.claim_id,
        number=sent.attempt,
        status=status,
        reason=verdict.reason,
        outcome=str(verdict.kind),
        phase=reply.phase,
        started_at=datetime.fromtimestamp(reply.started_at, tz=UTC),
        duration_ms=round(reply.duration_seconds * 1000),
        wait_seconds=(
            wait_seconds(sent.attempt, retry_after_seconds=reply.retry_after_seconds)
            if status == "pending"
            else 0.0
        ),
        maybe_sent=verdict.kind is Kind.UNKNOWN,
        http_status=reply.status or None,
        gateway_code=verdict.code,
        error=reply.error[:200],
        reply=verdict.words if not reply.error else "",
    )


def _status_after(verdict: Verdict, unknown_outcome: str) -> str:
    if verdict.kind is Kind.ACCEPTED:
        return "accepted"
    if verdict.kind is Kind.REJECTED:
        return "failed"
    if verdict.kind is Kind.UNKNOWN and unknown_outcome == UnknownOutcome.HOLD:
        return "unknown"
    return "pending"
