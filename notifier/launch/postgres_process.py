"""The embedded server as a process: found, started, stopped."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from notifier.launch.postgres_cluster import Cluster

FAST = signal.SIGINT  # ends the sessions, then writes everything out
IMMEDIATE = signal.SIGQUIT  # ends at once; the next start recovers
FAST_STOP_SECONDS = 15
IMMEDIATE_STOP_SECONDS = 5
COMPLAINT = re.compile(r"\b(?:FATAL|PANIC|ERROR):\s+(.*)")


@dataclass(frozen=True)
class Postmaster:
    """The server's main process, and what it says of itself in postmaster.pid."""

    process: psutil.Process
    socket_folder: str  # empty while it has none yet
    status: str

    @property
    def is_ready(self) -> bool:
        return self.status == "ready"

    @property
    def is_stopping(self) -> bool:
        return self.status == "stopping"


def find_postmaster(folder: Path) -> Postmaster | None:
    """The server of this database folder, if one runs.

    The number in postmaster.pid proves nothing: after a crash it may have
    passed to another process. Lines: number, folder, start, port, socket
    folder, address, shared memory, status.
    """
    path = folder / "postmaster.pid"
    try:
        process = psutil.Process(_number_in(path))
        lines = path.read_text().splitlines()
    except (OSError, psutil.NoSuchProcess):
        return None
    if not _serves(process, folder):
        return None
    lines += [""] * (8 - len(lines))
    return Postmaster(process, socket_folder=lines[4].strip(), status=lines[7].strip())


def _number_in(path: Path) -> int:
    """The number of the process that has written this lock file; 0, as nobody's, without one."""
    try:
        return max(0, int(path.read_text().partition("\n")[0]))
    except (OSError, ValueError):
        return 0


def _serves(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.name().startswith("postgres") and process.cwd() == os.fspath(folder)
    except psutil.Error:  # gone, dead but not yet collected, or another account's
        return False


def clear_remains(cluster: Cluster, socket_folder: Path) -> None:
    """Remove what a killed server left, so that the next one starts.

    Only for a folder that no server serves, and under the lock. Sessions of a
    killed server may still be busy: two servers' sessions in one database
    would destroy it, so they end first.
    """
    sessions = [process for process in psutil.process_iter() if _serves(process, cluster.folder)]
    deadline = time.monotonic() + IMMEDIATE_STOP_SECONDS
    for process in sessions:
        if not has_ended(process, seconds=deadline - time.monotonic()):
            _send(process, signal.SIGKILL)
            has_ended(process, seconds=IMMEDIATE_STOP_SECONDS)
    for path in (cluster.folder / "postmaster.pid", *socket_folder.glob(".s.PGSQL.*.lock")):
        # A number that nobody has is left to PostgreSQL, which finds the shared
        # memory to clear away through this file.
        if psutil.pid_exists(_number_in(path)):
            path.unlink(missing_ok=True)


def start_postmaster(cluster: Cluster) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal is not meant for it.
    log = _start_log(cluster.folder)
    fresh = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(
            [cluster.binaries.postgres, "-D", str(cluster.folder)],
            stdin=subprocess.DEVNULL,
            stdout=fresh,
            stderr=fresh,
            start_new_session=True,
            **cluster.account.process_options(),
        )
    finally:
        os.close(fresh)


def stop_postmaster(process: psutil.Process, *, in_a_hurry: Callable[[], bool]) -> None:
    """Stop in the mildest way that works in time; ``in_a_hurry`` may cut the first one short."""
    _send(process, FAST)
    deadline = time.monotonic() + FAST_STOP_SECONDS
    while not has_ended(process, seconds=0.1):
        if in_a_hurry() or time.monotonic() > deadline:
            break
    for number in (IMMEDIATE, signal.SIGKILL):
        if has_ended(process, seconds=0):
            return
        _send(process, number)
        has_ended(process, seconds=IMMEDIATE_STOP_SECONDS)


def last_complaint(folder: Path) -> str:
    """Why the server did not start, in its own words."""
    logs = sorted((folder / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
    for path in (_start_log(folder), *reversed(logs)):
        found = COMPLAINT.findall(path.read_text(errors="replace")) if path.exists() else []
        if found:
            return str(found[-1])
    return " ".join(_start_log(folder).read_text(errors="replace").split())


def _start_log(folder: Path) -> Path:
    return folder / "start.log"


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def has_ended(process: psutil.Process, *, seconds: float) -> bool:
    """Whether it ends within that time. Collects it as well where it is our child."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(psutil.TimeoutExpired):
            process.wait(timeout=0.02)
            return True
        # Dead, but its parent (a container's first process, say) never asks.
        if _is_zombie(process):
            return True
        if time.monotonic() > deadline:
            return False


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
