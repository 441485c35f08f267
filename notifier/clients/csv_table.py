"""CSV files as people have them: of any usual encoding and delimiter, with line numbers."""

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from notifier.clients.imports.limits import BadFile
from notifier.clients.spreadsheet import quote_cell, read_cell

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
CHUNK = 1 << 20
# What Excel writes in Russian Windows unless it is told otherwise.
EXCEL_ENCODING = "windows-1251"
TEXT_CONTROLS = b"\t\n\r\f\x1a"

__all__ = ["DELIMITERS", "BadFile", "CsvTable", "Row", "open_table", "quote_cell", "read_cell"]


@dataclass(frozen=True)
class Row:
    """``line`` is where it begins in the file, counted from 1; quoted cells may span lines.

    The cells are as they stand there: see read_cell.
    """

    line: int
    cells: list[str]


@dataclass(frozen=True)
class CsvTable:
    encoding: str
    delimiter: str
    header: list[str]
    rows: Iterator[Row]


@contextmanager
def open_table(path: Path) -> Iterator[CsvTable]:
    """The file as a table whose rows are read as they are asked for. Raises BadFile."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadFile(f'"{path}" cannot be read: {error.strerror}.') from error
    with file:
        yield read_table(file)


def read_table(file: BinaryIO) -> CsvTable:
    """The table in a seekable binary file. Raises BadFile, also while rows are read."""
    encoding = detect_encoding(file)
    # Newlines as they are: csv wants to see those within quotes itself.
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    delimiter = _detect_delimiter(text.readline(CHUNK))
    text.seek(0)
    rows = _read_rows(text, delimiter)
    first = next(rows, None)
    if first is None:
        raise BadFile("The file is empty.")
    header = [read_cell(name) for name in first.cells]
    return CsvTable(_encoding_in_words(encoding), delimiter, header, rows)


def detect_encoding(file: BinaryIO) -> str:
    """UTF-8 or UTF-16 by their marks, UTF-8 where all of it fits, else Excel's. Raises BadFile."""
    start = file.read(2)
    file.seek(0)
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    try:
        return "utf-8-sig" if _is_utf8(file) else EXCEL_ENCODING
    finally:
        file.seek(0)


def _is_utf8(file: BinaryIO) -> bool:
    """False where nothing in it looks like UTF-8. Raises BadFile where only a part does not."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    has_letters_beyond_ascii = False
    position = 0
    try:
        while chunk := file.read(CHUNK):
            has_letters_beyond_ascii |= not decoder.decode(chunk).isascii()
            position += len(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        if has_letters_beyond_ascii or not error.object[: error.start].isascii():
            raise BadFile(
                f"The file is UTF-8, but damaged near byte {position + error.start:,}: "
                "save or copy it again."
            ) from error
        file.seek(0)
        _refuse_binary(file.read(CHUNK))
        return False
    return True


def _refuse_binary(sample: bytes) -> None:
    if any(byte < 0x20 and byte not in TEXT_CONTROLS for byte in sample):
        raise BadFile("The file is not text: save the table as CSV (UTF-8) first.")


def _encoding_in_words(encoding: str) -> str:
    return "UTF-8" if encoding == "utf-8-sig" else encoding.upper()


def _detect_delimiter(header: str) -> str:
    """The one that splits the header most; a comma where none does."""
    return max(DELIMITERS, key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))


def _read_rows(text: io.TextIOBase, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(text, delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadFile(
                f"Line {line} cannot be read: {error}. Is a quotation mark not closed?"
            ) from error
        except UnicodeError as error:
            raise BadFile(f"Line {line} or one soon after it is not text: {error}.") from error
        if any(cell.strip() for cell in cells):
            yield Row(line, cells)
