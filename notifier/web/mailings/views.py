from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from notifier.clients.conditions import describe_conditions
from notifier.clients.counting import AudienceCount, TooSlow, count_clients
from notifier.delivery.control import (
    cancel_mailing,
    delete_mailing,
    pause_mailing,
    resume_mailing,
)
from notifier.delivery.ledger.reopening import COUNTED_AS_SENT
from notifier.delivery.models import OPEN
from notifier.mailings.lifecycle import ALLOWED, WrongStatus
from notifier.mailings.models import SENDING, Mailing
from notifier.statistics.counts import (
    Counts,
    failure_reasons,
    mailing_counts,
    mailing_counts_many,
)
from notifier.statistics.gateways import gateway_state
from notifier.statistics.progress import progress_of
from notifier.statistics.series import outcomes_per_minute
from notifier.web.badges import MAILING_BADGES
from notifier.web.charts import chart_of
from notifier.web.lists import paginate, render_list
from notifier.web.live import LivePart, answer_refresh, live_part
from notifier.web.mailings.ledger import bar_of, lines_of
from notifier.web.mailings.tables import MailingTable

SENDING_REFRESH_SECONDS = 2
WAITING_REFRESH_SECONDS = 5

# What the confirmation does, and what is said once it is done.
ACTIONS = {
    "pause": (pause_mailing, "Paused. Nothing more is sent until it is resumed."),
    "resume": (resume_mailing, "Resumed."),
    "cancel": (cancel_mailing, "Cancelled. Nothing more is sent."),
    "delete": (delete_mailing, "Deleted."),
}


def mailing(request: HttpRequest, mailing_id: int) -> HttpResponse:
    shown = get_object_or_404(
        Mailing.objects.select_related("created_by", "gateway__health"), pk=mailing_id
    )
    if request.method == "POST":
        return _act(request, shown)
    context: dict[str, Any] = {
        "mailing": shown,
        "is_sending": shown.status in SENDING,
        "gateway_state": gateway_state(shown.gateway),
    }
    part = _follow(request, shown, context)
    if answer := answer_refresh(request, part, context):
        return answer
    context |= {
        "live": part,
        "audience_words": describe_conditions(shown.conditions),
        "audience": _audience_of(shown),
    }
    return render(request, "mailings/mailing.html", context)


def _audience_of(shown: Mailing) -> AudienceCount | None:
    """Whom it would reach now; None where it has started, or that takes too long to count."""
    if not shown.is_editable:
        return None
    try:
        return count_clients(shown.conditions)
    except TooSlow:
        return None


def _follow(request: HttpRequest, shown: Mailing, context: dict[str, Any]) -> LivePart:
    """The part that refreshes while the mailing has not ended."""
    counts = mailing_counts(shown)
    reasons = failure_reasons(shown)
    progress = progress_of(shown, counts, waits=context["gateway_state"].is_shut)
    starts_in = shown.start_time - timezone.now()
    is_due = shown.is_editable and starts_in <= timedelta(0)
    context |= {
        "is_due": is_due,
        "is_imminent": starts_in < timedelta(minutes=1),
        "counts": counts,
        "progress": progress,
        "lines": lines_of(counts),
        "bar": bar_of(counts),
        **_decisions(shown, counts, reasons),
        "reasons": reasons,
        "chart": chart_of(outcomes_per_minute(shown), sentence="Messages by minute and outcome"),
    }
    word = MAILING_BADGES[shown.status].word
    state = f"{progress.percent} %" if shown.status in SENDING else word
    return live_part(
        request,
        "mailings/_live.html",
        context,
        element_id="live",
        every_seconds=_refresh_seconds(shown, counts, is_due=is_due),
        announce=f"{shown.title}: {word}",
        title=f"{state} · {shown.title}",
        extra="mailings/_extra.html",
    )


def _decisions(
    shown: Mailing, counts: Counts, reasons: list[tuple[str, str, int]]
) -> dict[str, Any]:
    """What was decided about unknown messages, and what a person may decide."""
    counted_as_sent = {reason: count for reason, _, count in reasons}.get(COUNTED_AS_SENT, 0)
    return {
        "counted_as_sent": counted_as_sent,
        # Read one after the other while sending goes on, so never negative.
        "undecided": max(0, counts["unknown"] - counted_as_sent),
        "can_be_sent_again": shown.status in ALLOWED["send_again"],
    }


def _refresh_seconds(shown: Mailing, counts: Counts, *, is_due: bool) -> int:
    if shown.has_ended and not _open_in(counts):
        return 0
    is_busy = is_due or shown.has_ended or shown.status in SENDING
    return SENDING_REFRESH_SECONDS if is_busy else WAITING_REFRESH_SECONDS


def _open_in(counts: Counts) -> int:
    """Messages without an outcome: a cancelled mailing's are closed after its status says so."""
    return sum(counts[status] for status in OPEN)


def _act(request: HttpRequest, shown: Mailing) -> HttpResponse:
    if request.POST.get("action") not in ACTIONS:
        raise Http404
    action, done = ACTIONS[request.POST["action"]]
    try:
        action(shown.pk)
    except WrongStatus as wrong:
        messages.error(request, str(wrong))
        return redirect("mailing", shown.pk)
    messages.success(request, done)
    if action is delete_mailing:
        return redirect("mailings")
    return redirect("mailing", shown.pk)


def confirm(request: HttpRequest, mailing_id: int, action: str) -> HttpResponse:
    """The inside of the dialog that says what an action would do, in numbers as of now."""
    if action not in ACTIONS:
        raise Http404
    shown = get_object_or_404(Mailing, pk=mailing_id)
    context = {"mailing": shown, "action": action, "counts": mailing_counts(shown)}
    return render(request, "mailings/_confirm.html", context)


def mailings(request: HttpRequest) -> HttpResponse:
    asked = {"q": request.GET.get("q", "").strip(), "status": request.GET.get("status", "")}
    table = paginate(request, MailingTable(_found(**asked)))
    shown = [row.record for row in table.page.object_list]
    for each, counts in zip(shown, mailing_counts_many(shown).values(), strict=True):
        each.counts = counts
        each.done = each.audience - _open_in(counts)
    is_moving = any(
        each.status in SENDING or (each.has_ended and _open_in(each.counts)) for each in shown
    )
    context: dict[str, Any] = {"table": table, "asked": asked}
    part = live_part(
        request,
        "mailings/_table.html",
        context,
        element_id="live",
        every_seconds=SENDING_REFRESH_SECONDS if is_moving else 0,
    )
    if answer := answer_refresh(request, part, context):
        return answer
    context |= {
        "live": part,
        "badges": MAILING_BADGES,
        "is_empty": not shown and not any(asked.values()),
    }
    return render_list(request, "mailings", "mailings", context)


def _found(*, q: str, status: str) -> QuerySet[Mailing]:
    found = Mailing.objects.all()
    if q:
        found = found.filter(Q(name__icontains=q) | Q(text__icontains=q))
    return found.filter(status=status) if status else found
