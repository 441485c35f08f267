"""Whether the processes of this cluster still pass work on to each other.

Every two seconds a task that does nothing takes the way of all tasks:

    pusher → queue of tasks → a worker that is free → queue of results → monitor

A process that is killed while it waits at one of the queues takes the queue's lock with
it. Whoever replaces it then waits for ever, and the cluster looks alive and does nothing:
but no pulse arrives any more. The pulse is no row in the database, as any cluster would
take that.

What is counted is in memory that all processes of the cluster share, made before they are
forked. Each number is written without a lock, for the same reason.
"""

import os
import time
from multiprocessing.sharedctypes import RawArray, RawValue

import psutil
from django.utils import timezone
from django_q.signing import SignedPackage

PULSE_SECONDS = 2.0
NAME = "notifier.delivery.tasks.pulse"

_arrived = RawValue("Q", 0)
# A worker that has a task stands here with its process id, at a place that follows from it.
_busy = RawArray("Q", 4096)


class Pulses:
    """The pusher's: when the next pulse is to go, and the task that it is."""

    def __init__(self) -> None:
        self._last_at = 0.0

    def next(self) -> str | None:
        """The signed task, where it is time for one."""
        now = time.monotonic()
        if now - self._last_at < PULSE_SECONDS:
            return None
        self._last_at = now
        pulse = {
            "id": "pulse",
            "name": "pulse",
            "func": NAME,
            "args": (),
            "kwargs": {},
            "started": timezone.now(),
        }
        return str(SignedPackage.dumps(pulse))


def note_arrival(task: dict, **_signal: object) -> None:
    """The monitor's, for every task that it is done with."""
    if task["func"] == NAME:
        _arrived.value += 1


def note_begin(**_signal: object) -> None:
    _busy[os.getpid() % len(_busy)] = os.getpid()


def note_end(**_signal: object) -> None:
    _busy[os.getpid() % len(_busy)] = 0


def arrived() -> int:
    return int(_arrived.value)


def busy_workers() -> int:
    """How many living workers have a task."""
    return sum(psutil.pid_exists(pid) for pid in _busy if pid)
