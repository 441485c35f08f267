"""Writing results in bulk, through short failures of the database."""

import logging
import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from notifier.delivery.breaker import note_calls
from notifier.delivery.ledger import Result, record_results
from notifier.delivery.outcome import SOUND, calls_of
from notifier.failpoints import reach

log = logging.getLogger(__name__)

# Results are written when so many wait, or when the oldest has waited so long.
FLUSH_RESULTS = 500
FLUSH_SECONDS = 0.25
LARGEST_WRITE = 2_000


class Recorder:
    """Results that wait to be written. None is dropped before its transaction is committed."""

    def __init__(self) -> None:
        self._waiting: list[Result] = []
        self._oldest_at = 0.0
        self._troubles = 0
        self.wrote_troubles = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, results: list[Result]) -> None:
        if results and not self._waiting:
            self._oldest_at = time.monotonic()
        self._waiting.extend(results)
        self._troubles += sum(result.outcome not in SOUND for result in results)

    def write_if_due(self, *, at_once: bool = False) -> None:
        """Write when it is worth a transaction, and troubles as soon as a breaker may open."""
        if (
            at_once
            or len(self._waiting) >= FLUSH_RESULTS
            or self._troubles >= settings.BREAKER_FEWEST_CALLS
            or (self._waiting and time.monotonic() - self._oldest_at >= FLUSH_SECONDS)
        ):
            self.write()

    def write(self) -> None:
        """Write everything. Raises what the database raises; what is unwritten stays."""
        while self._waiting:
            portion = self._waiting[:LARGEST_WRITE]
            with transaction.atomic():
                record_results(portion)
                for calls in calls_of(portion):
                    note_calls(calls)
                reach("before_results_commit")
            reach("results_committed")
            del self._waiting[: len(portion)]
        self._oldest_at = time.monotonic()
        self.wrote_troubles |= self._troubles > 0
        self._troubles = 0


def is_database_away(error: BaseException) -> bool:
    """Whether the database was out of reach, rather than unhappy with what was asked of it.

    psycopg2 says no more than DatabaseError where the server dies in the middle
    of a statement.
    """
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError


def forget_connection(error: Exception) -> None:
    """After the database failed: the next statement opens a new connection."""
    log.warning("The database is not available, trying again: %s", str(error).strip())
    try:
        connection.close()
    except (DatabaseError, InterfaceError):
        connection.connection = None
