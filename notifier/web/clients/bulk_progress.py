"""Bulk actions that a cluster does: how far each is, what became of it, and cancelling it."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from notifier.delivery.bulk_actions import (
    cancel_bulk_action,
    lately_ended_bulk_actions,
    open_bulk_actions,
)
from notifier.delivery.models import BulkAction
from notifier.statistics.overview import clusters_alive
from notifier.web.badges import BULK_ACTION_BADGES
from notifier.web.clients.bulk import BODY
from notifier.web.clients.bulk_words import NOUNS, doing_in_words, outcome_in_words
from notifier.web.lists import wants_fragment
from notifier.web.live import LivePart, answer_refresh, live_part
from notifier.web.tags import percent_of

REFRESH_SECONDS = 1
# Beside a list of clients, which is what one came for.
LIST_REFRESH_SECONDS = 2
BULK_ACTIONS = "bulk-actions"
MOST_OPEN = 10
MOST_ENDED = 3


def bulk_action(request: HttpRequest, action_id: int) -> HttpResponse:
    """One action: how far it is, and what it came to."""
    action = _get(action_id)
    context: dict[str, Any] = {
        "action": action,
        "outcome": outcome_in_words(action) if action.finished_at else "",
        "has_cluster": bool(action.finished_at) or clusters_alive() > 0,
    }
    word = BULK_ACTION_BADGES[action.state].word
    is_running = action.state == BulkAction.State.RUNNING
    state = percent_of(action.done, action.total) if is_running else word
    part = live_part(
        request,
        "clients/_bulk_action.html",
        context,
        element_id="live",
        every_seconds=0 if action.finished_at else REFRESH_SECONDS,
        announce=f"{word}: {context['outcome'] or doing_in_words(action)}",
        title=f"{state} · {action.get_kind_display()}",
    )
    if answer := answer_refresh(request, part, context):
        return answer
    return render(request, "clients/bulk_action.html", {**context, "live": part})


def follow_bulk_actions(request: HttpRequest) -> LivePart:
    """Those under way and those that ended lately, for the page of clients; often none."""
    under_way = _shown(open_bulk_actions().order_by("-id"), MOST_OPEN)
    ended = _shown(lately_ended_bulk_actions(), MOST_ENDED)
    actions = [(each, _progress_in_words(each)) for each in [*under_way, *ended]]
    states = [
        f"{doing_in_words(each)}: {BULK_ACTION_BADGES[each.state].word.lower()}"
        for each, _ in actions
    ]
    # The list below is left as it is: somebody may be ticking rows.
    is_list_old = wants_fragment(request, BULK_ACTIONS) and not under_way
    return live_part(
        request,
        "clients/_bulk_actions.html",
        {"actions": actions, "is_list_old": is_list_old},
        element_id=BULK_ACTIONS,
        every_seconds=LIST_REFRESH_SECONDS if under_way else 0,
        announce="; ".join(states),
    )


def cancel(request: HttpRequest, action_id: int) -> HttpResponse:
    """The dialog that asks, or a page where there is none; posted, does it."""
    action = _get(action_id)
    if request.method != "POST":
        context = {
            "action": action,
            "noun": NOUNS[action.kind],
            "doing": doing_in_words(action),
            "outcome": outcome_in_words(action) if action.finished_at else "",
        }
        name = "_cancel_bulk_action" if wants_fragment(request, BODY) else "cancel_bulk_action"
        return render(request, f"clients/{name}.html", context)
    if cancel_bulk_action(action):
        rest = "" if action.finished_at else " The clients it is at just now are finished first."
        messages.success(request, f"Cancelled.{rest}")
    elif action.state == BulkAction.State.DONE:
        outcome = outcome_in_words(action)
        messages.error(request, f"It had ended before it could be cancelled: {outcome}")
    else:
        messages.info(request, "It was cancelled already.")
    return redirect("bulk_action", action.pk)


def _get(action_id: int) -> BulkAction:
    actions = BulkAction.objects.select_related("created_by").defer("chunk")
    return get_object_or_404(actions, pk=action_id)


def _shown(actions: QuerySet[BulkAction], most: int) -> list[BulkAction]:
    return list(actions.select_related("created_by").defer("chunk", "search")[:most])


def _progress_in_words(action: BulkAction) -> str:
    if action.finished_at:
        return outcome_in_words(action)
    return f"{doing_in_words(action)}: {action.done:,} done"
