"""Ranges of days that people ask for: by a name, or from one day to another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from notifier.statistics.breakdown import first_day

DAY = timedelta(days=1)
DEFAULT = "7d"
# Nothing was sent before, and no page is longer.
EARLIEST = date(2000, 1, 1)
LATEST = date(2999, 12, 31)


class BadPeriod(ValueError):
    """What was asked for is no range of days; ``field`` says where that was typed."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


@dataclass(frozen=True)
class Period:
    """From the day ``first`` to the day ``last``, both included; ``preset`` is its name or ''."""

    first: date
    last: date
    preset: str = ""

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def words(self) -> str:
        """``24 Nov 2026``, ``1 to 24 Nov 2026``."""
        if self.first == self.last:
            return f"{self.last:%-d %b %Y}"
        if self.first.year != self.last.year:
            return f"{self.first:%-d %b %Y} to {self.last:%-d %b %Y}"
        if self.first.month != self.last.month:
            return f"{self.first:%-d %b} to {self.last:%-d %b %Y}"
        return f"{self.first:%-d} to {self.last:%-d %b %Y}"

    @property
    def query(self) -> dict[str, str]:
        """How an address names it."""
        if self.preset:
            return {"range": self.preset}
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}


def _last_month(today: date) -> tuple[date, date]:
    last = today.replace(day=1) - DAY
    return last.replace(day=1), last


def _twelve_months(today: date) -> tuple[date, date]:
    tomorrow = today + DAY
    # The 29th of February begins a year that ends with the 28th.
    day = min(tomorrow.day, 28) if tomorrow.month == 2 else tomorrow.day
    return tomorrow.replace(year=tomorrow.year - 1, day=day), today


PRESETS: dict[str, tuple[str, Callable[[date], tuple[date, date]]]] = {
    "today": ("Today", lambda today: (today, today)),
    "yesterday": ("Yesterday", lambda today: (today - DAY, today - DAY)),
    "7d": ("Last 7 days", lambda today: (today - 6 * DAY, today)),
    "30d": ("Last 30 days", lambda today: (today - 29 * DAY, today)),
    "month": ("This month", lambda today: (today.replace(day=1), today)),
    "last_month": ("Last month", _last_month),
    "year": ("This year", lambda today: (today.replace(month=1, day=1), today)),
    "12m": ("Last 12 months", _twelve_months),
    "all": ("Everything", lambda today: (min(first_day() or today, today), today)),
}


def parse_period(query: Mapping[str, str], *, default: str = DEFAULT) -> Period:
    """What ``range``, or ``from`` and ``to``, ask for, by the site's calendar.

    Raises BadPeriod. Where only one of the days is given, the other is today,
    or the same day where today lies before it.
    """
    today = timezone.localdate()
    typed_first, typed_last = query.get("from", "").strip(), query.get("to", "").strip()
    if typed_first or typed_last:
        last = _day("to", typed_last) if typed_last else None
        first = _day("from", typed_first) if typed_first else last or today
        last = last or max(today, first)
        if last < first:
            raise BadPeriod("to", f"The range ends on {last}, before it begins on {first}.")
        return Period(first, last)
    preset = query.get("range") or default
    if preset not in PRESETS:
        raise BadPeriod("range", f'There is no range "{preset}". There are: {", ".join(PRESETS)}.')
    return Period(*PRESETS[preset][1](today), preset)


def previous(period: Period) -> Period:
    """As many days before it; before a whole month, the month before."""
    before = period.first - DAY
    is_month = period.first.day == 1 and (period.last + DAY).day == 1
    if is_month and period.first.month == period.last.month:
        return Period(before.replace(day=1), before)
    return Period(period.first - period.days * DAY, before)


def _day(field: str, typed: str) -> date:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        words = f'"{typed}" is not a day: write it as 2026-05-04.'
        raise BadPeriod(field, words) from None
    if not EARLIEST <= day <= LATEST:
        raise BadPeriod(field, f"{day} is too far away: use a day from {EARLIEST} to {LATEST}.")
    return day
