"""The report of a period: the same account over all mailings, or those of one gateway."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from notifier.delivery.rollup import local_day, midnight_of
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.breakdown import By, Counts, Scope, group_by, latency_by_gateway, totals
from notifier.statistics.incidents import incidents_between
from notifier.statistics.periods import PRESETS, BadPeriod, Period, parse_period, previous
from notifier.statistics.words import names_of
from notifier.web.charts import word_of
from notifier.web.report import notes
from notifier.web.report.ledger import figures_of
from notifier.web.report.notes import Notes
from notifier.web.report.speed import Speed, speed_of
from notifier.web.report.tables import Row, capped, reasons_of, sum_of, table_of
from notifier.web.report.timeline import chart_with, list_incidents, period_timeline

MOST_MAILINGS = 40
WEEK_DAYS = 7
# What an address may narrow the report down by, besides its period.
KEPT = ("gateway", "mailing")


def period_report(request: HttpRequest) -> HttpResponse:
    choices = _choices(request)
    try:
        period = parse_period(request.GET)
    except BadPeriod as bad:
        return render(request, "report/bad_period.html", {"bad": bad, **choices}, status=400)
    gateway = _named(Gateway, request.GET.get("gateway", ""))
    mailing = _named(Mailing, request.GET.get("mailing", ""))
    scope = Scope(
        period.first,
        period.last,
        gateway=gateway.pk if gateway else None,
        mailing=mailing.pk if mailing else None,
    )
    counts = totals(scope)
    context: dict[str, Any] = {
        "kind": "Report",
        "name": period.words,
        "as_of": timezone.now(),
        "is_so_far": period.last >= local_day(timezone.now()),
        "period": period,
        "gateway": gateway,
        "mailing": mailing,
        "counts": counts,
        "figures": figures_of(counts, whole="Messages"),
        "whole": sum_of("", [Row("", counts)]).messages,
        **choices,
        **_against_before(scope, period, counts),
        **_in_time(scope, gateway),
    }
    if context["whole"]:
        context |= _broken_down(scope)
    return render(request, "report/period.html", context)


def _choices(request: HttpRequest) -> dict[str, Any]:
    """Other periods to look at, as (address, word, is this one), and the same on the screen."""
    kept = {name: request.GET[name] for name in KEPT if request.GET.get(name)}
    return {
        "presets": [
            (f"?{urlencode({'range': name, **kept})}", word, request.GET.get("range") == name)
            for name, (word, _) in PRESETS.items()
        ],
        "query": request.GET.urlencode(),
    }


def _named(model: type[Any], typed: str) -> Any:
    """The row with the id; None where none is asked for, and not found where there is no such."""
    if not typed:
        return None
    is_id = typed.isascii() and typed.isdigit() and len(typed) < 19
    return get_object_or_404(model, pk=int(typed) if is_id else 0)


@dataclass(frozen=True)
class Change:
    """One outcome in the period and in the one before it; ``percent`` None where that had none."""

    word: str
    mark: str
    now: int
    before: int

    @property
    def difference(self) -> str:
        return (
            f"{self.now - self.before:+,}".replace("-", "\u2212")
            if self.now != self.before
            else "0"
        )

    @property
    def percent(self) -> str:
        if not self.before:
            return "–"
        change = round((self.now - self.before) / self.before * 100)
        return f"{signed(change)}\u00a0%"


def signed(number: int) -> str:
    """``+1,200``, ``−80``, ``0``; with the sign for minus, not a hyphen."""
    return f"{number:+,}".replace("-", "\u2212") if number else "0"


def _against_before(scope: Scope, period: Period, counts: Counts) -> dict[str, Any]:
    earlier = previous(period)
    before = totals(Scope(earlier.first, earlier.last, scope.gateway, scope.mailing))
    marks = Notes()
    meanings = notes.OF_STATUS | {"retried": notes.RETRIED}
    changes = [
        Change(word_of(outcome), marks.mark(meanings[outcome]), count, before[outcome])
        for outcome, count in counts.items()
    ]
    return {
        "changes": changes,
        "before": earlier.words,
        "notes": marks,
    }


def _in_time(scope: Scope, gateway: Gateway | None) -> dict[str, Any]:
    began = midnight_of(scope.first)
    ended = min(midnight_of(scope.last + timedelta(days=1)), timezone.now())
    incidents = list_incidents(incidents_between(began, ended, gateway))
    return {
        "incidents": incidents,
        "names_gateways": gateway is None and Gateway.objects.count() > 1,
        **chart_with(period_timeline(scope), incidents),
    }


def _broken_down(scope: Scope) -> dict[str, Any]:
    tables = [table_of(scope, By.HOUR, heading="By hour of the day", head="Hour")]
    if (scope.last - scope.first).days + 1 >= WEEK_DAYS:
        tables.append(table_of(scope, By.WEEKDAY, heading="By day of the week", head="Day"))
    tables += [
        table_of(scope, By.GATEWAY, heading="By gateway", head="Gateway"),
        table_of(scope, By.TIMEZONE, heading="By time zone", head="Time zone"),
        table_of(scope, By.OPERATOR, heading="By operator", head="Operator"),
        table_of(scope, By.TAG, heading="By tag", head="Tag"),
        table_of(scope, By.ATTEMPTS, heading="By attempts", head="Attempts made"),
    ]
    return {
        "mailings": None if scope.mailing else _mailings(scope),
        "tables": tables,
        "in_common": [table for table in tables if table.only],
        "reasons": reasons_of(scope),
        "speeds": _speeds(scope),
    }


@dataclass(frozen=True, kw_only=True)
class MailingRow(Row):
    mailing: Mailing


@dataclass(frozen=True)
class MailingTable:
    """``rows``, and what the mailings left out come to, add up to ``total``."""

    rows: list[MailingRow]
    rest: Row | None
    total: Row


def _mailings(scope: Scope) -> MailingTable:
    """The largest of the period in the order in which they started, and what the others come to."""
    groups = group_by(scope, By.MAILING)
    known = Mailing.objects.in_bulk([int(group.value) for group in groups])
    rows = [
        MailingRow(mailing.title, group.counts, group.value, mailing=mailing)
        for group in groups
        if (mailing := known.get(int(group.value)))
    ]
    rows.sort(key=lambda row: (-row.messages, row.value))
    shown, left = capped(rows, MOST_MAILINGS)
    shown.sort(key=lambda row: (row.mailing.started_at or row.mailing.start_time, row.mailing.pk))
    rest = sum_of(f"{len(left):,} others", left) if left else None
    return MailingTable(shown, rest, sum_of("All", rows))


def _speeds(scope: Scope) -> list[tuple[str, Speed]]:
    found = latency_by_gateway(scope)
    names = names_of(By.GATEWAY, [str(gateway) for gateway in found])
    return [(names[str(gateway)], speed_of(latency)) for gateway, latency in found.items()]
