"""The bytes of a file as rows of cells, whatever is in them.

Nothing here gives up on a file: what cannot be decoded becomes UNREADABLE, and
a row that cannot be taken apart comes with a problem.
"""

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO, NamedTuple

from notifier.clients.imports.limits import BadFile

CHUNK = 1 << 20
# Stands for bytes that are no text. Unicode keeps it for no character ever, so
# that no file means it, and other than a half of a surrogate pair it can be stored.
UNREADABLE = "\ufdd0"
ERRORS = "notifier.unreadable"
# More than the widest row can have; without a bound, a quotation mark that is
# not closed would have the whole file in memory.
LONGEST_ROW = 2_000_000
# Of text that is read once more after quotation marks that are not closed.
MOST_READ_AGAIN = 64_000_000


class Row(NamedTuple):
    """``line`` is where it begins in the file, counted from 1; quoted cells may span lines.

    The cells are as they stand there: see spreadsheet.read_cell. ``problem``
    is one of rows.CODES where the row could not be taken apart; then the cells
    are what its first line seems to hold. Its other lines are rows of their own.
    """

    line: int
    cells: list[str]
    problem: str = ""


class _BrokenRow(Exception):
    pass


def _mark_unreadable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNREADABLE, error.end


codecs.register_error(ERRORS, _mark_unreadable)


def decoder_for(start: bytes, encoding: str) -> codecs.IncrementalDecoder:
    """Decodes a file that begins with ``start``, without its byte order mark."""
    return codecs.getincrementaldecoder(_codec(start, encoding))(errors=ERRORS)


def _codec(start: bytes, encoding: str) -> str:
    if encoding == "utf-8":
        return "utf-8-sig"
    if encoding == "utf-16" and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16-be" if is_big_endian(start) else "utf-16-le"
    return encoding


def is_big_endian(start: bytes) -> bool:
    return high_bytes(start[0::2]) > high_bytes(start[1::2])


def high_bytes(data: bytes) -> int:
    """How many may be the high halves of UTF-16: 0 in Latin letters and digits, 4 in Cyrillic."""
    return data.count(0) + data.count(4)


def read_blocks(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The whole file in blocks of whole lines, which end as they do in the file."""
    file.seek(0)
    chunk = file.read(CHUNK)
    decoder = decoder_for(chunk[:4096], encoding)
    rest = ""
    while chunk:
        text = rest + decoder.decode(chunk)
        end = _end_of_last_line(text)
        if end:
            yield text[:end]
            rest = text[end:]
        else:
            rest = _shortened(text)
        chunk = file.read(CHUNK)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _end_of_last_line(text: str) -> int:
    # A carriage return at the very end may be the first half of a line's end.
    return max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1


def _shortened(text: str) -> str:
    """A line that is longer than any row is refused: all that matters is that it is long."""
    if len(text) <= LONGEST_ROW:
        return text
    return text[: LONGEST_ROW + 1] + ("\r" if text.endswith("\r") else "")


def read_rows(blocks: Iterable[str], delimiter: str) -> Iterator[Row]:
    """Every row that is not blank. Raises BadFile where no end of unclosed quotes is in sight."""
    lines = chain.from_iterable(io.StringIO(block, newline="") for block in blocks)
    again: deque[str] = deque()
    read_again = 0
    line = 1
    make_row, row_type = tuple.__new__, Row
    while True:
        # The lines of the row under way: what to go back to, should its end not be found.
        taken: list[str] = []
        reader = csv.reader(_feed(again, lines, taken), delimiter=delimiter, strict=True)
        before = line
        try:
            for cells in reader:
                if cells and (cells[0].strip() or "".join(cells).strip()):
                    yield make_row(row_type, (line, cells, ""))
                line = before + reader.line_num
                taken.clear()
            return
        except (csv.Error, _BrokenRow):
            first, *others = taken
        yield _row_of_one_line(line, first, delimiter)
        line += 1
        again.extendleft(reversed(others))
        read_again += sum(map(len, others))
        if read_again > MOST_READ_AGAIN:
            raise BadFile(
                f"Row {line - 1} is one of too many in which a quotation mark is not closed: "
                "save the table anew as CSV."
            )


def _feed(again: deque[str], lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    """Lines for csv, which asks for one more while a quotation is open."""
    size = 0
    for line in chain(_drain(again), lines):
        size = size + len(line) if taken else len(line)
        taken.append(line)
        if size > LONGEST_ROW:
            raise _BrokenRow
        yield line
    if taken:
        raise _BrokenRow


def _drain(again: deque[str]) -> Iterator[str]:
    while again:
        yield again.popleft()


def _row_of_one_line(line: int, text: str, delimiter: str) -> Row:
    """Of a row that strict reading could not take apart, or found no end of.

    Quotation marks within a cell, as in "LLC "Daisy"", do no harm if the row
    ends with its line; else they would have other rows in the cell.
    """
    if len(text) > csv.field_size_limit():
        start = text[: csv.field_size_limit()]
        return Row(line, next(csv.reader([start], delimiter=delimiter), []), "row_too_long")
    taken: list[str] = []
    try:
        return Row(
            line, next(csv.reader(_feed(deque([text]), iter(()), taken), delimiter=delimiter))
        )
    except _BrokenRow:
        return Row(line, next(csv.reader(taken, delimiter=delimiter)), "unclosed_quote")


def read_sheet_rows(blocks: Iterable[str]) -> Iterator[Row]:
    """Rows of a sheet, numbered as there: see workbook.convert_workbook."""
    lines = chain.from_iterable(io.StringIO(block, newline="") for block in blocks)
    for number, cells in enumerate(csv.reader(lines), 1):
        if any(cell.strip() for cell in cells):
            yield Row(number, cells)
