"""From a gateway's reply to what it means for the message. No I/O, no state.

See "how an outcome is classified" in docs/delivery-contract.md.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from notifier.gateway.wire import KEPT_REPLY, Reply

# A hostile reply may hold any bytes: what is kept of it is printable text.
LARGEST_CODE = 2**63 - 1


class Kind(StrEnum):
    """What a reply means for its message."""

    ACCEPTED = "accepted"  # with proof: 200 and code 0
    REJECTED = "rejected"  # the gateway read it and refused it: no use trying again
    NOT_SENT = "not_sent"  # certainly never reached the gateway
    BUSY = "busy"  # refused for now, not taken
    MISCONFIGURED = "misconfigured"  # our address or token is wrong: nobody's message is at fault
    UNKNOWN = "unknown"  # may have been taken
    HELD_BACK = "held_back"  # we ourselves did not let it leave


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason`` is a stable word for statistics; ``words`` are the gateway's own, cleaned."""

    kind: Kind
    reason: str | None
    code: int | None = None
    words: str = ""


ACCEPTED_OK = b'{"code": 0, "message": "OK"}'
ACCEPTED = Verdict(Kind.ACCEPTED, None, code=0)
BUSY_STATUSES = {429: "too_many_requests", 503: "unavailable"}
MISCONFIGURED_STATUSES = {401: "unauthorised", 403: "forbidden", 404: "not_found"}


def classify(reply: Reply) -> Verdict:
    """The verdict on one reply, by the table of the delivery contract."""
    if reply.status == 200 and not reply.error:
        return _classify_ok(reply.body)
    if reply.aborted:
        return Verdict(Kind.HELD_BACK, None)
    # A refusal is one from its status line on, even where the rest never came.
    if reply.error and reply.status < 300:
        return _classify_error(reply)
    return _classify_status(reply)


def _classify_ok(body: bytes) -> Verdict:
    if body == ACCEPTED_OK:
        return ACCEPTED
    words = clean(body)
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return Verdict(Kind.UNKNOWN, "unreadable_reply", words=words)
    code = content.get("code") if isinstance(content, dict) else None
    if not isinstance(code, int) or isinstance(code, bool) or abs(code) > LARGEST_CODE:
        return Verdict(Kind.UNKNOWN, "unreadable_reply", words=words)
    if code == 0:
        return ACCEPTED
    return Verdict(Kind.REJECTED, "rejected", code=code, words=words)


def _classify_error(reply: Reply) -> Verdict:
    if not reply.request_left:
        return Verdict(Kind.NOT_SENT, f"no_{reply.phase}", words=reply.error)
    reason = "timed_out" if reply.phase == "timeout" else "broken_connection"
    if reply.phase == "too_large":
        reason = "unreadable_reply"
    return Verdict(Kind.UNKNOWN, reason, words=reply.error)


def _classify_status(reply: Reply) -> Verdict:
    status, words = reply.status, clean(reply.body)
    if status in BUSY_STATUSES:
        return Verdict(Kind.BUSY, BUSY_STATUSES[status], words=words)
    if status in MISCONFIGURED_STATUSES:
        return Verdict(Kind.MISCONFIGURED, MISCONFIGURED_STATUSES[status], words=words)
    if 300 <= status < 400:
        return Verdict(Kind.MISCONFIGURED, "redirected", words=words)
    if 400 <= status < 500:
        return Verdict(Kind.REJECTED, "rejected", code=_code_in(reply.body), words=words)
    reason = "unreadable_reply" if status < 300 else "server_error"
    return Verdict(Kind.UNKNOWN, reason, words=words)


def _code_in(body: bytes) -> int | None:
    try:
        code = json.loads(body).get("code")
    except (ValueError, AttributeError, RecursionError):
        return None
    return code if type(code) is int and abs(code) <= LARGEST_CODE else None


def clean(body: bytes) -> str:
    """The first 500 characters of a reply, with nothing in them that harms a page or a log."""
    text = body[: 4 * KEPT_REPLY].decode("utf-8", errors="replace")
    return "".join(mark if mark.isprintable() else " " for mark in text)[:KEPT_REPLY].strip()
