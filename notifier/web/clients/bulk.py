"""One action for many clients: those who are ticked, or all whom the list's search finds."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from notifier.clients import facets
from notifier.clients.cleaning import check_tag
from notifier.clients.counting import TooSlow, count_in_time
from notifier.clients.models import Client
from notifier.clients.search import find_clients, only_search
from notifier.delivery.bulk_actions import begin_bulk_action
from notifier.delivery.models import BulkAction, Message, MessageStatus
from notifier.statistics.messages import with_status
from notifier.web.clients.filters import chips_of, search_address
from notifier.web.lists import wants_fragment
from notifier.web.live import answer_refresh, live_part

REFRESH_SECONDS = 1
BODY = "bulk-body"
# What was done, as in "1,204 clients opted out."
DONE = {
    BulkAction.Kind.TAG: "{changed} of {done} client{s} got the tag; the others had it already.",
    BulkAction.Kind.OPT_OUT: "{done} client{s} opted out: nothing more is sent to them.",
    BulkAction.Kind.DELETE: "{changed} client{s} deleted.",
}


def chosen_search(query: QueryDict) -> dict[str, str]:
    """The search that finds whom a person means: the ticked rows, or all in the list."""
    search = only_search(query.dict())
    if query.get("scope") == "ticked":
        search["clients"] = ",".join(map(str, query.getlist("client"))) or "none"
    return search


def bulk(request: HttpRequest, action: str) -> HttpResponse:
    """Says what would be done to how many; posted, does it."""
    if action not in BulkAction.Kind.values:
        raise Http404
    asked = request.POST if request.method == "POST" else request.GET
    search = chosen_search(asked)
    context: dict[str, Any] = {
        "action": action,
        "search": search,
        "back": list_address(asked),
        "tag": asked.get("new_tag", ""),
    }
    is_told = request.method == "POST"
    try:
        context["total"] = count_in_time(find_clients(search))
    except TooSlow as slow:
        return _show(request, context | {"slow": str(slow)}, status=422 if is_told else 200)
    if not is_told:
        return _ask(request, context)
    try:
        tag = check_tag(asked.get("new_tag", ""))
    except ValueError as error:
        return _ask(request, context | {"problem": str(error)}, status=422)
    return _do(request, context, tag=tag)


def _ask(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The consequences in numbers, exact: a decision is taken by them."""
    clients = find_clients(context["search"])
    context |= {
        "opted_out": clients.order_by().filter(opted_out_at__isnull=False).count(),
        "waiting": _count_waiting(clients) if context["action"] != "tag" else 0,
        "chips": chips_of(QueryDict(urlencode(context["search"]))),
        "tags": facets.tag_values(),
        "is_everybody": not context["search"],
    }
    return _show(request, context, status=status)


def _show(request: HttpRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    name = "_bulk" if wants_fragment(request, BODY) else "bulk"
    return render(request, f"clients/{name}.html", context, status=status)


def _count_waiting(clients: QuerySet[Client]) -> int:
    """Their messages that wait to be sent, and would be withdrawn."""
    waiting = with_status(Message.objects.all(), MessageStatus.PENDING)
    return waiting.filter(client_id__in=clients.order_by().values("id")).count()


def _do(request: HttpRequest, context: dict[str, Any], *, tag: str) -> HttpResponse:
    action = begin_bulk_action(
        context["action"],
        search=context["search"],
        total=context["total"],
        tag=tag,
        created_by=request.user,
    )
    if not action.finished_at:
        return redirect("bulk_action", action.pk)
    messages.success(request, outcome_in_words(action))
    return redirect(context["back"])


def bulk_action(request: HttpRequest, action_id: int) -> HttpResponse:
    """How far one is that a cluster does."""
    action = get_object_or_404(BulkAction, pk=action_id)
    context: dict[str, Any] = {
        "action": action,
        "outcome": outcome_in_words(action) if action.finished_at else "",
    }
    part = live_part(
        request,
        "clients/_bulk_action.html",
        context,
        element_id="live",
        every_seconds=0 if action.finished_at else REFRESH_SECONDS,
        announce=context["outcome"] or f"{action.get_kind_display()} is under way",
    )
    if answer := answer_refresh(request, part, context):
        return answer
    return render(request, "clients/bulk_action.html", {**context, "live": part})


def outcome_in_words(action: BulkAction) -> str:
    s = "" if action.done == 1 else "s"
    if action.kind == BulkAction.Kind.TAG and action.changed == action.done:
        return f"{action.done:,} client{s} got the tag."
    words = DONE[BulkAction.Kind(action.kind)]
    return words.format(done=f"{action.done:,}", changed=f"{action.changed:,}", s=s)


def list_address(query: QueryDict) -> str:
    search = search_address(query)
    return f"{reverse('clients')}?{search}" if search else reverse("clients")
