"""What ``up`` and its parts print: whole lines, each with the name of who says it."""

import io
import os
import queue
import threading
import time
from contextlib import suppress
from typing import IO, TextIO

OWN_NAME = "notifier"
WIDTH = 8
COLOURS = {OWN_NAME: 1, "web": 36, "cluster": 35, "sandbox": 33, "migrate": 32, "static": 34}
LONGEST_LINE = 64 * 1024
CLOSE_SECONDS = 3.0


class Output:
    """Prints lines from any thread.

    One thread writes. A stream that is stuck (a paused terminal) or gone must
    hold up neither the parts, which would stop working with a full pipe, nor
    the supervisor.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        self._is_coloured = stream.isatty() and "NO_COLOR" not in os.environ
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()
        self._readers: list[threading.Thread] = []

    def say(self, text: str) -> None:
        self.line(OWN_NAME, text)

    def line(self, name: str, text: str) -> None:
        prefix = f"{name:<{WIDTH}}|"
        if self._is_coloured:
            prefix = f"\x1b[{COLOURS.get(name, 0)}m{prefix}\x1b[0m"
        self.announce(f"{prefix} {text}")

    def announce(self, text: str) -> None:
        """Print a line as it is, for whoever waits for it."""
        self._lines.put(text)

    def follow(self, name: str, pipe: IO[bytes]) -> None:
        """Print what comes out of a part, until its last process has closed it."""
        reader = threading.Thread(target=self._read, args=(name, pipe), daemon=True)
        self._readers = [known for known in self._readers if known.is_alive()] + [reader]
        reader.start()

    def close(self) -> None:
        """Return when everything is printed, or cannot be."""
        deadline = time.monotonic() + CLOSE_SECONDS
        for reader in self._readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        self._lines.put(None)
        self._writer.join(max(0.0, deadline - time.monotonic()))

    def _read(self, name: str, pipe: IO[bytes]) -> None:
        with pipe:
            while line := pipe.readline(LONGEST_LINE):
                self.line(name, line.decode(errors="replace").rstrip())

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            with suppress(OSError, ValueError):
                self._stream.write(f"{line}\n")
                self._stream.flush()


class LineWriter(io.TextIOBase):
    """A stream for Django's commands, whose lines go to the output."""

    def __init__(self, output: Output, name: str) -> None:
        self._output = output
        self._name = name
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._output.line(self._name, line)
        return len(text)
