"""Staged rows become clients, chunk by chunk, each a transaction of its own.

What a known client was is kept beside it first (ImportChange), so that every
chunk can be taken back.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.db.models import F

from notifier.clients.attribute_names import note_names
from notifier.clients.imports.chunk import CHUNK_ROWS, compare, take_chunk
from notifier.clients.imports.columns import Column
from notifier.clients.imports.models import ClientImport, KnownClients
from notifier.clients.suppression import Source, lock_for_adding_clients, lock_for_suppressing

# Withdraws what waits for clients who leave: client ids, reason. Delivery's to do.
Withdraw = Callable[[Sequence[int], str], object]

# In the order of their ids, as everyone locks several clients.
LOCK_KNOWN = """
    SELECT count(*) FROM (
        SELECT client.id FROM client JOIN import_chunk USING (phone)
        ORDER BY client.id FOR NO KEY UPDATE OF client
    ) AS locked
"""

KEEP_WHAT_WAS = """
    INSERT INTO import_change (client_import_id, client_id, operator, tag, timezone, attributes,
                               updated_at, changed_at, is_kept)
    SELECT %s, id, operator, tag, timezone, attributes, updated_at, now(), false
    FROM ({compared}) AS compared WHERE differs
"""

CHANGE_KNOWN = """
    UPDATE client
    SET operator = new_operator, tag = new_tag, timezone = new_timezone,
        attributes = new_attributes, updated_at = now()
    FROM ({compared}) AS compared
    WHERE client.id = compared.id AND differs
"""

OPT_OUT_KNOWN = """
    UPDATE client SET opted_out_at = now(), updated_at = now()
    FROM import_chunk AS incoming
    WHERE client.phone = incoming.phone AND incoming.opted_out AND client.opted_out_at IS NULL
    RETURNING client.id,
        EXISTS (SELECT FROM import_change AS change WHERE change.client_import_id = %s
                AND change.client_id = client.id)
"""

SUPPRESS = """
    INSERT INTO suppressed_phone (phone, suppressed_at, source)
    SELECT phone, now(), %s FROM import_chunk WHERE opted_out
    ON CONFLICT (phone) DO NOTHING
"""

# Whoever opted out before, as a client who was deleted since, comes as opted out.
# Whoever adds several is alone with it, so that the order is free.
ADD_NEW = """
    INSERT INTO client (phone, operator, tag, timezone, attributes, opted_out_at,
                        created_at, updated_at, created_by_import_id)
    SELECT incoming.phone, operator, tag, timezone, attributes, suppressed_at,
           now(), now(), %s
    FROM import_chunk AS incoming LEFT JOIN suppressed_phone USING (phone)
    ORDER BY {order}
    ON CONFLICT (phone) DO NOTHING
"""


def note_attribute_names(client_import: ClientImport) -> None:
    columns = map(Column.from_json, client_import.columns)
    note_names(column.attribute for column in columns if column.holds == "attribute")


def merge_chunk(client_import: ClientImport, *, withdraw: Withdraw) -> dict[str, Any] | None:
    """Import the next chunk; the fields to store with it, None when there is no more.

    Belongs into a transaction. ``left`` among the fields are the ids of known
    clients whom the file opted out: withdraw for them again after the commit.
    """
    _lock(client_import)
    chunk = take_chunk(client_import)
    if not chunk.rows:
        return None
    with connection.cursor() as cursor:
        changed = _change_known(cursor, client_import)
        cursor.execute(SUPPRESS, [Source.IMPORT])
        opted_out, left = cursor.rowcount, []
        cursor.execute(OPT_OUT_KNOWN, [client_import.pk])
        for client_id, is_changed_too in cursor.fetchall():
            left.append(client_id)
            changed += not is_changed_too
        cursor.execute(ADD_NEW.format(order=_order(client_import)), [client_import.pk])
        new = cursor.rowcount
    if left:
        withdraw(left, "opted_out")
    return {
        "last_phone": chunk.last_phone,
        "merged": F("merged") + chunk.rows,
        "new": F("new") + new,
        "changed": F("changed") + changed,
        "unchanged": F("unchanged") + chunk.phones - new - changed,
        "duplicates": F("duplicates") + chunk.duplicates,
        "opted_out": F("opted_out") + opted_out,
        "left": left,
    }


def _order(client_import: ClientImport) -> str:
    """As the lines stand in the file, where one chunk holds all of them, so that lists do too.

    Else as the index of reversed phones has them: in that of phones a chunk's
    lie side by side in any order. It spares a tenth of the time.
    """
    is_whole = (client_import.staged or 0) <= CHUNK_ROWS
    return "incoming.line" if is_whole else "reverse(incoming.phone)"


def _lock(client_import: ClientImport) -> None:
    """Nobody else changes the suppression list meanwhile.

    Nor adds clients, where this may change the list, or known clients: one who
    is added at this moment would be neither known nor new.
    """
    if client_import.reads_opt_outs or client_import.known_clients != KnownClients.KEEP:
        lock_for_suppressing()
    else:
        lock_for_adding_clients()


def _change_known(cursor: Any, client_import: ClientImport) -> int:
    cursor.execute("SELECT EXISTS (SELECT FROM import_chunk WHERE opted_out)")
    if client_import.known_clients == KnownClients.KEEP and not cursor.fetchone()[0]:
        return 0
    cursor.execute(LOCK_KNOWN)
    if client_import.known_clients == KnownClients.KEEP:
        return 0
    known = compare(client_import.known_clients)
    cursor.execute(KEEP_WHAT_WAS.format(compared=known), [client_import.pk])
    if cursor.rowcount:
        cursor.execute(CHANGE_KNOWN.format(compared=known))
    return cursor.rowcount
