"""A mailing through everything: from the API call to the last recorded result."""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import psutil

from tests.bench.baselines import TEXT
from tests.running import RunningNotifier, wait_for

PARTS = ("postgres", "gunicorn", "qcluster", "sandbox_gateway")


@dataclass(frozen=True)
class Measured:
    """``cpu_us`` and ``wal_bytes`` are per message; ``peak_mib`` is unshared memory by part."""

    messages: int
    per_second: float
    first_request_seconds: float
    cpu_us: dict[str, float]
    wal_bytes: float
    peak_mib: dict[str, float]


def measure_mailing(notifier: RunningNotifier, *, recipients: int) -> Measured:
    """Send one mailing to all clients and wait until it is finished."""
    before, wal_before = cpu_seconds(notifier), wal_position(notifier)
    peak: Counter[str] = Counter()
    mailing = notifier.post("mailing/", {"clients": {}, "text": TEXT})

    def is_finished() -> bool:
        for part, mib in memory_mib(notifier).items():
            peak[part] = max(peak[part], mib)
        return notifier.mailing(mailing["id"])["status"] == "finished"

    wait_for(is_finished, seconds=600, what="the mailing", every=0.5)
    done = notifier.mailing(mailing["id"])
    sent = done["counts"]["accepted"]
    assert sum(done["counts"].values()) == done["audience"] == recipients
    # From the call to the last result: what a person would time.
    begun, ended = _moment(mailing["created_at"]), _moment(last_result(notifier, mailing["id"]))
    cpu = {part: s - before.get(part, 0.0) for part, s in cpu_seconds(notifier).items()}
    return Measured(
        messages=sent,
        per_second=sent / (ended - begun),
        first_request_seconds=_moment(first_request(notifier, mailing["id"])) - begun,
        cpu_us={part: s / sent * 1e6 for part, s in cpu.items()},
        wal_bytes=(wal_position(notifier) - wal_before) / sent,
        peak_mib=dict(peak),
    )


def query(notifier: RunningNotifier, sql: str) -> str:
    return notifier.manage(
        "shell", "-v0", "-c",
        f"from django.db import connection as c; k = c.cursor(); k.execute({sql!r});"
        " print(k.fetchone()[0])",
    )  # fmt: skip


def first_request(notifier: RunningNotifier, mailing: int) -> str:
    return query(notifier, f"SELECT min(sent_at)::text FROM message WHERE mailing_id = {mailing}")


def last_result(notifier: RunningNotifier, mailing: int) -> str:
    return query(
        notifier,
        "SELECT max(finished_at)::text FROM message"
        f" WHERE mailing_id = {mailing} AND status = 'accepted'",
    )


def wal_position(notifier: RunningNotifier) -> int:
    return int(query(notifier, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"))


def measured(
    notifier: RunningNotifier, measure: Callable[[psutil.Process], float]
) -> dict[str, list[float]]:
    """A figure of every process, by what the process does; one that ends meanwhile is left out."""
    figures: dict[str, list[float]] = {}
    for process in notifier.processes():
        with suppress(psutil.NoSuchProcess):
            command = " ".join(process.cmdline())
            part = next((name for name in PARTS if name in command), None)
            if part is not None:
                figures.setdefault(part, []).append(measure(process))
    return figures


def cpu_seconds(notifier: RunningNotifier) -> dict[str, float]:
    """With the children that have ended: of them each process knows the sum."""
    figures = measured(notifier, lambda process: sum(process.cpu_times()[:4]))
    return {part: sum(seconds) for part, seconds in figures.items()}


def memory_mib(notifier: RunningNotifier) -> dict[str, float]:
    """The largest process of each part, by the memory it shares with nobody."""
    figures = measured(notifier, lambda process: process.memory_full_info().uss / 2**20)
    return {part: max(sizes) for part, sizes in figures.items()}


def cores() -> int:
    return len(os.sched_getaffinity(0))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
