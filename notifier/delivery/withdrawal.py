"""Clients who are not to be reached any more: what waits for them is withdrawn with it.

Once a function returns, nothing more is sent to those clients but what a sender
holds, once. That takes two steps: what waits is closed in the transaction that
changes the clients, and once this is committed, whoever may not have seen it is
waited for, and what they left waiting is closed too. So none of them keeps its
promise within a transaction of the caller's. A second call does what a broken
one left.

Many clients go in chunks, each a transaction, so that nobody waits long.
"""

from collections.abc import Callable, Iterator, Sequence

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from notifier.clients import saving, suppression
from notifier.clients.cleaning import CleanClient
from notifier.clients.models import Client
from notifier.clients.suppression import Source
from notifier.delivery.ledger import (
    await_chunks,
    await_results,
    close_waiting_of_clients,
    is_anything_waiting,
)

# Some tenths of a second: so long a client that is being added waits.
CHUNK = 5_000


def _tell_nobody(_number: int) -> None:
    """Nobody counts along."""


def opt_out_clients(
    clients: QuerySet[Client],
    *,
    source: str = Source.HAND,
    count: Callable[[int], object] = _tell_nobody,
) -> int:
    """Send them nothing more; how many of them were still sent to until now.

    ``count`` is told so of each chunk, in the transaction that changes it.
    """
    opted_out = 0
    for ids in _chunks_of_ids(clients):
        with transaction.atomic():
            suppression.lock_for_suppressing()
            left = suppression.suppress_known(ids, since=timezone.now(), source=source)
            close_waiting_of_clients(ids, reason="opted_out")
            count(len(left))
        opted_out += len(left)
        _withdraw_the_rest(ids, reason="opted_out")
    return opted_out


def delete_clients(
    clients: QuerySet[Client], *, count: Callable[[int], object] = _tell_nobody
) -> int:
    """Remove them; how many. Their messages stay, and on the suppression list their phones.

    ``count`` is told so of each chunk, in the transaction that removes it.
    """
    deleted = 0
    for ids in _chunks_of_ids(clients):
        with transaction.atomic():
            removed = saving.remove_clients(ids)
            close_waiting_of_clients(ids, reason="client_deleted")
            count(removed)
        deleted += removed
        _withdraw_the_rest(ids, reason="client_deleted")
    return deleted


def suppress_phones(phones: Sequence[str], *, source: str = Source.HAND) -> int:
    """Send them nothing more, whether they have clients or not; how many are new on the list."""
    return len(newly_suppressed(phones, source=source))


def newly_suppressed(phones: Sequence[str], *, source: str = Source.HAND) -> list[str]:
    """As suppress_phones: those of the normalised phones that were not on the list before."""
    new: list[str] = []
    for first in range(0, len(phones), CHUNK):
        chunk = phones[first : first + CHUNK]
        with transaction.atomic():
            suppression.lock_for_suppressing()
            now = timezone.now()
            new += suppression.remember(chunk, since=now, source=source)
            ids = suppression.clients_with(chunk)
            suppression.suppress_known(ids, since=now, source=source)
            close_waiting_of_clients(ids, reason="opted_out")
        _withdraw_the_rest(ids, reason="opted_out")
    return new


def release_phone(phone: str) -> None:
    """Take it off the suppression list; its client is reached again, from the next mailing on."""
    with transaction.atomic():
        suppression.lock_for_suppressing()
        suppression.forget(phone)
        Client.objects.filter(phone=phone).exclude(opted_out_at=None).update(
            opted_out_at=None, updated_at=timezone.now()
        )


def withdraw_clients(client_ids: Sequence[int], *, reason: str) -> None:
    """The same for clients whom the caller has opted out or deleted already.

    Within a transaction it closes what waits and no more: call it again once
    that is committed.
    """
    if connection.in_atomic_block:
        close_waiting_of_clients(client_ids, reason=reason)
        return
    for first in range(0, len(client_ids), CHUNK):
        _withdraw_the_rest(client_ids[first : first + CHUNK], reason=reason)


def change_client(client: Client, clean: CleanClient, *, source: str = Source.HAND) -> None:
    """Store what differs; a phone that is suppressed opts the client out. Raises PhoneTaken."""
    with transaction.atomic():
        leaves = saving.store_changes(client, clean, source=source)
        if leaves:
            close_waiting_of_clients([client.pk], reason="opted_out")
    if leaves:
        _withdraw_the_rest([client.pk], reason="opted_out")


def opt_out_client(client: Client, *, source: str = Source.HAND) -> None:
    opt_out_clients(_alone(client), source=source)
    _see_anew(client)


def opt_in_client(client: Client) -> None:
    """Reach the client again, from the next mailing on."""
    release_phone(client.phone)
    _see_anew(client)


def delete_client(client: Client) -> None:
    delete_clients(_alone(client))


def _chunks_of_ids(clients: QuerySet[Client]) -> Iterator[list[int]]:
    """By their ids, so that those who match no more are not found twice."""
    last = 0
    while True:
        later = clients.filter(id__gt=last).order_by("id")
        if not (ids := list(later.values_list("id", flat=True)[:CHUNK])):
            return
        yield ids
        last = ids[-1]


def _withdraw_the_rest(client_ids: Sequence[int], *, reason: str) -> None:
    """What began to wait meanwhile: results put back, recipients chosen, messages sent again."""
    await_chunks(client_ids)
    while True:
        await_results(client_ids)
        close_waiting_of_clients(client_ids, reason=reason)
        # Another who withdraws may have held a message for a moment, to see whether it is free.
        if not is_anything_waiting(client_ids):
            return


def _alone(client: Client) -> QuerySet[Client]:
    return Client.objects.filter(pk=client.pk)


def _see_anew(client: Client) -> None:
    client.refresh_from_db(fields=["opted_out_at", "updated_at"])
