"""The rows of one file in a table of their own, good ones here, rejected ones beside it.

A table for each import, so that forgetting a million rows costs nothing;
unlogged, as the file can be read again: after a crash of the server it is
empty, and is filled anew.
"""

import io
import json
import time
from collections.abc import Iterator
from itertools import islice

from django.db import connection

from notifier.clients.imports.rows import GoodRow, Rejected

# Few enough that the server takes in a piece while the next is made.
ROWS_A_PIECE = 500
# Of long rows fewer, for the sake of the memory, and of those that take long to read, for
# that of the lease: whoever has it longer than it lasts, loses it and all that was read.
CHARACTERS_A_PIECE = 1 << 20
CHARACTERS_A_BATCH = 4 << 20
SECONDS_A_BATCH = 2.0
STAGE_COLUMNS = (
    'line int, phone text COLLATE "C", operator smallint, tag text, timezone text,'
    " attributes jsonb, opted_out bool, has_operator bool, has_tag bool, has_timezone bool"
)


def table_of(import_id: int) -> str:
    return f"import_stage_{int(import_id)}"


def create(import_id: int) -> None:
    """An empty table, whatever was there."""
    drop(import_id)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE UNLOGGED TABLE {table_of(import_id)} ({STAGE_COLUMNS})")


def drop(import_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {table_of(import_id)}")


def complete(import_id: int) -> None:
    """Once all rows are in: chunks are taken by phone, of one phone's rows the first line."""
    table = table_of(import_id)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX ON {table} (phone, line)")
        cursor.execute(f"ANALYZE {table}")


def holds_rows(import_id: int) -> bool:
    """False where it is gone, or was emptied by a crash of the server."""
    table = table_of(import_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
        return cursor.fetchone()[0]


def store(import_id: int, rows: Iterator[GoodRow | Rejected], *, most: int) -> tuple[int, int]:
    """Take up to ``most`` rows of the file; how many good ones and how many rejected.

    Of long ones fewer; none only where there are no more.
    """
    sorting = _Sorting(islice(rows, most))
    with connection.cursor() as cursor:
        lines = _Lines(_copy_text(rows) for rows in sorting.pieces() if rows)
        _copy(cursor, f"COPY {table_of(import_id)} FROM STDIN", lines)
        _store_rejected(cursor, import_id, sorting.rejected)
    return sorting.good, len(sorting.rejected)


def _copy(cursor: object, statement: str, lines: object) -> None:
    # Django does not know this method, and would let psycopg2's own errors through: that the
    # database went away would look like a fault of ours, and end the import.
    with connection.wrap_database_errors:
        cursor.copy_expert(statement, lines, 1 << 20)  # type: ignore[attr-defined]


class _Sorting:
    """The good rows as they come; the rejected are laid aside."""

    def __init__(self, rows: Iterator[GoodRow | Rejected]) -> None:
        self._rows = rows
        self.good = 0
        self.rejected: list[Rejected] = []
        self.characters = 0
        self._ends = time.monotonic() + SECONDS_A_BATCH

    def take(self, most: int) -> list[GoodRow]:
        good = []
        size = 0
        for row in islice(self._rows, most):
            if isinstance(row, Rejected):
                self.rejected.append(row)
                size += sum(map(len, row.cells))
                if self._is_late():
                    break
            else:
                good.append(row)
                size += len(row.attributes)
            if size > CHARACTERS_A_PIECE:
                break
        self.good += len(good)
        self.characters += size
        return good

    def pieces(self) -> Iterator[list[GoodRow]]:
        seen = -1
        while seen != self.good + len(self.rejected):
            seen = self.good + len(self.rejected)
            yield self.take(ROWS_A_PIECE)
            if self.characters > CHARACTERS_A_BATCH or self._is_late():
                return

    def _is_late(self) -> bool:
        return time.monotonic() >= self._ends


class _Lines:
    """What COPY reads: lines made while it asks for them."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def read(self, _size: int) -> str:
        return next(self._lines, "")


def copy_rows(cursor: object, table: str, rows: list[GoodRow]) -> None:
    """All of them at once into a table of STAGE_COLUMNS."""
    _copy(cursor, f"COPY {table} FROM STDIN", io.StringIO(_copy_text(rows)))


LINE = "\t".join(["%s"] * len(GoodRow._fields)) + "\n"
# What stands for something else within COPY's text format, and how it is written.
ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _copy_text(rows: list[GoodRow]) -> str:
    """Lines in COPY's text format; seldom is there anything in a whole piece to escape."""
    text = "".join([LINE % row for row in rows])
    if (
        "\\" not in text
        and "\r" not in text
        and text.count("\t") == len(rows) * (len(GoodRow._fields) - 1)
        and text.count("\n") == len(rows)
    ):
        return text
    return "".join([LINE % _escaped(row) for row in rows])


def _escaped(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(cell.translate(ESCAPED) if isinstance(cell, str) else cell for cell in row)


def _store_rejected(cursor: object, import_id: int, rejected: list[Rejected]) -> None:
    if not rejected:
        return
    rows = (
        (import_id, row.line, row.code, row.reason, json.dumps(row.cells, ensure_ascii=False))
        for row in rejected
    )
    lines = ("\t".join(map(str, _escaped(row))) + "\n" for row in rows)
    _copy(
        cursor,
        "COPY import_rejection (client_import_id, line, code, reason, cells) FROM STDIN",
        _Lines(lines),
    )
