"""What the figures are compared with: each in a process of its own, against the same gateway.

Every module of ``plain_ways`` says what it does, and prints how many messages it sent and
in how many seconds.
"""

import subprocess
import sys
from dataclasses import dataclass

from tests.running import CHECKOUT

CONNECTIONS = 64


@dataclass(frozen=True)
class Baseline:
    """``rates``: messages per second, each time it was measured."""

    name: str
    rates: list[float]


@dataclass(frozen=True)
class Timed:
    messages: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds


def run_apart(
    way: str, url: str, *, seconds: float, variables: dict[str, str] | None = None
) -> Timed:
    """Send by one of the plain ways for some seconds; ``variables`` are its environment."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.plain_ways.{way}", url, str(seconds)],
        cwd=CHECKOUT, env=variables, capture_output=True, text=True, check=False,
        timeout=seconds + 60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    messages, passed = done.stdout.split()
    return Timed(int(messages), float(passed))
