"""Clients from a CSV file: read → clean → compare with those known → store.

The file becomes rows of a temporary table first, so that doubles within it
and clients known already are found by the database, however long it is. All
of it is one transaction: an import that fails leaves nothing behind.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from django.db import connection, transaction

from notifier.clients.cleaning import CleanClient, ClientProblems, clean_client
from notifier.clients.csv_table import BadFile, CsvTable, Row, open_table, read_cell

BATCH = 10_000
# The columns that are not attributes, by the names that people give them.
KNOWN_NAMES: Mapping[str, tuple[str, ...]] = {
    "phone": ("phone", "phone_number", "phone number", "телефон", "номер", "номер телефона"),
    "operator": ("operator", "оператор", "код оператора"),
    "tag": ("tag", "тег", "метка"),
    "timezone": ("timezone", "time_zone", "time zone", "часовой пояс"),
}
# What a file of rejected rows says of each beside its cells: no data when it is imported again.
REJECTION_NAMES = ("line", "reason")
FIELD_OF = {name: field for field, names in KNOWN_NAMES.items() for name in names}


@dataclass(frozen=True)
class Columns:
    """Which column, counted from 0, holds what; ``attributes`` maps each to its name.

    ``rejection`` are those that a file of rejected rows was given; they are not read.
    """

    header: list[str]
    phone: int
    operator: int | None = None
    tag: int | None = None
    timezone: int | None = None
    attributes: Mapping[int, str] = field(default_factory=dict)
    rejection: tuple[int, ...] = ()

    def without_rejection(self, cells: list[str]) -> list[str]:
        return [cell for index, cell in enumerate(cells) if index not in self.rejection]


@dataclass(frozen=True)
class Incoming:
    """A good row. ``given`` names the fields whose cells were not blank."""

    line: int
    client: CleanClient
    given: frozenset[str]


@dataclass(frozen=True)
class Rejected:
    """``cells`` are those of the row as they stand in the file, be they too many or too few."""

    line: int
    reason: str
    cells: list[str]

    def __str__(self) -> str:
        return f"Row {self.line}: {self.reason}"


@dataclass(frozen=True)
class ImportResult:
    """The rows of the file add up: new + changed + unchanged + duplicates + rejected."""

    encoding: str
    delimiter: str
    columns: Columns
    new: int
    changed: int
    unchanged: int
    duplicates: int
    rejected: int

    @property
    def rows(self) -> int:
        return self.new + self.changed + self.unchanged + self.duplicates + self.rejected


def import_file(
    path: Path,
    *,
    update: bool = False,
    on_opened: Callable[[CsvTable, Columns], None] | None = None,
    on_rejected: Callable[[Rejected], None] | None = None,
) -> ImportResult:
    """Import a CSV file; of rows with the same number the first counts.

    Known clients stay as they are unless ``update``: then cells that are not
    blank replace what is known. Raises BadFile, and has stored nothing then.
    ``on_opened`` is called once it is known to be a table of clients, before
    any row is.
    """
    rejected = 0

    def reject(row: Rejected) -> None:
        nonlocal rejected
        rejected += 1
        if on_rejected:
            on_rejected(row)

    with open_table(path) as table, transaction.atomic():
        columns = find_columns(table.header)
        if on_opened:
            on_opened(table, columns)
        good = _only_good(read_clients(table, columns), reject)
        _create_incoming_table()
        for batch in _batches(good):
            _copy_incoming(batch)
        return ImportResult(
            encoding=table.encoding,
            delimiter=table.delimiter,
            columns=columns,
            **_store_incoming(update=update),
            rejected=rejected,
        )


def find_columns(header: list[str]) -> Columns:
    """What the columns hold, judged by their names. Raises BadFile."""
    found: dict[str, int] = {}
    attributes: dict[int, str] = {}
    rejection = _rejection_columns(header)
    for index, name in enumerate(header):
        if index in rejection:
            continue
        field_name = FIELD_OF.get(name.casefold())
        if field_name is None:
            if name in attributes.values():
                raise BadFile(f'Two columns are named "{name}".')
            if name:
                attributes[index] = name
        elif field_name in found:
            raise BadFile(
                f'Columns "{header[found[field_name]]}" and "{name}" both hold the {field_name}.'
            )
        else:
            found[field_name] = index
    if "phone" not in found:
        shown = ", ".join(name for name in header if name)[:200]
        raise BadFile(
            "No column holds the phone: name one of them phone, phone_number or телефон. "
            f"The first line is: {shown}"
        )
    return Columns(header=header, attributes=attributes, rejection=rejection, **found)


def _rejection_columns(header: list[str]) -> tuple[int, ...]:
    """Both or none: alone, a column named line or reason is somebody's attribute."""
    if any(header.count(name) != 1 for name in REJECTION_NAMES):
        return ()
    return tuple(header.index(name) for name in REJECTION_NAMES)


def read_clients(table: CsvTable, columns: Columns) -> Iterator[Incoming | Rejected]:
    """Every row of the table, cleaned, or rejected with the reason in words."""
    for row in table.rows:
        try:
            yield _clean_row(row, columns)
        except (ClientProblems, _BadRow) as error:
            yield Rejected(row.line, str(error), row.cells)


class _BadRow(ValueError):
    pass


def _clean_row(row: Row, columns: Columns) -> Incoming:
    width = len(columns.header)
    if len(row.cells) > width:
        raise _BadRow(f"It has {len(row.cells)} cells; the header has {width} columns.")
    cells = [read_cell(cell) for cell in row.cells]
    # Spreadsheets leave out blank cells at the end of a line.
    cells += [""] * (width - len(cells))
    values = {
        name: cells[index]
        for name in ("operator", "tag", "timezone")
        if (index := getattr(columns, name)) is not None and cells[index]
    }
    client = clean_client(
        phone=cells[columns.phone],
        attributes={
            name: cells[index] for index, name in columns.attributes.items() if cells[index]
        },
        **values,
    )
    return Incoming(row.line, client, frozenset(values))


def _only_good(
    rows: Iterable[Incoming | Rejected], reject: Callable[[Rejected], None]
) -> Iterator[Incoming]:
    for row in rows:
        if isinstance(row, Rejected):
            reject(row)
        else:
            yield row


def _batches(rows: Iterator[Incoming]) -> Iterator[list[Incoming]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _create_incoming_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming_client")
        cursor.execute(
            "CREATE TEMP TABLE incoming_client (line int, phone text, operator int, tag text,"
            " timezone text, attributes jsonb,"
            " has_operator bool, has_tag bool, has_timezone bool) ON COMMIT DROP"
        )


def _copy_incoming(batch: list[Incoming]) -> None:
    lines = io.StringIO()
    # All of it in quotes: unquoted, an empty tag would be NULL.
    writer = csv.writer(lines, quoting=csv.QUOTE_ALL)
    for row in batch:
        client = row.client
        writer.writerow(
            (
                row.line, client.phone, client.operator, client.tag, client.timezone,
                json.dumps(client.attributes, ensure_ascii=False),
                "operator" in row.given, "tag" in row.given, "timezone" in row.given,
            )
        )  # fmt: skip
    lines.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY incoming_client FROM STDIN (FORMAT csv)", lines)


def _store_incoming(*, update: bool) -> dict[str, int]:
    """Write the incoming rows; returns the counts of an ImportResult."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM incoming_client")
        incoming = cursor.fetchone()[0]
        cursor.execute(KEEP_FIRST)
        duplicates = cursor.rowcount
        cursor.execute(ADD_NEW)
        new = cursor.rowcount
        changed = 0
        if update:
            cursor.execute(CHANGE_KNOWN)
            changed = cursor.rowcount
        if new >= BATCH:
            # Else the planner believes for minutes that the table is as small as before.
            cursor.execute("ANALYZE client")
    return {
        "new": new,
        "changed": changed,
        "unchanged": incoming - duplicates - new - changed,
        "duplicates": duplicates,
    }


KEEP_FIRST = """
    DELETE FROM incoming_client USING (
        SELECT ctid, row_number() OVER (PARTITION BY phone ORDER BY line) AS place
        FROM incoming_client
    ) AS numbered
    WHERE incoming_client.ctid = numbered.ctid AND numbered.place > 1
"""

ADD_NEW = """
    INSERT INTO client (phone, operator, tag, timezone, attributes, updated_at)
    SELECT phone, operator, tag, timezone, attributes, statement_timestamp()
    FROM incoming_client
    ORDER BY line
    ON CONFLICT (phone) DO NOTHING
"""

# A client that was just added equals its row and so is not counted as changed.
CHANGE_KNOWN = """
    UPDATE client
    SET operator = wanted.operator, tag = wanted.tag, timezone = wanted.timezone,
        attributes = wanted.attributes, updated_at = now()
    FROM (
        SELECT known.id,
            CASE WHEN has_operator THEN incoming.operator ELSE known.operator END AS operator,
            CASE WHEN has_tag THEN incoming.tag ELSE known.tag END AS tag,
            CASE WHEN has_timezone THEN incoming.timezone ELSE known.timezone END AS timezone,
            known.attributes || incoming.attributes AS attributes
        FROM incoming_client AS incoming JOIN client AS known USING (phone)
    ) AS wanted
    WHERE client.id = wanted.id
      AND (client.operator, client.tag, client.timezone, client.attributes)
          IS DISTINCT FROM (wanted.operator, wanted.tag, wanted.timezone, wanted.attributes)
"""
