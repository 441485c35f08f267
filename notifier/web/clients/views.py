from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_POST

from notifier.clients import facets
from notifier.clients.attribute_names import offered_names
from notifier.clients.counting import TooSlow, stopped_in_time
from notifier.clients.listing import FoundClients
from notifier.clients.models import Client
from notifier.clients.sample import add_sample_clients
from notifier.clients.search import find_clients, only_search, read_id
from notifier.delivery.models import Message, MessageStatus
from notifier.delivery.withdrawal import delete_client, opt_in_client, opt_out_client
from notifier.statistics.story import mailings_of, tell
from notifier.web.clients.bulk_progress import follow_bulk_actions
from notifier.web.clients.filters import chips_of, kept_fields
from notifier.web.clients.forms import CHECKED_FIELDS, ClientForm, timezone_choices
from notifier.web.clients.tables import ChapterTable, ClientTable
from notifier.web.forms import form_status
from notifier.web.lists import paginate, wants_fragment
from notifier.web.live import answer_refresh

SAMPLE_CLIENTS = 100_000
# As many as are counted; who looks for more narrows the list down, turns it or exports it.
LAST_PAGE = 400
# In which a message is welcome, by the client's own clock.
DAY_HOURS = range(9, 21)


def clients(request: HttpRequest) -> HttpResponse:
    if wants_fragment(request, "clients"):
        return render(request, "clients/_list.html", _context_of(request))
    part = follow_bulk_actions(request)
    if answer := answer_refresh(request, part, {}):
        return answer
    return render(request, "clients/list.html", {**_context_of(request), "live": part})


def _context_of(request: HttpRequest) -> dict[str, Any]:
    search = only_search(request.GET.dict())
    found = _found(request, search)
    return {
        **found,
        "search": search,
        "kept_fields": kept_fields(request.GET),
        "chips": chips_of(request.GET),
        "is_empty": not found["count"] and not search,
        "last_page": LAST_PAGE,
        "tags": facets.tag_values(),
        "operators": facets.operator_values(),
        "timezones": facets.timezone_values(),
    }


def _found(request: HttpRequest, search: dict[str, str]) -> dict[str, Any]:
    """The page of clients; why there is none, where a filter takes the database too long."""
    found = find_clients(search)
    try:
        with stopped_in_time():
            count, is_capped = facets.count_some(found)
            shown = FoundClients(
                found,
                are_all=not search,
                are_many=is_capped,
                same={"tag", "operator", "timezone"} & search.keys(),
            )
            table = paginate(request, ClientTable(shown), last_page=LAST_PAGE)
    except TooSlow as slow:
        return {"count": 0, "is_capped": False, "slow": str(slow)}
    return {"table": table, "count": count, "is_capped": is_capped}


def add_client(request: HttpRequest) -> HttpResponse:
    return _edit(request, ClientForm(request.POST or None), done="Client {} added.")


def edit_client(request: HttpRequest, client_id: int) -> HttpResponse:
    client = get_object_or_404(Client, pk=client_id)
    form = ClientForm(request.POST or None, client=client)
    try:
        return _edit(request, form, done="Client {} changed.")
    except Client.DoesNotExist as error:  # deleted by another meanwhile
        raise Http404 from error


def _edit(request: HttpRequest, form: ClientForm, *, done: str) -> HttpResponse:
    if request.method == "POST" and form.is_valid() and (client := form.save()):
        messages.success(request, done.format(client))
        return redirect("client", client.pk)
    context = {
        "form": form,
        "client": form.client,
        "tags": facets.tag_values(),
        "timezones": timezone_choices(),
        "attribute_names": offered_names(),
    }
    return render(request, "clients/form.html", context, status=form_status(form))


@require_POST
def check_client(request: HttpRequest, field: str) -> HttpResponse:
    """One field of the form as one leaves it: its group anew, with the error or without."""
    if field not in CHECKED_FIELDS:
        raise Http404
    known = read_id(request.GET.get("client", ""))
    client = get_object_or_404(Client, pk=known) if known is not None else None
    form = ClientForm(request.POST, client=client)
    form.full_clean()
    # The person is at the next field already.
    form.fields[field].widget.attrs.pop("autofocus", None)
    return render(request, "clients/_field.html", {"form": form, "field": form[field]})


def client(request: HttpRequest, client_id: int) -> HttpResponse:
    shown = get_object_or_404(Client, pk=client_id)
    if request.method == "POST":
        return _act(request, shown)
    table = paginate(request, ChapterTable(mailings_of(shown)))
    told = tell([row.record for row in table.paginated_rows], shown)
    context = {**_facts(shown), "table": table.tell(told)}
    name = "_messages" if wants_fragment(request, "messages") else "client"
    return render(request, f"clients/{name}.html", context)


def _act(request: HttpRequest, client: Client) -> HttpResponse:
    action = request.POST.get("action")
    if action == "delete":
        delete_client(client)
        messages.success(request, f"Client {client} deleted.")
        return redirect("clients")
    if action == "opt_out":
        opt_out_client(client)
        messages.success(request, f"{client} will not be sent anything more.")
    elif action == "opt_in":
        opt_in_client(client)
        messages.success(request, f"{client} is reached again, from the next mailing on.")
    if wants_fragment(request, "facts"):
        return render(request, "clients/_facts.html", _facts(client))
    return redirect("client", client.pk)


def _facts(client: Client) -> dict[str, Any]:
    waiting = Message.objects.filter(client_id=client.pk, status=MessageStatus.PENDING)
    local = timezone.now().astimezone(ZoneInfo(client.timezone))
    return {
        "client": client,
        # In words already: a template would turn it into the site's time.
        "local_time": date_format(local, "H:i, j M"),
        "is_day": local.hour in DAY_HOURS,
        "waiting": waiting.count(),
    }


@require_POST
def add_samples(request: HttpRequest) -> HttpResponse:
    """Made-up clients for an installation that has none, so that it can be tried out."""
    if Client.objects.exists():
        messages.error(request, "There are clients already: sample clients are for an empty list.")
        return redirect("clients")
    added = add_sample_clients(SAMPLE_CLIENTS)
    messages.success(request, f"{added:,} sample clients added.")
    return redirect("overview")
