import time
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from notifier.clients.imports import lifecycle, report
from notifier.clients.imports.columns import (
    FIELDS,
    HOLDS,
    Column,
    ColumnProblems,
    say_columns,
)
from notifier.clients.imports.detect import DELIMITERS, ENCODINGS
from notifier.clients.imports.lifecycle import ImportOptions, ImportProblems
from notifier.clients.imports.limits import BadFile
from notifier.clients.imports.models import ClientImport, FileKind, ImportStatus, KnownClients
from notifier.clients.imports.receive import look_again, receive_file
from notifier.delivery import client_imports

SHOWN = 20
SHOWN_EXAMPLES = 3
WAIT_SECONDS = 0.2
DELIMITERS_BY_NAME = {words: mark for mark, words in DELIMITERS.items()}


class Command(BaseCommand):
    help = (
        "Imports clients from a CSV or XLSX file. Encoding, delimiter, header and what the columns "
        "hold are recognised, and can be said otherwise. It is listed with the other imports, "
        "where it can be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV or XLSX file")
        known = parser.add_mutually_exclusive_group()
        known.add_argument(
            "--update", action="store_const", dest="known", const=KnownClients.UPDATE,
            default=KnownClients.KEEP,
            help="change known clients to what the file says; blank cells change nothing",
        )  # fmt: skip
        known.add_argument(
            "--fill", action="store_const", dest="known", const=KnownClients.FILL,
            help="fill in only what is empty of known clients",
        )  # fmt: skip
        parser.add_argument(
            "--dry-run", action="store_true", help="count what would happen, and change nothing"
        )
        parser.add_argument(
            "--rejected", type=Path, metavar="FILE",
            help="write every rejected row here, with line and reason, to be mended and imported",
        )  # fmt: skip
        parser.add_argument("--encoding", choices=ENCODINGS)
        parser.add_argument("--delimiter", choices=DELIMITERS_BY_NAME)
        parser.add_argument(
            "--sheet", metavar="NAME",
            help="the sheet of an XLSX file that is read; without it, the first with phones",
        )  # fmt: skip
        header = parser.add_mutually_exclusive_group()
        header.add_argument(
            "--header", action="store_const", dest="has_header", const=True,
            help="the first line holds the names of the columns",
        )  # fmt: skip
        header.add_argument(
            "--no-header", action="store_const", dest="has_header", const=False,
            help="the first line is a row like the others; columns are named Column 1, Column 2, …",
        )  # fmt: skip
        parser.add_argument(
            "--column", action="append", type=_column, default=[], metavar="NAME=HOLDS",
            help=f"what a column holds: {', '.join(HOLDS)}, or attribute:NAME",
        )  # fmt: skip
        parser.add_argument("--default-operator", metavar="CODE", help="for rows without one")
        parser.add_argument("--default-tag", metavar="TAG", default="", help="for rows without one")
        parser.add_argument("--default-timezone", metavar="ZONE", help="for rows without one")

    def handle(self, *args: Any, file: Path, rejected: Path | None, **options: Any) -> None:
        if rejected and rejected.exists() and file.exists() and rejected.samefile(file):
            raise CommandError(f'"{rejected}" is the file to import: give --rejected another.')
        if rejected and not rejected.parent.is_dir():
            raise CommandError(f'There is no folder "{rejected.parent}" for --rejected.')
        client_import = _receive(file, options)
        try:
            lifecycle.begin_check(client_import, _options_of(client_import, options))
            self._work(client_import)
        except (ColumnProblems, ImportProblems) as error:
            lifecycle.discard(client_import)
            raise CommandError(f"{error}{_hint(client_import, error)}") from error
        except KeyboardInterrupt:
            lifecycle.cancel(client_import)
            raise CommandError(_stopped(client_import)) from None
        if client_import.status == ImportStatus.FAILED:
            raise CommandError(client_import.problem)
        self._report(file, client_import, rejected)
        if options["dry_run"]:
            lifecycle.discard(client_import)

    def _work(self, client_import: ClientImport) -> None:
        """Here, turn by turn, or on a cluster where one takes it up."""
        while client_import.is_in_work:
            if not client_imports.work_here(client_import):
                time.sleep(WAIT_SECONDS)

    def _report(self, file: Path, client_import: ClientImport, rejected: Path | None) -> None:
        self.stdout.write("\n".join([*_summary(file, client_import), *_examples(client_import)]))
        for row in client_import.rejections.order_by("line", "id")[:SHOWN]:
            self.stdout.write(str(row))
        if rejected:
            _write_rejected(rejected, client_import)
        elif client_import.rejected > SHOWN:
            more = client_import.rejected - SHOWN
            self.stdout.write(f"… and {more:,} more: --rejected FILE writes them all.")


def _column(said: str) -> tuple[str, str]:
    name, is_whole, holds = said.rpartition("=")
    if not is_whole:
        raise ArgumentTypeError(f'"{said}" does not say what the column holds: use NAME=HOLDS.')
    return name, holds


def _hint(client_import: ClientImport, error: ColumnProblems | ImportProblems) -> str:
    """How to say what the columns hold, where that is the trouble."""
    if "columns" not in error.problems:
        return ""
    names = [column["name"] for column in client_import.columns]
    other = ", or --sheet for another sheet" if len(client_import.sheets) > 1 else ""
    return (
        f" {client_import.part_read} has {', '.join(names)}: "
        f'use, for example, --column "{names[0]}=phone"{other}.'
    )


def _receive(file: Path, options: Mapping[str, Any]) -> ClientImport:
    try:
        with file.open("rb") as opened:
            client_import = receive_file(opened, name=file.name, created_by=None)
    except OSError as error:
        raise CommandError(f'"{file}" cannot be read: {error.strerror}.') from error
    except BadFile as error:
        raise CommandError(str(error)) from error
    delimiter = options["delimiter"]
    said = {**options, "delimiter": DELIMITERS_BY_NAME[delimiter] if delimiter else None}
    try:
        look_again(client_import, said)
    except BadFile as error:
        lifecycle.discard(client_import)
        raise CommandError(str(error)) from error
    return client_import


def _options_of(client_import: ClientImport, options: Mapping[str, Any]) -> ImportOptions:
    columns = [Column.from_json(each) for each in client_import.columns]
    return ImportOptions(
        columns=say_columns(columns, dict(options["column"])),
        known_clients=options["known"],
        default_operator=options["default_operator"],
        default_tag=options["default_tag"],
        default_timezone=options["default_timezone"],
        waits_for_review=options["dry_run"],
    )


def _summary(file: Path, client_import: ClientImport) -> Iterator[str]:
    rows = f"{client_import.rows:,} row{'' if client_import.rows == 1 else 's'}"
    would = "" if client_import.status == ImportStatus.FINISHED else " (nothing was changed)"
    yield f"{file}: {rows}, {_written(client_import)}{would}"
    columns = [Column.from_json(each) for each in client_import.columns]
    yield f"Columns: {'; '.join(_understood(columns))}"
    yield f"{client_import.new:>9,} new"
    if client_import.known_clients == KnownClients.KEEP and not client_import.changed:
        yield f"{client_import.unchanged:>9,} known already, left as they are"
    else:
        yield f"{client_import.changed:>9,} changed"
        yield f"{client_import.unchanged:>9,} known and unchanged"
    yield f"{client_import.duplicates:>9,} with a number that an earlier row has"
    yield f"{client_import.rejected:>9,} rejected"
    if client_import.opted_out:
        yield f"{client_import.opted_out:>9,} opted out"


def _written(client_import: ClientImport) -> str:
    if client_import.file_kind == FileKind.XLSX:
        is_one_of_several = len(client_import.sheets) > 1
        return f"XLSX, sheet {client_import.sheet}" if is_one_of_several else "XLSX"
    separated = DELIMITERS[client_import.delimiter]
    return f"{ENCODINGS[client_import.encoding]}, separated by {separated}"


def _examples(client_import: ClientImport) -> Iterator[str]:
    """Of a dry run."""
    found = report.examples(client_import)
    for new in found.new[:SHOWN_EXAMPLES]:
        tag = f', tag "{new["tag"]}"' if new["tag"] else ""
        attributes = "".join(f', {name} "{value}"' for name, value in new["attributes"].items())
        yield (
            f"Row {new['line']}: +{new['phone']} would be new, "
            f"operator {new['operator']}{tag}, time zone {new['timezone']}{attributes}."
        )
    for changed in found.changed[:SHOWN_EXAMPLES]:
        differences = ", ".join(_difference(*each) for each in changed.differences)
        yield f"Row {changed.line}: +{changed.phone} would change: {differences}."
    for phone, line, first in found.duplicates[:SHOWN_EXAMPLES]:
        yield f"Row {line}: +{phone} would be left out, row {first} has it already."


def _difference(name: str, before: Any, after: Any) -> str:
    if name == "opted out":
        return name
    named = "time zone" if name == "timezone" else name
    return f'{named} "{"" if before is None else before}" to "{after}"'


def _understood(columns: list[Column]) -> Iterator[str]:
    """What the columns were taken for, so that a misspelt one is seen."""
    held = {column.holds: column for column in columns}
    yield ", ".join(f'{name} from "{held[name].name}"' for name in FIELDS if name in held)
    attributes = [column.attribute for column in columns if column.holds == "attribute"]
    if attributes:
        yield f"kept as attributes: {', '.join(attributes)}"
    ignored = [column.name for column in columns if column.holds == "ignore"]
    if ignored:
        yield f"not read: {', '.join(ignored)}"


def _write_rejected(path: Path, client_import: ClientImport) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            file.writelines(report.rejected_csv(client_import))
    except OSError as error:
        raise CommandError(f'"{path}" cannot be written: {error.strerror}.') from error


def _stopped(client_import: ClientImport) -> str:
    if not lifecycle.has_done_anything(client_import):
        lifecycle.discard(client_import)
        return "Stopped: nothing was changed."
    return (
        f"Stopped: {client_import.new:,} clients were added and {client_import.changed:,} changed. "
        "The list of imports has a button that takes them back."
    )
