"""The processes below a running Notifier, to be killed and frozen."""

from contextlib import suppress

import psutil

from tests.running import RunningNotifier


def clusters(notifier: RunningNotifier) -> list[psutil.Process]:
    """Those that run ``manage.py qcluster``: main process, workers and all."""
    found = []
    for process in notifier.processes():
        # Some come and go meanwhile.
        with suppress(psutil.NoSuchProcess):
            if "qcluster" in " ".join(process.cmdline()):
                found.append(process)
    return found


def postmaster(notifier: RunningNotifier) -> psutil.Process:
    """The database's main process."""
    (pid_file,) = notifier.data_dir.rglob("postmaster.pid")
    return psutil.Process(int(pid_file.read_text().split()[0]))
