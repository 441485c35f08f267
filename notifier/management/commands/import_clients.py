import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifier.clients.csv_table import DELIMITERS, BadFile
from notifier.clients.importing import ImportResult, Rejected, import_file

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
            help="write every rejected row's line and reason",
        )

    def handle(
        self, *args: Any, file: Path, update: bool, rejected: Path | None, **options: Any
    ) -> None:
        first: list[Rejected] = []
        try:
            with _rejected_file(rejected) as write:

                def note(row: Rejected) -> None:
                    write(row)
                    if len(first) < SHOWN:
                        first.append(row)

                result = import_file(file, update=update, on_rejected=note)
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
    yield f"{result.new:>9,} new"
    if update:
        yield f"{result.changed:>9,} changed"
        yield f"{result.unchanged:>9,} known and unchanged"
    else:
        yield f"{result.unchanged:>9,} known already, left as they are"
    yield f"{result.duplicates:>9,} with a number that an earlier row has"
    yield f"{result.rejected:>9,} rejected"


@contextmanager
def _rejected_file(path: Path | None) -> Iterator[Callable[[Rejected], object]]:
    """Takes rejected rows and writes them to the file, if there is to be one."""
    if path is None:
        yield lambda row: None
        return
    try:
        file = path.open("w", newline="", encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f'"{path}" cannot be written: {error.strerror}.') from error
    with file:
        writer = csv.writer(file)
        writer.writerow(("line", "reason"))
        yield lambda row: writer.writerow((row.line, row.reason))
