"""The wire contract: what a well-formed message is, and the answers to any other."""

import json
from typing import NamedTuple

from notifier.gateway.sandbox.wire import Request

SEND_PATH = b"/v1/send/"
INT64 = range(-(2**63), 2**63)


class Sms(NamedTuple):
    """What the request carried, as far as it could be read."""

    id: int | None
    phone: int | None
    text: str | None


class Refusal(NamedTuple):
    status: int
    code: int
    message: str

    @property
    def word(self) -> str:
        """The reply's name in the ledger."""
        return {401: "unauthorized", 404: "no such address"}.get(self.status, "bad request")


def examine(request: Request, *, token: bytes) -> tuple[Sms, Refusal | None]:
    """Read the message and say why it is refused; None where it fits the contract.

    An empty ``token`` lets any bearer in.
    """
    content = _json_object(request.body)
    sms = _read_sms(content or {})
    bearer = request.headers.bearer
    if not bearer or (token and bearer != token):
        return sms, Refusal(401, 101, "Authorization: Bearer with a valid token is required.")
    if content is None:
        return sms, Refusal(400, 102, "The body is not a JSON object.")
    if request.target != b"%s%d" % (SEND_PATH, sms.id or 0) or sms.id is None:
        return sms, _refuse_id(request.target, sms.id)
    if sms.phone is None:
        return sms, Refusal(400, 106, '"phone" is not an integer of all its digits.')
    if not sms.text:
        return sms, Refusal(400, 107, '"text" is not a text, or is empty.')
    return sms, None


def _json_object(body: bytes) -> dict[str, object] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _read_sms(content: dict[str, object]) -> Sms:
    message_id, phone, text = content.get("id"), content.get("phone"), content.get("text")
    # type() and not isinstance(): True is an int to Python, not to the contract.
    return Sms(
        message_id if type(message_id) is int and message_id in INT64 else None,
        phone if type(phone) is int and 0 < phone < 10**18 else None,
        text if type(text) is str else None,
    )


def _refuse_id(target: bytes, message_id: int | None) -> Refusal:
    if not target.startswith(SEND_PATH):
        return Refusal(404, 103, "There is only POST /v1/send/{msgId} here.")
    if message_id is None:
        return Refusal(400, 104, '"id" is not a 64-bit integer.')
    return Refusal(400, 105, '"id" is not the id in the address.')
