"""From the gateway's reply to what is written down about the message. No I/O."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings

from notifier.delivery.breaker import Calls
from notifier.delivery.ledger import Result
from notifier.gateway.backoff import wait_seconds
from notifier.gateway.classify import Kind, Verdict, classify
from notifier.gateway.wire import Reply
from notifier.mailings.models import UnknownOutcome

# What speaks for a gateway, and what against it: a rejection is an answer.
SOUND = {Kind.ACCEPTED, Kind.REJECTED}
TROUBLES = {Kind.NOT_SENT, Kind.BUSY, Kind.UNKNOWN}


class Sent(NamedTuple):
    """The key of a request: which message it carries, and under which claim."""

    message_id: int
    claim_id: int
    attempt: int
    mailing_id: int
    gateway_id: int
    is_probe: bool = False


def result_of(reply: Reply, *, unknown_outcome: str) -> Result | None:
    """What to record for a reply; None where the request never began.

    ``unknown_outcome`` is the gateway's setting for replies that leave open
    whether the message was taken: see the delivery contract, point 3.
    """
    verdict = classify(reply)
    sent: Sent = reply.key  # type: ignore[assignment]
    duration_ms = round(reply.duration_seconds * 1000)
    if verdict.kind is Kind.ACCEPTED:
        return Result(
            sent.message_id, sent.claim_id, sent.gateway_id, sent.attempt,
            reply.started_at, duration_ms, sent.is_probe,
        )  # fmt: skip
    if verdict.kind is Kind.HELD_BACK:
        return None
    status = _status_after(verdict, unknown_outcome)
    waits = status == "pending"
    return Result(
        message_id=sent.message_id,
        claim_id=sent.claim_id,
        gateway_id=sent.gateway_id,
        is_probe=sent.is_probe,
        number=sent.attempt,
        status=status,
        reason=verdict.reason,
        outcome=str(verdict.kind),
        phase=reply.phase,
        started_at=reply.started_at,
        duration_ms=duration_ms,
        wait_seconds=_wait_after(verdict, reply, attempt=sent.attempt) if waits else 0.0,
        retry_after_seconds=reply.retry_after_seconds,
        maybe_sent=verdict.kind is Kind.UNKNOWN,
        http_status=reply.status or None,
        gateway_code=verdict.code,
        error=reply.error[:200],
        reply=verdict.words if not reply.error else "",
    )


def _status_after(verdict: Verdict, unknown_outcome: str) -> str:
    if verdict.kind is Kind.REJECTED:
        return "failed"
    if verdict.kind is Kind.UNKNOWN and unknown_outcome == UnknownOutcome.HOLD:
        return "unknown"
    return "pending"


def _wait_after(verdict: Verdict, reply: Reply, *, attempt: int) -> float:
    # The gateway is put on hold: the message is ready as soon as it is released.
    if verdict.kind is Kind.MISCONFIGURED:
        return 0.0
    return wait_seconds(attempt, retry_after_seconds=reply.retry_after_seconds)


def calls_of(results: Iterable[Result]) -> list[Calls]:
    """What results say about the gateways they came from."""
    # Of most results it is enough to know that they speak for the gateway.
    plain: Counter[int] = Counter()
    by_gateway: dict[int, list[Result]] = defaultdict(list)
    for result in results:
        if result.outcome in SOUND and not result.is_probe:
            plain[result.gateway_id] += 1
        else:
            by_gateway[result.gateway_id].append(result)
    return [
        _calls_of_one(gateway_id, by_gateway[gateway_id], plain=plain[gateway_id])
        for gateway_id in plain.keys() | by_gateway.keys()
    ]


def _calls_of_one(gateway_id: int, results: list[Result], *, plain: int) -> Calls:
    sound = [result for result in results if result.outcome in SOUND]
    troubles = [result for result in results if result.outcome in TROUBLES]
    wrong = next((r.reason for r in results if r.outcome == Kind.MISCONFIGURED), None)
    return Calls(
        gateway_id=gateway_id,
        sound=plain + len(sound),
        troubles=len(troubles),
        probes_sound=sum(result.is_probe for result in sound),
        probes_in_trouble=sum(result.is_probe for result in troubles),
        wait_seconds=min(
            max((r.retry_after_seconds or 0.0 for r in troubles), default=0.0),
            settings.LONGEST_RETRY_AFTER_SECONDS,
        ),
        misconfigured=wrong or "",
    )
