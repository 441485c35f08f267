"""A file arrives: looked at, and kept in the database in pieces.

In the database, because the cluster that reads it may run on another machine.
"""

import io
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import PurePath
from typing import Any, BinaryIO

from django.db import transaction

from notifier.clients.imports.columns import guess_columns
from notifier.clients.imports.detect import SAMPLE_ROWS, Layout, detect_layout, detect_sheet_layout
from notifier.clients.imports.limits import MEGABYTE, BadFile, check_size
from notifier.clients.imports.models import ClientImport, FileKind, ImportPiece
from notifier.clients.imports.table import Table, read_table
from notifier.clients.imports.workbook import converted_workbook, is_workbook

PIECE = MEGABYTE
# The fields of an import that say how its file is written.
LAYOUT = ("encoding", "delimiter", "has_header")
LONGEST_NAME = 255


def receive_file(file: BinaryIO, *, name: str, created_by: Any) -> ClientImport:
    """Keep a seekable file as an import that waits for a person to look at it. Raises BadFile."""
    size = _size_of(file)
    check_size(size)
    if not is_workbook(file):
        return _keep(file, name=name, size=size, kind=FileKind.CSV, created_by=created_by)
    with converted_workbook(file) as converted:
        if converted.other_sheets:
            # Whoever has data on others should see that this one was taken.
            name = f"{_short_name(name)}, sheet {converted.sheet}"
        return _keep(
            converted.file, name=name, size=size, kind=FileKind.XLSX, created_by=created_by
        )


def _keep(file: BinaryIO, *, name: str, size: int, kind: FileKind, created_by: Any) -> ClientImport:
    layout = detect_sheet_layout(file) if kind == FileKind.XLSX else detect_layout(file)
    client_import = ClientImport(
        file_name=_short_name(name),
        file_size=size,
        file_kind=kind,
        created_by=created_by,
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        has_header=layout.has_header,
        columns=_guess(_table(file, layout, kind)),
        bytes_total=_size_of(file),
    )
    with transaction.atomic():
        client_import.save()
        file.seek(0)
        for number, data in enumerate(_pieces(file)):
            ImportPiece.objects.create(client_import=client_import, number=number, data=data)
    return client_import


def read_stored(client_import: ClientImport) -> Table:
    """The kept file, read as the import says. Raises BadFile, also while rows are read."""
    return read_stored_file(open_stored(client_import), client_import)


def read_stored_file(file: BinaryIO, client_import: ClientImport) -> Table:
    """The same of an open file, for whoever wants to know how far it has been read."""
    layout = Layout(client_import.encoding, client_import.delimiter, client_import.has_header)
    return _table(file, layout, client_import.file_kind)


def look_again(client_import: ClientImport, said: Mapping[str, Any]) -> None:
    """Guess anew what the columns hold, where somebody has said how the file is written.

    Of ``said`` the fields of LAYOUT count that are not None; of a workbook only
    the header is in question. Raises BadFile.
    """
    names = ("has_header",) if client_import.file_kind == FileKind.XLSX else LAYOUT
    layout = {name: said[name] for name in names if said.get(name) is not None}
    if not layout:
        return
    for name, value in layout.items():
        setattr(client_import, name, value)
    client_import.columns = _guess(read_stored(client_import))
    client_import.save(update_fields=[*LAYOUT, "columns"])


def open_stored(client_import: ClientImport) -> BinaryIO:
    """The kept file, seekable; a piece of it is in memory at a time."""
    return io.BufferedReader(_StoredFile(client_import), buffer_size=PIECE)


class _StoredFile(io.RawIOBase):
    def __init__(self, client_import: ClientImport) -> None:
        self._pieces = ImportPiece.objects.filter(client_import=client_import)
        self._size = client_import.bytes_total
        self._position = 0
        self._number = -1
        self._piece = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self._size:
            return 0
        number, start = divmod(self._position, PIECE)
        data = self._read_piece(number)[start : start + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _read_piece(self, number: int) -> bytes:
        if number != self._number:
            data = self._pieces.filter(number=number).values_list("data", flat=True).first()
            if data is None:
                raise BadFile("The file is no longer kept: choose it again.")
            self._number, self._piece = number, bytes(data)
        return self._piece


def _table(file: BinaryIO, layout: Layout, kind: str) -> Table:
    return read_table(file, layout, is_sheet=kind == FileKind.XLSX)


def _guess(table: Table) -> list[dict[str, str]]:
    width = len(table.header)
    sample = [row.cells[:width] for row in islice(table.rows, SAMPLE_ROWS) if not row.problem]
    return [column.to_json() for column in guess_columns(table.header, sample)]


def _size_of(file: BinaryIO) -> int:
    return file.seek(0, io.SEEK_END)


def _short_name(name: str) -> str:
    """Without folders; the end, which tells the kind, is kept."""
    short = "".join(mark for mark in PurePath(name.replace("\\", "/")).name if mark.isprintable())
    return short[-LONGEST_NAME:] or "clients"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := _read_whole(file):
        yield piece


def _read_whole(file: BinaryIO) -> bytes:
    """A full piece, unless the file ends: where a piece lies is computed from its number."""
    piece = file.read(PIECE)
    while len(piece) < PIECE and (more := file.read(PIECE - len(piece))):
        piece += more
    return piece
