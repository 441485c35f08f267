"""A file as a table: its header, and its rows as they are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile
from typing import BinaryIO

from django.conf import settings

from notifier.clients.imports.detect import SAMPLE_ROWS, Layout, count_titles
from notifier.clients.imports.limits import BadFile, check_width, too_many_rows
from notifier.clients.imports.text import (
    LONGEST_ROW,
    Row,
    read_blocks,
    read_rows,
    read_sheet_rows,
)
from notifier.clients.spreadsheet import read_cell

__all__ = ["Row", "Table", "read_table"]


@dataclass(frozen=True)
class Table:
    """``titles`` are rows above the header, which are none of the table's."""

    header: list[str]
    rows: Iterator[Row]
    titles: list[Row] = field(default_factory=list)


def read_table(file: BinaryIO, layout: Layout, *, is_sheet: bool = False) -> Table:
    """The table in a seekable file; ``is_sheet``: one that was converted from a workbook.

    Raises BadFile, also while rows are read: where there are too many.
    """
    blocks = read_blocks(file, layout.encoding)
    rows = read_sheet_rows(blocks) if is_sheet else read_rows(blocks, layout.delimiter)
    first = _first_rows(rows)
    if not first:
        raise BadFile("The file is empty.")
    titles = _take_titles(first) if layout.has_header else []
    header = _header(first.pop(0)) if layout.has_header else _numbered_header(first)
    check_width(len(header))
    return Table(header, _limited(chain(first, rows)), titles)


def _first_rows(rows: Iterator[Row]) -> list[Row]:
    """Enough to know titles and columns by; few where a row is as wide or long as none should."""
    first: list[Row] = []
    size = 0
    for row in islice(rows, SAMPLE_ROWS):
        first.append(row)
        size += sum(map(len, row.cells))
        if len(row.cells) > settings.IMPORT_MOST_COLUMNS or size > LONGEST_ROW:
            break
    return first


def _take_titles(rows: list[Row]) -> list[Row]:
    """Out of the first rows."""
    whole = [row.cells for row in takewhile(lambda row: not row.problem, rows)]
    count = count_titles(whole)
    titles, rows[:] = rows[:count], rows[count:]
    return titles


def _header(row: Row) -> list[str]:
    if row.problem:
        raise BadFile(
            f"The header, on line {row.line}, cannot be read: "
            "it is too long, or a quotation mark is not closed."
        )
    return [_name(cell) for cell in row.cells]


def _name(cell: str) -> str:
    """In one line, without what nobody sees."""
    words = "".join(mark for mark in read_cell(cell) if mark.isprintable() or mark.isspace())
    return " ".join(words.split())


def _numbered_header(rows: list[Row]) -> list[str]:
    width = max(len(row.cells) for row in rows)
    return [f"Column {number}" for number in range(1, width + 1)]


def _limited(rows: Iterator[Row]) -> Iterator[Row]:
    return chain(islice(rows, settings.IMPORT_MOST_ROWS), _refuse_more(rows))


def _refuse_more(rows: Iterator[Row]) -> Iterator[Row]:
    for _ in rows:
        raise too_many_rows()
    yield from ()
