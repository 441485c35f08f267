"""What a person does to many clients at once: to all whom a search finds.

The search is written down, not the clients: those who match, up to the newest
of that moment, are gone through by their id, some hundreds at a time. Every
step is safe to be done twice, so however many work on an action, and wherever
one was lost, it comes to its end once.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from notifier.clients.models import Client, SuppressedPhone
from notifier.clients.search import find_clients, settled
from notifier.clients.tagging import tag_clients
from notifier.delivery.models import BulkAction
from notifier.delivery.queue import enqueue
from notifier.delivery.withdrawal import delete_clients, opt_out_clients

CHUNK = 1_000
# What a person waits for; then a cluster goes on.
FIRST_TURN_SECONDS = 1.5
TURN_SECONDS = 0.5

Work = Callable[[QuerySet[Client], BulkAction], int]
WORK: dict[str, Work] = {
    BulkAction.Kind.TAG: lambda clients, action: tag_clients(clients, action.tag),
    BulkAction.Kind.OPT_OUT: lambda clients, action: opt_out_clients(
        clients, source=SuppressedPhone.Source.HAND
    ),
    BulkAction.Kind.DELETE: lambda clients, action: delete_clients(clients),
}


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


def continue_bulk_action(action_id: int, after_client: int) -> None:
    """A turn of it. Of several that were queued after the same client one goes on."""
    action = BulkAction.objects.filter(
        pk=action_id, finished_at=None, last_client_id=after_client
    ).first()
    if action:
        work_on(action, seconds=TURN_SECONDS)


def restart_bulk_actions() -> None:
    """Whoever was at it may have been lost; another goes on where it stopped."""
    for action in BulkAction.objects.filter(finished_at=None):
        enqueue("bulk", action.pk, action.last_client_id)


def work_on(action: BulkAction, *, seconds: float) -> None:
    """Go through the clients for some seconds, and queue the next turn."""
    turn_ends = time.monotonic() + seconds
    while ids := _next_clients(action):
        changed = WORK[action.kind](Client.objects.filter(pk__in=ids), action)
        if not _note(action, last_client_id=ids[-1], done=len(ids), changed=changed):
            return
        if time.monotonic() >= turn_ends:
            enqueue("bulk", action.pk, action.last_client_id)
            return
    BulkAction.objects.filter(pk=action.pk, finished_at=None).update(finished_at=Now())
    action.refresh_from_db()


def _next_clients(action: BulkAction) -> list[int]:
    clients = clients_up_to(action.newest_client_id, action.search)
    span = clients.filter(id__gt=action.last_client_id)
    return list(span.order_by("id").values_list("id", flat=True)[:CHUNK])


def _note(action: BulkAction, *, last_client_id: int, done: int, changed: int) -> bool:
    """How far it has come; False where another was quicker, who then goes on."""
    noted = BulkAction.objects.filter(pk=action.pk, last_client_id=action.last_client_id).update(
        last_client_id=last_client_id, done=F("done") + done, changed=F("changed") + changed
    )
    action.refresh_from_db()
    return bool(noted)
