"""Imports of clients on the clusters: what people ask for, and the turns it takes.

The work itself is clients.imports; here it meets the queue, and the messages
that wait for clients who leave.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from notifier.clients.imports import lifecycle, staging, steps
from notifier.clients.imports.lifecycle import (
    ImportOptions,
    ImportProblems,
    WrongImportStatus,
)
from notifier.clients.imports.models import ClientImport, ImportPiece, ImportStatus
from notifier.clients.imports.steps import Outcome
from notifier.delivery.queue import enqueue
from notifier.delivery.stopping import is_stopping
from notifier.delivery.withdrawal import withdraw_clients

__all__ = ["ImportOptions", "ImportProblems", "WrongImportStatus"]

# Files that nobody goes on with, and what was left of broken imports.
KEEP_UPLOADS = timedelta(days=7)
LONGEST_TURN_SECONDS = 3_600
# So many new or changed rows make the planner's figures wrong.
MANY_ROWS = 10_000


@transaction.atomic
def check(client_import: ClientImport, options: ImportOptions) -> None:
    """Have the file read and its effect counted; raises ImportProblems, WrongImportStatus."""
    lifecycle.begin_check(client_import, options)
    _enqueue(client_import.pk)


@transaction.atomic
def start(client_import: ClientImport) -> None:
    """Have what was checked imported."""
    lifecycle.start(client_import)
    _enqueue(client_import.pk)


def cancel(client_import: ClientImport) -> None:
    lifecycle.cancel(client_import)


@transaction.atomic
def undo(client_import: ClientImport) -> None:
    lifecycle.begin_undo(client_import)
    _enqueue(client_import.pk)


def discard(client_import: ClientImport) -> None:
    lifecycle.discard(client_import)


def begin_again(client_import: ClientImport) -> ClientImport:
    return lifecycle.begin_again(client_import)


def work_on_import(import_id: int) -> None:
    """One turn; then whoever waits longest has the next."""
    outcome = steps.run_step(import_id, withdraw=_withdraw, is_stopping=is_stopping)
    if outcome is Outcome.NOTHING_TO_DO:
        return
    if outcome is Outcome.ENDED:
        _tidy_after(import_id)
    wake_imports()


def work_here(client_import: ClientImport) -> bool:
    """A turn in this process, for a command; False where another works on an import now."""
    outcome = steps.run_step(client_import.pk, withdraw=_withdraw)
    if outcome is Outcome.ENDED:
        _tidy_after(client_import.pk)
    client_import.refresh_from_db()
    return outcome is not Outcome.NOTHING_TO_DO


def wake_imports() -> None:
    """Queue the next turn, where an import waits for one."""
    if (import_id := steps.next_in_work()) is not None:
        _enqueue(import_id)


def forget_old_uploads() -> None:
    """Files that were uploaded and left lying hold people's data."""
    long_ago = timezone.now() - KEEP_UPLOADS
    left = ClientImport.objects.filter(created_at__lt=long_ago)
    for client_import in left.filter(status__in=[ImportStatus.UPLOADED, ImportStatus.CHECKED]):
        lifecycle.discard(client_import)
    ended = left.filter(Q(status=ImportStatus.CANCELLED) | Q(status=ImportStatus.FAILED))
    for client_import in ended.filter(pieces__isnull=False).distinct():
        staging.drop(client_import.pk)
        ImportPiece.objects.filter(client_import=client_import).delete()


def _enqueue(import_id: int) -> None:
    # A file is read in one turn, which may take minutes on a slow machine.
    enqueue("work_on_import", import_id, timeout_seconds=LONGEST_TURN_SECONDS)


def _withdraw(client_ids: Sequence[int], reason: str) -> None:
    withdraw_clients(client_ids, reason=reason)


def _tidy_after(import_id: int) -> None:
    """After many changes: else counts read more than indexes, and the planner takes the table
    for as small as before, for minutes.
    """
    if connection.in_atomic_block:  # as tests are
        return
    ended = ClientImport.objects.filter(
        pk=import_id, status__in=[ImportStatus.FINISHED, ImportStatus.UNDONE]
    )
    for client_import in ended:
        if client_import.new + client_import.changed >= MANY_ROWS:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM (ANALYZE) client")
