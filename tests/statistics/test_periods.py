"""Ranges of days, by the site's own calendar."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from notifier.statistics import periods
from notifier.statistics.periods import PRESETS, BadPeriod, Period, parse_period, previous

DAYS = st.dates(date(2001, 1, 1), date(2100, 1, 1))


@pytest.fixture
def on(monkeypatch):
    """It is some moment."""

    def on(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    return on


@pytest.mark.parametrize(
    ("preset", "first", "last"),
    [
        ("today", date(2026, 3, 10), date(2026, 3, 10)),
        ("yesterday", date(2026, 3, 9), date(2026, 3, 9)),
        ("7d", date(2026, 3, 4), date(2026, 3, 10)),
        ("30d", date(2026, 2, 9), date(2026, 3, 10)),
        ("month", date(2026, 3, 1), date(2026, 3, 10)),
        ("last_month", date(2026, 2, 1), date(2026, 2, 28)),
        ("year", date(2026, 1, 1), date(2026, 3, 10)),
        ("12m", date(2025, 3, 11), date(2026, 3, 10)),
    ],
)
def test_ranges_have_names(on, preset, first, last):
    on(datetime(2026, 3, 10, 12, 0, tzinfo=UTC))

    assert parse_period({"range": preset}) == Period(first, last, preset)


def test_a_day_is_that_of_the_sites_zone(on, settings):
    on(datetime(2026, 3, 10, 20, 0, tzinfo=UTC))
    settings.TIME_ZONE = "Asia/Kolkata"

    assert parse_period({"range": "today"}).first == date(2026, 3, 11)


@pytest.mark.django_db
def test_everything_begins_today_where_nothing_was_sent_yet(on):
    on(datetime(2026, 3, 10, 12, 0, tzinfo=UTC))

    assert parse_period({"range": "all"}).days == 1


def test_days_may_be_typed(on):
    on(datetime(2026, 3, 10, 12, 0, tzinfo=UTC))

    assert parse_period({"from": "2026-03-01", "to": "2026-03-05"}) == Period(
        date(2026, 3, 1), date(2026, 3, 5)
    )
    assert parse_period({"from": "2026-03-01"}).last == date(2026, 3, 10)
    assert parse_period({"to": "2026-03-01"}).first == date(2026, 3, 1)
    assert parse_period({"from": "2026-04-01"}).days == 1
    assert parse_period({}) == parse_period({"range": "7d"})


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"from": "4.5."}, "from", '"4.5." is not a day: write it as 2026-05-04.'),
        ({"to": "0001-01-01"}, "to", "0001-01-01 is too far away"),
        ({"from": "2026-03-05", "to": "2026-03-01"}, "to", "ends on 2026-03-01, before it begins"),
        ({"range": "decade"}, "range", 'There is no range "decade". There are: today, '),
    ],
)
def test_what_is_no_range_is_said_in_words(query, field, words):
    with pytest.raises(BadPeriod) as error:
        parse_period(query)

    assert error.value.field == field
    assert words in str(error.value)


@given(first=DAYS, days=st.integers(0, 800))
def test_the_period_before_ends_where_it_begins(first, days):
    period = Period(first, first + timedelta(days=days))

    before = previous(period)

    assert before.last == first - timedelta(days=1)
    assert before.days == period.days or (first.day == 1 and before.first.day == 1)


@given(today=DAYS)
def test_every_named_range_ends_today_or_before_at_any_time(today):
    for name, (_, days) in PRESETS.items():
        if name != "all":
            first, last = days(today)
            assert first <= last <= today
    first, last = periods.PRESETS["12m"][1](today)
    assert 365 <= (last - first).days + 1 <= 367


def test_before_a_month_is_the_month_before():
    assert previous(Period(date(2026, 3, 1), date(2026, 3, 31))) == Period(
        date(2026, 2, 1), date(2026, 2, 28)
    )


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2026, 3, 1), date(2026, 3, 1), "1 Mar 2026"),
        (date(2026, 3, 1), date(2026, 3, 5), "1 to 5 Mar 2026"),
        (date(2026, 2, 1), date(2026, 3, 5), "1 Feb to 5 Mar 2026"),
        (date(2025, 2, 1), date(2026, 3, 5), "1 Feb 2025 to 5 Mar 2026"),
    ],
)
def test_a_range_in_words(first, last, words):
    assert Period(first, last).words == words
