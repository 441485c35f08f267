"""Parts that outlived an ``up`` that was killed."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from notifier.launch.command_database import PART_VARIABLE

PATIENCE_SECONDS = 10
POLL_SECONDS = 0.1


def end_leftovers(data_dir: Path, *, say: Callable[[str], None]) -> None:
    """Wait for them to stop, then kill them. Only under the lock of ``up``.

    Left alone they would keep the ports, and send with yesterday's code.
    """
    if not (left := processes_of(data_dir)):
        return
    say(f"Ending {len(left)} processes that an earlier run left behind…")
    for process in left:
        # Its main processes only, see PartProcess.terminate.
        if _leads_session(process):
            _send(process, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while processes_of(data_dir) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    kill_all(data_dir)


def kill_all(data_dir: Path) -> None:
    """Kill every process of this data folder's parts."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := processes_of(data_dir)) and time.monotonic() < deadline:
        for process in left:
            _send(process, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """The living processes that carry the mark of this data folder."""
    return [process for process in psutil.process_iter() if _is_marked(process, data_dir)]


def _is_marked(process: psutil.Process, data_dir: Path) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        marked = process.environ().get(PART_VARIABLE) == str(data_dir)
        return marked and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def _leads_session(process: psutil.Process) -> bool:
    with suppress(OSError):
        return os.getsid(process.pid) == process.pid
    return False


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.Error):
        process.send_signal(number)
