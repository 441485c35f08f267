"""The statuses of an import, and the one place that changes them.

    uploaded → checking → checked → importing → finished → undoing → undone
                   │          └ back to checking, with other options
                   └ importing at once, where nobody waits for a review
    checking | importing → cancelled | failed → undoing, where anything was imported

Each change is a statement that looks at the status itself, so of two people
who click at once one wins, and a worker whose import was cancelled commits
nothing more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models.functions import Now

from notifier.clients.cleaning import check_tag
from notifier.clients.imports import staging
from notifier.clients.imports.columns import Column, ColumnProblems, check_columns
from notifier.clients.imports.models import (
    UNDOABLE,
    ClientImport,
    ImportPiece,
    ImportRejection,
    ImportStatus,
    KnownClients,
)
from notifier.clients.operators import check_operator
from notifier.clients.timezones import check_timezone


class WrongImportStatus(Exception):
    """The import's status no longer allows it; the text says so to a person."""


class ImportProblems(ValueError):
    """``problems`` maps each wrong option to a sentence; columns as ``columns[2]``."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True)
class ImportOptions:
    """What a person says of a file; texts as typed, checked by check_options."""

    columns: Sequence[Column]
    known_clients: str = KnownClients.KEEP
    default_operator: object = None
    default_tag: object = ""
    default_timezone: object = ""
    waits_for_review: bool = field(default=True, kw_only=True)


def check_options(options: ImportOptions) -> dict[str, object]:
    """The options as fields of a ClientImport, checked. Raises ImportProblems."""
    problems: dict[str, str] = {}
    fields: dict[str, object] = {
        "columns": [column.to_json() for column in options.columns],
        "known_clients": options.known_clients,
        "waits_for_review": options.waits_for_review,
        "default_operator": None,
        "default_timezone": "",
    }
    try:
        check_columns(options.columns)
    except ColumnProblems as error:
        problems |= {
            "columns" if index is None else f"columns[{index}]": words
            for index, words in error.problems.items()
        }
    if options.known_clients not in KnownClients.values:
        choices = ", ".join(KnownClients.values)
        problems["known_clients"] = f'"{options.known_clients}" is none of: {choices}.'
    for name, check in (
        ("default_operator", check_operator),
        ("default_tag", check_tag),
        ("default_timezone", check_timezone),
    ):
        value = getattr(options, name)
        if name != "default_tag" and (value is None or not str(value).strip()):
            continue
        try:
            fields[name] = check(value)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise ImportProblems(problems)
    return fields


@transaction.atomic
def begin_check(client_import: ClientImport, options: ImportOptions) -> None:
    """Read the file and count what it would do; raises ImportProblems, WrongImportStatus."""
    fields = check_options(options)
    _change(
        client_import,
        (ImportStatus.UPLOADED, ImportStatus.CHECKED),
        ImportStatus.CHECKING,
        "Its file has been taken up already: look at how far it is.",
        **fields,
        **nothing_read(),
        started_at=Now(),
    )
    forget_reading(client_import.pk)


def nothing_read() -> dict[str, object]:
    """The fields of an import whose file has yet to be read."""
    counts = ("bytes_read", "rows_read", "merged", "new", "changed", "unchanged", "duplicates")
    return {
        **dict.fromkeys((*counts, "rejected", "opted_out"), 0),
        "staged": None, "last_phone": "", "examples": {}, "problem": "",
    }  # fmt: skip


def forget_reading(import_id: int) -> None:
    staging.drop(import_id)
    ImportRejection.objects.filter(client_import=import_id).delete()


def start(client_import: ClientImport) -> None:
    """Import what was checked."""
    _change(
        client_import,
        (ImportStatus.CHECKED,),
        ImportStatus.IMPORTING,
        "Only a file that has been checked can be imported.",
        **nothing_merged(),
        started_at=Now(),
    )


def nothing_merged() -> dict[str, object]:
    """The fields of an import that has been read: what was foreseen gives way to what comes."""
    counts = ("merged", "new", "changed", "unchanged", "duplicates", "opted_out")
    return {**dict.fromkeys(counts, 0), "last_phone": ""}


@transaction.atomic
def cancel(client_import: ClientImport) -> None:
    """Stop it: clients imported so far stay, and can be taken back."""
    _hold(client_import)
    _change(
        client_import,
        (ImportStatus.CHECKING, ImportStatus.IMPORTING),
        ImportStatus.CANCELLED,
        "It is not under way any more.",
        finished_at=Now(),
        **unless_merging(client_import),
    )
    staging.drop(client_import.pk)


def unless_merging(client_import: ClientImport) -> dict[str, object]:
    """What a dry run foresaw is nothing that was done."""
    return nothing_merged() if client_import.status == ImportStatus.CHECKING else {}


def begin_undo(client_import: ClientImport) -> None:
    """Take back what it did, but for what was edited or messaged since."""
    if client_import.status in UNDOABLE and not has_done_anything(client_import):
        raise WrongImportStatus("Nothing was imported, so there is nothing to undo.")
    _change(
        client_import,
        UNDOABLE,
        ImportStatus.UNDOING,
        "Only an import that has ended can be undone, and once.",
        undo_position=0,
        undo_until=None,
    )


def has_done_anything(client_import: ClientImport) -> bool:
    return client_import.merged > 0 and client_import.new + client_import.changed > 0


@transaction.atomic
def discard(client_import: ClientImport) -> None:
    """Forget a file of which nothing was imported."""
    if not _hold(client_import):
        return
    ended = client_import.status in (ImportStatus.CANCELLED, ImportStatus.FAILED)
    waits = client_import.status in (ImportStatus.UPLOADED, ImportStatus.CHECKED)
    if client_import.is_in_work:
        raise WrongImportStatus("It is under way: cancel it first.")
    if not (waits or (ended and not has_done_anything(client_import))):
        raise WrongImportStatus("It has changed clients, so it is kept: undo it instead.")
    staging.drop(client_import.pk)
    client_import.delete()


@transaction.atomic
def begin_again(client_import: ClientImport) -> ClientImport:
    """The same file as a new import; raises WrongImportStatus where it is no longer kept."""
    if not client_import.pieces.exists():
        raise WrongImportStatus("The file is not kept any more: choose it again.")
    again = ClientImport.objects.create(
        **{
            name: getattr(client_import, name)
            for name in (
                "file_name", "file_size", "file_kind", "created_by", "encoding", "delimiter",
                "has_header", "columns", "known_clients", "default_operator", "default_tag",
                "default_timezone", "bytes_total", "sheet", "sheets",
            )
        }
    )  # fmt: skip
    for number in client_import.pieces.order_by("number").values_list("number", flat=True):
        piece = client_import.pieces.get(number=number)
        ImportPiece.objects.create(client_import=again, number=number, data=piece.data)
    return again


def _hold(client_import: ClientImport) -> bool:
    """As it is now, and stays until this transaction's end; False where it is gone."""
    is_there = bool(ClientImport.objects.select_for_update().filter(pk=client_import.pk))
    if is_there:
        client_import.refresh_from_db()
    return is_there


def _change(
    client_import: ClientImport,
    before: Sequence[str],
    after: str,
    refusal: str,
    **fields: object,
) -> None:
    """Compare and set. The lease goes with it: a step for the former status commits nothing."""
    won = ClientImport.objects.filter(pk=client_import.pk, status__in=before).update(
        status=after, lease_expires_at=None, **fields
    )
    if not won:
        raise WrongImportStatus(refusal)
    client_import.refresh_from_db()
