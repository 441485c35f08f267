"""Other ways of sending messages, each a program: ``python -m … URL SECONDS``.

Each prints how many messages it sent and in how many seconds.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from tests.bench.mailing_run import TEXT

PHONE = 79991234567
HEADERS = {
    "Authorization": "Bearer sandbox",
    "Content-Type": "application/json",
    "Accept": "application/json",
}


def run_from_command_line(way: Callable[[str, float], tuple[int, float]]) -> None:
    print(*way(sys.argv[1], float(sys.argv[2])))


def post(session: Any, url: str, number: int) -> None:
    """One request by ``requests`` or by a session of it; fails unless it was accepted."""
    reply = session.post(
        f"{url}/v1/send/{number}",
        data=json.dumps({"id": number, "phone": PHONE, "text": TEXT}),
        headers=HEADERS,
        timeout=30,
    )
    assert (reply.status_code, reply.json()["code"]) == (200, 0), reply.text
