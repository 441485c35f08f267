"""One message: what became of it, every attempt, and what a person may do about it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from notifier.clients.models import Client
from notifier.delivery import resolution
from notifier.delivery.ledger.reopening import COUNTED_AS_SENT
from notifier.delivery.models import Attempt, Message
from notifier.gateway.wire import message_url
from notifier.mailings.checking import MailingProblems
from notifier.mailings.lifecycle import ALLOWED, WrongStatus
from notifier.statistics.counts import reason_in_words
from notifier.web.badges import MESSAGE_BADGES
from notifier.web.forms import form_status
from notifier.web.mailings.resolution import SendAgainForm, sent_again_in_words

# How an attempt ended, as delivery and gateway.classify call it.
OUTCOMES_IN_WORDS = {
    "accepted": "Accepted",
    "rejected": "Refused",
    "not_sent": "Did not reach the gateway",
    "busy": "Not taken: the gateway was busy",
    "misconfigured": "Not taken: our address or token is wrong",
    "unknown": "Nobody knows whether it was taken",
}
MASK = "•"
SHOWN_BEGINNING, SHOWN_END = 4, 2


@dataclass(frozen=True)
class AttemptLine:
    """One request and what came of it; ``words`` are the gateway's own, or the network's."""

    number: int
    started_at: datetime | None
    duration_ms: int | None
    outcome: str
    reason: str
    http_status: int | None
    gateway_code: int | None
    words: str


def message(request: HttpRequest, message_id: int) -> HttpResponse:
    shown = get_object_or_404(
        Message.objects.select_related("mailing__gateway", "traits"), pk=message_id
    )
    asked = request.POST if request.method == "POST" else None
    form = SendAgainForm(asked, mailing=shown.mailing)
    if asked is not None and (done := _act(request, shown, form)):
        return done
    client = Client.objects.filter(pk=shown.client_id).first()
    context: dict[str, Any] = {
        "message": shown,
        "mailing": shown.mailing,
        "badge": MESSAGE_BADGES[shown.status],
        "client": client,
        "attempts": attempts_of(shown),
        "request_lines": request_lines(shown),
        "form": form,
        **_choices(shown, client),
    }
    return render(request, "messages/message.html", context, status=form_status(form))


def attempts_of(shown: Message) -> list[AttemptLine]:
    """All of them in order: those that failed have rows, the accepted one is the message's own."""
    lines = [_failed(attempt) for attempt in shown.failed_attempts.all()]
    if shown.status == "accepted":
        lines.append(
            AttemptLine(
                number=shown.attempts,
                started_at=shown.sent_at,
                duration_ms=shown.duration_ms,
                outcome=OUTCOMES_IN_WORDS["accepted"],
                reason="",
                http_status=shown.http_status,
                gateway_code=shown.gateway_code,
                words="",
            )
        )
    return lines


def _failed(attempt: Attempt) -> AttemptLine:
    return AttemptLine(
        number=attempt.number,
        started_at=attempt.started_at,
        duration_ms=attempt.duration_ms,
        outcome=OUTCOMES_IN_WORDS.get(attempt.outcome, attempt.outcome),
        reason=reason_in_words(attempt.reason),
        http_status=attempt.http_status,
        gateway_code=attempt.gateway_code,
        words=attempt.error or attempt.reply,
    )


def request_lines(shown: Message) -> str:
    """The request as it was sent, or will be; the token and the middle of the phone masked."""
    address = message_url(shown.mailing.gateway.base_url, shown.pk)
    body = {"id": shown.pk, "phone": masked(shown.phone), "text": shown.mailing.text}
    return "\n".join(
        [
            f"POST {address}",
            f"Authorization: Bearer {MASK * 8}",
            "Content-Type: application/json",
            "Accept: application/json",
            "",
            json.dumps(body, ensure_ascii=False, indent=2),
        ]
    )


def masked(phone: str) -> str:
    """``7999•••••12``: enough to recognise it by, not enough to call."""
    hidden = max(len(phone) - SHOWN_BEGINNING - SHOWN_END, 0)
    return phone[:SHOWN_BEGINNING] + MASK * hidden + phone[SHOWN_BEGINNING + hidden :]


def _choices(shown: Message, client: Client | None) -> dict[str, bool]:
    """What may be done: nothing is sent to whoever has opted out or was deleted."""
    is_reachable = client is not None and not client.is_opted_out
    is_open = shown.status == "unknown" and shown.reason != COUNTED_AS_SENT
    may_send = shown.mailing.status in ALLOWED["send_again"] and is_reachable
    return {
        "can_be_sent_again": may_send and (shown.status == "failed" or is_open),
        "can_be_counted": is_open,
        "is_unreachable": not is_reachable,
    }


def _act(request: HttpRequest, shown: Message, form: SendAgainForm) -> HttpResponse | None:
    """None where the form has to be shown again, with what was wrong in it."""
    decision = request.POST.get("decision")
    if decision not in ("send_again", "count_as_sent"):
        raise Http404
    try:
        done = _count(shown) if decision == "count_as_sent" else _send(shown, form)
    except WrongStatus as wrong:
        messages.error(request, str(wrong))
        return redirect("message", shown.pk)
    if not done:
        return None
    messages.success(request, done)
    return redirect("message", shown.pk)


def _count(shown: Message) -> str:
    counted = resolution.count_as_sent(shown.mailing_id, message_id=shown.pk).messages
    return "Counted as sent." if counted else "It was decided about meanwhile."


def _send(shown: Message, form: SendAgainForm) -> str:
    """What was done, in words; '' where the form is filled in wrongly."""
    if not form.is_valid():
        return ""
    try:
        answer = resolution.send_again(
            shown.mailing_id,
            statuses=["failed", "unknown"],
            message_id=shown.pk,
            end_time=form.cleaned_data.get("end_time"),
        )
    except MailingProblems as wrong:
        form.add_problems(wrong.problems)
        return ""
    return sent_again_in_words(answer)
