import csv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifier.clients.csv_table import DELIMITERS, BadFile, CsvTable, quote_cell
from notifier.clients.importing import (
    KNOWN_NAMES,
    REJECTION_NAMES,
    Columns,
    ImportResult,
    Rejected,
    import_file,
)

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Imports clients from a CSV file with a header. The column phone is needed; operator, "
        "tag and timezone may be there; every other column becomes an attribute."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV file")
        parser.add_argument(
            "--update",
            action="store_true",
            help="change known clients to what the file says; blank cells change nothing",
        )
        parser.add_argument(
            "--rejected",
            type=Path,
            metavar="FILE",
            help="write every rejected row here, with line and reason, to be mended and imported",
        )

    def handle(
        self, *args: Any, file: Path, update: bool, rejected: Path | None, **options: Any
    ) -> None:
        first: list[Rejected] = []
        try:
            with ExitStack() as closing:
                rejected_file = _RejectedFile(rejected, closing, beside=file)

                def note(row: Rejected) -> None:
                    rejected_file.write(row)
                    if len(first) < SHOWN:
                        first.append(row)

                result = import_file(
                    file, update=update, on_opened=rejected_file.begin, on_rejected=note
                )
        except BadFile as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(_summary(file, result, update=update)))
        for row in first:
            self.stdout.write(str(row))
        if result.rejected > SHOWN and not rejected:
            self.stdout.write(
                f"… and {result.rejected - SHOWN:,} more: --rejected FILE writes them all."
            )


def _summary(file: Path, result: ImportResult, *, update: bool) -> Iterator[str]:
    separated = DELIMITERS[result.delimiter]
    yield f"{file}: {result.rows:,} rows, {result.encoding}, separated by {separated}"
    yield f"Columns: {'; '.join(_understood(result.columns))}"
    yield f"{result.new:>9,} new"
    if update:
        yield f"{result.changed:>9,} changed"
        yield f"{result.unchanged:>9,} known and unchanged"
    else:
        yield f"{result.unchanged:>9,} known already, left as they are"
    yield f"{result.duplicates:>9,} with a number that an earlier row has"
    yield f"{result.rejected:>9,} rejected"


def _understood(columns: Columns) -> Iterator[str]:
    """What the columns were taken for, so that a misspelt one is seen."""
    fields = {name: getattr(columns, name) for name in KNOWN_NAMES}
    yield ", ".join(
        f'{name} from "{columns.header[index]}"'
        for name, index in fields.items()
        if index is not None
    )
    if columns.attributes:
        yield f"kept as attributes: {', '.join(columns.attributes.values())}"
    if columns.rejection:
        yield f"not read: {', '.join(columns.header[index] for index in columns.rejection)}"


class _RejectedFile:
    """Holds the rejected rows as they were, to be mended and imported again.

    Line and reason come first: what a row has too much of stays beyond its last column.
    """

    def __init__(self, path: Path | None, closing: ExitStack, *, beside: Path) -> None:
        if path and path.exists() and beside.exists() and path.samefile(beside):
            raise CommandError(f'"{path}" is the file to import: give --rejected another.')
        self._path = path
        self._closing = closing

    def begin(self, table: CsvTable, columns: Columns) -> None:
        if self._path is None:
            return
        try:
            file = self._path.open("w", newline="", encoding="utf-8-sig")
        except OSError as error:
            raise CommandError(f'"{self._path}" cannot be written: {error.strerror}.') from error
        self._closing.enter_context(file)
        self._writer = csv.writer(file, delimiter=table.delimiter)
        self._columns = columns
        self._write(*REJECTION_NAMES, cells=columns.header)

    def write(self, row: Rejected) -> None:
        if self._path:
            self._write(str(row.line), row.reason, cells=row.cells)

    def _write(self, line: str, reason: str, *, cells: list[str]) -> None:
        own = self._columns.without_rejection(cells)
        self._writer.writerow(quote_cell(cell) for cell in (line, reason, *own))
