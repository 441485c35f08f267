"""``manage.py up`` as a process that tests start, watch and stop."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from notifier.launch.environment import CHECKOUT
from notifier.launch.leftovers import kill_all, processes_of
from tests.launch.servers import end_processes_below, processes_below

UP = [sys.executable, str(CHECKOUT / "manage.py"), "up"]
START_SECONDS = 60
STOP_SECONDS = 40


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Up:
    def __init__(self, data_dir: Path, *, port: int, sandbox_port: int) -> None:
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{port}"
        ours = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.variables = {
            **ours,
            "NOTIFIER_DATA_DIR": str(data_dir),
            "PORT": str(port),
            "SANDBOX_PORT": str(sandbox_port),
        }
        self.lines: list[str] = []

    def start(self, command: list[str] = UP) -> None:
        self.lines = []
        self.process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start_until_ready(self, command: list[str] = UP) -> None:
        self.start(command)
        self.wait_for_line(f"Notifier is ready at {self.url}")

    def run(self, **variables: str) -> tuple[int, str]:
        """For a start that is to be refused: exit code and what it printed."""
        self.variables |= variables
        self.start()
        code = self.process.wait(START_SECONDS)
        self._reader.join(5)
        return code, "".join(self.lines)

    def wait_for_line(self, beginning: str) -> str:
        def found() -> str | None:
            return next((line for line in self.lines if line.startswith(beginning)), None)

        wait_long(lambda: found() or not self._reader.is_alive(), f"a line {beginning!r}")
        line = found()
        assert line, "".join(self.lines)
        return line

    def get(self, path: str) -> int:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
            return int(answer.status)

    def part(self, argument: str) -> psutil.Process:
        """The main process of the part that has this in its command."""
        return next(part for part in self._parts() if argument in part.cmdline())

    def has_part(self, argument: str, *, other_than: psutil.Process) -> bool:
        return any(
            argument in part.cmdline() and part.pid != other_than.pid
            for part in self._parts()
            if is_alive(part)
        )

    def part_commands(self) -> list[list[str]]:
        return [part.cmdline() for part in self._parts() if is_alive(part)]

    def _parts(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def all_processes(self) -> list[psutil.Process]:
        """``up``, its parts with all they have started, the database."""
        own = [psutil.Process(self.process.pid)] if self.process.poll() is None else []
        return [*own, *processes_of(self.data_dir), *processes_below(self.data_dir)]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(STOP_SECONDS)
        self._reader.join(5)
        return code

    def end(self) -> None:
        """Whatever became of it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        kill_all(self.data_dir)
        end_processes_below(self.data_dir)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_long(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {START_SECONDS} s."
        time.sleep(0.05)
