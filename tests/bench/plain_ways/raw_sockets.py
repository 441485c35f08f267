"""Requests written to kept sockets and replies read back, with as little as possible between.

Stands in for wrk where that is not installed. It knows nothing of HTTP but
that a reply of the gateway comes in one piece; a Python loop on one core, so
what it measures may be its own limit and not the gateway's.
"""

import selectors
import socket
import time
from itertools import count
from urllib.parse import urlsplit

from tests.bench.baselines import CONNECTIONS
from tests.bench.ceiling import body_after_id
from tests.bench.plain_ways import HEADERS, run_from_command_line


def send(url: str, seconds: float) -> tuple[int, float]:
    address = urlsplit(url)
    numbers, done = count(1), 0
    with selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS):
            connection = socket.create_connection((address.hostname, address.port))
            selector.register(connection, selectors.EVENT_READ)
            connection.sendall(_request(next(numbers), address.netloc))
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            for key, _ in selector.select(1):
                reply = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                assert reply.startswith(b"HTTP/1.1 200"), reply
                key.fileobj.sendall(_request(next(numbers), address.netloc))  # type: ignore[union-attr]
                done += 1
    return done, passed


def _request(number: int, host: str) -> bytes:
    body = f'{{"id":{number}{body_after_id()}'.encode()
    lines = [f"POST /v1/send/{number} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


if __name__ == "__main__":
    run_from_command_line(send)
