"""The suppression list: phones to which nothing is sent."""

from datetime import timedelta

from django.contrib import messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from notifier.clients.facets import count_some
from notifier.clients.models import Client, SuppressedPhone
from notifier.clients.search import phone_like
from notifier.delivery.withdrawal import release_phone
from notifier.web.clients.forms import PhonesForm
from notifier.web.clients.tables import SuppressedTable
from notifier.web.forms import form_status
from notifier.web.lists import paginate, wants_fragment


def suppressed(request: HttpRequest) -> HttpResponse:
    form = PhonesForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        messages.success(request, _added_in_words(form.save(), len(form.cleaned_data["phones"])))
        return redirect("suppressed")
    typed = request.GET.get("q", "").strip()
    found = SuppressedPhone.objects.all()
    if typed:
        found = found.filter(phone_like(typed))
    count, is_capped = count_some(found)
    context = {
        "form": form,
        "table": paginate(request, SuppressedTable(_in_order(found, is_few=not is_capped))),
        "count": count,
        "is_capped": is_capped,
        "typed": typed,
    }
    name = "_suppressed" if wants_fragment(request, "suppressed") else "suppressed"
    return render(request, f"clients/{name}.html", context, status=form_status(form))


def release(request: HttpRequest, phone: str) -> HttpResponse:
    """Asks first; posted, takes the phone off the list."""
    shown = get_object_or_404(SuppressedPhone, pk=phone)
    if request.method == "POST":
        release_phone(phone)
        messages.success(request, f"{shown} is off the list: it is reached again, from now on.")
        return redirect("suppressed")
    context = {"phone": shown, "client": Client.objects.filter(phone=phone).first()}
    name = "_release" if wants_fragment(request, "release-body") else "release"
    return render(request, f"clients/{name}.html", context)


def _in_order(phones: QuerySet[SuppressedPhone], *, is_few: bool) -> QuerySet[SuppressedPhone]:
    """The newest first. Few are found by their phones and sorted then.

    The planner would rather walk along the whole list in its order; an
    expression's order is in no index.
    """
    if not is_few:
        return phones.order_by("-suppressed_at", "phone")
    return phones.order_by((F("suppressed_at") + timedelta(0)).desc(), "phone")


def _added_in_words(new: int, given: int) -> str:
    if new == given:
        return f"{new:,} phone{'' if new == 1 else 's'} added: nothing more is sent to them."
    return f"{new:,} of {given:,} phones added; the others were on the list already."
