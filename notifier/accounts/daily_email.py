"""Who is told each day of the day before: when it is due, and how to be spared it.

Everything goes by the person's own clock, so that a day of a change of the
clock has 23 or 25 hours, and a zone may lie half an hour beside its neighbours.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.core import signing
from django.utils import timezone

from notifier.accounts.models import DailyEmail

ONE_DAY = timedelta(days=1)
_signer = signing.Signer(salt="notifier.accounts.daily_email")


def daily_email_of(user: User) -> DailyEmail:
    """The person's own; not saved yet where they never wished one."""
    wished = DailyEmail.objects.filter(user=user).first()
    zone = timezone.get_default_timezone_name()
    return wished or DailyEmail(user=user, address=user.email, timezone=zone)


def save_wish(daily: DailyEmail, wish: dict[str, Any]) -> DailyEmail:
    """Change what is wished, and nothing of how sending it goes.

    Who turns it on after its time of the day is told for the first time on the next.
    """
    was_on = daily.is_on
    daily, _ = DailyEmail.objects.update_or_create(user_id=daily.user_id, defaults=wish)
    if daily.is_on and not was_on:
        _begin_with_the_next(daily)
    return daily


def _begin_with_the_next(daily: DailyEmail) -> None:
    day = day_to_tell(daily, timezone.now())
    DailyEmail.objects.filter(pk=daily.pk).exclude(day__gte=day).update(
        day=day, outcome=DailyEmail.Outcome.NOT_WISHED, last_error="", attempts=0
    )
    daily.refresh_from_db()


# --- Days by a person's clock ---------------------------------------------------------


def local_time(daily: DailyEmail, now: datetime) -> datetime:
    return now.astimezone(ZoneInfo(daily.timezone))


def yesterday_of(daily: DailyEmail, now: datetime) -> date:
    return local_time(daily, now).date() - ONE_DAY


def day_to_tell(daily: DailyEmail, now: datetime) -> date:
    """The newest day whose e-mail has come due: yesterday, or before ``at`` the day before it."""
    local = local_time(daily, now)
    return local.date() - (ONE_DAY if local.time() >= daily.at else 2 * ONE_DAY)


def bounds_of_day(day: date, zone: str) -> tuple[datetime, datetime]:
    """When a day begins and ends by the clocks of a time zone, in UTC."""
    return _midnight(day, zone), _midnight(day + ONE_DAY, zone)


def _midnight(day: date, zone: str) -> datetime:
    # Where clocks skip midnight, this is the moment at which they do.
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


# --- Due ------------------------------------------------------------------------------


def is_due(daily: DailyEmail, now: datetime) -> bool:
    """Whether yesterday is to be told at this moment: until midnight, then it is too late."""
    yesterday = yesterday_of(daily, now)
    if not daily.is_on or day_to_tell(daily, now) != yesterday:
        return False
    # A later day was told before the person moved westwards.
    if daily.day is None or daily.day < yesterday:
        return True
    return daily.day == yesterday and _waits(daily) and _may_try(daily, now)


def due_daily_emails(now: datetime | None = None) -> list[DailyEmail]:
    """Whoever is to be told now, those not tried for the longest time first.

    There are as many rows as people, and zones are Python's: so it looks at all.
    """
    now = now or timezone.now()
    wished = DailyEmail.objects.filter(is_on=True, user__is_active=True)
    due = [daily for daily in wished.order_by("id") if is_due(daily, now)]
    return sorted(due, key=lambda daily: daily.tried_at or datetime.min.replace(tzinfo=UTC))


def next_time(daily: DailyEmail, now: datetime) -> datetime:
    """When the next e-mail is due, or the next attempt at one that failed, by their clock."""
    local = local_time(daily, now)
    if is_due(daily, now):
        return local
    if is_failing(daily, now) and daily.next_attempt_at:
        return local_time(daily, daily.next_attempt_at)
    day = local.date() if local.time() < daily.at else local.date() + ONE_DAY
    return datetime.combine(day, daily.at, ZoneInfo(daily.timezone))


def is_failing(daily: DailyEmail, now: datetime) -> bool:
    """Whether yesterday's could not be sent so far, and is tried again today."""
    yesterday = yesterday_of(daily, now)
    if not daily.is_on or daily.day != yesterday or not _waits(daily):
        return False
    return daily.next_attempt_at is None or yesterday_of(daily, daily.next_attempt_at) == yesterday


def was_missed(daily: DailyEmail, now: datetime) -> bool:
    """Whether the last e-mail was still not sent when its time was over."""
    return daily.day is not None and _waits(daily) and daily.day < yesterday_of(daily, now)


def _waits(daily: DailyEmail) -> bool:
    return daily.outcome == DailyEmail.Outcome.WAITING


def _may_try(daily: DailyEmail, now: datetime) -> bool:
    return daily.next_attempt_at is None or daily.next_attempt_at <= now


# --- Being spared it ------------------------------------------------------------------


def unsubscribe_token(daily: DailyEmail) -> str:
    """For a link that turns this one off, without signing in, as often as it is wanted."""
    return _signer.sign(str(daily.pk))


def daily_email_for_token(token: str) -> DailyEmail | None:
    """Whose link it is; None where we did not make it, or the person is gone."""
    try:
        key = int(_signer.unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    return DailyEmail.objects.filter(pk=key).first()


def unsubscribe(daily: DailyEmail) -> None:
    DailyEmail.objects.filter(pk=daily.pk).update(is_on=False)
