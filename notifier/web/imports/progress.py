"""How far an import is, while a cluster works on it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from notifier.clients.imports.models import ClientImport, ImportStatus

# Of the work of a check, and of an import that reads its file itself.
READING_SHARE = 0.6
# Before that, a rate is chance.
SECONDS_BEFORE_A_RATE = 2


@dataclass(frozen=True)
class ImportProgress:
    """``share`` of the work that is done; None for what cannot be told yet."""

    doing: str
    share: float
    rows_per_second: int | None
    seconds_left: float | None

    @property
    def percent(self) -> int:
        """100 only when it is over."""
        return min(int(self.share * 100), 99)


def progress_of(client_import: ClientImport, *, now: datetime | None = None) -> ImportProgress:
    seconds = ((now or timezone.now()) - (client_import.started_at or timezone.now())).seconds
    share = _share(client_import)
    is_steady = seconds >= SECONDS_BEFORE_A_RATE and 0 < share < 1
    # When undoing began is not kept.
    is_steady &= client_import.status != ImportStatus.UNDOING
    rows = client_import.rows_read if client_import.staged is None else client_import.merged
    return ImportProgress(
        doing=_doing(client_import),
        share=share,
        rows_per_second=rows // seconds if is_steady else None,
        seconds_left=seconds * (1 - share) / share if is_steady else None,
    )


def _doing(client_import: ClientImport) -> str:
    if client_import.lease_expires_at is None:
        return "Waiting for its turn"
    if client_import.status == ImportStatus.UNDOING:
        return "Undoing"
    if client_import.staged is None:
        return "Reading the file"
    if client_import.status == ImportStatus.CHECKING:
        return "Comparing with the clients you have"
    return "Importing"


def _share(client_import: ClientImport) -> float:
    if client_import.status == ImportStatus.UNDOING:
        done = client_import.restored + client_import.removed + client_import.kept
        return _part(done, client_import.new + client_import.changed)
    merged = _part(client_import.merged, client_import.staged or 0)
    if client_import.status == ImportStatus.IMPORTING and client_import.staged is not None:
        return merged
    read = _part(client_import.bytes_read, client_import.bytes_total)
    return read * READING_SHARE + merged * (1 - READING_SHARE)


def _part(done: int, whole: int) -> float:
    return min(done / whole, 1.0) if whole else 0.0
