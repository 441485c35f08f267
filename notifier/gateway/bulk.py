"""Many requests at once over kept connections: libcurl's multi interface on epoll.

One transport belongs to one thread, except ``wake``. ``select`` would stop at
1,024 descriptors; epoll and ``socket_action`` do not.
"""

import contextlib
import math
import os
import select
import time
from collections.abc import Callable
from io import BytesIO
from operator import attrgetter

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
# For a request libcurl looks through its connections one by one until it finds
# a free one: with 800 of them that is more work than all the rest. So a
# transfer shares its connections with so many others only.
POOL_SIZE = 32
_WANTED_EVENTS = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
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
        # The last first: as few connections as will do stay in use.
        self.idle: list[_Transfer] = []
        self.pools: list[_Pool] = []


class _Pool:
    """A handful of transfers and the connections that they share: one libcurl multi handle."""

    __slots__ = ("due_at", "multi", "transfers")

    def __init__(self, watch: Callable[["_Pool", int, int], None]) -> None:
        self.transfers: list[_Transfer] = []
        self.due_at = math.inf
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(
            pycurl.M_SOCKETFUNCTION, lambda what, fd, _multi, _data: watch(self, what, fd)
        )

    def read_timer(self) -> None:
        """Ask when libcurl wants to be called though nothing comes: once for many transfers.

        Its callback for that would come twice for every request.
        """
        milliseconds = self.multi.timeout()
        self.due_at = math.inf if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def close(self) -> None:
        for transfer in self.transfers:
            transfer.curl.close()
        self.multi.close()


_DUE_AT = attrgetter("due_at")


class _Transfer:
    """One reusable libcurl handle and the request that it carries, if any."""

    __slots__ = (
        "begun", "body", "curl", "held_back", "lane", "may_begin", "pool", "request", "started_at",
    )  # fmt: skip

    def __init__(self, lane: Lane, pool: _Pool, may_begin: Callable[[Request], bool]) -> None:
        self.lane = lane
        self.pool = pool
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

    def __init__(self, may_begin: Callable[[Request], bool] = lambda _request: True) -> None:
        self.may_begin = may_begin
        self.in_flight = 0
        self._epoll = select.epoll()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake_fd, select.EPOLLIN)
        # Whose each socket is that libcurl waits for.
        self._watched: dict[int, _Pool] = {}
        self._pools: list[_Pool] = []
        # Where something has happened since libcurl's timer was read.
        self._touched: set[_Pool] = set()
        self._earliest_timer = math.inf

    def start(self, lane: Lane, request: Request) -> None:
        transfer = lane.idle.pop() if lane.idle else self._new_transfer(lane)
        transfer.carry(request)
        transfer.pool.multi.add_handle(transfer.curl)
        self._touched.add(transfer.pool)
        lane.in_flight += 1
        self.in_flight += 1

    def wait(self, timeout_seconds: float) -> list[Reply]:
        """Drive all transfers until something happens or the time is over; what has ended."""
        for fd, events in self._epoll.poll(self._until_timer(timeout_seconds)):
            pool = self._watched.get(fd)
            if pool is not None:
                self._touched.add(pool)
                pool.multi.socket_action(fd, _select_mask(events))
            elif fd == self._wake_fd:
                os.eventfd_read(self._wake_fd)
            else:
                self._forget(fd)
        now = time.monotonic()
        if now >= self._earliest_timer:
            for pool in self._pools:
                if pool.due_at <= now:
                    self._touched.add(pool)
                    pool.multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        return self._collect()

    def wake(self) -> None:
        """End a ``wait`` that is under way in another thread."""
        os.eventfd_write(self._wake_fd, 1)

    def close(self, lane: Lane) -> None:
        """Close the connections of a lane over which nothing is under way, nor will be."""
        for pool in lane.pools:
            self._pools.remove(pool)
            self._touched.discard(pool)
            pool.close()
        lane.pools.clear()
        lane.idle.clear()

    def abort_all(self) -> list[Reply]:
        """Break off every transfer, and say what is known of each."""
        replies = []
        for transfer in [each for pool in self._pools for each in pool.transfers if each.request]:
            transfer.held_back |= not transfer.begun
            reply = self._end(transfer, pycurl.E_ABORTED_BY_CALLBACK, "stopped while it waited")
            replies.append(reply)
        return replies

    def _new_transfer(self, lane: Lane) -> _Transfer:
        if not lane.pools or len(lane.pools[-1].transfers) == POOL_SIZE:
            lane.pools.append(_Pool(self._watch))
            self._pools.append(lane.pools[-1])
        pool = lane.pools[-1]
        transfer = _Transfer(lane, pool, self.may_begin)
        pool.transfers.append(transfer)
        return transfer

    def _until_timer(self, timeout_seconds: float) -> float:
        for pool in self._touched:
            pool.read_timer()
        self._touched.clear()
        self._earliest_timer = min(map(_DUE_AT, self._pools), default=math.inf)
        return max(0.0, min(timeout_seconds, self._earliest_timer - time.monotonic()))

    def _collect(self) -> list[Reply]:
        replies = []
        for pool in self._touched:
            remaining = 1
            while remaining:
                remaining, succeeded, failed = pool.multi.info_read()
                for curl in succeeded:
                    replies.append(self._end(curl.transfer, 0, ""))
                for curl, code, words in failed:
                    replies.append(self._end(curl.transfer, code, words))
        return replies

    def _end(self, transfer: _Transfer, code: int, words: str) -> Reply:
        reply = _reply_of(transfer, code, words)
        transfer.pool.multi.remove_handle(transfer.curl)
        transfer.request = None
        self.in_flight -= 1
        transfer.lane.in_flight -= 1
        transfer.lane.idle.append(transfer)
        return reply

    def _watch(self, pool: _Pool, what: int, fd: int) -> None:
        """Called by libcurl when what it waits for on a socket changes.

        A socket that it lets go stays with epoll: nearly always the next
        request goes over it and waits for the same.
        """
        if what == pycurl.POLL_REMOVE:
            self._watched.pop(fd, None)
            return
        self._watched[fd] = pool
        try:
            self._epoll.modify(fd, _WANTED_EVENTS[what])
        except FileNotFoundError:
            # New, or another under a number that was closed meanwhile.
            self._epoll.register(fd, _WANTED_EVENTS[what])

    def _forget(self, fd: int) -> None:
        """An idle connection that the gateway closes: libcurl will find that out by itself."""
        with contextlib.suppress(OSError):
            self._epoll.unregister(fd)


def _select_mask(events: int) -> int:
    if events == select.EPOLLIN:
        return pycurl.CSELECT_IN
    mask = 0
    if events & select.EPOLLIN:
        mask |= pycurl.CSELECT_IN
    if events & select.EPOLLOUT:
        mask |= pycurl.CSELECT_OUT
    if events & (select.EPOLLERR | select.EPOLLHUP):
        mask |= pycurl.CSELECT_ERR
    return mask


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
