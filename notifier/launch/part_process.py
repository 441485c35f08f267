"""One part as a process: started, restarted when it dies, stopped with all it started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from notifier.launch.environment import CHECKOUT
from notifier.launch.output import Output
from notifier.launch.parts import Part

WRAPPER = Path(__file__).with_name("with_parent.py")
RESTART_SECONDS = (0.5, 1, 2, 4, 8, 15, 30)
# After so long a life a death is a new one, not the same trouble again.
STEADY_SECONDS = 60


class Restarts:
    """When to try again: soon at first, then ever more rarely, for ever."""

    def __init__(self) -> None:
        self._deaths = 0
        self._begun = time.monotonic()
        self._due: float | None = None

    def begin(self) -> None:
        self._begun = time.monotonic()
        self._due = None

    def plan(self) -> float:
        """Take note of a death; the seconds until the next start."""
        if time.monotonic() - self._begun > STEADY_SECONDS:
            self._deaths = 0
        seconds = RESTART_SECONDS[min(self._deaths, len(RESTART_SECONDS) - 1)]
        self._deaths += 1
        self._due = time.monotonic() + seconds
        return seconds

    @property
    def is_planned(self) -> bool:
        return self._due is not None

    @property
    def is_due(self) -> bool:
        return self._due is not None and time.monotonic() >= self._due


class PartProcess:
    def __init__(self, part: Part, output: Output, variables: Mapping[str, str]) -> None:
        self.part = part
        self._output = output
        self._variables = variables
        self._restarts = Restarts()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Only from the main thread: the part ends with the *thread* that started it."""
        self._restarts.begin()
        wrapper = (sys.executable, "-I", "-S", str(WRAPPER), str(os.getpid()))
        self._process = subprocess.Popen(
            [*wrapper, *self.part.command],
            cwd=CHECKOUT,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal reaches us alone, and we decide on the order.
            start_new_session=True,
            # What parts write, the sandbox's ledger say, holds people's data.
            umask=0o077,
        )
        assert self._process.stdout  # noqa: S101 - a pipe was asked for
        self._output.follow(self.part.name, self._process.stdout)

    def look_after(self) -> None:
        """Start it again if it has died, at the proper time."""
        if self._restarts.is_due:
            self._start_again()
        elif not self.is_alive and not self._restarts.is_planned:
            seconds = self._restarts.plan()
            self._output.say(
                f"{self.part.name} stopped ({self._ending()}); starting it again in {seconds:g} s."
            )
            # A cluster's workers outlive it, and would work on unseen.
            self.kill_rest()

    def _start_again(self) -> None:
        try:
            self.start()
        except OSError as error:  # no process to be had just now
            seconds = self._restarts.plan()
            self._output.say(
                f"{self.part.name} cannot be started ({error.strerror}); again in {seconds:g} s."
            )

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def terminate(self) -> None:
        # The main process alone: a cluster whose workers get the signal as
        # well does not come to an end.
        if self._process and self.is_alive:
            self._process.terminate()

    def kill_rest(self) -> None:
        """Kill the process, if it still lives, and whatever else is left of its session."""
        if not self._process:
            return
        for process in session_of(self._process.pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()

    def _ending(self) -> str:
        code = self._process.returncode if self._process else 0
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def session_of(leader: int) -> list[psutil.Process]:
    """The living processes of the session that this process leads or led."""
    return [process for process in psutil.process_iter() if _session(process.pid) == leader]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1
