"""The suppression list: phones to which nothing is sent, client or not.

Every opted-out client's phone is on it, and every client whose phone is on it
is opted out. Who writes ``opted_out_at`` writes the list in the same
transaction; who adds clients asks it first. Messages that wait are withdrawn
by delivery.withdrawal, which calls this.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from notifier.clients.models import SuppressedPhone

Source = SuppressedPhone.Source

# Clients that are being added hold it together, a new phone on the list holds it
# alone: else each could be committed without having seen the other.
_LOCK = 7_015_431


def lock_for_adding_clients() -> None:
    """Until this transaction's end no phone comes onto the list without having a client."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_LOCK])


def lock_for_suppressing() -> None:
    """Wait for whoever is adding clients, and keep others from it until this transaction's end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def suppressed_since(phone: str) -> datetime | None:
    """Since when nothing is sent to the phone; None: it may be reached.

    Within the transaction that adds a client, after lock_for_adding_clients.
    """
    found = SuppressedPhone.objects.filter(phone=phone).values_list("suppressed_at", flat=True)
    return found.first()


def remember(phones: Iterable[str], *, since: datetime, source: str) -> int:
    """Put phones on the list, those that are on it stay as they are; how many are new."""
    wanted = [SuppressedPhone(phone=p, suppressed_at=since, source=source) for p in phones]
    before = SuppressedPhone.objects.filter(phone__in=[each.phone for each in wanted]).count()
    SuppressedPhone.objects.bulk_create(wanted, ignore_conflicts=True, batch_size=10_000)
    return len(wanted) - before


def forget(phone: str) -> None:
    """Take a phone off the list: only ever because a person says that they want messages."""
    SuppressedPhone.objects.filter(phone=phone).delete()
