from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from notifier.delivery.models import TERMINAL, MinuteCount
from notifier.downloads import csv_download
from notifier.mailings.models import Gateway
from notifier.statistics.breakdown import (
    By,
    Counts,
    Group,
    Latency,
    Scope,
    group_by,
    latency_by_gateway,
    totals,
)
from notifier.statistics.counts import reason_in_words
from notifier.statistics.words import names_of
from notifier.web.badges import MESSAGE_BADGES, Badge
from notifier.web.charts import Chart, chart_of_groups
from notifier.web.lists import paginate, wants_fragment
from notifier.web.statistics.csv import breakdown_csv
from notifier.web.statistics.links import messages_address
from notifier.web.statistics.query import BREAKDOWNS, Asked, read_query
from notifier.web.statistics.tables import BreakdownTable, Line, lines_of, linked

ELEMENT = "statistics"
# So many bars lie below one another before a chart is as long as its table.
MOST_RANKED = 12
MOST_PERCENT = 1000
# Up to so many days the bars of a chart stand for these.
BUCKETS = ((2, By.HOURLY), (62, By.DAY), (400, By.WEEK))
# What may become of a message of which an attempt was made.
TRIED = ("accepted", "failed", "unknown")
IN_TIME = (By.HOUR, By.WEEKDAY)


@dataclass(frozen=True)
class Figure:
    """How many messages came to an outcome, against the period before; None where there is none."""

    badge: Badge
    count: int
    before: int | None
    address: str

    @property
    def change(self) -> int:
        return self.count - (self.before or 0)

    @property
    def percent(self) -> int | None:
        """The change in percent, where that says more than the number."""
        percent = round(self.size * 100 / self.before) if self.before else 0
        return percent if 0 < percent < MOST_PERCENT else None

    @property
    def size(self) -> int:
        return abs(self.change)

    @property
    def colour_class(self) -> str:
        return f"text-{self.badge.colour}"


@dataclass(frozen=True)
class ReasonLine:
    """Why messages did not get through, or not at once, and how many."""

    words: str
    outcome: str
    count: int
    address: str

    @property
    def is_attempts(self) -> bool:
        """Whether attempts are counted here, not messages."""
        return self.outcome == MinuteCount.RETRIED


def statistics(request: HttpRequest) -> HttpResponse:
    asked = read_query(request.GET)
    groups = group_by(asked.scope, asked.by)
    lines = lines_of(asked, groups)
    counts = totals(asked.scope)
    reasons = groups if asked.by is By.REASON else group_by(asked.scope, By.REASON)
    context: dict[str, Any] = {
        "asked": asked,
        "without_mailing": asked.query(mailing=""),
        "report_address": _report_address(asked),
        "typed_first": request.GET.get("from") or asked.period.first.isoformat(),
        "typed_last": request.GET.get("to") or asked.period.last.isoformat(),
        "gateways": Gateway.objects.order_by("id"),
        "is_empty": not any(counts.values()),
        "figures": _figures(asked, counts),
        "retried": counts["retried"],
        "is_unfinished": asked.period.last >= timezone.localdate(),
        "over_time": over_time(asked.scope, element_id="over-time"),
        "breakdown": _breakdown_chart(asked, lines, groups),
        "breakdown_word": BREAKDOWNS[asked.by],
        "table": _table(request, asked, lines),
        "reasons": _reason_lines(asked, reasons),
        "attempts": _attempts(asked, groups),
        "latencies": latencies_of(asked.scope),
    }
    name = "_statistics" if wants_fragment(request, ELEMENT) else "statistics"
    status = 422 if asked.problems else 200
    return render(request, f"statistics/{name}.html", context, status=status)


def export(request: HttpRequest) -> HttpResponseBase:
    """The whole breakdown as CSV."""
    asked = read_query(request.GET)
    if asked.problems:
        words = "\n".join(asked.problems.values())
        return HttpResponse(words, status=422, content_type="text/plain")
    lines = lines_of(asked, group_by(asked.scope, asked.by))
    period = f"{asked.period.first}-to-{asked.period.last}"
    name = f"statistics-by-{asked.by}-{period}"
    return csv_download([breakdown_csv(BREAKDOWNS[asked.by], lines)], name=name)


def over_time(scope: Scope, *, element_id: str) -> Chart:
    """Outcomes by hours, days, weeks or months, as suits the length."""
    days = (scope.last - scope.first) // timedelta(days=1) + 1
    by = next((by for longest, by in BUCKETS if days <= longest), By.MONTH)
    groups = group_by(scope, by)
    word = {By.HOURLY: "hour", By.DAY: "day", By.WEEK: "week", By.MONTH: "month"}[by]
    return chart_of_groups(
        groups,
        names_of(by, [group.value for group in groups]),
        sentence=f"Messages by {word}",
        element_id=element_id,
        first_head=word.capitalize(),
    )


def latencies_of(scope: Scope) -> list[tuple[str, Latency]]:
    """How long each gateway took to accept, by its name."""
    latencies = latency_by_gateway(scope)
    names = names_of(By.GATEWAY, [str(gateway) for gateway in latencies])
    return [(names[str(gateway)], latency) for gateway, latency in latencies.items()]


def _report_address(asked: Asked) -> str:
    """What is on the page, made for paper."""
    if asked.mailing:
        return reverse("mailing_report", args=[asked.mailing.pk])
    return f"{reverse('report')}?{asked.query(by='')}"


def _figures(asked: Asked, counts: Counts) -> list[Figure]:
    before = totals(asked.scope_before) if asked.scope_before else None
    return [
        Figure(
            MESSAGE_BADGES[outcome],
            counts[outcome],
            before[outcome] if before else None,
            messages_address(asked.period, status=outcome, narrowed=asked.narrowed),
        )
        for outcome in TERMINAL
    ]


def _breakdown_chart(asked: Asked, lines: Sequence[Line], groups: Sequence[Group]) -> Chart:
    word = BREAKDOWNS[asked.by]
    names = {line.value: line.name for line in lines}
    if asked.by in IN_TIME:
        sentence = f"Messages by {word.lower()}"
        return chart_of_groups(
            groups, names, sentence=sentence, element_id="breakdown", first_head=word
        )
    largest = sorted(lines, key=lambda line: -line.total)[:MOST_RANKED]
    several = f"the {len(largest)} largest of {len(lines)}" if len(lines) > MOST_RANKED else "all"
    return chart_of_groups(
        [Group(line.value, line.counts) for line in largest],
        names,
        sentence=f"Messages by {word.lower()}, {several}",
        element_id="breakdown",
        first_head=word,
        kind="ranking",
    )


def _table(request: HttpRequest, asked: Asked, lines: list[Line]) -> BreakdownTable:
    if asked.by not in (*IN_TIME, By.ATTEMPTS):
        lines = sorted(lines, key=lambda line: (-line.total, line.name))
    return paginate(request, BreakdownTable(lines, by=asked.by))


def _reason_lines(asked: Asked, groups: Sequence[Group]) -> list[ReasonLine]:
    lines = [
        ReasonLine(
            reason_in_words(group.value),
            outcome,
            count,
            messages_address(
                asked.period,
                status=outcome,
                by=By.REASON,
                value=group.value,
                narrowed=asked.narrowed,
            ),
        )
        for group in groups
        for outcome, count in group.counts.items()
        if group.value and count
    ]
    return sorted(lines, key=lambda line: -line.count)


def _attempts(asked: Asked, groups: Sequence[Group]) -> list[tuple[str, list[SafeString | str]]]:
    """By how many attempts, all messages, those and what became of them, each a link."""
    of_attempts = groups if asked.by is By.ATTEMPTS else group_by(asked.scope, By.ATTEMPTS)
    by_attempts = Asked(asked.period, By.ATTEMPTS, asked.gateway, asked.mailing)
    return [
        (
            line.name,
            [
                linked(line.total, line.address("")),
                *(linked(line.counts[name], line.address(name)) for name in TRIED),
            ],
        )
        for line in lines_of(by_attempts, of_attempts)
        if line.value != "0"
    ]
