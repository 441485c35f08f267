"""What became of an import, for pages, API and command alike."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from notifier.clients.imports import undoing
from notifier.clients.imports.columns import REJECTION_NAMES, rejection_columns
from notifier.clients.imports.models import ClientImport, ImportRejection
from notifier.clients.imports.rows import CODES
from notifier.clients.imports.undoing import UndoProspect
from notifier.clients.models import Client
from notifier.clients.planning import CHANGES, CLIENTS, MESSAGES, mend_belief_in_few
from notifier.clients.spreadsheet import keep_cell, quote_cell

EXAMPLES_OF_REASON = 3
MOST_KEPT = 1_000
# In memory at a time; a rejected row may have millions of characters.
ROWS_AT_A_TIME = 100
BOM = "\ufeff"


@dataclass(frozen=True)
class ReasonCount:
    """How many rows were rejected for one kind of reason, and some of them."""

    code: str
    words: str
    count: int
    examples: list[ImportRejection]


@dataclass(frozen=True)
class ChangeExample:
    """``differences``: name, before, after."""

    line: int
    phone: str
    differences: list[tuple[str, Any, Any]]


@dataclass(frozen=True)
class ImportExamples:
    """Of the dry run. ``new`` are dicts of the fields, ``duplicates`` (phone, line, first line)."""

    new: list[dict[str, Any]]
    changed: list[ChangeExample]
    duplicates: list[tuple[str, int, int]]


@dataclass(frozen=True)
class KeptClient:
    """A client that undoing left as it is."""

    client: Client
    why: str


def reasons(client_import: ClientImport) -> list[ReasonCount]:
    """The most frequent first."""
    rejections = ImportRejection.objects.filter(client_import=client_import)
    counts = rejections.values_list("code").annotate(rows=Count("*")).order_by("-rows", "code")
    return [
        ReasonCount(
            code,
            CODES.get(code, code),
            rows,
            list(rejections.filter(code=code).order_by("line")[:EXAMPLES_OF_REASON]),
        )
        for code, rows in counts
    ]


def examples(client_import: ClientImport) -> ImportExamples:
    found = client_import.examples
    return ImportExamples(
        new=found.get("new", []),
        changed=[
            ChangeExample(
                each["line"], each["phone"], [tuple(each_) for each_ in each["differences"]]
            )
            for each in found.get("changed", [])
        ],
        duplicates=[tuple(each) for each in found.get("duplicates", [])],
    )


def rejected_csv(client_import: ClientImport) -> Iterator[str]:
    """The rejected rows as they were, piece by piece, to be mended and imported again.

    Line and reason come first: what a row has too much of stays beyond its last column.
    """
    names = [column["name"] for column in client_import.columns]
    skipped = rejection_columns(names)
    header = [quote_cell(name) for name in names]
    yield BOM + _csv_line(client_import, REJECTION_NAMES, header, skipped)
    rejections = ImportRejection.objects.filter(client_import=client_import).order_by("line", "id")
    for row in rejections.iterator(chunk_size=ROWS_AT_A_TIME):
        about = (str(row.line), quote_cell(row.reason))
        cells = [keep_cell(cell) for cell in row.cells]
        yield _csv_line(client_import, about, cells, skipped)


def _csv_line(
    client_import: ClientImport,
    about: tuple[str, str],
    cells: list[str],
    skipped: set[int],
) -> str:
    own = [cell for index, cell in enumerate(cells) if index not in skipped]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=client_import.delimiter)
    writer.writerow([*about, *own])
    return text.getvalue()


def undo_prospect(client_import: ClientImport) -> UndoProspect:
    mend_belief_in_few(CLIENTS, CHANGES, MESSAGES)
    return undoing.prospect_of(client_import)


def kept_clients(client_import: ClientImport) -> list[KeptClient]:
    """Whom an undone import left, and why; the first thousand."""
    mend_belief_in_few(CLIENTS, CHANGES, MESSAGES)
    kept = [
        KeptClient(each, "has messages" if messaged else "was edited since")
        for each, messaged in undoing.new_and_kept(client_import, most=MOST_KEPT)
    ]
    edited = undoing.edited_since(client_import).order_by("id")[: MOST_KEPT - len(kept)]
    return kept + [KeptClient(each, "was edited since") for each in edited]
