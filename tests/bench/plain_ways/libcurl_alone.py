"""Notifier's own transport by itself, without a database: what is left is the rest's price.

The only place of the benchmark that reaches into Notifier's inside.
"""

import itertools
import time

from notifier.gateway.bulk import BulkTransport, Lane
from notifier.gateway.wire import (
    Request,
    message_body,
    message_url,
    request_headers,
    text_as_json,
)
from tests.bench.baselines import CONNECTIONS
from tests.bench.mailing_run import TEXT
from tests.bench.plain_ways import PHONE, run_from_command_line


def send(url: str, seconds: float) -> tuple[int, float]:
    transport, numbers, text = BulkTransport(), itertools.count(1), text_as_json(TEXT)
    lane = Lane(
        headers=request_headers("sandbox"), connect_timeout_seconds=5, total_timeout_seconds=30
    )

    def start() -> None:
        number = next(numbers)
        body = message_body(number, str(PHONE), text)
        transport.start(lane, Request(message_url(url, number), body, number))

    for _ in range(CONNECTIONS):
        start()
    done, begun = 0, time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        for reply in transport.wait(1):
            assert reply.status == 200, reply
            done += 1
            start()
    return done, passed


if __name__ == "__main__":
    run_from_command_line(send)
