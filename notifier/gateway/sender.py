"""A thread that sends: requests go in, replies come out, and nothing else happens in it.

It lives as long as its process, and with it its connections; the bookkeeping
(claims, results, leases) is the business of whoever feeds it. Between the two
stand queues, so that neither a slow database holds up the sockets nor a slow
gateway the database.
"""

import threading
import time
from collections import deque
from collections.abc import Collection, Hashable, Iterable

from notifier.failpoints import reach
from notifier.gateway.bulk import BulkTransport, Lane
from notifier.gateway.wire import Reply, Request

# How long the thread sleeps when nothing at all happens.
IDLE_SECONDS = 1.0


class WaitingLine:
    """The requests that wait for a free connection of one lane; its sources take turns.

    So a large mailing does not stand in a small one's way.
    """

    def __init__(self, lane: Lane, concurrency: int) -> None:
        self.lane = lane
        self.concurrency = concurrency
        self._by_source: dict[Hashable, deque[Request]] = {}
        self._turns: deque[Hashable] = deque()

    @property
    def has_requests(self) -> bool:
        return bool(self._turns)

    def add(self, requests: Iterable[Request]) -> None:
        for request in requests:
            if request.source not in self._by_source:
                self._by_source[request.source] = deque()
                self._turns.append(request.source)
            self._by_source[request.source].append(request)

    def next(self) -> Request | None:
        """The request whose source's turn it is."""
        if not self._turns:
            return None
        source = self._turns.popleft()
        requests = self._by_source[source]
        request = requests.popleft()
        if requests:
            self._turns.append(source)
        else:
            del self._by_source[source]
        return request

    def take_back(self, source: Hashable | None) -> list[Request]:
        """Remove the requests of one source (None: of all)."""
        sources = list(self._by_source) if source is None else [source]
        requests = [each for name in sources for each in self._by_source.pop(name, ())]
        self._turns = deque(name for name in self._turns if name in self._by_source)
        return requests


class Sender:
    """Sends requests; every one comes back once, as a reply or by ``take_back``.

    All methods may be called from another thread.
    """

    def __init__(self) -> None:
        self._lease_until = 0.0
        self._lines: dict[Hashable, WaitingLine] = {}
        # No longer used: their connections are closed when the last reply is there.
        self._retired: list[Lane] = []
        self._lock = threading.Lock()
        self._replies: deque[Reply] = deque()
        self._replied = threading.Event()
        self._enough = 1
        self._abort = False
        self._transport = BulkTransport(self._may_begin)
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def lease(self, until: float) -> None:
        """No request begins at or after this moment, by ``time.monotonic``."""
        self._lease_until = until
        self._transport.wake()

    def open_lane(self, name: Hashable, lane: Lane, *, concurrency: int) -> None:
        """Send by these connections from the next request on, so many at once."""
        with self._lock:
            line = self._lines.setdefault(name, WaitingLine(lane, concurrency))
            if line.lane is not lane:
                self._retired.append(line.lane)
            line.lane, line.concurrency = lane, concurrency
        self._transport.wake()

    def keep_lanes(self, names: Collection[Hashable]) -> None:
        """Give up the other lanes, but for those with requests that wait."""
        with self._lock:
            for name in self._lines.keys() - names:
                if not self._lines[name].has_requests:
                    self._retired.append(self._lines.pop(name).lane)
        self._transport.wake()

    def set_concurrency(self, name: Hashable, concurrency: int) -> None:
        with self._lock:
            if name in self._lines:
                self._lines[name].concurrency = concurrency
        self._transport.wake()

    def submit(self, name: Hashable, requests: Iterable[Request]) -> None:
        with self._lock:
            self._lines[name].add(requests)
        self._transport.wake()

    def take_back(self, source: Hashable | None = None) -> list[Request]:
        """Recall the requests of one source, or all, that have not begun."""
        with self._lock:
            return [each for line in self._lines.values() for each in line.take_back(source)]

    def take_back_lane(self, name: Hashable) -> list[Request]:
        """Recall the requests of one lane that have not begun."""
        with self._lock:
            return self._lines[name].take_back(None) if name in self._lines else []

    def abort(self) -> None:
        """Break off what is under way; the replies say so."""
        self._abort = True
        self._transport.wake()

    def take_replies(self, timeout_seconds: float, *, enough: int = 1) -> list[Reply]:
        """The replies since the last call; waits a while where there are not ``enough``."""
        self._enough = enough
        self._replied.clear()
        if len(self._replies) < enough:
            self._replied.wait(timeout_seconds)
        replies = []
        while self._replies:
            replies.append(self._replies.popleft())
        return replies

    def _run(self) -> None:
        while True:
            if self._abort:
                self._abort = False
                self._hand_back(self._transport.abort_all())
            with self._lock:
                for line in self._lines.values():
                    self._fill(line)
                self._close_retired()
            self._hand_back(self._transport.wait(IDLE_SECONDS))

    def _fill(self, line: WaitingLine) -> None:
        while line.lane.in_flight < line.concurrency and time.monotonic() < self._lease_until:
            request = line.next()
            if request is None:
                return
            if self._may_begin(request):
                self._transport.start(line.lane, request)
            else:
                self._hand_back([_held_back(request)])

    def _close_retired(self) -> None:
        for lane in [each for each in self._retired if not each.in_flight]:
            self._retired.remove(lane)
            self._transport.close(lane)

    def _may_begin(self, request: Request) -> bool:
        return time.monotonic() < min(self._lease_until, request.begin_before)

    def _hand_back(self, replies: list[Reply]) -> None:
        if replies:
            reach("request_left", len(replies))
            self._replies.extend(replies)
            if len(self._replies) >= self._enough:
                self._replied.set()


def _held_back(request: Request) -> Reply:
    return Reply(request.key, time.time(), 0.0, error="held back", aborted=True)
