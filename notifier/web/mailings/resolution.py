"""The dialogs that send failed and unknown messages again, or count them as sent."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from notifier.delivery import resolution
from notifier.delivery.resolution import SentAgain
from notifier.mailings.checking import MailingProblems, default_end
from notifier.mailings.lifecycle import ALLOWED, WrongStatus
from notifier.mailings.models import Mailing, MailingStatus
from notifier.statistics.resolution import undecided_messages
from notifier.web.forms import PageForm, form_status
from notifier.web.mailings.forms import moment_field


class SendAgainForm(PageForm):
    """A new end, where the mailing's own has passed; else there is nothing to fill in."""

    end_time = moment_field(label="Send until")

    def __init__(self, *args: Any, mailing: Mailing, **kwargs: Any) -> None:
        now = timezone.now()
        super().__init__(*args, initial={"end_time": default_end(now)}, **kwargs)
        if mailing.end_time > now:
            del self.fields["end_time"]

    def send(self, mailing_id: int, *, status: str) -> SentAgain | None:
        """What became of the messages; None, with the problem shown, where they cannot be sent."""
        end_time = self.cleaned_data.get("end_time")
        try:
            return resolution.send_again(mailing_id, statuses=[status], end_time=end_time)
        except MailingProblems as wrong:
            self.add_problems(wrong.problems)
            return None


def send_again(request: HttpRequest, mailing_id: int) -> HttpResponse:
    """About the messages that failed."""
    template = "mailings/_send_again.html"
    asked = request.POST if request.method == "POST" else None
    return _ask_or_send(request, mailing_id, asked, status="failed", template=template)


def decide(request: HttpRequest, mailing_id: int) -> HttpResponse:
    """About the messages that are unknown."""
    decision = request.POST.get("decision")
    if decision == "count_as_sent":
        shown = get_object_or_404(Mailing, pk=mailing_id)
        counted = resolution.count_as_sent(shown.pk).messages
        messages.success(request, f"{messages_in_words(counted)} counted as sent.")
        return _lead_to(request, shown)
    template = "mailings/_decide.html"
    asked = request.POST if decision == "send_again" else None
    return _ask_or_send(request, mailing_id, asked, status="unknown", template=template)


def _ask_or_send(
    request: HttpRequest, mailing_id: int, asked: QueryDict | None, *, status: str, template: str
) -> HttpResponse:
    shown = get_object_or_404(Mailing.objects.select_related("gateway"), pk=mailing_id)
    form = SendAgainForm(asked, mailing=shown)
    if form.is_valid():
        try:
            if done := form.send(shown.pk, status=status):
                messages.success(request, sent_again_in_words(done))
                return _lead_to(request, shown)
        except WrongStatus as wrong:
            messages.error(request, str(wrong))
            return _lead_to(request, shown)
    context = {
        "mailing": shown,
        "form": form,
        "undecided": undecided_messages(shown, status),
        "can_be_sent_again": shown.status in ALLOWED["send_again"],
    }
    return render(request, template, context, status=form_status(form))


def _lead_to(request: HttpRequest, mailing: Mailing) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("mailing", mailing.pk)
    return HttpResponseClientRedirect(resolve_url("mailing", mailing.pk))


def sent_again_in_words(done: SentAgain) -> str:
    """What was done, in numbers: it may differ from what the dialog said a moment before."""
    became = done.messages
    sentences = ["Nothing is sent."]
    if became.waiting:
        waiting = messages_in_words(became.waiting)
        is_paused = done.mailing.status == MailingStatus.PAUSED
        sentences = [f"{waiting} will be sent again{' once it is resumed' if is_paused else ''}."]
    if became.maybe_twice:
        sentences.append(f"{became.maybe_twice:,} may be received twice.")
    if became.skipped:
        sentences.append(f"{became.skipped:,} skipped: opted out or deleted meanwhile.")
    if became.left_unknown:
        sentences.append(f"{became.left_unknown:,} left unknown: opted out or deleted meanwhile.")
    return " ".join(sentences)


def messages_in_words(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"
