"""The plan: draws, request by request and from one seed, what each will meet."""

from bisect import bisect_right
from itertools import accumulate
from random import Random

from notifier.gateway.sandbox.conditions import Conditions
from notifier.gateway.sandbox.faults import RESET_BEFORE, Circumstances, Fault
from notifier.gateway.sandbox.latency import Latency


class Plan:
    """Draws for each request, in order of arrival, its fault and its latency.

    The same seed and the same rates give the same sequence. While ``quiet``
    nothing is drawn.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.conditions = Conditions()
        self.quiet = True
        self._faults: list[Fault] = []
        self._thresholds: list[float] = []
        self._latency: Latency | None = None
        self.reset_before_rate = 0.0
        self.reseed(seed)

    def reseed(self, seed: int | None) -> None:
        # A sequence for each question: the latency must not shift which
        # requests meet a fault.
        self.seed = seed
        self._fault_random = _sequence("faults", seed)
        self._latency_random = _sequence("latency", seed)
        self._reset_before_random = _sequence("resets before", seed)

    def follow(self, conditions: Conditions, *, now: float) -> None:
        """Draw by these conditions as they hold now; call again when a window opens or closes."""
        self.conditions = conditions
        rates = conditions.faults_at(now)
        self.reset_before_rate = sum(r.rate for r in rates if r.fault.name == RESET_BEFORE)
        on_requests = [rate for rate in rates if rate.fault.name != RESET_BEFORE and rate.rate > 0]
        self._faults = [rate.fault for rate in on_requests]
        self._thresholds = list(accumulate(rate.rate for rate in on_requests))
        self._latency = conditions.latency_at(now)
        self.quiet = not self._faults and self._latency is None

    def draw(self) -> tuple[Fault | None, float]:
        """The next request's fault (None: it is accepted) and the seconds to keep it waiting."""
        place = bisect_right(self._thresholds, self._fault_random.random())
        fault = self._faults[place] if place < len(self._faults) else None
        delay = self._latency.draw(self._latency_random) if self._latency else 0.0
        return fault, delay

    def draw_reset_before(self) -> bool:
        return self._reset_before_random.random() < self.reset_before_rate

    def circumstances(self, message_id: int) -> Circumstances:
        retry_after = self.conditions.retry_after
        return Circumstances(
            message_id,
            retry_after.kind,
            retry_after.seconds,
            self.conditions.redirect_to,
        )


def _sequence(question: str, seed: int | None) -> Random:
    name = None if seed is None else f"{question} of {seed}"
    return Random(name)  # noqa: S311 - nothing here is a secret
