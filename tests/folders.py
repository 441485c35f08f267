"""Folders for the data of Notifiers that tests start."""

import os
import shutil
import tempfile
from pathlib import Path

ROOM_FOR_DATA = 4 << 30


def make_open_folder() -> Path:
    """An empty folder that every account may enter.

    Run by root, the embedded server works under another account, and pytest's
    own temporary folders are closed to it.
    """
    folder = Path(tempfile.mkdtemp(prefix="notifier-tests-", dir=_base_for_data()))
    folder.chmod(0o711)
    return folder


def _base_for_data() -> Path:
    """In memory where there is plenty: most of the time would go into writing to disk."""
    memory = Path("/dev/shm")
    is_roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_FOR_DATA
    return memory if is_roomy else Path("/tmp")
