"""The suppression list: phones to which nothing is sent, client or not.

Every opted-out client's phone is on it, and every client whose phone is on it
is opted out. Who writes ``opted_out_at`` writes the list in the same
transaction; who adds clients, or gives one another phone, asks it first. Each
takes its lock before any other. Messages that wait are withdrawn by
delivery.withdrawal, which calls this.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from notifier.arrays import array_of
from notifier.clients.models import SuppressedPhone

Source = SuppressedPhone.Source

# Clients that are being added hold it together, who changes the list holds it
# alone: else each could be committed without having seen the other.
_LOCK = 7_015_431


def lock_for_adding_clients() -> None:
    """Until this transaction's end no phone comes onto the list, and none leaves it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_LOCK])


def lock_for_suppressing() -> None:
    """Wait for whoever is adding clients, and keep others from it until this transaction's end.

    For all who change the list, whatever else they do. Not after
    lock_for_adding_clients: two that wish for more would wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def suppressed_since(phone: str) -> datetime | None:
    """Since when nothing is sent to the phone; None: it may be reached.

    Within the transaction that adds a client, after its lock.
    """
    found = SuppressedPhone.objects.filter(phone=phone).values_list("suppressed_at", flat=True)
    return found.first()


def remember(phones: Iterable[str], *, since: datetime, source: str) -> list[str]:
    """Put phones on the list, those that are on it stay as they are; those that are new."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO suppressed_phone (phone, suppressed_at, source)"
            " SELECT DISTINCT phone, %s::timestamptz, %s FROM unnest(%s::text[]) AS phone"
            " ON CONFLICT (phone) DO NOTHING RETURNING phone",
            [since, source, array_of(phones)],
        )
        return [row[0] for row in cursor.fetchall()]


def forget(phone: str) -> None:
    """Take a phone off the list: only ever because a person says that they want messages."""
    SuppressedPhone.objects.filter(phone=phone).delete()


def clients_with(phones: Iterable[str]) -> list[int]:
    """The ids of the clients who have one of the phones."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM client WHERE phone = ANY(%s::text[])", [array_of(phones)])
        return [row[0] for row in cursor.fetchall()]


def suppress_known(client_ids: Sequence[int], *, since: datetime, source: str) -> list[int]:
    """Opt out those of the clients who are not yet, their phones with them; whom it opted out."""
    with connection.cursor() as cursor:
        cursor.execute(OPT_OUT, {"ids": array_of(client_ids), "since": since, "source": source})
        return [row[0] for row in cursor.fetchall()]


# Held in the order of their ids, as everyone holds several clients.
OPT_OUT = """
    WITH held AS (
        SELECT id FROM client
        WHERE id = ANY(%(ids)s::bigint[]) AND opted_out_at IS NULL
        ORDER BY id FOR NO KEY UPDATE
    ),
    left_us AS (
        UPDATE client SET opted_out_at = %(since)s, updated_at = %(since)s
        FROM held WHERE client.id = held.id
        RETURNING client.id, client.phone
    ),
    listed AS (
        INSERT INTO suppressed_phone (phone, suppressed_at, source)
        SELECT phone, %(since)s, %(source)s FROM left_us
        ON CONFLICT (phone) DO NOTHING
    )
    SELECT id FROM left_us
"""
