"""The conditions in force: which faults at which rates, what latency, until when.

Times are the event loop's (monotonic) seconds.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from notifier.gateway.sandbox.faults import Fault
from notifier.gateway.sandbox.latency import Latency


@dataclass(frozen=True)
class Window:
    starts_at: float = 0.0
    ends_at: float = math.inf

    def holds(self, now: float) -> bool:
        return self.starts_at <= now < self.ends_at


T = TypeVar("T")


@dataclass(frozen=True)
class Timed(Generic[T]):
    """A condition and the window in which it holds."""

    what: T
    window: Window


@dataclass(frozen=True)
class FaultRate:
    fault: Fault
    rate: float


@dataclass(frozen=True)
class RetryAfter:
    kind: str = "seconds"  # one of faults.RETRY_AFTER
    seconds: int = 2


@dataclass(frozen=True)
class Conditions:
    faults: tuple[Timed[FaultRate], ...] = ()
    latency: Timed[Latency] | None = None
    retry_after: RetryAfter = field(default_factory=RetryAfter)
    redirect_to: str = "http://gateway.invalid"

    def faults_at(self, now: float) -> list[FaultRate]:
        return [timed.what for timed in self.faults if timed.window.holds(now)]

    def latency_at(self, now: float) -> Latency | None:
        if self.latency is None or not self.latency.window.holds(now):
            return None
        return self.latency.what

    def next_change(self, now: float) -> float | None:
        """When a window next opens or closes; None if never."""
        edges = {edge for window in self._windows() for edge in (window.starts_at, window.ends_at)}
        return min((edge for edge in edges if now < edge < math.inf), default=None)

    def highest_total_rate(self) -> float:
        """The largest sum of rates that hold at one time. It grows only where a window opens."""
        openings = [timed.window.starts_at for timed in self.faults]
        totals = (sum(rate.rate for rate in self.faults_at(opening)) for opening in openings)
        return max(totals, default=0.0)

    def _windows(self) -> Iterable[Window]:
        yield from (timed.window for timed in self.faults)
        if self.latency is not None:
            yield self.latency.window
