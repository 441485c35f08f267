"""The beginning of a file as it is read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from notifier.clients.imports.columns import Column, guess_columns
from notifier.clients.imports.limits import BadFile
from notifier.clients.imports.models import ClientImport
from notifier.clients.imports.receive import read_stored
from notifier.clients.imports.rows import CODES
from notifier.clients.imports.text import UNREADABLE, Row
from notifier.web.imports.chosen import ChosenColumns

PREVIEW_ROWS = 20
LONGEST_SHOWN = 200


@dataclass(frozen=True)
class PreviewRow:
    """``cells`` are as many as there are columns; ``note`` says what is odd about the row."""

    line: int
    cells: list[str]
    note: str

    @property
    def words(self) -> str:
        return " ".join(filter(None, self.cells))


@dataclass(frozen=True)
class Preview:
    """``problem``: why the file cannot be read in this way. ``titles`` are not read.

    ``guessed`` is what the columns seem to hold, whatever was chosen; ``aside`` is
    what was chosen of columns of another sheet, as JSON: see chosen.
    """

    rows: list[PreviewRow] = field(default_factory=list)
    has_more: bool = False
    titles: list[PreviewRow] = field(default_factory=list)
    problem: str = ""
    guessed: list[Column] = field(default_factory=list)
    aside: str = ""


def preview_of(client_import: ClientImport, *, guess: bool, chosen: ChosenColumns) -> Preview:
    """The first rows, read as the import says; ``guess`` its columns from them anew.

    What was chosen by hand of the same columns stays: see columns.keep_chosen.
    """
    try:
        table = read_stored(client_import)
        width = len(table.header)
        shown, sample = [], []
        for row in islice(table.rows, PREVIEW_ROWS):
            shown.append(_shown(row, width))
            if not row.problem:
                sample.append(row.cells[:width])
        has_more = next(table.rows, None) is not None
    except BadFile as bad:
        client_import.columns = []
        return Preview(problem=str(bad), aside=_aside(chosen, []))
    guessed = guess_columns(table.header, sample)
    columns = guessed if guess else [Column.from_json(each) for each in client_import.columns]
    if chosen.by_hand or chosen.aside:
        columns = chosen.keep_in(columns)
    client_import.columns = [column.to_json() for column in columns]
    return Preview(
        rows=shown,
        has_more=has_more,
        titles=[_shown(row, len(row.cells)) for row in table.titles],
        guessed=guessed,
        aside=_aside(chosen, columns),
    )


def _aside(chosen: ChosenColumns, shown: Sequence[Column]) -> str:
    aside = [column.to_json() for column in chosen.without(shown)]
    return json.dumps(aside, ensure_ascii=False) if aside else ""


def _shown(row: Row, width: int) -> PreviewRow:
    cells = [_short(cell) for cell in row.cells[:width]]
    cells += [""] * (width - len(cells))
    return PreviewRow(row.line, cells, _note(row, width))


def _note(row: Row, width: int) -> str:
    if row.problem:
        return CODES[row.problem]
    more = len(row.cells) - width
    if more > 0:
        return f"{more} more cell{'s' if more > 1 else ''} than columns"
    return ""


def _short(cell: str) -> str:
    text = cell.replace(UNREADABLE, "\ufffd").strip()
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
