"""What was done to a mailing and when, so that what followed can be judged.

Times are seconds since 1970, as in the gateway's ledger. ``asked_at`` is just
before a request to Notifier, ``done_at`` just after its answer: what it asked
for was committed between the two.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import time
from typing import NamedTuple


@dataclass
class Stop:
    """A pause, a cancellation, or one client's opt-out; ``until`` is when it was taken back."""

    kind: str
    asked_at: float
    done_at: float
    until: float = math.inf
    phone: int | None = None


class End(NamedTuple):
    """The end of the mailing that was in force from ``done_at`` on."""

    done_at: float
    end: float


class Sample(NamedTuple):
    """A page that was asked for in mid-run: when, how long it took, how it was answered."""

    at: float
    seconds: float
    status: int


@dataclass
class Story:
    """All of it.

    ``recipients``: how many clients must have got a message, where that is known.
    ``was_sent_again``: a person had failed or unknown messages sent again.
    ``resumes_after``: moments at which a fault began or ended, from which on
    sending had to go on within ``resumes_within`` seconds, but for ``lulls``, in
    which there was a reason to wait. ``outages``: when pages could not work, as
    the database was away.
    """

    recipients: int | None = None
    stops: list[Stop] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    resumes_after: list[float] = field(default_factory=list)
    was_sent_again: bool = False
    resumes_within: float = 40.0
    lulls: list[tuple[float, float]] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    @contextmanager
    def stop(self, kind: str, *, phone: int | None = None) -> Iterator[None]:
        """Around the request that asks for it; nothing is noted where that fails."""
        asked_at = time()
        yield
        self.stops.append(Stop(kind, asked_at, time(), phone=phone))

    @contextmanager
    def resume(self) -> Iterator[None]:
        """Around the request that takes the last pause back."""
        asked_at = time()
        yield
        for stop in self.stops:
            if stop.kind == "pause":
                stop.until = min(stop.until, asked_at)

    @contextmanager
    def move_end(self, *, old: float, new: float) -> Iterator[None]:
        yield
        if not self.ends:
            self.ends.append(End(-math.inf, old))
        self.ends.append(End(time(), new))
