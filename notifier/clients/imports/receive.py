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
from notifier.clients.imports.detect import (
    SAMPLE_ROWS,
    SHEET_DELIMITER,
    SHEET_ENCODING,
    Layout,
    detect_layout,
    detect_sheet_layout,
)
from notifier.clients.imports.limits import MEGABYTE, BadFile, NoSuchSheet, check_size
from notifier.clients.imports.models import ClientImport, FileKind, ImportPiece
from notifier.clients.imports.table import Table, read_table
from notifier.clients.imports.workbook import Converted, converted_workbook, is_workbook
from notifier.clients.imports.workbook_process import LONGEST_NAME as LONGEST_SHEET_NAME
from notifier.clients.imports.workbook_process import NO_DATA

PIECE = MEGABYTE
# The fields of an import that say how its file is written.
LAYOUT = ("encoding", "delimiter", "has_header", "sheet")
# All that is saved with a changed layout.
LAYOUT_FIELDS = (*LAYOUT, "bytes_total")
MOST_NAMED_SHEETS = 20
# In search of phones, while a person waits: each takes some 20 ms.
MOST_SEARCHED_SHEETS = 50
LONGEST_NAME = 255


def receive_file(file: BinaryIO, *, name: str, created_by: Any) -> ClientImport:
    """Keep a seekable file as an import that waits for a person to look at it. Raises BadFile."""
    size = _size_of(file)
    check_size(size)
    client_import = ClientImport(file_name=_short_name(name), file_size=size, created_by=created_by)
    if not is_workbook(file):
        _keep_text(client_import, file)
    else:
        with converted_workbook(file) as converted:
            _keep_workbook(client_import, converted)
    return client_import


def _keep_text(client_import: ClientImport, file: BinaryIO) -> None:
    layout = detect_layout(file)
    client_import.file_kind = FileKind.CSV
    client_import.encoding, client_import.delimiter = layout.encoding, layout.delimiter
    client_import.has_header = layout.has_header
    client_import.columns = _guess(_table(file, layout, FileKind.CSV))
    client_import.bytes_total = client_import.file_size
    _keep(client_import, file)


@transaction.atomic
def _keep_workbook(client_import: ClientImport, converted: Converted) -> None:
    client_import.file_kind = FileKind.XLSX
    client_import.encoding, client_import.delimiter = SHEET_ENCODING, SHEET_DELIMITER
    client_import.sheets = converted.sheets
    _keep(client_import, converted.file)
    _choose_first_sheet(client_import)
    client_import.save()


def _keep(client_import: ClientImport, file: BinaryIO) -> None:
    with transaction.atomic():
        client_import.save()
        file.seek(0)
        for number, data in enumerate(_pieces(file)):
            ImportPiece.objects.create(client_import=client_import, number=number, data=data)


def _choose_first_sheet(client_import: ClientImport) -> None:
    """The first with phones, or else the first that is a table.

    A cover or an odd sheet before the clients' should not keep them out.
    """
    tables: list[str] = []
    problem: BadFile | None = None
    for number, name in enumerate(client_import.sheet_names):
        if tables and number >= MOST_SEARCHED_SHEETS:
            break
        try:
            _guess_sheet(client_import, name)
        except BadFile as bad:
            problem = problem or bad
            continue
        if any(column["holds"] == "phone" for column in client_import.columns):
            return
        tables.append(name)
    if not tables:
        raise problem or BadFile(NO_DATA)
    _guess_sheet(client_import, tables[0])


def _guess_sheet(client_import: ClientImport, name: str) -> None:
    choose_sheet(client_import, name)
    client_import.columns = _guess(read_stored(client_import))


def choose_sheet(client_import: ClientImport, name: str) -> None:
    """Have another sheet of the workbook read, without saving it; its header is recognised.

    Raises NoSuchSheet, and BadFile where the file is no longer kept.
    """
    sheet = _find_sheet(client_import, name)
    client_import.sheet, client_import.bytes_total = sheet["name"], sheet["size"]
    client_import.has_header = detect_sheet_layout(open_stored(client_import)).has_header


def _find_sheet(client_import: ClientImport, name: str) -> Mapping[str, Any]:
    """Exactly the one of that name, or, as in Excel, whatever its capital letters."""
    if not client_import.sheets:
        raise NoSuchSheet("Only a workbook has sheets to choose from, and this file is none.")
    for key in (str, _sheet_key):
        for sheet in client_import.sheets:
            if key(sheet["name"]) == key(name):
                return sheet
    names = client_import.sheet_names
    listed = ", ".join(f'"{each}"' for each in names[:MOST_NAMED_SHEETS])
    more = len(names) - MOST_NAMED_SHEETS
    raise NoSuchSheet(
        f'The workbook has no visible sheet "{_short(name)}" with data in it. '
        f"It has {listed}{f' and {more:,} more' if more > 0 else ''}."
    )


def _sheet_key(name: str) -> str:
    return name.strip().casefold()


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_SHEET_NAME else f"{name[:LONGEST_SHEET_NAME]}…"


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
    the sheet and its header are in question. Raises BadFile, NoSuchSheet.
    """
    is_workbook = client_import.file_kind == FileKind.XLSX
    names = ("has_header",) if is_workbook else ("encoding", "delimiter", "has_header")
    layout = {name: said[name] for name in names if said.get(name) is not None}
    sheet = said.get("sheet")
    if not layout and sheet is None:
        return
    if sheet is not None:
        # First: what is said of the header is said of this sheet's.
        choose_sheet(client_import, sheet)
    for name, value in layout.items():
        setattr(client_import, name, value)
    client_import.columns = _guess(read_stored(client_import))
    client_import.save(update_fields=[*LAYOUT_FIELDS, "columns"])


def open_stored(client_import: ClientImport) -> BinaryIO:
    """The kept file, seekable; a piece of it is in memory at a time."""
    return io.BufferedReader(_StoredFile(client_import), buffer_size=PIECE)


class _StoredFile(io.RawIOBase):
    """Of a workbook its sheet, which begins and ends anywhere in the pieces."""

    def __init__(self, client_import: ClientImport) -> None:
        self._pieces = ImportPiece.objects.filter(client_import=client_import)
        self._start = _start_of(client_import)
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
        number, start = divmod(self._start + self._position, PIECE)
        most = min(len(buffer), self._size - self._position)
        data = self._read_piece(number)[start : start + most]
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


def _start_of(client_import: ClientImport) -> int:
    """Where in the kept file what is read of it begins."""
    starts = (each["start"] for each in client_import.sheets if each["name"] == client_import.sheet)
    return next(starts, 0)


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
