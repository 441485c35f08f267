from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_POST

from notifier.clients import facets
from notifier.clients.models import Client
from notifier.clients.sample import add_sample_clients
from notifier.delivery.models import Message
from notifier.delivery.withdrawal import delete_client, opt_in_client, opt_out_client
from notifier.web.clients.filters import ClientFilterSet, chips_of
from notifier.web.clients.forms import ClientForm, timezone_choices
from notifier.web.clients.tables import ClientMessageTable, ClientTable
from notifier.web.forms import form_status
from notifier.web.lists import paginate, render_list, wants_fragment

SAMPLE_CLIENTS = 100_000


def clients(request: HttpRequest) -> HttpResponse:
    found = ClientFilterSet(request.GET, queryset=Client.objects.all()).qs
    count, is_capped = facets.count_some(found)
    chips = chips_of(request.GET)
    context = {
        "table": paginate(request, ClientTable(found)),
        "count": count,
        "is_capped": is_capped,
        "chips": chips,
        "is_empty": not count and not chips,
        "tags": facets.tag_values(),
        "operators": facets.operator_values(),
        "timezones": facets.timezone_values(),
    }
    return render_list(request, "clients", "clients", context)


def add_client(request: HttpRequest) -> HttpResponse:
    return _edit(request, ClientForm(request.POST or None), done="Client {} added.")


def edit_client(request: HttpRequest, client_id: int) -> HttpResponse:
    client = get_object_or_404(Client, pk=client_id)
    form = ClientForm(request.POST or None, client=client)
    return _edit(request, form, done="Client {} changed.")


def _edit(request: HttpRequest, form: ClientForm, *, done: str) -> HttpResponse:
    if request.method == "POST" and form.is_valid() and (client := form.save()):
        messages.success(request, done.format(client))
        return redirect("client", client.pk)
    context = {
        "form": form,
        "client": form.client,
        "tags": facets.tag_values(),
        "timezones": timezone_choices(),
    }
    return render(request, "clients/form.html", context, status=form_status(form))


def client(request: HttpRequest, client_id: int) -> HttpResponse:
    shown = get_object_or_404(Client, pk=client_id)
    if request.method == "POST":
        return _act(request, shown)
    reached = Message.objects.filter(client=shown).select_related("mailing")
    context = {
        **_facts(shown),
        "table": paginate(request, ClientMessageTable(reached.order_by("-mailing_id"))),
    }
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
    local = timezone.now().astimezone(ZoneInfo(client.timezone))
    # In words already: a template would turn it into the site's time.
    return {"client": client, "local_time": date_format(local, "H:i, j M")}


@require_POST
def add_samples(request: HttpRequest) -> HttpResponse:
    """Made-up clients for an installation that has none, so that it can be tried out."""
    if Client.objects.exists():
        messages.error(request, "There are clients already: sample clients are for an empty list.")
        return redirect("clients")
    added = add_sample_clients(SAMPLE_CLIENTS)
    messages.success(request, f"{added:,} sample clients added.")
    return redirect("overview")
