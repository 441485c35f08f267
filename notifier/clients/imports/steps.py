"""What a cluster does for an import: one turn at a time, under a lease.

At most one import is worked on at once, over all machines, so that however
many files arrive, sending keeps its processors; they take turns, so that a
small file does not wait for the end of a large one. Every transaction first
renews the lease under its own generation: a worker that was thought dead, or
whose import was cancelled, commits nothing more.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from notifier.clients.imports import lifecycle, merging, staging, undoing
from notifier.clients.imports.columns import Column
from notifier.clients.imports.limits import BadFile
from notifier.clients.imports.merging import Withdraw
from notifier.clients.imports.models import IN_WORK, ClientImport, ImportStatus
from notifier.clients.imports.receive import open_stored, read_stored_file
from notifier.clients.imports.review import review_chunk
from notifier.clients.imports.rows import clean_rows
from notifier.failpoints import reach

log = logging.getLogger(__name__)

BATCH_ROWS = 50_000
COPIED_AT_ONCE = 1 << 20
# After so long others that wait have their turn.
TURN_SECONDS = 2.0
_LOCK = 7_015_432


class Outcome(Enum):
    NOTHING_TO_DO = "another has it, or nobody needs it"
    TURN_OVER = "more is to be done"
    ENDED = "it waits for a person, or is over"


class _LostLease(Exception):
    """It was cancelled, or another worker has taken it over."""


def run_step(
    import_id: int,
    *,
    withdraw: Withdraw = lambda _ids, _reason: None,
    is_stopping: Callable[[], bool] = lambda: False,
    turn_seconds: float = TURN_SECONDS,
) -> Outcome:
    """Work on the import for a turn, or longer while no other waits.

    Safe to call at any time and from anywhere: without the lease it returns at once.
    """
    if (client_import := _take(import_id)) is None:
        return Outcome.NOTHING_TO_DO
    step = _Step(client_import, withdraw)
    turn_ends = time.monotonic() + turn_seconds
    try:
        for _ in step.pieces():
            if is_stopping() or (time.monotonic() >= turn_ends and _others_wait(import_id)):
                return Outcome.TURN_OVER
        return Outcome.ENDED
    except _LostLease:
        return Outcome.NOTHING_TO_DO
    except BadFile as problem:
        step.fail(str(problem))
        return Outcome.ENDED
    except DatabaseError:
        raise  # gone on with by the next sweep
    except Exception:
        log.exception("Import %s broke off", import_id)
        step.fail("It broke off by a fault of Notifier: its log says more. Nothing is half done.")
        return Outcome.ENDED
    finally:
        step.release()


def next_in_work(*, after: int | None = None) -> int | None:
    """The import that has waited longest for a turn, and that nobody has under a lease."""
    waiting = ClientImport.objects.filter(status__in=IN_WORK).exclude(lease_expires_at__gt=Now())
    ids = waiting.order_by(F("lease_expires_at").asc(nulls_first=True), "id")
    return ids.exclude(pk=after or 0).values_list("id", flat=True).first()


@dataclass
class _Step:
    client_import: ClientImport
    withdraw: Withdraw

    def pieces(self) -> Iterator[None]:
        """One piece of work, committed, for each value."""
        client_import = self.client_import
        if client_import.status == ImportStatus.UNDOING:
            yield from self._undo()
            return
        if client_import.staged is None or not self._is_staged():
            yield from self._read()
        if client_import.status == ImportStatus.CHECKING:
            yield from self._chunks(lambda: review_chunk(client_import))
            self._end(ImportStatus.CHECKED)
        else:
            merging.note_attribute_names(client_import)
            yield from self._chunks(
                lambda: merging.merge_chunk(client_import, withdraw=self.withdraw)
            )
            self._finish()

    def _is_staged(self) -> bool:
        return not self.client_import.staged or staging.holds_rows(self.client_import.pk)

    def _read(self) -> Iterator[None]:
        """The whole file into the stage; from its beginning, whatever was there."""
        client_import = self.client_import
        with self._renewed():
            lifecycle.forget_reading(client_import.pk)
            staging.create(client_import.pk)
            self._store(bytes_read=0, rows_read=0, rejected=0, staged=None)
        good = rejected = 0
        with _on_disk(client_import) as file:
            rows = clean_rows(
                read_stored_file(file, client_import),
                columns=[Column.from_json(each) for each in client_import.columns],
                default_operator=client_import.default_operator,
                default_tag=client_import.default_tag,
                default_timezone=client_import.default_timezone,
            )
            while True:
                with self._renewed():
                    stored = staging.store(client_import.pk, rows, most=BATCH_ROWS)
                    good, rejected = good + stored[0], rejected + stored[1]
                    self._store(
                        bytes_read=min(file.tell(), client_import.bytes_total),
                        rows_read=good + rejected,
                        rejected=rejected,
                    )
                if not sum(stored):
                    break
                reach("import_rows_staged")
        with self._renewed():
            staging.complete(client_import.pk)
            values: dict[str, Any] = {"staged": good, "bytes_read": client_import.bytes_total}
            if not client_import.waits_for_review:
                values["status"] = ImportStatus.IMPORTING
            self._store(**values)
        yield

    def _chunks(
        self, work: Callable[[], dict[str, Any] | None], *, left_as: str = "opted_out"
    ) -> Iterator[None]:
        """Chunk after chunk; ``left_as`` is why the clients leave whom a chunk names."""
        while True:
            with self._renewed():
                if (fields := work()) is None:
                    return
                left = fields.pop("left", None)
                self._store(**fields)
            reach("import_chunk_committed")
            if left:
                # Once more: recipients chosen meanwhile did not see it.
                self.withdraw(left, left_as)
            yield

    def _undo(self) -> Iterator[None]:
        client_import = self.client_import
        yield from self._chunks(lambda: undoing.restore_chunk(client_import))
        yield from self._chunks(
            lambda: undoing.remove_chunk(client_import, withdraw=self.withdraw),
            left_as="client_deleted",
        )
        self._end(ImportStatus.UNDONE, undone_at=Now())

    def _finish(self) -> None:
        """The file has done its service, and holds people's data: only what it did is kept."""
        client_import = self.client_import
        with self._renewed():
            staging.drop(client_import.pk)
            client_import.pieces.all()._raw_delete(client_import.pieces.db)
            self._store(status=ImportStatus.FINISHED, finished_at=Now())

    def _end(self, status: ImportStatus, **fields: Any) -> None:
        with self._renewed():
            self._store(status=status, **fields)

    def fail(self, problem: str) -> None:
        foreseen = lifecycle.unless_merging(self.client_import)
        with suppress(_LostLease):  # cancelled meanwhile
            self._end(ImportStatus.FAILED, problem=problem, finished_at=Now(), **foreseen)
            staging.drop(self.client_import.pk)

    @contextmanager
    def _renewed(self) -> Iterator[None]:
        """A transaction that commits only if the import is still this worker's."""
        with transaction.atomic():
            mine = ClientImport.objects.filter(
                pk=self.client_import.pk,
                generation=self.client_import.generation,
                status=self.client_import.status,
            )
            if not mine.update(lease_expires_at=_lease_end()):
                raise _LostLease
            yield

    def _store(self, **fields: Any) -> None:
        ClientImport.objects.filter(pk=self.client_import.pk).update(**fields)
        self.client_import.refresh_from_db()

    def release(self) -> None:
        """Let others have it at once; where the database is away its lease runs out."""
        try:
            ClientImport.objects.filter(
                pk=self.client_import.pk, generation=self.client_import.generation
            ).update(lease_expires_at=Now())
        except DatabaseError:
            log.warning("The lease on import %s runs out by itself", self.client_import.pk)


@transaction.atomic
def _take(import_id: int) -> ClientImport | None:
    """The lease, unless another worker has one on any import."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    if ClientImport.objects.filter(status__in=IN_WORK, lease_expires_at__gt=Now()).exists():
        return None
    taken = ClientImport.objects.filter(pk=import_id, status__in=IN_WORK).update(
        generation=F("generation") + 1, lease_expires_at=_lease_end()
    )
    return ClientImport.objects.get(pk=import_id) if taken else None


@contextmanager
def _on_disk(client_import: ClientImport) -> Iterator[BinaryIO]:
    """A copy of the file: while the stage is filled, the connection cannot fetch more of it."""
    with TemporaryFile() as file, open_stored(client_import) as stored:
        shutil.copyfileobj(stored, file, COPIED_AT_ONCE)
        file.seek(0)
        yield cast("BinaryIO", file)


def _others_wait(import_id: int) -> bool:
    return next_in_work(after=import_id) is not None


def _lease_end() -> Any:
    """A batch or chunk takes less than a second. One that outlasts the lease still commits."""
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)
