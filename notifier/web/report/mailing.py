"""The report of one mailing."""

from typing import Any

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from notifier.clients.conditions import describe_conditions
from notifier.delivery.ledger.reopening import COUNTED_AS_SENT
from notifier.delivery.models import OPEN
from notifier.delivery.rollup import local_day
from notifier.mailings.models import Mailing
from notifier.statistics.breakdown import By, Scope, latency
from notifier.statistics.counts import mailing_counts, retries
from notifier.statistics.incidents import incidents_between
from notifier.statistics.repeats import maybe_received_twice
from notifier.web.report.ledger import figures_of, ledger_of
from notifier.web.report.notes import Notes
from notifier.web.report.tables import reasons_of, table_of
from notifier.web.report.timeline import chart_with, list_incidents, mailing_timeline


def mailing_report(request: HttpRequest, mailing_id: int) -> HttpResponse:
    shown = get_object_or_404(
        Mailing.objects.select_related("created_by", "gateway", "client_filter"), pk=mailing_id
    )
    context: dict[str, Any] = {
        "mailing": shown,
        "as_of": timezone.now(),
        "audience_words": describe_conditions(shown.conditions),
        "kind": "Mailing report",
        "name": shown.title,
    }
    if shown.started_at is not None:
        context |= _account(shown) | _in_time(shown) | _broken_down(shown)
    return render(request, "report/mailing.html", context)


def _account(shown: Mailing) -> dict[str, Any]:
    counts = mailing_counts(shown)
    marks = Notes()
    ledger = ledger_of(
        counts,
        marks,
        counted_as_sent=_counted_as_sent(shown),
        maybe_twice=maybe_received_twice(shown),
        retried=retries(shown),
    )
    is_open = not shown.has_ended or any(counts[status] for status in OPEN)
    return {
        "ledger": ledger,
        "notes": marks,
        "figures": figures_of(counts, whole="Audience"),
        "is_so_far": is_open,
    }


def _counted_as_sent(shown: Mailing) -> int:
    decided = shown.quarter_hour_counts.filter(dimension=By.REASON, value=COUNTED_AS_SENT)
    return decided.aggregate(total=Sum("count", default=0))["total"]


def _in_time(shown: Mailing) -> dict[str, Any]:
    began = shown.started_at
    assert began is not None  # noqa: S101 - only of mailings that have started
    ended = shown.finished_at or timezone.now()
    incidents = list_incidents(incidents_between(began, ended, shown.gateway))
    timeline = mailing_timeline(shown)
    return {
        "seconds": (ended - began).total_seconds(),
        "incidents": incidents,
        **(chart_with(timeline, incidents) if timeline else {}),
    }


def _broken_down(shown: Mailing) -> dict[str, Any]:
    scope = scope_of(shown)
    tables = [
        table_of(scope, By.TIMEZONE, heading="By time zone", head="Time zone"),
        table_of(scope, By.OPERATOR, heading="By operator", head="Operator"),
        table_of(scope, By.TAG, heading="By tag", head="Tag"),
        table_of(scope, By.ATTEMPTS, heading="By attempts", head="Attempts"),
    ]
    return {
        "reasons": reasons_of(scope),
        "tables": tables,
        "in_common": [table for table in tables if table.only],
        "latency": latency(scope),
    }


def scope_of(shown: Mailing) -> Scope:
    """All outcomes that it ever had."""
    now = timezone.now()
    return Scope(local_day(shown.started_at or now), local_day(now), mailing=shown.pk)
