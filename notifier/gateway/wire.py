"""The gateway's wire contract: what a request looks like and how a reply is read.

POST {base}/v1/send/{id}   Authorization: Bearer …   {"id", "phone", "text"}
200 {"code": 0, "message": "OK"} is the only proof of acceptance.
"""

import json
import math
from collections.abc import Hashable
from typing import NamedTuple

LONGEST_REPLY = 64 * 1024
KEPT_REPLY = 500


# Named tuples, as one of each is made for every message: a frozen dataclass
# takes three to five times as long to make.
class Request(NamedTuple):
    """One message on its way out.

    ``key`` is the caller's, handed back with the reply. Of requests from
    several ``source``s each source's go in turn. A request must begin before
    ``begin_before``, by ``time.monotonic``, or it is held back.
    """

    url: str
    body: bytes
    key: object
    source: Hashable = None
    begin_before: float = math.inf


class Reply(NamedTuple):
    """What came of one request.

    ``error`` is empty where a whole HTTP reply arrived, else libcurl's words.
    ``request_left`` is False only when certainly no byte of the request left.
    ``aborted`` says that we ourselves held the request back, before it left.
    """

    key: object
    started_at: float
    duration_seconds: float
    status: int = 0
    body: bytes = b""
    error: str = ""
    phase: str = "reply"
    request_left: bool = True
    aborted: bool = False
    retry_after_seconds: float | None = None


def message_url(base_url: str, message_id: int) -> str:
    return f"{base_url}/v1/send/{message_id}"


def message_body(message_id: int, phone: str, text_json: bytes) -> bytes:
    """The JSON body; ``text_json`` is the text already as JSON, quotes included.

    Encoding the text once for a whole mailing keeps a request cheap.
    """
    return b'{"id":%d,"phone":%d,"text":%b}' % (message_id, int(phone), text_json)


def text_as_json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def request_headers(token: str) -> list[str]:
    """Header lines of every request. An empty ``Expect`` keeps libcurl from asking first."""
    return [
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "User-Agent: Notifier",
        "Expect:",
    ]
