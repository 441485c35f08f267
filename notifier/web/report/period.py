"""The report of a period: the same account over all mailings, or those of one gateway."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from notifier.delivery.models import TERMINAL
from notifier.delivery.rollup import local_day, midnight_of
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.breakdown import By, Counts, Group, Scope, group_by, totals
from notifier.statistics.incidents import incidents_between
from notifier.statistics.words import deleted_name
from notifier.web.charts import word_of
from notifier.web.report import notes
from notifier.web.report.ledger import figures_of
from notifier.web.report.notes import Notes
from notifier.web.report.tables import Row, capped, reasons_of, sum_of, table_of
from notifier.web.report.timeline import chart_with, list_incidents, period_timeline
from notifier.web.statistics.query import Asked, read_query
from notifier.web.statistics.views import latencies_of

MOST_MAILINGS = 40
WEEK_DAYS = 7
# Those of which nobody knows any more when they started come first.
EARLIEST = datetime.min.replace(tzinfo=UTC)


def period_report(request: HttpRequest) -> HttpResponse:
    asked = read_query(request.GET)
    if asked.problems:
        return render(request, "report/bad_period.html", {"asked": asked}, status=422)
    counts = totals(asked.scope)
    context: dict[str, Any] = {
        "kind": "Report",
        "name": asked.period.words,
        "as_of": timezone.now(),
        "is_so_far": asked.period.last >= local_day(timezone.now()),
        "asked": asked,
        "same_on_screen": f"{reverse('statistics')}?{asked.query(by='')}",
        "figures": figures_of(counts, whole="Messages"),
        "whole": sum(counts[outcome] for outcome in TERMINAL),
        **_against_before(asked, counts),
        **_in_time(asked),
    }
    if context["whole"]:
        context |= _broken_down(asked.scope)
    return render(request, "report/period.html", context)


@dataclass(frozen=True)
class Change:
    """One outcome in the period and in the one before it; ``percent`` None where that had none."""

    word: str
    mark: str
    now: int
    before: int

    @property
    def difference(self) -> str:
        return signed(self.now - self.before)

    @property
    def percent(self) -> str:
        if not self.before:
            return "–"
        change = round((self.now - self.before) / self.before * 100)
        return f"{signed(change)}\u00a0%"


def signed(number: int) -> str:
    """``+1,200``, ``−80``, ``0``; with the sign for minus, not a hyphen."""
    return f"{number:+,}".replace("-", "\u2212") if number else "0"


def _against_before(asked: Asked, counts: Counts) -> dict[str, Any]:
    """Where not all of the period before has been counted, there is nothing to compare with."""
    before = totals(asked.scope_before) if asked.scope_before else counts
    marks = Notes()
    changes = [
        Change(word_of(status), marks.mark(notes.OF_STATUS[status]), counts[status], before[status])
        for status in TERMINAL
    ]
    return {
        "changes": changes,
        "change_of_all": Change(
            "All", "", sum(each.now for each in changes), sum(each.before for each in changes)
        ),
        "retried": counts["retried"],
        "retried_before": before["retried"],
        "retried_mark": marks.mark(notes.RETRIED),
        "before": asked.before.words if asked.scope_before else "",
        "notes": marks,
    }


def _in_time(asked: Asked) -> dict[str, Any]:
    scope = asked.scope
    began = midnight_of(scope.first)
    ended = min(midnight_of(scope.last + timedelta(days=1)), timezone.now())
    incidents = list_incidents(incidents_between(began, ended, asked.gateway))
    return {
        "incidents": incidents,
        "names_gateways": asked.gateway is None and Gateway.objects.count() > 1,
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
        "latencies": latencies_of(scope),
    }


@dataclass(frozen=True)
class MailingRow(Row):
    """``mailing`` is None where it was deleted since."""

    mailing: Mailing | None = None

    @property
    def order(self) -> tuple[datetime, int]:
        began = self.mailing.started_at if self.mailing else None
        return (began or EARLIEST, int(self.value))


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
    rows = [_mailing_row(group, known.get(int(group.value))) for group in groups]
    rows.sort(key=lambda row: (-row.messages, row.value))
    shown, left = capped(rows, MOST_MAILINGS)
    shown.sort(key=lambda row: row.order)
    rest = sum_of(f"{len(left):,} others", left) if left else None
    return MailingTable(shown, rest, sum_of("All", rows))


def _mailing_row(group: Group, mailing: Mailing | None) -> MailingRow:
    name = mailing.title if mailing else deleted_name(By.MAILING, group.value)
    return MailingRow(name, group.counts, group.value, mailing)
