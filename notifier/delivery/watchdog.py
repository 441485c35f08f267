"""The cluster's main process: it looks after the others, and starts them anew when they freeze."""

import ctypes
import os
import sys
import time
from contextlib import suppress
from multiprocessing import Process

import psutil
from django.conf import settings
from django_q.signals import post_execute, post_execute_in_worker, pre_execute

from notifier.delivery import pulse
from notifier.delivery.stopping import ask_to_stop

LOOK_SECONDS = 2.0
# What slices that run well may take to write everything down before they are killed.
ENDING_SECONDS = 12.0
KILLING_SECONDS = 5.0
PR_SET_CHILD_SUBREAPER = 36


class Watchdog:
    """Looks, every LOOK_SECONDS, whether pulses arrive."""

    def __init__(self, sentinel: Process) -> None:
        self._sentinel = sentinel
        self._seen = pulse.arrived()
        self._silent_looks = 0

    def is_needed(self, *, has_database: bool) -> bool:
        """Whether the cluster's processes must be started anew."""
        if not self._sentinel.is_alive():
            return True
        if self._is_excused(has_database=has_database):
            self._silent_looks = 0
        else:
            self._silent_looks += 1
        self._seen = pulse.arrived()
        # Counted, not timed: a machine that was asleep as a whole has missed none.
        return self._silent_looks * LOOK_SECONDS >= settings.FROZEN_SECONDS

    def _is_excused(self, *, has_database: bool) -> bool:
        # Without a database, and with every worker at work, pulses may wait.
        if not has_database or pulse.busy_workers() >= settings.CLUSTER_WORKERS:
            return True
        return pulse.arrived() != self._seen and not _is_stopped(self._sentinel)


def _is_stopped(process: Process) -> bool:
    """Whether it is there but frozen, as by SIGSTOP: then nobody replaces dead workers."""
    try:
        return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def listen() -> None:
    """Have pulses noticed. Before the processes are forked, which inherit it."""
    pre_execute.connect(pulse.note_begin)
    post_execute_in_worker.connect(pulse.note_end)
    post_execute.connect(pulse.note_arrival)


def adopt_orphans() -> None:
    """When the sentinel dies, its workers become our children instead of nobody's."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_processes() -> None:
    """Let slices that run well end, then kill what is left."""
    ask_to_stop()
    until = time.monotonic() + ENDING_SECONDS
    while pulse.busy_workers() and time.monotonic() < until:
        time.sleep(0.1)
    # Again and again: the sentinel may have replaced one meanwhile.
    while (forked := _forked_processes()) and time.monotonic() < until + KILLING_SECONDS:
        for process in forked:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(forked, timeout=KILLING_SECONDS)


def _forked_processes() -> list[psutil.Process]:
    """Not the embedded database, which a command on its own starts as another child."""
    ours = psutil.Process()
    command = ours.cmdline()
    return [each for each in ours.children(recursive=True) if _command_of(each) == command]


def _command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def start_anew() -> None:
    """Become the same command again, under the same process id."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell is wanted
