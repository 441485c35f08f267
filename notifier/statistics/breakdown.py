"""What messages came to within some days, in all and by one dimension.

Read from what is rolled up by days, and from quarters of an hour for the days
that are not (today among them), so that a year costs little and is as exact as
an hour. A message belongs to the moment of its outcome.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Min

from notifier.delivery.models import TERMINAL, Dimension, MinuteCount, QuarterHourCount, RolledDay
from notifier.delivery.rollup import bounds_of, local_day, midnight_of

Counts = dict[str, int]

OUTCOMES = (*TERMINAL, MinuteCount.RETRIED)

QUARTER = timedelta(minutes=15)


class By(StrEnum):
    """What groups have in common."""

    QUARTER = "quarter"
    HOURLY = "hourly"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    HOUR = "hour"
    WEEKDAY = "weekday"
    MAILING = "mailing"
    GATEWAY = "gateway"
    OPERATOR = "operator"
    TAG = "tag"
    TIMEZONE = "timezone"
    REASON = "reason"
    ATTEMPTS = "attempts"


@dataclass(frozen=True)
class Scope:
    """Outcomes from the day ``first`` to the day ``last``, both included, by the site's zone."""

    first: date
    last: date
    gateway: int | None = None
    mailing: int | None = None


@dataclass(frozen=True)
class Group:
    """``value`` as machines read it: a day, a mailing's id, a reason; '' where there is none.

    Times are the beginnings of their quarter or hour by the site's clock, with
    its offset; weekdays are 1 (Monday) to 7.
    """

    value: str
    counts: Counts


@dataclass(frozen=True)
class Latency:
    """How long the gateway took to accept, in milliseconds; None where it accepted nothing.

    Rounded up to two digits or less: see LATENCIES in delivery.ledger.counting.
    """

    messages: int = 0
    p50_ms: int | None = None
    p90_ms: int | None = None
    p99_ms: int | None = None
    longest_ms: int | None = None


@dataclass(frozen=True)
class _Grouping:
    """How a group's value is read from a row of day_count and from one of quarter_hour_count.

    Every outcome is counted under some reason: so by reason there are all.
    """

    of_quarter: str
    of_day: str | None = None
    quarter_dimension: Dimension = Dimension.REASON
    day_dimension: Dimension = Dimension.REASON


def _of_clients(dimension: Dimension) -> _Grouping:
    return _Grouping("value", "value", dimension, dimension)


_LOCAL = "(period AT TIME ZONE %(zone)s)"
GROUPINGS = {
    By.QUARTER: _Grouping("period::text"),
    # Zones differ by quarters of an hour: an hour begins by their own clock.
    By.HOURLY: _Grouping("date_trunc('hour', period, %(zone)s)::text"),
    By.DAY: _Grouping(f"{_LOCAL}::date::text", "day::text"),
    By.WEEK: _Grouping(
        f"date_trunc('week', {_LOCAL})::date::text", "date_trunc('week', day)::date::text"
    ),
    By.MONTH: _Grouping(
        f"date_trunc('month', {_LOCAL})::date::text", "date_trunc('month', day)::date::text"
    ),
    By.HOUR: _Grouping(f"extract(hour FROM {_LOCAL})::text", "value", day_dimension=Dimension.HOUR),
    By.WEEKDAY: _Grouping(f"extract(isodow FROM {_LOCAL})::text", "extract(isodow FROM day)::text"),
    By.MAILING: _Grouping("mailing_id::text", "value", day_dimension=Dimension.MAILING),
    By.GATEWAY: _Grouping("gateway_id::text", "gateway_id::text"),
    By.OPERATOR: _of_clients(Dimension.OPERATOR),
    By.TAG: _of_clients(Dimension.TAG),
    By.TIMEZONE: _of_clients(Dimension.TIMEZONE),
    By.REASON: _of_clients(Dimension.REASON),
    By.ATTEMPTS: _of_clients(Dimension.ATTEMPTS),
}
LATENCIES = _of_clients(Dimension.LATENCY)
# Of these there are all, also those in which nothing happened.
GAPLESS = (By.QUARTER, By.HOURLY, By.DAY, By.WEEK, By.MONTH, By.HOUR, By.WEEKDAY)
NUMBERED = (By.MAILING, By.GATEWAY, By.HOUR, By.WEEKDAY, By.ATTEMPTS)

# Uses the indexes day_count_pkey and quarter_hour_count_period, or its primary key
# where a mailing is asked for.
ROLLED = """
    SELECT {of_day} AS value, {further} outcome, sum(count) AS count
    FROM day_count
    WHERE dimension = %(day_dimension)s AND day = ANY(%(rolled)s::date[]) {of_gateway}
    GROUP BY {columns}
    UNION ALL
"""
QUARTERS = """
    SELECT {of_quarter} AS value, {further} outcome, sum(count) AS count
    FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS span (begins, ends)
    JOIN quarter_hour_count ON period >= begins AND period < ends
    {joined}
    WHERE dimension = %(quarter_dimension)s {of_mailing} {of_gateway}
    GROUP BY {columns}
"""


def totals(scope: Scope) -> Counts:
    """How many messages came to each outcome, and how many attempts were put back."""
    return _counts((outcome, count) for _, outcome, count in _sums(scope, GROUPINGS[By.REASON]))


def group_by(scope: Scope, by: By) -> list[Group]:
    """The same by groups, in their natural order; times, hours and weekdays without gaps."""
    found: dict[str, Counts] = {}
    for value, outcome, count in _sums(scope, GROUPINGS[by]):
        named = _with_offset(value) if by in (By.QUARTER, By.HOURLY) else value
        counts = found.setdefault(named, dict.fromkeys(OUTCOMES, 0))
        counts[outcome] += int(count)
    for value in _all_values(scope, by):
        found.setdefault(value, dict.fromkeys(OUTCOMES, 0))
    order: Callable[[str], Any] = int if by in NUMBERED else str
    if by in (By.QUARTER, By.HOURLY):
        order = datetime.fromisoformat
    kept = (value for value in found if any(found[value].values()) or by in GAPLESS)
    return [Group(value, found[value]) for value in sorted(kept, key=order)]


def latency(scope: Scope) -> Latency:
    """Percentiles of the time in which messages were accepted."""
    return _percentiles((int(value), count) for value, _, count in _sums(scope, LATENCIES))


def latency_by_gateway(scope: Scope) -> dict[int, Latency]:
    """The same for each gateway that accepted anything."""
    steps: dict[int, list[tuple[int, int]]] = {}
    for value, gateway, _, count in _sums(scope, LATENCIES, further="gateway_id,"):
        steps.setdefault(gateway, []).append((int(value), count))
    return {gateway: _percentiles(steps[gateway]) for gateway in sorted(steps)}


def first_day() -> date | None:
    """The first day on which any message came to an outcome."""
    counted = QuarterHourCount.objects.filter(dimension=Dimension.REASON)
    first = counted.aggregate(first=Min("period"))["first"]
    return first and local_day(first)


def _sums(scope: Scope, grouping: _Grouping, *, further: str = "") -> list[tuple]:
    """(value, what ``further`` names, outcome, sum) of each group and outcome."""
    rolled = [] if scope.mailing or grouping.of_day is None else _rolled_days(scope)
    spans = _spans_without(rolled, scope)
    is_joined = scope.gateway or "gateway_id" in (grouping.of_quarter + further)
    parts = {
        "of_day": grouping.of_day,
        "of_quarter": grouping.of_quarter,
        "further": further,
        "columns": "1, 2, 3" if further else "1, 2",
        "joined": "JOIN mailing ON mailing.id = mailing_id" if is_joined else "",
        "of_gateway": "AND gateway_id = %(gateway)s" if scope.gateway else "",
        "of_mailing": "AND mailing_id = %(mailing)s" if scope.mailing else "",
    }
    values = {
        "zone": settings.TIME_ZONE,
        "gateway": scope.gateway,
        "mailing": scope.mailing,
        "rolled": rolled,
        "day_dimension": grouping.day_dimension.value,
        "quarter_dimension": grouping.quarter_dimension.value,
        "starts": [start for start, _ in spans],
        "ends": [end for _, end in spans],
    }
    sql = (ROLLED if rolled else "") + QUARTERS
    with connection.cursor() as cursor:
        cursor.execute(sql.format(**parts), values)
        return cursor.fetchall()


def _rolled_days(scope: Scope) -> list[date]:
    rolled = RolledDay.objects.filter(
        timezone=settings.TIME_ZONE, day__gte=scope.first, day__lte=scope.last
    )
    return list(rolled.order_by("day").values_list("day", flat=True))


def _spans_without(rolled: list[date], scope: Scope) -> list[tuple[datetime, datetime]]:
    """From when to when the quarters of an hour count: the days that are not rolled up."""
    spans = []
    begins = scope.first
    for day in rolled:
        if begins < day:
            spans.append((midnight_of(begins), midnight_of(day)))
        begins = day + timedelta(days=1)
    if begins <= scope.last:
        spans.append((midnight_of(begins), bounds_of(scope.last)[1]))
    return spans


def _counts(rows: Iterable[tuple[str, int]]) -> Counts:
    counts = dict.fromkeys(OUTCOMES, 0)
    for outcome, count in rows:
        counts[outcome] += int(count)
    return counts


def _all_values(scope: Scope, by: By) -> Iterable[str]:
    """What a group is shown for even where nothing happened."""
    if by is By.HOUR:
        return map(str, range(24))
    if by is By.WEEKDAY:
        return map(str, range(1, 8))
    if by in (By.QUARTER, By.HOURLY):
        step = QUARTER if by is By.QUARTER else timedelta(hours=1)
        return _times(midnight_of(scope.first), bounds_of(scope.last)[1], step)
    days = [scope.first + timedelta(days=n) for n in range((scope.last - scope.first).days + 1)]
    begins = BEGINS.get(by)
    return {begins(day).isoformat() for day in days} if begins else ()


# The first day of what a day belongs to.
BEGINS: dict[By, Callable[[date], date]] = {
    By.DAY: lambda day: day,
    By.WEEK: lambda day: day - timedelta(days=day.weekday()),
    By.MONTH: lambda day: day.replace(day=1),
}


def _times(start: datetime, end: datetime, step: timedelta) -> Iterable[str]:
    # In UTC, where no hour is missing or comes twice.
    moment, end = start.astimezone(UTC), end.astimezone(UTC)
    while moment < end:
        yield _with_offset(moment.isoformat())
        moment += step


def _with_offset(moment: str) -> str:
    local = datetime.fromisoformat(moment).astimezone(ZoneInfo(settings.TIME_ZONE))
    return local.isoformat(timespec="minutes")


def _percentiles(steps: Iterable[tuple[int, int]]) -> Latency:
    """From how often each time was counted."""
    counted = sorted((step, int(count)) for step, count in steps if count > 0)
    messages = sum(count for _, count in counted)
    if not messages:
        return Latency()

    def at(share: float) -> int:
        """As PostgreSQL's percentile_disc: the first that so many do not exceed."""
        passed = 0
        for step, count in counted:
            passed += count
            if passed >= share * messages:
                return step
        return counted[-1][0]

    return Latency(messages, at(0.5), at(0.9), at(0.99), counted[-1][0])
