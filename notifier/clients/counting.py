"""Who matches conditions, while a person waits: exact, or a word that it takes too long."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import QuerySet
from psycopg2.errors import QueryCanceled

from notifier.clients.conditions import ask_for_messages, matching_clients
from notifier.clients.local_settings import set_locally
from notifier.clients.models import Client
from notifier.clients.planning import (
    CHANGES,
    CLIENTS,
    MESSAGES,
    mend_belief_in_few,
    whole_tables_joined,
)

EXAMPLES = 5


@dataclass(frozen=True)
class AudienceCount:
    """Clients who match, and how many of them have opted out and would be skipped."""

    matching: int
    opted_out: int

    @property
    def reachable(self) -> int:
        return self.matching - self.opted_out


class TooSlow(Exception):
    """The database was stopped looking; the text says what to do."""


def count_clients(conditions: Mapping[str, Any]) -> AudienceCount:
    """Exact counts for checked conditions. Raises TooSlow.

    Two queries: the first reads an index alone where there is one, the second
    looks at the few who have opted out (client_opted_out).
    """
    found = matching_clients(conditions).order_by()
    with stopped_in_time(), whole_tables_joined(where=ask_for_messages(conditions)):
        return AudienceCount(
            matching=found.count(), opted_out=found.filter(opted_out_at__isnull=False).count()
        )


def example_clients(conditions: Mapping[str, Any], *, most: int = EXAMPLES) -> list[Client]:
    """Some who match and would be reached. Raises TooSlow."""
    found = matching_clients(conditions).filter(opted_out_at=None).order_by()
    with stopped_in_time(), whole_tables_joined(where=ask_for_messages(conditions)):
        return list(found[:most])


def count_in_time(clients: QuerySet[Client], *, seconds: float | None = None) -> int:
    """All of them, for whoever is about to do something with each. Raises TooSlow."""
    with stopped_in_time(seconds):
        return clients.order_by().count()


@contextmanager
def stopped_in_time(seconds: float | None = None) -> Iterator[None]:
    """No statement within lasts longer, or than a person would wait. Raises TooSlow."""
    seconds = settings.FILTER_SECONDS if seconds is None else seconds
    try:
        with transaction.atomic():
            mend_belief_in_few(CLIENTS, CHANGES, MESSAGES)
            with set_locally("statement_timeout", f"{int(seconds * 1000)}ms"):
                yield
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        raise TooSlow(
            f"These conditions take longer than {seconds:g} s to look through all clients. "
            "Put a tag, operator, time zone or an attribute's exact value first, "
            "or ask for a shorter time."
        ) from error
