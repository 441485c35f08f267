"""Many clients at once, by their phones: added where they are new, else as the policy says.

A few statements for all of them, over the same comparison that an import
uses (clients.imports.chunk). What cannot be read is reported, the rest stored.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from notifier.clients.attribute_names import note_names
from notifier.clients.cleaning import CleanClient, ClientProblems, clean_client
from notifier.clients.imports.chunk import compare
from notifier.clients.imports.merging import (
    ADD_NEW,
    CHANGE_KNOWN,
    LOCK_KNOWN,
    OPT_OUT_KNOWN,
    SUPPRESS,
)
from notifier.clients.imports.rows import GoodRow
from notifier.clients.imports.staging import STAGE_COLUMNS, copy_rows
from notifier.clients.planning import CLIENTS, SUPPRESSED_PHONES, mend_belief_in_few
from notifier.clients.suppression import Source, lock_for_suppressing

FIELDS = ("phone", "operator", "tag", "timezone", "attributes")


@dataclass(frozen=True)
class Upserted:
    """``result``: created, changed, unchanged, duplicate (an earlier one has the phone), rejected.

    ``errors`` maps each wrong field to a sentence; ``id`` is None where it was rejected.
    """

    result: str
    id: int | None = None
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class UpsertOutcome:
    """One result for each item, in their order; ``left`` are ids of clients opted out by it."""

    items: list[Upserted]
    left: list[int]


@transaction.atomic
def upsert_clients(items: Sequence[Mapping[str, Any]], *, known: str) -> UpsertOutcome:
    """``items`` have the fields of clean_client and ``opted_out``; ``known`` is a KnownClients.

    Whoever is opted out by it still has messages waiting: delivery.withdrawal withdraws them.
    """
    rows, phones, problems = _read(items)
    if not rows:
        return UpsertOutcome([problems[index] for index in range(len(items))], [])
    # Alone also where nobody is opted out: else a client whom another call adds at
    # this moment would be neither known nor new, and what is said of it be lost.
    lock_for_suppressing()
    changed, new, left = _store(rows, known=known)
    ids = _ids_of_all()
    firsts = {row.line for row in rows}

    def result_of(index: int) -> Upserted:
        if index in problems:
            return problems[index]
        phone = phones[index]
        if index not in firsts:
            return Upserted("duplicate", ids.get(phone))
        result = "created" if phone in new else "changed" if phone in changed else "unchanged"
        return Upserted(result, ids.get(phone))

    return UpsertOutcome([result_of(index) for index in range(len(items))], left)


def _read(
    items: Sequence[Mapping[str, Any]],
) -> tuple[list[GoodRow], dict[int, str], dict[int, Upserted]]:
    """Rows to store, the first of a phone; the phone of each good item; what others have wrong."""
    rows: dict[str, GoodRow] = {}
    phones: dict[int, str] = {}
    problems: dict[int, Upserted] = {}
    for index, item in enumerate(items):
        try:
            client = clean_client(**{name: item[name] for name in FIELDS if name in item})
        except ClientProblems as error:
            problems[index] = Upserted("rejected", errors=error.problems)
            continue
        phones[index] = client.phone
        row = _row(index, item, client)
        first = rows.setdefault(client.phone, row)
        if row.opted_out and not first.opted_out:  # as in a file
            rows[client.phone] = first._replace(opted_out=True)
    return list(rows.values()), phones, problems


def _row(index: int, item: Mapping[str, Any], client: CleanClient) -> GoodRow:
    return GoodRow(
        line=index,
        phone=client.phone,
        operator=client.operator,
        tag=client.tag,
        timezone=client.timezone,
        attributes=json.dumps(client.attributes, ensure_ascii=False),
        opted_out=item.get("opted_out") is True,
        has_operator=_is_given(item, "operator"),
        has_tag=item.get("tag") is not None,
        has_timezone=_is_given(item, "timezone"),
    )


def _is_given(item: Mapping[str, Any], name: str) -> bool:
    value = item.get(name)
    return value is not None and str(value).strip() != ""


def _store(rows: list[GoodRow], *, known: str) -> tuple[set[str], set[str], list[int]]:
    """The phones of the changed and of the new, and the ids of the known who leave."""
    mend_belief_in_few(CLIENTS, SUPPRESSED_PHONES)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.import_chunk")
        cursor.execute(f"CREATE TEMP TABLE import_chunk ({STAGE_COLUMNS}) ON COMMIT DROP")
        copy_rows(cursor, "import_chunk", rows)
        cursor.execute("ANALYZE pg_temp.import_chunk (phone, opted_out)")
        cursor.execute(LOCK_KNOWN)
        compared = compare(known)
        cursor.execute(f"SELECT phone FROM ({compared}) AS compared WHERE differs OR leaves")  # noqa: S608
        changed = {row[0] for row in cursor.fetchall()}
        cursor.execute(CHANGE_KNOWN.format(compared=compared))
        cursor.execute(SUPPRESS, [Source.API])
        cursor.execute(OPT_OUT_KNOWN, [None])
        left = [row[0] for row in cursor.fetchall()]
        # Of no import.
        cursor.execute(f"{ADD_NEW.format(order='incoming.line')} RETURNING phone", [None])
        new = {row[0] for row in cursor.fetchall()}
    note_names({name for row in rows for name in json.loads(row.attributes)})
    return changed, new, left


def _ids_of_all() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT phone, client.id FROM client JOIN import_chunk USING (phone)")
        return dict(cursor.fetchall())
