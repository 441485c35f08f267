"""One action for many clients: those who are ticked, or all whom the list's search finds."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from notifier.clients import facets
from notifier.clients.cleaning import check_tag
from notifier.clients.counting import TooSlow, count_in_time, stopped_in_time
from notifier.clients.models import Client
from notifier.clients.search import only_search, read_id
from notifier.delivery.bulk_actions import begin_bulk_action, clients_up_to, newest_client_id
from notifier.delivery.models import BulkAction, Message, MessageStatus
from notifier.statistics.messages import with_status
from notifier.web.clients.bulk_words import outcome_in_words
from notifier.web.clients.filters import chips_of
from notifier.web.lists import wants_fragment

# Worth more patience than a list that is looked at: it is exact, and a decision hangs on it.
COUNT_SECONDS = 10
BODY = "bulk-body"


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
    list_query = asked.get("list", "") if request.method == "POST" else list_query_of(asked)
    context: dict[str, Any] = {
        "action": action,
        "search": search,
        "list_query": list_query,
        "back": list_address(list_query),
        "tag": asked.get("new_tag", ""),
    }
    if request.method == "POST":
        return _do(request, context)
    return _ask(request, context)


def _ask(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The consequences in numbers, exact: a decision is taken by them."""
    if "slow" not in context:
        try:
            with stopped_in_time(COUNT_SECONDS):
                context |= _consequences(context["action"], context["search"])
        except TooSlow as slow:
            context["slow"] = str(slow)
    context |= {
        "chips": chips_of(QueryDict(urlencode(context["search"]))),
        "tags": facets.tag_values(),
        "is_everybody": not context["search"],
    }
    return _show(request, context, status=status)


def _show(request: HttpRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    name = "_bulk" if wants_fragment(request, BODY) else "bulk"
    return render(request, f"clients/{name}.html", context, status=status)


def _consequences(action: str, search: dict[str, str]) -> dict[str, int]:
    newest = newest_client_id()
    clients = clients_up_to(newest, search).order_by()
    return {
        "newest": newest,
        "total": clients.count(),
        "opted_out": clients.filter(opted_out_at__isnull=False).count(),
        "waiting": _count_waiting(clients) if action != "tag" else 0,
        "tagged": clients.exclude(tag="").count() if action == "tag" else 0,
    }


def _count_waiting(clients: QuerySet[Client]) -> int:
    """Their messages that wait to be sent, and would be withdrawn."""
    waiting = with_status(Message.objects.all(), MessageStatus.PENDING)
    return waiting.filter(client_id__in=clients.order_by().values("id")).count()


def _do(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """To those who were there when it was asked. Asks again where more of them match by now."""
    asked, search = request.POST, context["search"]
    try:
        tag = check_tag(asked.get("new_tag", ""))
    except ValueError as error:
        return _ask(request, context | {"problem": str(error)}, status=422)
    newest = read_id(asked.get("newest", "")) or newest_client_id()
    try:
        total = count_in_time(clients_up_to(newest, search), seconds=COUNT_SECONDS)
    except TooSlow as slow:
        return _ask(request, context | {"slow": str(slow)}, status=422)
    told = read_id(asked.get("total", ""))
    if told is not None and total > told:
        return _ask(request, context | {"told": told}, status=422)
    action = begin_bulk_action(
        context["action"],
        search=search,
        total=total,
        newest_client_id=newest,
        tag=tag,
        created_by=request.user,
    )
    if action.state != BulkAction.State.DONE:
        return redirect("bulk_action", action.pk)
    messages.success(request, outcome_in_words(action))
    return redirect(context["back"])


def list_query_of(asked: QueryDict) -> str:
    """The list as it was asked from, with its order and page, whoever was ticked in it."""
    places = {name: str(asked[name]) for name in ("sort", "page") if asked.get(name)}
    return urlencode(only_search(asked.dict()) | places)


def list_address(list_query: str) -> str:
    query = QueryDict(list_query).urlencode()
    return f"{reverse('clients')}?{query}" if query else reverse("clients")
