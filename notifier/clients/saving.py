"""One client, added or changed by a form or the API alike."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from notifier.arrays import array_of
from notifier.clients import suppression
from notifier.clients.attribute_names import note_names
from notifier.clients.cleaning import CleanClient
from notifier.clients.models import Client
from notifier.clients.suppression import Source

FIELDS = tuple(CleanClient.__dataclass_fields__)


class PhoneTaken(ValueError):
    """Another client has the phone."""

    def __init__(self, phone: str, owner_id: int) -> None:
        super().__init__(f'Phone number "{phone}" belongs to client {owner_id} already.')


def add_client(clean: CleanClient, *, opted_out: bool = False, source: str = Source.HAND) -> Client:
    """A new client, opted out if it is said or the phone is suppressed. Raises PhoneTaken.

    ``opted_out`` False says nothing: whoever opted out once stays so.
    """
    with _taken_phone_refused(clean.phone):
        if opted_out:
            suppression.lock_for_suppressing()
            suppression.remember([clean.phone], since=timezone.now(), source=source)
        else:
            suppression.lock_for_adding_clients()
        note_names(clean.attributes)
        return Client.objects.create(
            **{name: getattr(clean, name) for name in FIELDS},
            opted_out_at=suppression.suppressed_since(clean.phone),
        )


def store_changes(client: Client, clean: CleanClient, *, source: str = Source.HAND) -> bool:
    """Store what differs; whether that opted the client out, as its new phone is suppressed.

    Called by delivery.withdrawal.change_client, which withdraws messages then.
    Raises PhoneTaken; Client.DoesNotExist where it was deleted meanwhile.
    """
    # Only what differs: two changes at once of different fields both last.
    changes = {
        name: getattr(clean, name)
        for name in FIELDS
        if getattr(client, name) != getattr(clean, name)
    }
    if not changes:
        return False
    leaves = False
    with _taken_phone_refused(clean.phone):
        if "phone" in changes:
            suppression.lock_for_suppressing()
        Client.objects.select_for_update(no_key=True).only("pk").get(pk=client.pk)
        note_names(changes.get("attributes", {}))
        if "phone" in changes:
            leaves = _move_to_phone(client, clean.phone, source=source)
        for name, value in changes.items():
            setattr(client, name, value)
        left = ["opted_out_at"] if leaves else []
        client.save(update_fields=[*changes, *left, "updated_at"])
    return leaves


def remove_clients(client_ids: Collection[int]) -> int:
    """Their messages and their places on the suppression list stay; how many there were.

    Called by delivery.withdrawal.delete_clients, which withdraws messages then.
    """
    with connection.cursor() as cursor:
        cursor.execute(REMOVE, [array_of(client_ids)])
        return cursor.rowcount


# Held in the order of their ids, as everyone holds several clients.
REMOVE = """
    DELETE FROM client WHERE id IN (
        SELECT id FROM client WHERE id = ANY(%s::bigint[]) ORDER BY id FOR UPDATE
    )
"""


def _move_to_phone(client: Client, phone: str, *, source: str) -> bool:
    """Who has opted out stays so with another phone; so does a phone with another client."""
    now_stored = Client.objects.select_for_update().filter(pk=client.pk)
    opted_out_at = now_stored.values_list("opted_out_at", flat=True).first()
    if opted_out_at is not None:
        suppression.remember([phone], since=opted_out_at, source=source)
        return False
    client.opted_out_at = suppression.suppressed_since(phone)
    return client.opted_out_at is not None


@contextmanager
def _taken_phone_refused(phone: str) -> Iterator[None]:
    """A transaction whose refused phone is told with its owner."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        owner = Client.objects.filter(phone=phone).values_list("id", flat=True).first()
        if owner is None:
            raise
        raise PhoneTaken(phone, owner) from error
