"""The faults: a table from a name to what the gateway then does.

``taken`` is the truth that the ledger records. Where a client cannot tell
whether its message was taken (silence, a reset, nonsense for an answer), the
fault comes twice: ``reset`` did not take it, ``reset_taken`` did.
"""

import gzip
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from email.utils import formatdate
from functools import cache
from itertools import repeat
from typing import NamedTuple

from notifier.gateway.sandbox.replies import (
    ACCEPTED,
    ACCEPTED_BODY,
    CONTINUE,
    HTML,
    Ending,
    Reply,
    code_response,
    head,
    response,
)

DRIP_SECONDS = 1.0
HUGE_BYTES = 100 * 1024 * 1024
HUGE_CHUNK = b"A" * 65_536
# Inflates a thousandfold. Under 64 KB on the wire, so that it slips below a
# client's cap on what it receives: only a cap on what it unpacks stops it.
BOMB_BYTES = 60_000_000
HUGE_RETRY_SECONDS = 10**12

HTML_PAGE = (
    b"<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"
    b"<p>The service is being serviced.</p>"
)
GARBAGE = b'{"code": 0,, "message": \x80\xff\x00' + bytes(range(256))


class Circumstances(NamedTuple):
    """What a reply may depend on. ``retry_after`` is one of RETRY_AFTER."""

    message_id: int = 0
    retry_after: str = "seconds"
    retry_after_seconds: int = 2
    redirect_to: str = "http://gateway.invalid"


ReplyMaker = Callable[[Circumstances], Reply]


@dataclass(frozen=True)
class Fault:
    name: str
    what: str
    status: int | None
    taken: bool
    reply: ReplyMaker


RETRY_AFTER: dict[str, Callable[[int], str]] = {
    "none": lambda seconds: "",
    "seconds": str,
    "date": lambda seconds: formatdate(time.time() + seconds, usegmt=True),
    "nonsense": lambda seconds: "soon, perhaps",
    "huge": lambda seconds: str(HUGE_RETRY_SECONDS),
}


def _whole(data: bytes) -> ReplyMaker:
    return lambda circumstances: Reply((data,))


def _connection(ending: Ending, chunks: Iterable[bytes] = ()) -> ReplyMaker:
    return lambda circumstances: Reply(chunks, ending=ending)


def _status(status: int, message: str) -> ReplyMaker:
    return _whole(code_response(status, status, message))


def _come_back_later(status: int, message: str) -> ReplyMaker:
    def reply(circumstances: Circumstances) -> Reply:
        value = RETRY_AFTER[circumstances.retry_after](circumstances.retry_after_seconds)
        headers = f"Retry-After: {value}\r\n" if value else ""
        return Reply((code_response(status, status, message, headers=headers),))

    return reply


def _redirect(circumstances: Circumstances) -> Reply:
    target = f"{circumstances.redirect_to.rstrip('/')}/v1/send/{circumstances.message_id}"
    return Reply((response(302, b"", "", headers=f"Location: {target}\r\n"),))


def _drip(whole_at_once: bytes, byte_by_byte: bytes) -> ReplyMaker:
    def reply(circumstances: Circumstances) -> Reply:
        return Reply(_one_then_bytes(whole_at_once, byte_by_byte), pause_seconds=DRIP_SECONDS)

    return reply


def _one_then_bytes(first: bytes, then: bytes) -> Iterator[bytes]:
    if first:
        yield first
    for byte in then:
        yield bytes((byte,))


def _drip_continue(circumstances: Circumstances) -> Reply:
    return Reply(repeat(CONTINUE), pause_seconds=DRIP_SECONDS)


def _huge_body(circumstances: Circumstances) -> Reply:
    return Reply(_huge_chunks())


def _huge_chunks() -> Iterator[bytes]:
    yield head(200, HUGE_BYTES)
    yield from repeat(HUGE_CHUNK, HUGE_BYTES // len(HUGE_CHUNK))


@cache
def _bomb() -> bytes:
    body = gzip.compress(bytes(BOMB_BYTES), mtime=0)
    return response(200, body, headers="Content-Encoding: gzip\r\n")


def _gzip_bomb(circumstances: Circumstances) -> Reply:
    return Reply((_bomb(),))


def _json_of(**content: object) -> bytes:
    return json.dumps(content).encode()


BAD_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><hr>nginx</html>"
ACCEPTED_HEAD = head(200, len(ACCEPTED_BODY))

# The client sees an answer: it knows that nothing was taken, or that all is well.
_CLEAR = (
    Fault(
        "code",
        "answers 200 with a code that is not 0",
        200,
        False,
        _whole(response(200, _json_of(code=7, message="This number is not served."))),
    ),
    Fault("400", "answers 400", 400, False, _status(400, "The message cannot be read.")),
    Fault("401", "answers 401", 401, False, _status(401, "The token is not valid.")),
    Fault("403", "answers 403", 403, False, _status(403, "The account is closed.")),
    Fault("404", "answers 404", 404, False, _status(404, "Nothing is here.")),
    Fault("422", "answers 422", 422, False, _status(422, "The text is not allowed.")),
    Fault("429", "answers 429", 429, False, _come_back_later(429, "Too many requests.")),
    Fault("503", "answers 503", 503, False, _come_back_later(503, "Overloaded.")),
    Fault("redirect", "sends the client to another host", 302, False, _redirect),
    Fault(
        "reset_before",
        "resets the connection as a message begins to arrive",
        None,
        False,
        _connection(Ending.RESET),
    ),
    Fault(
        "wrong_type",
        "says OK, and calls it text/html",
        200,
        True,
        _whole(response(200, ACCEPTED_BODY, HTML)),
    ),
    Fault(
        "drip_body",
        "says OK, the body a byte a second",
        200,
        True,
        _drip(ACCEPTED_HEAD, ACCEPTED_BODY),
    ),
    Fault(
        "drip_headers",
        "says OK, from the first byte on a byte a second",
        200,
        True,
        _drip(b"", ACCEPTED),
    ),
)

# The client cannot know: each of these also exists as NAME_taken.
_UNCLEAR = (
    Fault("silence", "never answers", None, False, _connection(Ending.SILENCE)),
    Fault("reset", "resets the connection after reading", None, False, _connection(Ending.RESET)),
    Fault(
        "cut",
        "closes the connection in the middle of the body",
        200,
        False,
        _connection(Ending.CLOSE, (ACCEPTED_HEAD + ACCEPTED_BODY[:12],)),
    ),
    Fault(
        "drip_continue",
        "says 100 Continue every second, and nothing else",
        None,
        False,
        _drip_continue,
    ),
    Fault("garbage", "answers 200 with garbage", 200, False, _whole(response(200, GARBAGE))),
    Fault("empty", "answers 200 with an empty body", 200, False, _whole(response(200, b""))),
    Fault("html", "answers 200 with HTML", 200, False, _whole(response(200, HTML_PAGE, HTML))),
    Fault(
        "truncated",
        "answers 200 with half of the JSON",
        200,
        False,
        _whole(response(200, ACCEPTED_BODY[:12])),
    ),
    Fault("500", "answers 500", 500, False, _status(500, "Internal error.")),
    Fault("502", "answers 502", 502, False, _whole(response(502, BAD_GATEWAY_PAGE, HTML))),
    Fault("504", "answers 504", 504, False, _status(504, "Time-out.")),
    Fault("huge_body", "answers 200 with 100 MB", 200, False, _huge_body),
    Fault("gzip_bomb", "answers 200 with 60 MB in 58 KB of gzip", 200, False, _gzip_bomb),
)


def _after_taking(fault: Fault) -> Fault:
    name, what = f"{fault.name}_taken", f"takes the message, then {fault.what}"
    return replace(fault, name=name, what=what, taken=True)


RESET_BEFORE = "reset_before"
FAULTS: dict[str, Fault] = {
    fault.name: fault for fault in (*_CLEAR, *_UNCLEAR, *map(_after_taking, _UNCLEAR))
}
