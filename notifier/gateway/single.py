"""One request at a time, for a person who waits for its reply: the test message.

Plain ``requests``, under the rules of the bulk path: no redirect followed, no
proxy from the environment, one deadline for the whole, the reply's size capped.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NameResolutionError

from notifier.gateway.wire import LONGEST_REPLY, Reply, Request

# Above every id that a database hands out to a message, and below 2⁶³ until
# the year 2116: a gateway that de-duplicates never mistakes one for the other.
FIRST_TEST_ID = 2**62
CHUNK = 16 * 1024
TROUBLE = (requests.RequestException, HTTPError, OSError)


def fresh_test_id() -> int:
    """An id that no message has, and no earlier test had."""
    return FIRST_TEST_ID + time.time_ns()


def send_one(
    request: Request,
    *,
    headers: list[str],
    connect_timeout_seconds: float,
    total_timeout_seconds: float,
) -> Reply:
    """Send it, once, and wait for what comes of it; ``headers`` as wire.request_headers.

    Never raises what the network raises: that is in the reply. A Retry-After
    is not read, as nobody tries again.
    """
    call = _Call(request)
    with requests.Session() as session:
        session.trust_env = False
        session.verify = os.environ.get("SSL_CERT_FILE") or certifi.where()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _WatchedAdapter(call))
        alarm = threading.Timer(total_timeout_seconds, call.give_up)
        alarm.daemon = True
        alarm.start()
        try:
            call.read(
                session.post(
                    request.url,
                    data=request.body,
                    headers=dict(line.split(": ") for line in headers if ": " in line),
                    timeout=(connect_timeout_seconds, total_timeout_seconds),
                    allow_redirects=False,
                    stream=True,
                )
            )
        except TROUBLE as error:
            return call.broken(error)
        finally:
            alarm.cancel()
    return call.answered()


class _Call:
    """How far one request has come."""

    def __init__(self, request: Request) -> None:
        self._key = request.key
        self._started_at = time.time()
        self._clock = time.monotonic()
        self._socket: socket.socket | None = None
        self._is_late = False
        self._is_too_large = False
        self._status = 0
        self._body = b""

    def connected(self, to_gateway: socket.socket) -> None:
        """The connection stands, TLS included, and the request is about to leave."""
        if self._is_late:
            raise TimeoutError
        self._socket = to_gateway

    def give_up(self) -> None:
        """The deadline. The time-outs of requests begin anew with every byte; this does not."""
        self._is_late = True
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def read(self, response: requests.Response) -> None:
        """Take the reply as it comes over the wire: what is packed stays packed."""
        self._status = response.status_code
        for chunk in response.raw.stream(CHUNK, decode_content=False):
            self._body += chunk
            if len(self._body) > LONGEST_REPLY:
                self._is_too_large = True
                raise HTTPError(f"The reply is larger than {LONGEST_REPLY:,} bytes.")
        if self._is_late:  # broken off: a body of no stated length looks whole then
            raise TimeoutError

    def answered(self) -> Reply:
        return Reply(self._key, self._started_at, self._seconds(), self._status, self._body)

    def broken(self, error: Exception) -> Reply:
        return Reply(
            self._key,
            self._started_at,
            self._seconds(),
            self._status,
            error="the deadline passed" if self._is_late else _innermost_words(error),
            phase=self._phase(error),
            request_left=self._socket is not None,
        )

    def _phase(self, error: Exception) -> str:
        if self._socket is None:
            return _phase_of_connecting(error)
        if self._is_late or isinstance(error, requests.Timeout):
            return "timeout"
        return "too_large" if self._is_too_large else "connection"

    def _seconds(self) -> float:
        return time.monotonic() - self._clock


class _WatchedAdapter(HTTPAdapter):
    """Makes connections that tell their call when they stand."""

    def __init__(self, call: _Call) -> None:
        super().__init__()
        self._call = call

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = _watched(pool.ConnectionCls, self._call)
        return pool


def _watched(connection_class: Any, call: _Call) -> Any:
    class WatchedConnection(connection_class):
        def connect(self) -> None:
            super().connect()
            call.connected(self.sock)

    return WatchedConnection


def _phase_of_connecting(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "tls"
    is_name = any(isinstance(each, NameResolutionError) for each in _chain(error))
    return "name" if is_name else "connection"


def _innermost_words(error: Exception) -> str:
    """What the system said: what is wrapped around it is for programmers."""
    *_, innermost = _chain(error)
    return getattr(innermost, "strerror", None) or str(innermost)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
