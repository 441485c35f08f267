"""Taking an import back: clients it changed are as before, clients it added are gone.

But for those that somebody has edited since, or that have messages: they
stay as they are, and are listed. An opt-out that came with the file stays too.
"""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Exists, F, Max, Min, OuterRef, Q, QuerySet

from notifier.arrays import array_of
from notifier.clients.imports.merging import Withdraw
from notifier.clients.imports.models import ClientImport, ImportChange
from notifier.clients.local_settings import set_locally
from notifier.clients.models import Client
from notifier.clients.planning import CLIENTS, MESSAGES, mend_belief_in_few
from notifier.clients.saving import remove_clients

CHUNK_CLIENTS = 10_000
IS_UNTOUCHED = Q(updated_at=F("created_at"))

# The client's row is held while it is looked at, in the order of the ids.
HOLD = """
    SELECT client.id, client.updated_at = change.changed_at
    FROM import_change AS change JOIN client ON client.id = change.client_id
    WHERE change.client_import_id = %s AND NOT change.is_kept
    ORDER BY change.client_id LIMIT %s
    FOR NO KEY UPDATE OF client
"""

RESTORE = """
    UPDATE client SET operator = change.operator, tag = change.tag, timezone = change.timezone,
        attributes = change.attributes, updated_at = change.updated_at
    FROM import_change AS change
    WHERE change.client_import_id = %s AND change.client_id = ANY(%s::bigint[])
      AND client.id = change.client_id
"""


@dataclass(frozen=True)
class UndoProspect:
    """What undoing would do: numbers of clients."""

    removed: int
    restored: int
    edited: int
    messaged: int
    opted_out: int

    @property
    def has_effect(self) -> bool:
        return self.removed + self.restored > 0


def prospect_of(client_import: ClientImport) -> UndoProspect:
    new = Client.objects.filter(created_by_import=client_import)
    untouched = new.filter(IS_UNTOUCHED)
    removed = untouched.filter(~_has_messages()).count()
    changes = _changes_with_client(client_import)
    restored = changes.filter(client_updated_at=F("changed_at")).count()
    return UndoProspect(
        removed=removed,
        restored=restored,
        edited=new.exclude(IS_UNTOUCHED).count() + changes.count() - restored,
        messaged=untouched.filter(_has_messages()).count(),
        opted_out=client_import.opted_out,
    )


def restore_chunk(client_import: ClientImport) -> dict[str, Any] | None:
    """Give changed clients their former values; the fields to store, None when all have."""
    # Just after an import the planner may still take both tables for empty, and would
    # read the whole of one for each row of the other.
    with set_locally("enable_seqscan", "off"), connection.cursor() as cursor:
        cursor.execute(HOLD, [client_import.pk, CHUNK_CLIENTS])
        held: dict[int, bool] = dict(cursor.fetchall())
        untouched = [client_id for client_id, is_untouched in held.items() if is_untouched]
        cursor.execute(RESTORE, [client_import.pk, array_of(untouched)])
        changes = ImportChange.objects.filter(client_import=client_import)
        changes.filter(client_id__in=untouched)._raw_delete(changes.db)
        kept = changes.filter(client_id__in=held.keys() - untouched).update(is_kept=True)
    if not held:
        return None
    return {"restored": F("restored") + len(untouched), "kept": F("kept") + kept}


def remove_chunk(client_import: ClientImport, *, withdraw: Withdraw) -> dict[str, Any] | None:
    """Take new clients out again; the fields to store, None when all were looked at."""
    if client_import.undo_until is None:
        return _span(client_import)
    ids = list(
        Client.objects.filter(
            created_by_import=client_import,
            id__gt=client_import.undo_position,
            id__lte=client_import.undo_until,
        )
        .order_by("id")
        .select_for_update()
        .values_list("id", flat=True)[:CHUNK_CLIENTS]
    )
    if not ids:
        return None
    mend_belief_in_few(CLIENTS, MESSAGES)
    removable = list(
        Client.objects.filter(
            IS_UNTOUCHED, ~_has_messages(), created_by_import=client_import,
            id__range=(ids[0], ids[-1]),
        ).values_list("id", flat=True)
    )  # fmt: skip
    remove_clients(removable)
    if removable:
        withdraw(removable, "client_deleted")
    return {
        "undo_position": ids[-1],
        "removed": F("removed") + len(removable),
        "kept": F("kept") + len(ids) - len(removable),
        "left": removable,
    }


def edited_since(client_import: ClientImport) -> QuerySet[Client]:
    """Clients whom it changed and undoing left as they are."""
    kept = ImportChange.objects.filter(client_import=client_import, is_kept=True)
    return Client.objects.filter(id__in=kept.values("client_id"))


def new_and_kept(client_import: ClientImport, *, most: int) -> list[tuple[Client, bool]]:
    """Clients whom it added and undoing left, and whether they have messages."""
    kept = Client.objects.filter(created_by_import=client_import)
    annotated = kept.annotate(is_messaged=_has_messages()).order_by("id")[:most]
    return [(each, each.is_messaged) for each in annotated]


def _span(client_import: ClientImport) -> dict[str, Any] | None:
    """Between which ids its clients lie, so that chunks read only that of the primary key."""
    span = Client.objects.filter(created_by_import=client_import).aggregate(
        first=Min("id"), last=Max("id")
    )
    if span["last"] is None:
        return None
    return {"undo_position": span["first"] - 1, "undo_until": span["last"]}


def _has_messages() -> Exists:
    # By its name: this domain does not know that of messages.
    messages = apps.get_model("notifier", "Message")
    return Exists(messages._default_manager.filter(client_id=OuterRef("pk")))


def _changes_with_client(client_import: ClientImport) -> QuerySet[Any]:
    """Its changes whose client still exists, with ``client_updated_at``."""
    client = Client.objects.filter(pk=OuterRef("client_id"))
    return (
        ImportChange.objects.filter(client_import=client_import, is_kept=False)
        .annotate(client_updated_at=client.values("updated_at")[:1])
        .exclude(client_updated_at=None)
    )
