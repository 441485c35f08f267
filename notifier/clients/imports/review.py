"""The dry run: what an import would do, counted chunk by chunk, with examples."""

import json
from typing import Any

from django.db import connection
from django.db.models import F

from notifier.clients.imports.chunk import Chunk, compare, take_chunk
from notifier.clients.imports.models import ClientImport
from notifier.clients.imports.staging import table_of

EXAMPLES = 5
SHOWN_FIELDS = ("operator", "tag", "timezone")

COUNT = """
    SELECT count(*), count(*) FILTER (WHERE differs OR leaves), count(*) FILTER (WHERE leaves)
    FROM ({compared}) AS compared
"""

NEW_EXAMPLES = """
    SELECT line, phone, operator, tag, timezone, attributes FROM import_chunk AS incoming
    WHERE NOT EXISTS (SELECT FROM client WHERE client.phone = incoming.phone)
    ORDER BY line LIMIT %s
"""

CHANGED_EXAMPLES = """
    SELECT line, phone, leaves,
           operator, tag, timezone, attributes,
           new_operator, new_tag, new_timezone, new_attributes
    FROM ({compared}) AS compared WHERE differs OR leaves ORDER BY line LIMIT %s
"""

# Uses the stage's index on (phone, line).
DUPLICATE_EXAMPLES = """
    SELECT phone, line, first FROM (
        SELECT phone, line, first_value(line) OVER (PARTITION BY phone ORDER BY line) AS first
        FROM {stage} WHERE phone > %s AND phone <= %s
    ) AS numbered
    WHERE line > first ORDER BY line LIMIT %s
"""

# Opt-outs of people who are no clients yet.
NEW_OPT_OUTS = """
    SELECT count(*) FROM import_chunk AS incoming
    WHERE opted_out AND NOT EXISTS (SELECT FROM client WHERE client.phone = incoming.phone)
      AND NOT EXISTS (SELECT FROM suppressed_phone AS s WHERE s.phone = incoming.phone)
"""


def review_chunk(client_import: ClientImport) -> dict[str, Any] | None:
    """Count the next chunk; the fields to store, None when there is no more."""
    chunk = take_chunk(client_import)
    if not chunk.rows:
        return None
    with connection.cursor() as cursor:
        cursor.execute(COUNT.format(compared=compare(client_import.known_clients)))
        known, changed, leaving = cursor.fetchone()
        cursor.execute(NEW_OPT_OUTS)
        (new_opt_outs,) = cursor.fetchone()
    return {
        "last_phone": chunk.last_phone,
        "merged": F("merged") + chunk.rows,
        "new": F("new") + chunk.phones - known,
        "changed": F("changed") + changed,
        "unchanged": F("unchanged") + known - changed,
        "duplicates": F("duplicates") + chunk.duplicates,
        "opted_out": F("opted_out") + leaving + new_opt_outs,
        "examples": _more_examples(client_import, chunk),
    }


def _more_examples(client_import: ClientImport, chunk: Chunk) -> dict[str, list[Any]]:
    """Those there are, and of each kind that lacks some, the chunk's by line."""
    found: dict[str, list[Any]] = {
        kind: list(client_import.examples.get(kind, []))
        for kind in ("new", "changed", "duplicates")
    }
    with connection.cursor() as cursor:
        if lacking := EXAMPLES - len(found["new"]):
            cursor.execute(NEW_EXAMPLES, [lacking])
            found["new"] += [_new_example(row) for row in _named(cursor)]
        if lacking := EXAMPLES - len(found["changed"]):
            cursor.execute(
                CHANGED_EXAMPLES.format(compared=compare(client_import.known_clients)), [lacking]
            )
            found["changed"] += [_change_example(row) for row in _named(cursor)]
        if chunk.duplicates and (lacking := EXAMPLES - len(found["duplicates"])):
            cursor.execute(
                DUPLICATE_EXAMPLES.format(stage=table_of(client_import.pk)),
                [client_import.last_phone, chunk.last_phone, lacking],
            )
            found["duplicates"] += [list(row) for row in cursor.fetchall()]
    return found


def _named(cursor: Any) -> list[dict[str, Any]]:
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _new_example(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"attributes": _attributes(row["attributes"])}


def _change_example(row: dict[str, Any]) -> dict[str, Any]:
    """Line, phone, and ``differences``: [name, before, after] of what would change."""
    before, after = _attributes(row["attributes"]), _attributes(row["new_attributes"])
    differences = [
        [name, row[name], row[f"new_{name}"]]
        for name in SHOWN_FIELDS
        if row[name] != row[f"new_{name}"]
    ]
    differences += [
        [name, before.get(name), after[name]] for name in after if before.get(name) != after[name]
    ]
    if row["leaves"]:
        differences.append(["opted out", False, True])
    return {"line": row["line"], "phone": row["phone"], "differences": differences}


def _attributes(value: Any) -> dict[str, Any]:
    return json.loads(value) if isinstance(value, str) else value
