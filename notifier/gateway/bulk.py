"""Many requests at once over kept connections: libcurl's multi interface on epoll.

One transport belongs to one thread, except ``wake``. ``select`` would stop at
1,024 descriptors; epoll and ``socket_action`` do not.
"""

import contextlib
import os
import select
import time
from collections.abc import Callable
from io import BytesIO
from typing import ClassVar

import certifi
import pycurl

from notifier.gateway.wire import LONGEST_REPLY, Reply, Request

NO_CONNECTION_PHASES = {
    pycurl.E_COULDNT_RESOLVE_HOST: "name",
    pycurl.E_COULDNT_CONNECT: "connection",
    pycurl.E_OPERATION_TIMEDOUT: "connection",
    pycurl.E_SSL_CONNECT_ERROR: "tls",
    pycurl.E_PEER_FAILED_VERIFICATION: "tls",
    pycurl.E_SSL_CACERT_BADFILE: "tls",
    pycurl.E_SSL_CERTPROBLEM: "tls",
    pycurl.E_SSL_CIPHER: "tls",
    pycurl.E_SSL_ISSUER_ERROR: "tls",
}
RETRYABLE_STATUSES = (429, 503)
_SELECT_MASKS = {
    select.EPOLLIN: pycurl.CSELECT_IN,
    select.EPOLLOUT: pycurl.CSELECT_OUT,
    select.EPOLLIN | select.EPOLLOUT: pycurl.CSELECT_IN | pycurl.CSELECT_OUT,
}


class Lane:
    """The connections to one gateway: how to open them, and the handles kept for reuse."""

    def __init__(
        self,
        *,
        headers: list[str],
        connect_timeout_seconds: float,
        total_timeout_seconds: float,
    ) -> None:
        self.headers = headers
        self.connect_timeout_ms = int(connect_timeout_seconds * 1000)
        self.total_timeout_ms = int(total_timeout_seconds * 1000)
        self.in_flight = 0
        self.idle: list[_Transfer] = []


class _Transfer:
    """One reusable libcurl handle and the request that it carries now."""

    __slots__ = ("begun", "body", "curl", "held_back", "lane", "may_begin", "request", "started_at")

    def __init__(self, lane: Lane, may_begin: Callable[[Request], bool]) -> None:
        self.lane = lane
        self.may_begin = may_begin
        self.body = BytesIO()
        self.curl = curl = pycurl.Curl()
        self.request: Request | None = None
        self.begun = self.held_back = False
        self.started_at = 0.0
        curl.transfer = self
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.HTTPHEADER, lane.headers)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, lane.connect_timeout_ms)
        # From the first try to connect to the last byte of the body.
        curl.setopt(pycurl.TIMEOUT_MS, lane.total_timeout_ms)
        curl.setopt(pycurl.MAXFILESIZE, LONGEST_REPLY)
        curl.setopt(pycurl.WRITEFUNCTION, self.body.write)
        curl.setopt(pycurl.PREREQFUNCTION, self._before_request)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.CAINFO, os.environ.get("SSL_CERT_FILE") or certifi.where())
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.TCP_KEEPALIVE, 1)

    def carry(self, request: Request) -> None:
        self.request = request
        self.begun = self.held_back = False
        self.started_at = time.time()
        if self.body.tell():
            self.body.seek(0)
            self.body.truncate()
        self.curl.setopt(pycurl.URL, request.url)
        self.curl.setopt(pycurl.POSTFIELDS, request.body)

    def _before_request(self, *_addresses: object) -> int:
        """Called when a connection stands and the request is about to leave."""
        if self.begun:
            # libcurl sends again by itself when a kept connection breaks
            # before any reply. The gateway may have taken the first one, so
            # whether to repeat is not libcurl's to decide.
            return pycurl.PREREQFUNC_ABORT
        if self.request is None or not self.may_begin(self.request):
            self.held_back = True
            return pycurl.PREREQFUNC_ABORT
        self.begun = True
        return pycurl.PREREQFUNC_OK


class BulkTransport:
    """Starts requests and hands back their replies, in whatever order they end.

    ``may_begin`` is asked about each right before its first byte leaves.
    """

    _EVENTS: ClassVar = {
        pycurl.POLL_IN: select.EPOLLIN,
        pycurl.POLL_OUT: select.EPOLLOUT,
        pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
    }

    def __init__(self, may_begin: Callable[[Request], bool] = lambda _request: True) -> None:
        self.may_begin = may_begin
        self.in_flight = 0
        self._epoll = select.epoll()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake_fd, select.EPOLLIN)
        # What libcurl waits for on each of its sockets.
        self._watched: dict[int, int] = {}
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._running: set[_Transfer] = set()

    def start(self, lane: Lane, request: Request) -> None:
        transfer = lane.idle.pop() if lane.idle else _Transfer(lane, self.may_begin)
        transfer.carry(request)
        self._multi.add_handle(transfer.curl)
        self._running.add(transfer)
        lane.in_flight += 1
        self.in_flight += 1

    def wait(self, timeout_seconds: float) -> list[Reply]:
        """Drive all transfers until something happens or the time is over; what has ended."""
        for fd, events in self._epoll.poll(self._until_timer(timeout_seconds)):
            if fd in self._watched:
                self._multi.socket_action(fd, _SELECT_MASKS.get(events, pycurl.CSELECT_ERR))
            elif fd == self._wake_fd:
                os.eventfd_read(self._wake_fd)
            else:
                self._forget(fd)
        if self._multi.timeout() == 0:
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        return self._collect()

    def wake(self) -> None:
        """End a ``wait`` that is under way in another thread."""
        os.eventfd_write(self._wake_fd, 1)

    def abort_all(self) -> list[Reply]:
        """Break off every transfer, and say what is known of each."""
        replies = []
        for transfer in list(self._running):
            transfer.held_back |= not transfer.begun
            reply = self._end(transfer, pycurl.E_ABORTED_BY_CALLBACK, "stopped while it waited")
            replies.append(reply)
        return replies

    def _until_timer(self, timeout_seconds: float) -> float:
        # Asked here, once for many transfers; a callback would come twice for each.
        milliseconds = self._multi.timeout()
        return timeout_seconds if milliseconds < 0 else min(timeout_seconds, milliseconds / 1000)

    def _collect(self) -> list[Reply]:
        replies = []
        remaining = 1
        while remaining:
            remaining, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                replies.append(self._end(curl.transfer, 0, ""))
            for curl, code, words in failed:
                replies.append(self._end(curl.transfer, code, words))
        return replies

    def _end(self, transfer: _Transfer, code: int, words: str) -> Reply:
        reply = _reply_of(transfer, code, words)
        self._multi.remove_handle(transfer.curl)
        self._running.discard(transfer)
        self.in_flight -= 1
        transfer.lane.in_flight -= 1
        transfer.lane.idle.append(transfer)
        return reply

    def _watch(self, what: int, fd: int, _multi: object, _data: object) -> None:
        """Called by libcurl when what it waits for on a socket changes.

        A socket that it lets go stays with epoll: nearly always the next
        request goes over it and waits for the same.
        """
        if what == pycurl.POLL_REMOVE:
            self._watched.pop(fd, None)
            return
        self._watched[fd] = wanted = self._EVENTS[what]
        try:
            self._epoll.modify(fd, wanted)
        except FileNotFoundError:
            # New, or another under a number that was closed meanwhile.
            self._epoll.register(fd, wanted)

    def _forget(self, fd: int) -> None:
        """An idle connection that the gateway closes: libcurl will find that out by itself."""
        with contextlib.suppress(OSError):
            self._epoll.unregister(fd)


def _reply_of(transfer: _Transfer, code: int, words: str) -> Reply:
    request, curl = transfer.request, transfer.curl
    assert request is not None  # noqa: S101 - a transfer that runs carries a request
    duration = curl.getinfo(pycurl.TOTAL_TIME)
    status = curl.getinfo(pycurl.RESPONSE_CODE)
    if not code:
        retry_after = (
            float(curl.getinfo(pycurl.RETRY_AFTER)) or None
            if status in RETRYABLE_STATUSES
            else None
        )
        return Reply(
            request.key, transfer.started_at, duration, status, transfer.body.getvalue(),
            retry_after_seconds=retry_after,
        )  # fmt: skip
    return Reply(
        request.key, transfer.started_at, duration, status,
        error=words or f"libcurl error {code}", phase=_phase(code, begun=transfer.begun),
        request_left=transfer.begun, aborted=transfer.held_back,
        retry_after_seconds=float(curl.getinfo(pycurl.RETRY_AFTER)) or None,
    )  # fmt: skip


def _phase(code: int, *, begun: bool) -> str:
    if not begun:
        return NO_CONNECTION_PHASES.get(code, "connection")
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return "timeout"
    if code == pycurl.E_FILESIZE_EXCEEDED:
        return "too_large"
    return "connection"
