"""The signals that ask ``up`` to stop."""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Make and the terminal may each pass on one and the same Ctrl-C.
ONE_PRESS_SECONDS = 0.7


class StopRequested(BaseException):
    """A signal asked for the end while nothing was running yet that had to end in order."""


class StopSignals:
    """Remembers the signals, and wakes whoever waits.

    Signals are taken note of, not acted upon, so that no step is cut in two.
    Within ``interrupting()`` the next one raises StopRequested instead.
    """

    def __init__(self) -> None:
        self.is_stop_asked = False
        self.is_hurry_asked = False
        self._first_at = 0.0
        self._interrupts = False
        # Asked now: one that is gone says that it never was a terminal.
        self._has_terminal = sys.stdout.isatty()
        self._reading, self._writing = os.pipe()

    def __enter__(self) -> "StopSignals":
        for end in (self._reading, self._writing):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in STOPPING:
            # A process started by nohup is meant to outlive its terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._take_note)
        # A part's death is seen at once, not at the next look.
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(-1)
        for end in (self._reading, self._writing):
            os.close(end)

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """For steps that may take long, and may be cut short."""
        if self.is_stop_asked:
            raise StopRequested
        self._interrupts = True
        try:
            yield
        finally:
            self._interrupts = False

    def wait(self, seconds: float) -> None:
        """Until the next signal, but no longer than this."""
        ready, _, _ = select.select([self._reading], [], [], seconds)
        if ready:
            with suppress(BlockingIOError):
                os.read(self._reading, 4096)

    @property
    def is_terminal_gone(self) -> bool:
        """Whether the terminal we print to is closed.

        Its hang-up signal goes to the session's first process only. Where that is
        make (``ssh -t host make run``), it would wait for us, and we for ever.
        """
        if not self._has_terminal or signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
            return False
        terminal = select.poll()
        terminal.register(sys.stdout, 0)
        return any(events & select.POLLHUP for _, events in terminal.poll(0))

    def _take_note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.is_stop_asked:
            self.is_stop_asked = True
            self._first_at = now
        elif number == signal.SIGINT and now - self._first_at > ONE_PRESS_SECONDS:
            self.is_hurry_asked = True
        if self._interrupts:
            self._interrupts = False
            raise StopRequested
