"""What can be sent back: whole responses, and replies that misbehave on the wire."""

import json
from collections.abc import Iterable
from enum import Enum, auto
from http import HTTPStatus
from typing import NamedTuple

JSON = "application/json"
HTML = "text/html; charset=utf-8"


class Ending(Enum):
    KEEP = auto()  # ready for the next request
    CLOSE = auto()
    RESET = auto()
    SILENCE = auto()  # open, and never another byte


class Reply(NamedTuple):
    """Chunks in order, a pause before each but the first, then what becomes of the connection."""

    chunks: Iterable[bytes]
    pause_seconds: float = 0.0
    ending: Ending = Ending.KEEP


def head(status: int, length: int, content_type: str = JSON, *, headers: str = "") -> bytes:
    """Status line and headers with the empty line after them.

    ``headers`` are further lines, each ending in CR LF.
    """
    lines = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{headers}"
    if content_type:
        lines += f"Content-Type: {content_type}\r\n"
    return f"{lines}Content-Length: {length}\r\n\r\n".encode()


def response(status: int, body: bytes, content_type: str = JSON, *, headers: str = "") -> bytes:
    return head(status, len(body), content_type, headers=headers) + body


def code_response(status: int, code: int, message: str, *, headers: str = "") -> bytes:
    """A response in the gateway's own form: ``{"code": …, "message": …}``."""
    body = json.dumps({"code": code, "message": message}).encode()
    return response(status, body, headers=headers)


def closing(whole: bytes) -> Reply:
    """The response, saying that the connection ends with it."""
    announced = whole.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    return Reply((announced,), ending=Ending.CLOSE)


ACCEPTED_BODY = b'{"code": 0, "message": "OK"}'
ACCEPTED = response(200, ACCEPTED_BODY)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
