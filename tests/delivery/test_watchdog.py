"""When the main process of a cluster starts the others anew, and when it must not."""

import os
import signal
import subprocess

import pytest
from django_q.signing import SignedPackage

from notifier.delivery import pulse
from notifier.delivery.pulse import Pulses
from notifier.delivery.watchdog import Watchdog


class Sentinel:
    """As much of django-q2's as a watchdog sees."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process, self.pid = process, process.pid

    def is_alive(self) -> bool:
        return self.process.poll() is None


@pytest.fixture
def sentinel():
    process = subprocess.Popen(["sleep", "60"])
    yield Sentinel(process)
    process.kill()
    process.wait()


@pytest.fixture
def watchdog(sentinel, settings) -> Watchdog:
    settings.FROZEN_SECONDS = 6.0
    yield Watchdog(sentinel)
    pulse.note_end()


def looks(watchdog: Watchdog, count: int, *, has_database: bool = True) -> list[bool]:
    return [watchdog.is_needed(has_database=has_database) for _ in range(count)]


def test_it_waits_for_three_looks_without_a_pulse(watchdog):
    assert looks(watchdog, 3) == [False, False, True]


def test_a_pulse_begins_the_wait_anew(watchdog):
    looks(watchdog, 2)

    pulse.note_arrival({"func": pulse.NAME})

    assert looks(watchdog, 3) == [False, False, False]


def test_another_task_is_no_pulse(watchdog):
    looks(watchdog, 2)

    pulse.note_arrival({"func": "notifier.delivery.tasks.sweep"})

    assert looks(watchdog, 1) == [True]


def test_without_a_database_it_waits(watchdog):
    assert not any(looks(watchdog, 10, has_database=False))


def test_while_all_workers_are_busy_it_waits(watchdog, settings):
    settings.CLUSTER_WORKERS = 1
    pulse.note_begin()

    assert not any(looks(watchdog, 10))
    pulse.note_end()
    assert looks(watchdog, 3) == [False, False, True]


def test_a_worker_that_died_at_work_is_not_busy():
    dead = subprocess.Popen(["true"])
    dead.wait()
    pulse._busy[dead.pid % len(pulse._busy)] = dead.pid

    assert pulse.busy_workers() == 0


def test_a_dead_sentinel_is_reason_enough(watchdog, sentinel):
    sentinel.process.kill()
    sentinel.process.wait()

    assert looks(watchdog, 1) == [True]


def test_a_frozen_sentinel_replaces_nobody(watchdog, sentinel):
    os.kill(sentinel.pid, signal.SIGSTOP)
    os.waitpid(sentinel.pid, os.WUNTRACED)

    needed = []
    for _ in range(3):
        pulse.note_arrival({"func": pulse.NAME})
        needed += looks(watchdog, 1)

    assert needed == [False, False, True]


def test_a_pulse_is_a_task_that_can_be_run():
    pulses = Pulses()

    task = SignedPackage.loads(pulses.next())

    assert (task["func"], task["args"]) == (pulse.NAME, ())
    assert pulses.next() is None
