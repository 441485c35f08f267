"""What a person does to many clients at once: to all whom a search finds.

The search is written down, not the clients: those who match, up to the newest
of that moment, are gone through by their id, some hundreds at a time. Each such
chunk is written down before it is begun, and safe to be done twice: so however
many work on an action, and wherever one was lost, it comes to its end once.

A person may cancel it. Then no other chunk is begun, and the one that was is
done to its end: half done, nobody could say to whom.
"""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Now
from django.utils import timezone

from notifier.clients.models import Client, SuppressedPhone
from notifier.clients.search import find_clients, settled
from notifier.clients.tagging import tag_clients
from notifier.delivery.models import BulkAction
from notifier.delivery.queue import enqueue
from notifier.delivery.withdrawal import delete_clients, opt_out_clients, withdraw_clients

CHUNK = 1_000
# What a person waits for; then a cluster goes on.
FIRST_TURN_SECONDS = 1.5
TURN_SECONDS = 0.5
# Who comes back from lunch still finds what became of it.
ENDED_LATELY = timedelta(hours=3)


def newest_client_id() -> int:
    """0 where there is no client."""
    return Client.objects.order_by("-id").values_list("id", flat=True).first() or 0


def clients_up_to(newest_client_id: int, search: Mapping[str, str]) -> QuerySet[Client]:
    """Those whom the search finds, without any who came after."""
    return find_clients(search).filter(id__lte=newest_client_id)


def begin_bulk_action(
    kind: str,
    *,
    search: Mapping[str, str],
    total: int,
    newest_client_id: int,
    created_by: Any,
    tag: str = "",
) -> BulkAction:
    """Do it to whoever matches now, for a moment here and then on a cluster.

    ``total`` is how many were counted, up to ``newest_client_id``. Of few
    clients it is finished on return.
    """
    action = BulkAction.objects.create(
        kind=kind,
        search=settled(search),
        tag=tag,
        total=total,
        newest_client_id=newest_client_id,
        created_by=created_by,
    )
    work_on(action, seconds=FIRST_TURN_SECONDS)
    return action


def cancel_bulk_action(action: BulkAction) -> bool:
    """Begin no other chunk of it; False where it has ended or was cancelled already.

    Between two chunks it ends at once. Else whoever does the chunk ends it, or
    whom the sweep asks to take that over.
    """
    cancelled = BulkAction.objects.filter(pk=action.pk, cancelled_at=None, finished_at=None).update(
        cancelled_at=Now(), finished_at=Case(When(chunk=[], then=Now()))
    )
    action.refresh_from_db()
    return bool(cancelled)


def open_bulk_actions() -> QuerySet[BulkAction]:
    return BulkAction.objects.filter(finished_at=None)


def lately_ended_bulk_actions() -> QuerySet[BulkAction]:
    """The newest first, but for those that were done while a person waited for them."""
    since = timezone.now() - ENDED_LATELY
    first_turn = timedelta(seconds=FIRST_TURN_SECONDS)
    went_on = Q(finished_at__gt=F("created_at") + first_turn) | Q(cancelled_at__isnull=False)
    return BulkAction.objects.filter(went_on, finished_at__gte=since).order_by("-finished_at")


def continue_bulk_action(action_id: int, after_client: int) -> None:
    """A turn of it. Of several that were queued after the same client one goes on."""
    action = open_bulk_actions().filter(pk=action_id, last_client_id=after_client).first()
    if action:
        work_on(action, seconds=TURN_SECONDS)


def restart_bulk_actions() -> None:
    """Whoever was at it may have been lost; another goes on where it stopped."""
    for action in open_bulk_actions().only("last_client_id"):
        enqueue("bulk", action.pk, action.last_client_id)


def work_on(action: BulkAction, *, seconds: float) -> None:
    """Go through the clients for some seconds, and queue the next turn."""
    turn_ends = time.monotonic() + seconds
    while _begin_chunk(action):
        WORK[action.kind](action)
        if not _note_chunk(action) or action.finished_at:
            return
        if time.monotonic() >= turn_ends:
            enqueue("bulk", action.pk, action.last_client_id)
            return
    _as_it_was(action).filter(chunk=[], finished_at=None).update(finished_at=Now())
    action.refresh_from_db()


def _begin_chunk(action: BulkAction) -> bool:
    """Write down whose turn it is; one that was begun is done again, as its worker may be lost.

    False where none is left, another was quicker, or it was cancelled.
    """
    if action.chunk:
        return True
    ids = _next_clients(action)
    free = _as_it_was(action).filter(chunk=[], cancelled_at=None, finished_at=None)
    if not ids or not free.update(chunk=ids):
        return False
    action.chunk = ids
    return True


def _next_clients(action: BulkAction) -> list[int]:
    clients = clients_up_to(action.newest_client_id, action.search)
    span = clients.filter(id__gt=action.last_client_id)
    return list(span.order_by("id").values_list("id", flat=True)[:CHUNK])


def _note_chunk(action: BulkAction) -> bool:
    """The chunk is done, and with it what was cancelled meanwhile.

    False where another was quicker, who then goes on.
    """
    noted = _as_it_was(action).update(
        last_client_id=action.chunk[-1],
        done=F("done") + len(action.chunk),
        chunk=[],
        finished_at=Case(When(cancelled_at__isnull=False, then=Now())),
    )
    action.refresh_from_db()
    return bool(noted)


def _as_it_was(action: BulkAction) -> QuerySet[BulkAction]:
    """The action, unless somebody has come further."""
    return BulkAction.objects.filter(pk=action.pk, last_client_id=action.last_client_id)


def _counter(action: BulkAction) -> Callable[[int], object]:
    """Counts whom the chunk changes, in the transaction that does: so each is counted once."""
    return lambda number: _as_it_was(action).update(changed=F("changed") + number)


def _tag(action: BulkAction) -> None:
    with transaction.atomic():
        _counter(action)(tag_clients(_chunk_of(action), action.tag))


def _opt_out(action: BulkAction) -> None:
    hand = SuppressedPhone.Source.HAND
    opt_out_clients(_chunk_of(action), source=hand, count=_counter(action))


def _delete(action: BulkAction) -> None:
    chunk = _chunk_of(action)
    gone = sorted({*action.chunk}.difference(chunk.values_list("id", flat=True)))
    # Who was lost may have deleted them, and not yet withdrawn what began to wait meanwhile.
    withdraw_clients(gone, reason="client_deleted")
    delete_clients(chunk, count=_counter(action))


def _chunk_of(action: BulkAction) -> QuerySet[Client]:
    return Client.objects.filter(pk__in=action.chunk)


WORK: dict[str, Callable[[BulkAction], None]] = {
    BulkAction.Kind.TAG: _tag,
    BulkAction.Kind.OPT_OUT: _opt_out,
    BulkAction.Kind.DELETE: _delete,
}
