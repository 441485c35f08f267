"""The ledger: one JSON line for each message received, written before its reply leaves."""

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import NamedTuple

FIRST_BYTES = b'{"at":'
LONGEST_LINE = 1024 * 1024  # a body of 64 KB, each byte escaped, is under half of it


class LedgerEntry(NamedTuple):
    """What was received when, how it was answered, and whether the gateway took it.

    ``accepted`` is the truth on the gateway's side: it may have taken a message
    and yet have reset the connection. ``status`` is None where no HTTP status
    was to be sent; id, phone and text are None where they could not be read.
    """

    at: float
    id: int | None
    phone: int | None
    text: str | None
    reply: str
    status: int | None
    accepted: bool


class LedgerError(Exception):
    """The ledger cannot be kept; the text is one line for the administrator."""


class Ledger:
    """Collects entries and writes them in one go.

    Opened for appending: a second start goes on in the same file. A line torn
    by a crash is dropped then, for its reply never left.
    """

    def __init__(self, path: Path, *, sync: bool = False) -> None:
        self._path = path
        self._sync = sync
        self._lines: list[str] = []
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._drop_torn_line()
        except OSError as error:
            raise self._failure(error) from error

    def add(self, entry: LedgerEntry) -> None:
        self._lines.append(_line(entry))

    def write(self) -> None:
        """Write all that was added; raises LedgerError, after which no reply may leave."""
        data = "".join(self._lines).encode()
        self._lines.clear()
        try:
            while data:
                data = data[os.write(self._file, data) :]
            if self._sync:
                os.fdatasync(self._file)
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        os.close(self._file)

    def _drop_torn_line(self) -> None:
        size = os.fstat(self._file).st_size
        if size == 0:
            return
        beginning = os.pread(self._file, len(FIRST_BYTES), 0)
        if not FIRST_BYTES.startswith(beginning):
            raise LedgerError(f"{self._path} is not a sandbox ledger: give another file.")
        tail = os.pread(self._file, LONGEST_LINE, max(0, size - LONGEST_LINE))
        torn = len(tail) - (tail.rfind(b"\n") + 1)
        if torn:
            os.ftruncate(self._file, size - torn)

    def _failure(self, error: OSError) -> LedgerError:
        return LedgerError(f"The ledger {self._path} cannot be written: {error.strerror}.")


def read_ledger(path: Path) -> Iterator[LedgerEntry]:
    """The entries in the order of arrival; a torn last line is left out.

    Works beside a running gateway. A bad line elsewhere raises ValueError.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield LedgerEntry(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}, line {number} is not a ledger entry.") from error


# A mailing's messages have the same text.
_as_json = lru_cache(maxsize=64)(encode_basestring_ascii)


def _line(entry: LedgerEntry) -> str:
    # By hand, as json.dumps takes four times as long: this is done for every message.
    return (
        f'{{"at":{entry.at:.6f},"id":{_or_null(entry.id)},"phone":{_or_null(entry.phone)},'
        f'"text":{"null" if entry.text is None else _as_json(entry.text)},'
        f'"reply":"{entry.reply}","status":{_or_null(entry.status)},'
        f'"accepted":{"true" if entry.accepted else "false"}}}\n'
    )


def _or_null(number: int | None) -> str:
    return "null" if number is None else str(number)
