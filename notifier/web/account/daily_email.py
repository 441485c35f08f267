"""The daily e-mail's pages: wishing it, seeing what it looks like, being spared it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp, csp_update
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from notifier.accounts import daily_email as wishes
from notifier.accounts.models import DailyEmail
from notifier.clients.timezones import BadTimezone, check_timezone, known_timezones
from notifier.statistics.daily.letter import letter_about
from notifier.statistics.daily.mail_server import MailError, MaybeTaken, can_send
from notifier.statistics.daily.sending import send_one_now
from notifier.web.account.person import person_of
from notifier.web.forms import PageForm, form_status

WISHES = ("is_on", "address", "at", "timezone", "skips_empty_days")
SHORT_DAY, LOCAL_MOMENT = "D j M", "D j M, H:i"
STOPPED_MEANWHILE = "Notifier was stopped while it was handed over."


class DailyEmailForm(PageForm):
    is_on = forms.BooleanField(label="Send me an e-mail each day", required=False)
    address = forms.EmailField(
        label="Address",
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    at = forms.TimeField(
        label="Time",
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        help_text="By your clock. It tells of the day before, from midnight to midnight.",
    )
    timezone = forms.CharField(
        label="Your time zone",
        help_text="For example Europe/Moscow.",
        widget=forms.TextInput(attrs={"list": "timezones", "autocomplete": "off"}),
    )
    skips_empty_days = forms.BooleanField(
        label="Not after days on which nothing was sent", required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("is_on", "skips_empty_days"):
            self.fields[name].widget.attrs["class"] = "form-check-input"

    def clean_timezone(self) -> str:
        try:
            return check_timezone(self.cleaned_data["timezone"])
        except BadTimezone as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("is_on") and "address" in values and not values["address"]:
            self.add_error("address", "Say where the e-mail is to be sent.")
        return values


@dataclass(frozen=True)
class Status:
    """How the last e-mail went."""

    icon: str
    colour: str
    words: str


def daily_email(request: HttpRequest) -> HttpResponse:
    daily = wishes.daily_email_of(person_of(request))
    initial = {name: getattr(daily, name) for name in WISHES}
    form = DailyEmailForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        daily = wishes.save_wish(daily, form.cleaned_data)
        messages.success(request, _what_was_saved(daily))
        return redirect("daily_email")
    now = timezone.now()
    context = {
        "form": form,
        "daily": daily,
        "status": _status(daily, now),
        "next_time": _local(daily, wishes.next_time(daily, now)) if daily.is_on else "",
        "is_failing": wishes.is_failing(daily, now),
        "can_send": can_send(),
        "site_url": "" if settings.SITE_URL_IS_SET else settings.SITE_URL,
        "timezones": sorted(known_timezones()),
    }
    return render(request, "account/daily_email.html", context, status=form_status(form))


@require_POST
def send_now(request: HttpRequest) -> HttpResponse:
    """Waits for the mail server, as long as EMAIL_TIMEOUT: whoever asks wants to know."""
    daily = wishes.daily_email_of(person_of(request))
    if not daily.address:
        messages.error(request, "Save an address first: there is none to send to.")
        return redirect("daily_email")
    if not daily.pk:
        daily = wishes.save_wish(daily, {name: getattr(daily, name) for name in WISHES})
    try:
        send_one_now(daily)
    except MaybeTaken as error:
        messages.warning(request, f"{error} The e-mail may have been sent: look for it.")
    except MailError as error:
        messages.error(request, f"Not sent. {error}")
    else:
        messages.success(request, f"Sent: the mail server took the e-mail to {daily.address}.")
    return redirect("daily_email")


# --- Seeing it ------------------------------------------------------------------------


class DayForm(PageForm):
    day = forms.DateField(
        label="Day", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, *args: Any, newest: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.newest = newest
        self.fields["day"].widget.attrs["max"] = newest.isoformat()

    def clean_day(self) -> date:
        day = self.cleaned_data["day"]
        # Weeks before it are looked at as well.
        if not date.min + timedelta(days=30) <= day <= self.newest:
            raise forms.ValidationError("Choose a day that is over.")
        return day


# The frame holds our own e-mail, and the page nothing else.
@csp_update({"frame-src": [SELF]})
@require_safe
def preview(request: HttpRequest) -> HttpResponse:
    """The e-mail about any day that is over: as HTML, in a frame, and as text."""
    daily = wishes.daily_email_of(person_of(request))
    form = _day_form(request, daily)
    context: dict[str, Any] = {"form": form, "daily": daily}
    if form.is_valid():
        day = form.cleaned_data["day"]
        context |= {"day": day, "letter": letter_about(day, daily)}
    return render(request, "account/daily_email_preview.html", context, status=form_status(form))


# As strict as mail programs are, which allow styles within the e-mail itself.
@csp(
    {
        "default-src": [NONE],
        "style-src": [UNSAFE_INLINE],
        "form-action": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [SELF],
        "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
    }
)
@xframe_options_sameorigin
@require_safe
def letter(request: HttpRequest) -> HttpResponse:
    """The HTML of the e-mail, and nothing around it."""
    daily = wishes.daily_email_of(person_of(request))
    form = _day_form(request, daily)
    if not form.is_valid():
        raise Http404("no such day")
    html = letter_about(form.cleaned_data["day"], daily).html
    # Our pages cannot be opened in a frame.
    return HttpResponse(html.replace("<head>", '<head><base target="_blank">', 1))


def _day_form(request: HttpRequest, daily: DailyEmail) -> DayForm:
    newest = wishes.yesterday_of(daily, timezone.now())
    return DayForm({"day": request.GET.get("day") or newest.isoformat()}, newest=newest)


# --- Being spared it ------------------------------------------------------------------


# Mail programs unsubscribe for a person by a POST, from wherever they run (RFC 8058).
@csrf_exempt
@login_not_required
@never_cache
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A page with a button; what is pressed for, is done for whoever holds the link."""
    daily = wishes.daily_email_for_token(token)
    if daily is None:
        return render(request, "account/unsubscribe_unknown.html", status=404)
    if request.method == "POST":
        wishes.unsubscribe(daily)
        daily.is_on = False
    return render(request, "account/unsubscribe.html", {"daily": daily})


# --- In words -------------------------------------------------------------------------


def _what_was_saved(daily: DailyEmail) -> str:
    if not daily.is_on:
        return "Saved. You get no daily e-mail."
    following = wishes.next_time(daily, timezone.now())
    return f"Saved. The next e-mail comes on {_local(daily, following)}."


def _local(daily: DailyEmail, moment: datetime) -> str:
    return date_format(moment.astimezone(ZoneInfo(daily.timezone)), LOCAL_MOMENT)


def _status(daily: DailyEmail, now: datetime) -> Status | None:
    if daily.day is None or daily.outcome == DailyEmail.Outcome.NOT_WISHED:
        return None
    about = f"The e-mail about {date_format(daily.day, SHORT_DAY)}"
    if daily.lease_until and daily.lease_until > now:
        return Status("send", "azure", f"{about} is being sent at this moment.")
    return _STATUS_WORDS[DailyEmail.Outcome(daily.outcome)](daily, about, now)


def _sent(daily: DailyEmail, about: str, now: datetime) -> Status:
    when = f" on {_local(daily, daily.sent_at)}" if daily.sent_at else ""
    return Status("circle-check", "green", f"{about} was sent{when}.")


def _maybe_sent(daily: DailyEmail, about: str, now: datetime) -> Status:
    why = daily.last_error or STOPPED_MEANWHILE
    words = f"{about} may have been sent. {why} It is not sent again, so that it comes once."
    return Status("help-circle", "purple", words)


def _nothing_to_tell(daily: DailyEmail, about: str, now: datetime) -> Status:
    return Status("bell-off", "secondary", f"{about} was spared: nothing was sent on that day.")


def _waiting(daily: DailyEmail, about: str, now: datetime) -> Status:
    times = "once" if daily.attempts == 1 else f"{daily.attempts} times"
    why = daily.last_error or "Notifier was stopped meanwhile."
    missed = wishes.was_missed(daily, now)
    end = "was not sent, and it is too late now" if missed else "could not be sent yet"
    return Status("alert-triangle", "red", f"{about} {end}, after being tried {times}. {why}")


_STATUS_WORDS = {
    DailyEmail.Outcome.SENT: _sent,
    DailyEmail.Outcome.MAYBE_SENT: _maybe_sent,
    DailyEmail.Outcome.NOTHING_TO_TELL: _nothing_to_tell,
    DailyEmail.Outcome.WAITING: _waiting,
}
