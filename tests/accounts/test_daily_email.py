"""When the daily e-mail is due, by clocks all over the world, and who may send it."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from notifier.accounts.daily_email import (
    bounds_of_day,
    daily_email_for_token,
    daily_email_of,
    due_daily_emails,
    is_due,
    next_time,
    save_wish,
    unsubscribe,
    unsubscribe_token,
    was_missed,
    yesterday_of,
)
from notifier.accounts.daily_email_claims import (
    ClaimLost,
    ask_for_one_now,
    claim_daily_email,
    note_failure,
    note_sent,
    note_that_it_leaves,
    pause_after,
)
from notifier.accounts.models import DailyEmail

HOUR = timedelta(hours=1)


def wished(**fields) -> DailyEmail:
    """On, for 8:00 in UTC, unless said otherwise; not saved."""
    return DailyEmail(**{"is_on": True, "at": time(8), "timezone": "UTC", **fields})


@pytest.fixture
def daily(db) -> DailyEmail:
    """Due at any time of the day."""
    user = User.objects.create_user("anna", email="anna@example.com")
    return DailyEmail.objects.create(
        user=user, address=user.email, is_on=True, at=time(0), timezone="UTC"
    )


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("UTC", date(2026, 11, 24), "2026-11-24 00:00", 24),
        ("Asia/Kathmandu", date(2026, 11, 24), "2026-11-23 18:15", 24),
        ("Australia/Adelaide", date(2026, 11, 24), "2026-11-23 13:30", 24),
        ("Pacific/Chatham", date(2026, 11, 24), "2026-11-23 10:15", 24),
        # Forward, and back.
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28 23:00", 23),
        ("Europe/Berlin", date(2026, 10, 25), "2026-10-24 22:00", 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), "2026-04-04 13:00", 24.5),
        # Where clocks skip midnight, and where it comes twice.
        ("Africa/Cairo", date(2026, 4, 24), "2026-04-23 22:00", 23),
        ("America/Havana", date(2026, 11, 1), "2026-11-01 04:00", 25),
        # The day that a country left out to get across the date line.
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-29 10:00", 24),
    ],
)
def test_a_day_lasts_from_midnight_to_midnight_by_the_clocks_there(zone, day, start, hours):
    begins, ends = bounds_of_day(day, zone)

    assert f"{begins:%Y-%m-%d %H:%M}" == start
    assert (ends - begins) / HOUR == hours


@pytest.mark.parametrize(
    ("zone", "moment", "is_it"),
    [
        ("UTC", "2026-11-25 07:59", False),
        ("UTC", "2026-11-25 08:00", True),
        ("UTC", "2026-11-25 23:59", True),
        # Too late for the day before, too early for this one.
        ("UTC", "2026-11-26 00:00", False),
        ("Asia/Kathmandu", "2026-11-25 02:14", False),
        ("Asia/Kathmandu", "2026-11-25 02:15", True),
        ("America/St_Johns", "2026-11-25 11:29", False),
        ("America/St_Johns", "2026-11-25 11:30", True),
    ],
)
def test_it_is_due_from_its_time_to_the_end_of_the_person_s_day(zone, moment, is_it):
    assert is_due(wished(timezone=zone), at_utc(moment)) is is_it


def test_a_time_that_the_clock_skips_comes_when_it_has_skipped_it():
    daily = wished(timezone="Europe/Berlin", at=time(2, 30))

    assert not is_due(daily, at_utc("2026-03-29 00:59"))
    assert is_due(daily, at_utc("2026-03-29 01:00"))


def test_a_time_that_comes_twice_is_due_once():
    daily = wished(timezone="Europe/Berlin", at=time(2, 30))
    assert is_due(daily, at_utc("2026-10-25 00:30"))

    daily.day, daily.outcome = date(2026, 10, 24), "sent"

    assert not is_due(daily, at_utc("2026-10-25 01:30"))


@pytest.mark.parametrize("outcome", ["sent", "maybe_sent", "nothing_to_tell", "not_wished"])
def test_a_day_that_is_settled_is_not_told_again(outcome):
    daily = wished(day=date(2026, 11, 24), outcome=outcome)

    assert not is_due(daily, at_utc("2026-11-25 12:00"))
    assert is_due(daily, at_utc("2026-11-26 12:00"))


def test_of_many_missed_days_the_newest_is_told():
    daily = wished(day=date(2026, 11, 1), outcome="waiting")
    now = at_utc("2026-11-25 12:00")

    assert is_due(daily, now)
    assert yesterday_of(daily, now) == date(2026, 11, 24)
    assert was_missed(daily, now)


def test_whoever_moves_westwards_is_not_told_of_a_day_twice():
    daily = wished(timezone="Pacific/Honolulu", day=date(2026, 11, 24), outcome="sent")

    assert not is_due(daily, at_utc("2026-11-25 00:00"))  # there it is the 24th, at 14:00
    assert is_due(daily, at_utc("2026-11-26 18:00"))


def test_after_a_failure_it_waits_for_its_pause(db):
    daily = wished(day=date(2026, 11, 24), next_attempt_at=at_utc("2026-11-25 08:04"))

    assert not is_due(daily, at_utc("2026-11-25 08:03"))
    assert next_time(daily, at_utc("2026-11-25 08:03")) == at_utc("2026-11-25 08:04")
    assert is_due(daily, at_utc("2026-11-25 08:04"))


def test_pauses_grow_to_an_hour():
    minutes = [pause_after(attempts).total_seconds() / 60 for attempts in (1, 2, 3, 6, 7, 5000)]

    assert minutes == [1, 2, 4, 32, 60, 60]


def test_whoever_turns_it_on_after_its_time_is_told_for_the_first_time_tomorrow(db):
    user = User.objects.create_user("anna", email="anna@example.com")
    wish = {"is_on": True, "at": time(0), "timezone": "UTC", "address": user.email}

    daily = save_wish(daily_email_of(user), wish)

    now = timezone.now()
    assert not is_due(daily, now)
    assert is_due(daily, now + timedelta(days=1))
    assert next_time(daily, now) - now <= timedelta(days=1)


def test_a_changed_wish_leaves_alone_what_is_known_of_sending(daily):
    claimed = claim_daily_email(daily.pk, lease_seconds=60)

    save_wish(daily, {"at": time(0), "timezone": "Europe/Riga"})

    note_sent(claimed)
    daily.refresh_from_db()
    assert (daily.outcome, daily.timezone, daily.lease_until) == ("sent", "Europe/Riga", None)


def test_only_who_wants_it_and_may_sign_in_is_due(daily):
    assert due_daily_emails() == [daily]

    User.objects.update(is_active=False)
    assert due_daily_emails() == []
    assert claim_daily_email(daily.pk, lease_seconds=60) is None

    User.objects.update(is_active=True)
    unsubscribe(daily)
    assert due_daily_emails() == []


def test_one_claim_is_given_and_a_pause_set_for_whatever_comes(daily):
    claimed = claim_daily_email(daily.pk, lease_seconds=60)

    assert (claimed.claim, claimed.attempts, claimed.outcome) == (1, 1, "waiting")
    assert claimed.day == yesterday_of(daily, timezone.now())
    assert claimed.next_attempt_at > timezone.now()
    assert claim_daily_email(daily.pk, lease_seconds=60) is None


def test_while_one_leaves_nobody_else_s_does(daily):
    bob = User.objects.create_user("bob")
    other = DailyEmail.objects.create(
        user=bob, address="bob@example.com", is_on=True, at=time(0), timezone="UTC"
    )
    claimed = claim_daily_email(daily.pk, lease_seconds=60)

    assert claim_daily_email(other.pk, lease_seconds=60) is None

    note_sent(claimed)
    assert claim_daily_email(other.pk, lease_seconds=60)


def test_whoever_comes_back_after_the_lease_sends_nothing_and_notes_nothing(daily):
    late = claim_daily_email(daily.pk, lease_seconds=-1)
    with pytest.raises(ClaimLost):
        note_that_it_leaves(late)
    DailyEmail.objects.update(next_attempt_at=timezone.now())
    new = claim_daily_email(daily.pk, lease_seconds=60)

    note_failure(late, "Too late")

    with pytest.raises(ClaimLost):
        note_that_it_leaves(late)
    note_that_it_leaves(new)
    daily.refresh_from_db()
    assert (daily.outcome, daily.last_error, daily.attempts) == ("maybe_sent", "", 2)


def test_an_unsubscription_stops_even_what_is_about_to_leave(daily):
    claimed = claim_daily_email(daily.pk, lease_seconds=60)
    unsubscribe(daily)

    with pytest.raises(ClaimLost):
        note_that_it_leaves(claimed)


def test_a_link_to_unsubscribe_is_good_for_one_and_cannot_be_made_up(daily):
    token = unsubscribe_token(daily)

    assert daily_email_for_token(token) == daily
    for made_up in ("", "1", f"{daily.pk}:x", f"{daily.pk + 1}{token[1:]}", token[:-1]):
        assert daily_email_for_token(made_up) is None


def test_one_at_once_can_be_asked_for_now_and_then(daily):
    assert ask_for_one_now(daily)
    assert not ask_for_one_now(daily)

    DailyEmail.objects.update(asked_at=timezone.now() - timedelta(seconds=31))
    assert ask_for_one_now(daily)


def at_utc(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=UTC)
