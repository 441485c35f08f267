"""What a run costs: CPU, WAL and memory, by what each process does, read from outside."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import psutil
import psycopg2.extensions

from tests.running import RunningNotifier

Figure = TypeVar("Figure")

# A word of the command line, and what the process is called in the report.
PARTS = {
    "postgres": "database",
    "gunicorn": "web",
    "qcluster": "senders",
    "sandbox_gateway": "gateway stand-in",
    "manage.py up": "launcher",
}
# Reading the memory of twenty processes costs some milliseconds: once a second will do.
MEMORY_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Reading:
    """Everything that only ever rises. ``cpu_seconds`` are by part, ``busy_seconds`` of all
    programs but the benchmark itself.
    """

    at: float
    cpu_seconds: dict[str, float]
    busy_seconds: float
    wal_bytes: int


@dataclass(frozen=True)
class Cost:
    """CPU and WAL of each message; ``others_cores`` is what programs that are not ours used."""

    cpu_us: dict[str, float]
    wal_bytes: float
    others_cores: float


@dataclass
class MemoryPeaks:
    """The largest process of each part: by what it shares with nobody, and by all of it.

    Processes that were forked share much; a database's all show its whole cache.
    """

    unshared_mib: Counter[str] = field(default_factory=Counter)
    resident_mib: Counter[str] = field(default_factory=Counter)
    _read_at: float = 0.0

    def note(self, notifier: RunningNotifier, *, at_once: bool = False) -> None:
        if not at_once and time.monotonic() < self._read_at + MEMORY_EVERY_SECONDS:
            return
        for part, figures in _by_part(notifier, lambda each: each.memory_full_info()).items():
            for peaks, sizes in (
                (self.unshared_mib, [each.uss for each in figures]),
                (self.resident_mib, [each.rss for each in figures]),
            ):
                peaks[part] = max(peaks[part], max(sizes) / 2**20)
        self._read_at = time.monotonic()


def read_meters(notifier: RunningNotifier, database: psycopg2.extensions.connection) -> Reading:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
        wal_bytes = cursor.fetchone()[0]
    # With the children that have ended: of them each process knows the sum.
    cpu = _by_part(notifier, lambda each: sum(each.cpu_times()[:4]))
    return Reading(
        at=time.monotonic(),
        cpu_seconds={part: sum(seconds) for part, seconds in cpu.items()},
        busy_seconds=_busy_seconds(),
        wal_bytes=wal_bytes,
    )


def cost_between(before: Reading, after: Reading, *, messages: int) -> Cost:
    ours = {
        part: seconds - before.cpu_seconds.get(part, 0.0)
        for part, seconds in after.cpu_seconds.items()
    }
    others = after.busy_seconds - before.busy_seconds - sum(ours.values())
    return Cost(
        cpu_us={part: seconds / messages * 1e6 for part, seconds in ours.items()},
        wal_bytes=(after.wal_bytes - before.wal_bytes) / messages,
        others_cores=max(0.0, others / (after.at - before.at)),
    )


def _by_part(
    notifier: RunningNotifier, measure: Callable[[psutil.Process], Figure]
) -> dict[str, list[Figure]]:
    """A figure of every process; one that ends meanwhile is left out."""
    figures: dict[str, list[Figure]] = {}
    for process in notifier.processes():
        with suppress(psutil.NoSuchProcess):
            command = " ".join(process.cmdline())
            part = next((part for word, part in PARTS.items() if word in command), None)
            if part is not None:
                figures.setdefault(part, []).append(measure(process))
    return figures


def _busy_seconds() -> float:
    """Of every program on the machine, since it was started, but not of this one."""
    times, own = psutil.cpu_times(), psutil.Process().cpu_times()
    whole = times.user + times.nice + times.system + times.irq + times.softirq
    return whole - own.user - own.system
