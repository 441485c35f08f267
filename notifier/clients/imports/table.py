"""A file as a table: its header, and its rows as they are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

from django.conf import settings

from notifier.clients.imports.detect import SAMPLE_ROWS, Layout
from notifier.clients.imports.limits import BadFile, check_width, too_many_rows
from notifier.clients.imports.text import Row, read_blocks, read_rows, read_sheet_rows
from notifier.clients.spreadsheet import read_cell

__all__ = ["Row", "Table", "read_table"]


@dataclass(frozen=True)
class Table:
    header: list[str]
    rows: Iterator[Row]


def read_table(file: BinaryIO, layout: Layout, *, is_sheet: bool = False) -> Table:
    """The table in a seekable file; ``is_sheet``: one that was converted from a workbook.

    Raises BadFile, also while rows are read: where there are too many.
    """
    blocks = read_blocks(file, layout.encoding)
    rows = read_sheet_rows(blocks) if is_sheet else read_rows(blocks, layout.delimiter)
    first = next(rows, None)
    if first is None:
        raise BadFile("The file is empty.")
    check_width(len(first.cells))
    if layout.has_header:
        return Table(_header(first), _limited(rows))
    sample = [first, *islice(rows, SAMPLE_ROWS - 1)]
    header = _numbered_header(sample)
    check_width(len(header))
    return Table(header, _limited(chain(sample, rows)))


def _header(row: Row) -> list[str]:
    if row.problem:
        raise BadFile(
            f"The header, on line {row.line}, cannot be read: "
            "it is too long, or a quotation mark is not closed."
        )
    return [_name(cell) for cell in row.cells]


def _name(cell: str) -> str:
    """In one line, without what nobody sees."""
    return "".join(mark for mark in " ".join(read_cell(cell).split()) if mark.isprintable())


def _numbered_header(rows: list[Row]) -> list[str]:
    width = max(len(row.cells) for row in rows)
    return [f"Column {number}" for number in range(1, width + 1)]


def _limited(rows: Iterator[Row]) -> Iterator[Row]:
    return chain(islice(rows, settings.IMPORT_MOST_ROWS), _refuse_more(rows))


def _refuse_more(rows: Iterator[Row]) -> Iterator[Row]:
    for _ in rows:
        raise too_many_rows()
    yield from ()
