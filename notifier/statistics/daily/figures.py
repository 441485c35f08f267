"""What there is to tell of a day, by one person's clock, and what needs attention now.

From the minute counters, as the person's days need not be the site's.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import F, QuerySet, Sum

from notifier.accounts.daily_email import ONE_DAY, bounds_of_day
from notifier.delivery.models import (
    TERMINAL,
    Dimension,
    GatewayIncident,
    MinuteCount,
    QuarterHourCount,
)
from notifier.mailings.models import Mailing
from notifier.statistics.counts import Counts, reason_in_words
from notifier.statistics.gateways import GatewayState, gateway_states
from notifier.statistics.incidents import incidents_between
from notifier.statistics.overview import mailings_paused_by_themselves
from notifier.statistics.resolution import mailings_to_decide

MOST_MAILINGS = 10
MOST_REASONS = 10
MOST_INCIDENTS = 10
MOST_TO_DECIDE = 5
WEEK_DAYS = 7
NOT_SENT = ("expired", "cancelled", "skipped")


@dataclass(frozen=True)
class MailingDay:
    """A mailing's outcomes of the day; ``id`` is None of those that are summed."""

    id: int | None
    title: str
    counts: Counts

    @property
    def not_sent(self) -> int:
        return sum(self.counts[outcome] for outcome in NOT_SENT)


@dataclass(frozen=True)
class Reason:
    words: str
    failed: int
    unknown: int


@dataclass(frozen=True)
class Attention:
    """What waits for a person: mailings with ``undecided``, paused ones, gateways in trouble."""

    to_decide: list[Mailing]
    paused: list[Mailing]
    gateways: list[GatewayState]

    def __bool__(self) -> bool:
        return bool(self.to_decide or self.paused or self.gateways)


@dataclass(frozen=True)
class DayFigures:
    """``before`` are the counts of the day before, ``week`` those of seven days before, summed."""

    day: date
    timezone: str
    counts: Counts
    before: Counts
    week: Counts
    mailings: list[MailingDay]
    rest: MailingDay | None
    reasons: list[Reason]
    incidents: list[GatewayIncident]
    attention: Attention

    @property
    def is_empty(self) -> bool:
        """Whether no message came to any outcome."""
        return not any(self.counts.values())


def figures_of(day: date, timezone: str) -> DayFigures:
    """A handful of queries, by the indexes of the counters on time."""
    start, end = bounds_of_day(day, timezone)
    mailings = _mailings_between(start, end)
    return DayFigures(
        day=day,
        timezone=timezone,
        counts=_sum(mailings),
        before=_counts_between(bounds_of_day(day - ONE_DAY, timezone)[0], start),
        week=_counts_between(bounds_of_day(day - timedelta(WEEK_DAYS), timezone)[0], start),
        mailings=mailings[:MOST_MAILINGS],
        rest=_rest(mailings[MOST_MAILINGS:]),
        reasons=_reasons_between(start, end),
        incidents=incidents_between(start, end)[:MOST_INCIDENTS],
        attention=_attention(),
    )


def _counts_between(start: datetime, end: datetime) -> Counts:
    counted = _counters(start, end).values_list("outcome").annotate(total=Sum("count"))
    return {**dict.fromkeys(TERMINAL, 0), **dict(counted)}


def _mailings_between(start: datetime, end: datetime) -> list[MailingDay]:
    """Those of most messages first."""
    by_mailing: dict[int, Counts] = {}
    counted = _counters(start, end).values_list("mailing_id", "outcome")
    for mailing_id, outcome, total in counted.annotate(total=Sum("count")).order_by("mailing_id"):
        by_mailing.setdefault(mailing_id, dict.fromkeys(TERMINAL, 0))[outcome] = total
    shown = Mailing.objects.filter(pk__in=by_mailing)
    titles = {mailing.pk: one_line(mailing.title) for mailing in shown}
    days = [
        MailingDay(key, titles[key], counts)
        for key, counts in by_mailing.items()
        # Of messages that were sent again the outcomes are taken back: none may be left.
        if key in titles and any(counts.values())
    ]
    return sorted(days, key=lambda each: -sum(each.counts.values()))


def one_line(name: str) -> str:
    """For where a name must not break out of its line, however it was written."""
    return " ".join(name.split())


def _counters(start: datetime, end: datetime) -> QuerySet[MinuteCount]:
    return MinuteCount.objects.filter(minute__gte=start, minute__lt=end, outcome__in=TERMINAL)


def _rest(mailings: list[MailingDay]) -> MailingDay | None:
    if not mailings:
        return None
    count = len(mailings)
    title = f"{count} further mailing{'' if count == 1 else 's'}"
    return MailingDay(None, title, _sum(mailings))


def _sum(mailings: list[MailingDay]) -> Counts:
    return {outcome: sum(each.counts[outcome] for each in mailings) for outcome in TERMINAL}


def _reasons_between(start: datetime, end: datetime) -> list[Reason]:
    """Why messages failed or are unknown, most first. Every zone's days begin with a quarter."""
    counted = (
        QuarterHourCount.objects.filter(
            dimension=Dimension.REASON,
            period__gte=start,
            period__lt=end,
            outcome__in=("failed", "unknown"),
        )
        .values_list("value", "outcome")
        .annotate(total=Sum("count"))
        .exclude(total=0)
        .order_by(F("total").desc(), "value")
    )
    reasons: dict[str, Counts] = {}
    for value, outcome, total in counted:
        reasons.setdefault(value, {"failed": 0, "unknown": 0})[outcome] = total
    found = [
        Reason(reason_in_words(value) or "No reason known", **counts)
        for value, counts in reasons.items()
    ]
    return found[:MOST_REASONS]


def _attention() -> Attention:
    return Attention(
        to_decide=mailings_to_decide(most=MOST_TO_DECIDE),
        paused=list(mailings_paused_by_themselves()[:MOST_TO_DECIDE]),
        gateways=[state for state in gateway_states() if state.is_shut],
    )
