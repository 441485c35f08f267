"""What the figures are compared with, each measured in the same run against the same gateway."""

import itertools
import json
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psycopg2
import requests

from notifier.gateway.bulk import BulkTransport, Lane
from notifier.gateway.wire import (
    Request,
    message_body,
    message_url,
    request_headers,
    text_as_json,
)

TEXT = "Осенняя распродажа: скидки до 50 % до 31 декабря"
PHONE = "79991234567"
CONNECTIONS = 64
WRK_SCRIPT = """
counter = 0
request = function()
  counter = counter + 1
  return wrk.format("POST", "/v1/send/" .. counter,
    {["Authorization"] = "Bearer x", ["Content-Type"] = "application/json"},
    '{"id":' .. counter .. ',"phone":79991234567,"text":"Hello from the benchmark"}')
end
"""


def gateway_ceiling(url: str, *, seconds: float) -> float | None:
    """Requests per second that wrk gets out of the gateway; None where there is no wrk."""
    if not shutil.which("wrk"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "send.lua"
        script.write_text(WRK_SCRIPT)
        done = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(script), url],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    line = next(each for each in done.stdout.splitlines() if each.startswith("Requests/sec"))
    return float(line.split(":")[1])


def libcurl_alone(url: str, *, seconds: float) -> float:
    """Requests per second of the bulk transport by itself: no database, one process."""
    transport = BulkTransport()
    lane = Lane(headers=request_headers("x"), connect_timeout_seconds=5, total_timeout_seconds=30)
    text, numbers, done = text_as_json(TEXT), itertools.count(1), 0

    def start() -> None:
        number = next(numbers)
        body = message_body(number, PHONE, text)
        transport.start(lane, Request(message_url(url, number), body, number))

    for _ in range(CONNECTIONS):
        start()
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        for _ in transport.wait(1):
            done += 1
            start()
    return done / passed


def requests_in_threads(url: str, *, seconds: float) -> float:
    """Requests per second of ``requests`` in 64 threads, sessions kept, without a database."""
    counts = [0] * CONNECTIONS
    until = time.monotonic() + seconds

    def work(place: int) -> None:
        with requests.Session() as session:
            while time.monotonic() < until:
                _post(session, url, place * 1_000_000 + counts[place])
                counts[place] += 1

    threads = [threading.Thread(target=work, args=(place,)) for place in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def one_after_the_other(
    url: str, connection: psycopg2.extensions.connection, *, seconds: float
) -> float:
    """Messages per second of the plain way: one row, one requests.post, one save, in turn."""
    until, done = time.monotonic() + seconds, 0
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE plain (id bigserial PRIMARY KEY, sent boolean)")
        while time.monotonic() < until:
            cursor.execute("INSERT INTO plain (sent) VALUES (false) RETURNING id")
            number = cursor.fetchone()[0]
            _post(requests, url, number)
            cursor.execute("UPDATE plain SET sent = true WHERE id = %s", [number])
            done += 1
    connection.close()
    return done / seconds


def _post(session: object, url: str, number: int) -> None:
    reply = session.post(  # type: ignore[attr-defined]
        message_url(url, number),
        data=json.dumps({"id": number, "phone": int(PHONE), "text": TEXT}),
        headers={"Authorization": "Bearer x", "Content-Type": "application/json"},
        timeout=30,
    )
    assert reply.status_code == 200
