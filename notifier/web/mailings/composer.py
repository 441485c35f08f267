"""Writing a mailing: the form, and what it would do as one fills it in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from notifier.clients import facets
from notifier.clients.conditions import (
    check_conditions,
    describe_conditions,
)
from notifier.clients.counting import AudienceCount, TooSlow, count_clients, example_clients
from notifier.clients.models import Client, ClientFilter
from notifier.clients.search import read_id
from notifier.mailings.checking import default_end
from notifier.mailings.lifecycle import WrongStatus
from notifier.mailings.models import Mailing
from notifier.web.account.person import person_of
from notifier.web.forms import form_status
from notifier.web.mailings.forms import EndForm, MailingForm

EXAMPLES = 3
AUDIENCE_FIELDS = {"tag", "operators", "timezone"}


@dataclass(frozen=True)
class Prospect:
    """What the mailing in the form would do if it were launched now."""

    audience: AudienceCount
    words: str
    examples: list[Client]
    starts_now: bool
    start_time: datetime
    end_time: datetime
    has_end: bool
    lacks_start: bool
    default_hours: int = settings.DEFAULT_MAILING_HOURS

    @property
    def is_window_valid(self) -> bool:
        return self.end_time > max(self.start_time, timezone.now())


def prospect_of(form: MailingForm) -> Prospect | None:
    """None while the audience cannot be read from the form."""
    if AUDIENCE_FIELDS & form.errors.keys():
        return None
    conditions = check_conditions(form.conditions())
    now = timezone.now()
    start_time = form.starts_at() or now
    lacks_start = form.is_later() and form.starts_at() is None
    end_time = form.asked().get("end_time")
    try:
        audience, examples = count_clients(conditions), example_clients(conditions, most=EXAMPLES)
    except TooSlow as slow:
        form.too_slow = str(slow)
        return None
    return Prospect(
        audience=audience,
        words=describe_conditions(conditions),
        examples=examples,
        starts_now=start_time <= now and not lacks_start,
        start_time=start_time,
        end_time=end_time or default_end(start_time),
        has_end=end_time is not None,
        lacks_start=lacks_start,
    )


def new_mailing(request: HttpRequest) -> HttpResponse:
    chosen = ClientFilter.objects.filter(pk=read_id(request.GET.get("filter", "")) or 0).first()
    form = MailingForm(request.POST or None, initial={"client_filter": chosen})
    if request.method == "POST" and form.is_valid():
        mailing = form.save(by=person_of(request))
        if mailing:
            _say_what_happens(request, mailing)
            return redirect("mailing", mailing.pk)
    return _render_composer(request, form)


def edit_mailing(request: HttpRequest, mailing_id: int) -> HttpResponse:
    mailing = get_object_or_404(Mailing, pk=mailing_id)
    if mailing.has_ended:
        messages.error(request, "The mailing has ended: nothing about it can be changed.")
        return redirect("mailing", mailing.pk)
    if not mailing.is_editable and "text" in request.POST:
        messages.error(request, "The mailing started meanwhile: only name and end can change now.")
        return redirect("edit_mailing", mailing.pk)
    form_class = MailingForm if mailing.is_editable else EndForm
    form = form_class(request.POST or None, mailing=mailing)
    if request.method == "POST" and form.is_valid():
        try:
            changed = form.save(by=person_of(request))
        except WrongStatus as wrong:
            messages.error(request, str(wrong))
            return redirect("mailing", mailing.pk)
        if changed:
            _say_what_happens(request, changed)
            return redirect("mailing", mailing.pk)
    return _render_form(request, form)


def preview(request: HttpRequest) -> HttpResponse:
    """The fragment that follows the form: who would get it, and what launching would do."""
    mailing = Mailing.objects.filter(pk=read_id(request.GET.get("mailing", "")) or 0).first()
    form = MailingForm(request.GET, mailing=mailing)
    form.is_valid()
    context = {"prospect": prospect_of(form), "form": form}
    return render(request, "mailings/_preview.html", context)


def _render_form(request: HttpRequest, form: MailingForm | EndForm) -> HttpResponse:
    if isinstance(form, MailingForm):
        return _render_composer(request, form)
    context = {"form": form, "mailing": form.mailing}
    return render(request, "mailings/end_form.html", context, status=form_status(form))


def _render_composer(request: HttpRequest, form: MailingForm) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "mailing": form.mailing,
        "prospect": prospect_of(form),
        "tags": facets.tag_values(),
        "timezones": facets.timezone_values(),
    }
    return render(request, "mailings/form.html", context, status=form_status(form))


def _say_what_happens(request: HttpRequest, mailing: Mailing) -> None:
    if mailing.warning:
        messages.warning(request, mailing.warning)
    elif not mailing.is_editable:
        messages.success(request, "Saved.")
    else:
        clients = "1 client" if mailing.matched == 1 else f"{mailing.matched:,} clients"
        starts_now = mailing.start_time <= timezone.now()
        words = f"Launched for {clients}." if starts_now else f"Scheduled for {clients} as of now."
        messages.success(request, words)
