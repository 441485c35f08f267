"""XLSX workbooks: converted to CSV as they arrive, so that all else knows one kind of file.

In a process of its own, with bounds on its memory and time: a workbook is read
into memory whole, and a crafted one can be far larger than it looks.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from django.conf import settings

from notifier.clients.imports.limits import MEGABYTE, BadFile
from notifier.clients.imports.workbook_process import DAMAGED, TOO_LARGE, Limits
from notifier.launch.locks import FileLock

ARCHIVE_MARK = b"PK\x03\x04"
BUSY = "Another workbook is being read at the moment: try again in a minute."
MEMORY_BYTES = 2 << 30
# Of a processor; a workbook of a million rows takes about ten.
SECONDS = 60
# Meanwhile one of the web's few threads is taken.
PATIENCE_SECONDS = 20.0
# A workbook of a million rows has some 400 MB of XML in it.
UNPACKED_BYTES = 2 << 30
# How the process dies of what it was not granted.
KILLED_BY_A_LIMIT = {-6, -9, -11, -24, -25}


@dataclass(frozen=True)
class Converted:
    """``file`` is CSV, a row a row of a sheet; its part that is a sheet's is told by ``sheets``.

    These are the sheets with data, at least one, in their order: each has a ``name``, and
    a ``start`` and ``size`` in bytes.
    """

    file: BinaryIO
    sheets: list[dict[str, Any]]


def is_workbook(file: BinaryIO) -> bool:
    """Whether it may be one, by its first bytes: an archive."""
    file.seek(0)
    return file.read(len(ARCHIVE_MARK)) == ARCHIVE_MARK


@contextmanager
def converted_workbook(file: BinaryIO) -> Iterator[Converted]:
    """Its sheets with data, as long as the context lasts. Raises BadFile."""
    with TemporaryDirectory(prefix="notifier-") as folder:
        source, target = Path(folder, "workbook.xlsx"), Path(folder, "sheets.csv")
        file.seek(0)
        with source.open("wb") as copy:
            copyfileobj(file, copy, MEGABYTE)
        with _alone() as lock:
            answer = _convert(source, target, lock=lock)
        if "problem" in answer:
            raise BadFile(answer["problem"])
        with target.open("rb") as sheets:
            yield Converted(sheets, answer["sheets"])


@contextmanager
def _alone() -> Iterator[FileLock]:
    """One at a time on this machine: several at once would have its whole memory."""
    lock = FileLock(settings.DATA_DIR / "workbook.lock")
    if not lock.take(wait_seconds=PATIENCE_SECONDS):
        raise BadFile(BUSY)
    try:
        yield lock
    finally:
        lock.let_go()


def _convert(source: Path, target: Path, *, lock: FileLock) -> dict:
    limits = Limits(
        memory_bytes=MEMORY_BYTES,
        cpu_seconds=SECONDS,
        unpacked_bytes=UNPACKED_BYTES,
        csv_bytes=settings.IMPORT_MOST_MEGABYTES * MEGABYTE,
        cell_characters=settings.IMPORT_MOST_CELL_CHARACTERS,
    )
    module = "notifier.clients.imports.workbook_process"
    try:
        process = subprocess.run(  # noqa: S603
            [sys.executable, "-m", module, source, target, json.dumps(asdict(limits))],
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            # Should this process be killed, the other keeps the lock until its own end.
            pass_fds=[lock.fileno()],
            timeout=2 * SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BadFile(TOO_LARGE) from error
    if process.returncode in KILLED_BY_A_LIMIT:
        raise BadFile(TOO_LARGE)
    if process.returncode:
        raise BadFile(DAMAGED)
    return json.loads(process.stdout)
