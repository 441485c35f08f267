"""Outcomes over time, with the gaps filled, ready for a chart and its table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from notifier.delivery.models import MessageStatus, MinuteCount
from notifier.mailings.models import Mailing

SHOWN = ("accepted", "failed", "unknown", "retried", "expired", "cancelled")
ALWAYS_SHOWN = ("accepted", "failed")


@dataclass(frozen=True)
class Series:
    """``outcomes`` maps each outcome to one number per label; ``times`` are the buckets' starts."""

    times: list[datetime]
    labels: list[str]
    outcomes: dict[str, list[int]]


def outcomes_per_minute(mailing: Mailing, *, most: int = 240) -> Series:
    """A mailing's outcomes by minute, the newest ``most`` minutes in which anything happened."""
    rows = list(
        MinuteCount.objects.filter(mailing=mailing, outcome__in=SHOWN)
        .order_by("minute")
        .values_list("minute", "outcome", "count")
    )
    if not rows:
        return Series([], [], {outcome: [] for outcome in ALWAYS_SHOWN})
    last = rows[-1][0]
    first = max(rows[0][0], last - timedelta(minutes=most - 1))
    return _series(rows, first=first, last=last, step=timedelta(minutes=1), label="%H:%M")


def outcomes_per_hour(*, hours: int = 24) -> Series:
    """All mailings' outcomes by hour: the present hour and those before it."""
    last = timezone.localtime().replace(minute=0, second=0, microsecond=0)
    first = last - timedelta(hours=hours - 1)
    rows = (
        MinuteCount.objects.filter(minute__gte=first, outcome__in=SHOWN)
        .annotate(hour=TruncHour("minute"))
        .values_list("hour", "outcome")
        .annotate(total=Sum("count"))
        .order_by("hour")
    )
    return _series(rows, first=first, last=last, step=timedelta(hours=1), label="%H:00")


def recent_rate(mailing: Mailing, *, minutes: int = 2) -> float:
    """Messages that came to an end per second, over the last minutes or since the start."""
    return recent_rates([mailing], minutes=minutes)[mailing.pk]


def recent_rates(mailings: Iterable[Mailing], *, minutes: int = 2) -> dict[int, float]:
    """The same for several mailings, by their ids, in one query.

    The counters know whole minutes, so the time begins with one, too.
    """
    now = timezone.now()
    started = {mailing.pk: mailing.started_at or now for mailing in mailings}
    lately = (now - timedelta(minutes=minutes)).replace(second=0, microsecond=0)
    ended: dict[int, int] = dict(
        MinuteCount.objects.filter(mailing__in=started, minute__gte=lately)
        .exclude(outcome__in=(MinuteCount.RETRIED, MessageStatus.SKIPPED))
        .values_list("mailing_id")
        .annotate(total=Sum("count"))
    )
    return {
        key: ended.get(key, 0) / max((now - max(lately, started_at)).total_seconds(), 1.0)
        for key, started_at in started.items()
    }


def _series(
    rows: Iterable[tuple[datetime, str, int]],
    *,
    first: datetime,
    last: datetime,
    step: timedelta,
    label: str,
) -> Series:
    times = [first + index * step for index in range(int((last - first) / step) + 1)]
    places = {moment: index for index, moment in enumerate(times)}
    outcomes = {outcome: [0] * len(times) for outcome in SHOWN}
    for moment, outcome, count in rows:
        if moment in places:
            outcomes[outcome][places[moment]] += count
    return series_of(times, outcomes, label=label)


def series_of(times: list[datetime], outcomes: Mapping[str, list[int]], *, label: str) -> Series:
    """Without the outcomes that never came, unless they are always shown."""
    return Series(
        times=times,
        labels=[timezone.localtime(moment).strftime(label) for moment in times],
        outcomes={
            outcome: numbers
            for outcome, numbers in outcomes.items()
            if outcome in ALWAYS_SHOWN or any(numbers)
        },
    )
