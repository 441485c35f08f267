"""The page for people, and the control endpoint that it and tests use.

``GET /``, ``GET /page/…``, ``GET /control`` (settings and counts),
``GET /control/faults`` (what there is), ``POST /control`` (set),
``POST /control/reset`` (back to normal; ``{"counts": true}`` also forgets what was received).
"""

import json
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from notifier.gateway.sandbox.conditions import Conditions
from notifier.gateway.sandbox.control import BadSetting, describe, read_change
from notifier.gateway.sandbox.faults import FAULTS
from notifier.gateway.sandbox.ledger import LedgerEntry
from notifier.gateway.sandbox.replies import JSON, closing, response
from notifier.gateway.sandbox.tally import Tally
from notifier.gateway.sandbox.wire import Request

if TYPE_CHECKING:
    from notifier.gateway.sandbox.connection import Connection
    from notifier.gateway.sandbox.gateway import SandboxGateway

PAGE_FOLDER = Path(__file__).with_name("page")
PAGE_FILES = {
    b"/": ("index.html", "text/html; charset=utf-8"),
    b"/page/page.css": ("page.css", "text/css; charset=utf-8"),
    b"/page/page.js": ("page.js", "text/javascript; charset=utf-8"),
    b"/page/icon.svg": ("icon.svg", "image/svg+xml"),
}
SHOWN_TEXT_LENGTH = 500
SAFE_HEADERS = (
    "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-store\r\n"
)


def serve(gateway: "SandboxGateway", connection: "Connection", request: Request) -> None:
    path = request.target.partition(b"?")[0]
    refuse_seconds = None
    if not _is_local_name(request.headers.host):
        reply = _error(403, "Open this page by an IP address or as localhost.")
    elif request.method == b"POST":
        reply, refuse_seconds = _post(gateway, request, path)
    elif request.method in (b"GET", b"HEAD"):
        reply = _get(gateway, path)
    else:
        reply = _error(405, "Only GET and POST are known here.", headers="Allow: GET, POST\r\n")
    if request.method == b"HEAD":
        reply = reply[: reply.index(b"\r\n\r\n") + 4]
    if refuse_seconds is None:
        gateway.answer(connection, request, reply)
        return
    gateway.answer(connection, request, closing(reply))
    gateway.refuse_connections(refuse_seconds, asker=connection)


def _is_local_name(host: bytes) -> bool:
    """Whether the Host is an address, or a name without a dot.

    A page elsewhere whose name was made to resolve to this machine (DNS
    rebinding) must neither read the messages nor switch faults.
    """
    try:
        name = urlsplit(f"//{host.decode('latin-1')}").hostname or ""
        if "." in name or ":" in name:
            ip_address(name)
    except ValueError:
        return False
    return True


def _get(gateway: "SandboxGateway", path: bytes) -> bytes:
    if path == b"/control":
        return _json(200, _state(gateway))
    if path == b"/control/faults":
        return _json(200, {fault.name: fault.what for fault in FAULTS.values()})
    if path in PAGE_FILES:
        return _page_file(path)
    return _error(404, "There is nothing at this address.")


def _post(gateway: "SandboxGateway", request: Request, path: bytes) -> tuple[bytes, float | None]:
    """The reply, and for how many seconds the port is to be closed after it, if at all."""
    refusal = _refuse_post(request, path)
    if refusal:
        return refusal, None
    try:
        content = json.loads(request.body or b"{}")
        if path == b"/control/reset":
            return _reset(gateway, content), None
        return _set(gateway, content)
    except BadSetting as error:
        return _error(400, str(error)), None
    except (ValueError, RecursionError):
        return _error(400, "The body is not JSON."), None


def _refuse_post(request: Request, path: bytes) -> bytes | None:
    if path not in (b"/control", b"/control/reset"):
        return _error(404, "There is nothing at this address.")
    # A form on a foreign page can post here, but not with this type: for that a
    # browser asks first (CORS preflight), and is answered 405.
    if request.headers.content_type != JSON.encode():
        return _error(415, "Send the settings with Content-Type: application/json.")
    return None


def _set(gateway: "SandboxGateway", content: object) -> tuple[bytes, float | None]:
    now = gateway.loop.time()
    change = read_change(content, current=gateway.plan.conditions, now=now)
    gateway.apply(change)
    return _json(200, _state(gateway)), change.refuse_seconds


def _reset(gateway: "SandboxGateway", content: object) -> bytes:
    if not isinstance(content, dict) or content.keys() - {"counts"}:
        raise BadSetting('A reset takes {"counts": true}, {} or nothing.')
    gateway.follow(Conditions())
    if content.get("counts") is True:
        gateway.tally = Tally()
    return _json(200, _state(gateway))


def _state(gateway: "SandboxGateway") -> dict[str, object]:
    tally = gateway.tally
    return {
        "settings": {
            **describe(gateway.plan.conditions, now=gateway.loop.time()),
            "seed": gateway.plan.seed,
        },
        "counts": {
            "total": tally.total,
            "accepted": tally.accepted,
            "refused": tally.refused,
            "duplicates": tally.duplicates,
            "unreadable": tally.unreadable,
            "resets_before": tally.resets_before,
            "replies": dict(tally.replies),
        },
        "per_second": list(tally.per_second),
        "connections": len(gateway.connections),
        "uptime_seconds": round(monotonic() - tally.started_at, 1),
        "recent": [_shown(entry) for entry in reversed(tally.recent)],
    }


def _shown(entry: LedgerEntry) -> dict[str, object]:
    text = entry.text
    if text is not None and len(text) > SHOWN_TEXT_LENGTH:
        text = text[:SHOWN_TEXT_LENGTH] + "…"
    return {
        **entry._asdict(),
        # As text: an id may be larger than JavaScript's exact numbers.
        "id": None if entry.id is None else str(entry.id),
        "phone": None if entry.phone is None else str(entry.phone),
        "text": text,
    }


def _json(status: int, content: object) -> bytes:
    return response(status, json.dumps(content).encode(), headers=SAFE_HEADERS)


def _error(status: int, message: str, *, headers: str = "") -> bytes:
    body = json.dumps({"error": message}).encode()
    return response(status, body, headers=headers + SAFE_HEADERS)


@cache
def _page_file(path: bytes) -> bytes:
    name, content_type = PAGE_FILES[path]
    return response(200, (PAGE_FOLDER / name).read_bytes(), content_type, headers=SAFE_HEADERS)
