"""How long a reply is kept back."""

import math
from dataclasses import dataclass
from random import Random
from typing import Protocol

LONGEST_SECONDS = 3600.0
Z_99 = 2.3263478740408408  # the normal distribution's 99th percentile


class Latency(Protocol):
    def draw(self, random: Random) -> float: ...

    def as_json(self) -> dict[str, object]: ...


@dataclass(frozen=True)
class Fixed:
    seconds: float

    def draw(self, random: Random) -> float:
        return self.seconds

    def as_json(self) -> dict[str, object]:
        return {"kind": "fixed", "seconds": self.seconds}


@dataclass(frozen=True)
class Uniform:
    low: float
    high: float

    def draw(self, random: Random) -> float:
        return random.uniform(self.low, self.high)

    def as_json(self) -> dict[str, object]:
        return {"kind": "uniform", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Tail:
    """Log-normal: half of the replies within ``median`` seconds, all but 1 % within ``p99``."""

    median: float
    p99: float

    def draw(self, random: Random) -> float:
        sigma = math.log(self.p99 / self.median) / Z_99
        return min(random.lognormvariate(math.log(self.median), sigma), LONGEST_SECONDS)

    def as_json(self) -> dict[str, object]:
        return {"kind": "tail", "median": self.median, "p99": self.p99}
