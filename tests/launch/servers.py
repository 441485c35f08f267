"""What the tests of the embedded server share."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2

from notifier.launch.environment import CHECKOUT
from notifier.launch.postgres import connection_settings
from notifier.launch.postgres_process import find_postmaster

DEADLINE_SECONDS = 20


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_SECONDS} s."
        time.sleep(0.01)


def query(data_dir: Path, sql: str) -> object:
    """The first value of the last statement, as any client of the server gets it."""
    settings = connection_settings(data_dir)
    connection = psycopg2.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        dbname=settings["NAME"],
    )
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def cluster_folder(data_dir: Path) -> Path:
    return next(data_dir.glob("postgres-??")).resolve()


def server_process(data_dir: Path) -> psutil.Process | None:
    """The server that runs for this data folder, if one does."""
    found = [find_postmaster(place.resolve()) for place in data_dir.glob("postgres-??")]
    return found[0].process if found and found[0] else None


def processes_below(folder: Path) -> list[psutil.Process]:
    """Everything that works in this folder: the server, its sessions, an initdb's children."""
    return [process for process in psutil.process_iter() if _works_below(process, folder)]


def end_processes_below(folder: Path) -> None:
    """Not by SIGKILL at first: a killed server leaves its shared memory behind."""
    left = processes_below(folder)
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, left = psutil.wait_procs(left, timeout=5)


def _works_below(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd().startswith(str(folder)) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


class ServerUser:
    """A process of its own that uses the server."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.launch.use_server", str(data_dir)],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_in_use(self) -> None:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line == "in use\n", self.process.communicate()[1]

    def leave(self) -> int:
        self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=DEADLINE_SECONDS)
