"""How a file is written: encoding, delimiter, header. All of it a person may say otherwise."""

import codecs
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from notifier.clients.imports.columns import (
    is_phone,
    is_phone_like,
    is_phone_name,
    mentions_phone,
)
from notifier.clients.imports.limits import BadFile
from notifier.clients.imports.text import (
    CHUNK,
    UNREADABLE,
    decoder_for,
    high_bytes,
    read_blocks,
    read_rows,
)

ENCODINGS: Mapping[str, str] = {"utf-8": "UTF-8", "utf-16": "UTF-16", "cp1251": "Windows-1251"}
DELIMITERS: Mapping[str, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
# As workbooks are converted.
SHEET_ENCODING, SHEET_DELIMITER = "utf-8", ","
SAMPLE_BYTES = 1 << 16
SAMPLE_ROWS = 20

SAVE_AS_CSV = "save the table as CSV or XLSX and choose that."
# What files of other kinds begin with.
OTHER_KINDS: Mapping[bytes, str] = {
    b"PK\x03\x04": f"The file is an archive or a document of another program: {SAVE_AS_CSV}",
    b"PK\x05\x06": "The file is an empty archive.",
    b"\xd0\xcf\x11\xe0": "The file is an old Excel workbook (.xls), or one with a password: "
    "save it as CSV or as XLSX without a password.",
    b"\x1f\x8b": "The file is compressed: unpack it first.",
    b"7z\xbc\xaf": "The file is compressed: unpack it first.",
    b"Rar!": "The file is compressed: unpack it first.",
    b"%PDF": f"The file is a PDF document: {SAVE_AS_CSV}",
    b"{\\rtf": f"The file is a text document: {SAVE_AS_CSV}",
    b"\x89PNG": f"The file is a picture: {SAVE_AS_CSV}",
    b"\xff\xd8\xff": f"The file is a picture: {SAVE_AS_CSV}",
    b"GIF8": f"The file is a picture: {SAVE_AS_CSV}",
    b"<!DOCTYPE": f"The file is a web page: {SAVE_AS_CSV}",
    b"<html": f"The file is a web page: {SAVE_AS_CSV}",
    b"<?xml": f"The file is XML: {SAVE_AS_CSV}",
}
NOT_TEXT = "The file is not text: save the table as CSV (UTF-8) first."
CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\r\f\x1a"))


@dataclass(frozen=True)
class Layout:
    """``encoding`` is one of ENCODINGS, ``delimiter`` one of DELIMITERS."""

    encoding: str
    delimiter: str
    has_header: bool


def detect_layout(file: BinaryIO) -> Layout:
    """Looks at the beginning, for the encoding at all of it. Raises BadFile if it is no table."""
    encoding = detect_encoding(file)
    sample = _sample(file, encoding)
    delimiter = _detect_delimiter(sample)
    rows = _first_rows(sample, delimiter)
    return Layout(encoding, delimiter, _detect_header(rows))


def detect_sheet_layout(file: BinaryIO) -> Layout:
    """Of a workbook that was converted: only the header is in question."""
    rows = _first_rows(_sample(file, SHEET_ENCODING), SHEET_DELIMITER)
    return Layout(SHEET_ENCODING, SHEET_DELIMITER, _detect_header(rows))


def detect_encoding(file: BinaryIO) -> str:
    """One of ENCODINGS. Raises BadFile for what is no text."""
    file.seek(0)
    start = file.read(SAMPLE_BYTES)
    _refuse_other_kinds(start)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _is_unmarked_utf16(start):
        return "utf-16"
    _refuse_binary(start)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8"
    return "utf-8" if _is_utf8(file) else "cp1251"


def _refuse_other_kinds(start: bytes) -> None:
    if not start.strip():
        raise BadFile("The file is empty.")
    for mark, words in OTHER_KINDS.items():
        if start[: len(mark)].lower() == mark.lower():
            raise BadFile(words)


def _is_unmarked_utf16(start: bytes) -> bool:
    if len(start) < 4:
        return False
    for high, low in ((start[0::2], start[1::2]), (start[1::2], start[0::2])):
        is_plain = high_bytes(high) > 0.9 * len(high) and low.count(0) < 0.1 * len(low)
        # A line's end and a digit have a 0 in any alphabet.
        if is_plain and 0 in high:
            return True
    return False


def _refuse_binary(start: bytes) -> None:
    controls = len(start) - len(start.translate(None, CONTROLS))
    if controls > 8 and controls > 0.05 * len(start):
        raise BadFile(NOT_TEXT)


def _is_utf8(file: BinaryIO) -> bool:
    """Whether all of it is, or what is not is damage: more of it fits than not."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    has_fitted = False
    position = 0
    try:
        while chunk := file.read(CHUNK):
            has_fitted |= not decoder.decode(chunk).isascii()
            position += len(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return has_fitted or _is_damaged_utf8(error.object, error.start)
    return True


def _is_damaged_utf8(data: bytes, start: int) -> bool:
    around = data[max(0, start - SAMPLE_BYTES) : start + SAMPLE_BYTES]
    text = decoder_for(b"", "utf-8").decode(around, True)
    damaged = text.count(UNREADABLE)
    return sum(not character.isascii() for character in text) - damaged > damaged


def _sample(file: BinaryIO, encoding: str) -> str:
    """The first lines: those that are whole in so many bytes."""
    file.seek(0)
    data = file.read(SAMPLE_BYTES)
    is_all = not file.read(1)
    text = "".join(read_blocks(io.BytesIO(data), encoding))
    end = max(text.rfind("\n"), text.rfind("\r"))
    return text if is_all or end < 0 else text[: end + 1]


def _first_rows(text: str, delimiter: str) -> list[list[str]]:
    rows = read_rows([text], delimiter)
    return [row.cells for row in islice(rows, SAMPLE_ROWS) if not row.problem]


def _detect_delimiter(text: str) -> str:
    """The one that splits the first row most, and the others into as many; a comma where none does.

    Judged by the first row that is no title: names have fewer commas in them than addresses.
    """

    def score(delimiter: str) -> float:
        rows = _first_rows(text, delimiter)
        widths = [len(cells) for cells in rows[count_titles(rows) :]]
        if not widths or widths[0] < 2:
            return 0.0
        fitting = sum(1 < width <= widths[0] for width in widths) / len(widths)
        return fitting * (widths[0] - 1)

    return max(DELIMITERS, key=score)


def _detect_header(rows: list[list[str]]) -> bool:
    """A first row with numbers as long as phones is no header, whatever else is in it."""
    return count_titles(rows) > 0 or not (rows and _has_numbers(rows[0]))


def count_titles(rows: Sequence[list[str]]) -> int:
    """How many of the first rows are titles, as reports have them above their table.

    Only where the row below them names the phone: else they may be data.
    """
    widest = max(map(_filled, rows), default=0)
    for index, cells in enumerate(rows):
        is_narrow = _may_be_title(cells, widest)
        if any(map(is_phone_name if is_narrow else mentions_phone, cells)):
            return 0 if _has_numbers(cells) else index
        if not is_narrow:
            break
    return 0


def _may_be_title(cells: list[str], widest: int) -> bool:
    """A line of words, or a few cells as in "Period | November" above a wide table."""
    filled = _filled(cells)
    if filled == 1:
        return not _has_numbers(cells)
    return 2 * filled < widest and not any(map(is_phone, cells))


def _filled(cells: list[str]) -> int:
    return sum(1 for cell in cells if cell.strip())


def _has_numbers(cells: Sequence[str]) -> bool:
    return any(is_phone_like(cell) or _is_long_number(cell) for cell in cells)


def _is_long_number(cell: str) -> bool:
    text = cell.strip().lstrip("'+")
    return len(text) >= 5 and text[:1].isdigit() and all(mark in "0123456789.,eE+" for mark in text)
