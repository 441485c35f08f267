"""File locks between processes."""

import fcntl
import os
import time
from pathlib import Path

POLL_SECONDS = 0.05


class FileLock:
    """A lock on a file, which the kernel lets go when its holder dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None

    def fileno(self) -> int:
        """For a child that must keep the lock until it ends, whatever becomes of us."""
        if self._descriptor is None:
            raise ValueError(f"{self.path} is not locked")
        return self._descriptor

    def take(self, *, shared: bool = False, wait_seconds: float = 0.0) -> bool:
        """Whether the lock could be had in that time. Held already, it is changed in place."""
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + wait_seconds
        while not self._try(fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                self.let_go()
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.fileno(), kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
