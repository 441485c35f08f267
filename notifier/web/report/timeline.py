"""Outcomes over time in as many columns as fit on paper, and the gateway's incidents beside."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Min
from django.utils import timezone

from notifier.delivery.models import GatewayIncident, MinuteCount
from notifier.delivery.rollup import local_day, midnight_of
from notifier.mailings.models import Mailing
from notifier.statistics.breakdown import By, Group, Scope, first_day, group_by
from notifier.statistics.series import SHOWN, Series, outcomes_per_minute, series_of
from notifier.web.charts import chart_of
from notifier.web.report.tables import capped

MINUTE = timedelta(minutes=1)
# The finest steps that still leave columns wide enough to be seen.
LONGEST_BY_MINUTE = timedelta(hours=2)
LONGEST_BY_QUARTER = timedelta(hours=20)
LONGEST_BY_HOUR = timedelta(days=4)
MOST_DAYS_BY_HOUR, MOST_DAYS_BY_DAY, MOST_DAYS_BY_WEEK = 2, 92, 400
MOST_INCIDENTS = 30
# Longer tables of the chart's numbers are not printed: they would take pages.
MOST_ROWS = 12

STEP_WORDS = {
    By.QUARTER: "quarter of an hour",
    By.HOURLY: "hour",
    By.DAY: "day",
    By.WEEK: "week",
    By.MONTH: "month",
}
LABELS = {
    By.QUARTER: "%-d %b %H:%M",
    By.HOURLY: "%-d %b %H:%M",
    By.DAY: "%-d %b",
    By.WEEK: "%-d %b",
    By.MONTH: "%b %Y",
}


@dataclass(frozen=True)
class Timeline:
    """``step`` is what one column covers, in words; ``ends_at`` when the last one ends."""

    step: str
    series: Series
    ends_at: datetime


@dataclass(frozen=True)
class Incident:
    """A line of the list of incidents, with the number that marks it in the chart.

    ``ended_at`` is None for one that still lasts: ``seconds`` are those so far.
    """

    number: int
    gateway: str
    word: str
    reason: str
    began_at: datetime
    ended_at: datetime | None
    seconds: float


@dataclass(frozen=True)
class IncidentList:
    """The earliest, and how many more there were, of how many seconds together."""

    shown: list[Incident]
    more: int
    more_seconds: float


def mailing_timeline(mailing: Mailing) -> Timeline | None:
    """From the first outcome to the last; None where there is none."""
    span = MinuteCount.objects.filter(mailing=mailing).aggregate(
        first=Min("minute"), last=Max("minute")
    )
    first, last = span["first"], span["last"]
    if first is None:
        return None
    if last - first < LONGEST_BY_MINUTE:
        most = int((last - first) / MINUTE) + 1
        return Timeline("minute", outcomes_per_minute(mailing, most=most), last + MINUTE)
    scope = Scope(local_day(first), local_day(last), mailing=mailing.pk)
    return _timeline(scope, _step_of(last - first), first=first, last=last)


def period_timeline(scope: Scope) -> Timeline:
    """Without the days to come; of a long period, without those before anything was sent."""
    today = timezone.localdate()
    last = max(scope.first, min(scope.last, today))
    first = scope.first
    if (last - first).days >= MOST_DAYS_BY_DAY:
        first = min(last, max(first, first_day() or today))
    shown = replace(scope, first=first, last=last)
    return _timeline(shown, _step_of_days((last - first).days + 1))


def _step_of(length: timedelta) -> By:
    if length <= LONGEST_BY_QUARTER:
        return By.QUARTER
    return By.HOURLY if length <= LONGEST_BY_HOUR else _step_of_days(length.days)


def _step_of_days(days: int) -> By:
    if days <= MOST_DAYS_BY_HOUR:
        return By.HOURLY
    if days <= MOST_DAYS_BY_DAY:
        return By.DAY
    return By.WEEK if days <= MOST_DAYS_BY_WEEK else By.MONTH


def _timeline(
    scope: Scope, by: By, *, first: datetime | None = None, last: datetime | None = None
) -> Timeline:
    groups = group_by(scope, by)
    starts = [_start_of(by, group.value) for group in groups]
    ends = [*starts[1:], midnight_of(scope.last + timedelta(days=1))]
    columns = [
        (start, end, group)
        for start, end, group in zip(starts, ends, groups, strict=True)
        if (first is None or end > first) and (last is None or start <= last)
    ]
    times = [start for start, _, _ in columns]
    series = _series(times, [group for _, _, group in columns], LABELS[by])
    return Timeline(STEP_WORDS[by], series, columns[-1][1])


def _start_of(by: By, value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if by in (By.QUARTER, By.HOURLY) else midnight_of(moment.date())


def _series(times: list[datetime], groups: Sequence[Group], label: str) -> Series:
    outcomes = {outcome: [group.counts[outcome] for group in groups] for outcome in SHOWN}
    return series_of(times, outcomes, label=label)


def list_incidents(incidents: Sequence[GatewayIncident]) -> IncidentList:
    now = timezone.now()
    lines = [
        Incident(
            number=number,
            gateway=incident.gateway.name,
            word=incident.get_kind_display(),
            reason=incident.reason,
            began_at=incident.began_at,
            ended_at=incident.ended_at,
            seconds=((incident.ended_at or now) - incident.began_at).total_seconds(),
        )
        for number, incident in enumerate(incidents, start=1)
    ]
    shown, left = capped(lines, MOST_INCIDENTS)
    return IncidentList(shown, len(left), sum(incident.seconds for incident in left))


def chart_with(timeline: Timeline, incidents: IncidentList) -> dict[str, Any]:
    """What the templates need to draw both."""
    return {
        "timeline": timeline,
        "chart": chart_of(timeline.series, sentence=f"Messages by {timeline.step} and outcome"),
        "numbers_fit": 1 < len(timeline.series.labels) <= MOST_ROWS,
        "marks": marks_in(timeline, incidents.shown),
    }


def marks_in(timeline: Timeline, incidents: Sequence[Incident]) -> list[dict[str, float]]:
    """Where a chart marks the incidents: in columns from its left edge, fractions included."""
    place = _place_in([*timeline.series.times, timeline.ends_at])
    return list(_marks(place, incidents, ends_at=timeline.ends_at))


def _marks(
    place: Callable[[datetime], float], incidents: Sequence[Incident], *, ends_at: datetime
) -> Iterator[dict[str, float]]:
    for incident in incidents:
        begins = place(incident.began_at)
        ends = place(incident.ended_at or ends_at)
        if begins < ends:
            yield {"number": incident.number, "begins": round(begins, 3), "ends": round(ends, 3)}


def _place_in(edges: Sequence[datetime]) -> Callable[[datetime], float]:
    def place(moment: datetime) -> float:
        inside = min(max(moment, edges[0]), edges[-1])
        column = min(bisect_right(edges, inside), len(edges) - 1) - 1
        width = edges[column + 1] - edges[column]
        return column + (inside - edges[column]) / width

    return place
