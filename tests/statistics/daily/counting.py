"""Outcomes of a day, counted as the ledger counts them, for tests of what is told of it."""

from datetime import date, datetime, timedelta

from notifier.accounts.daily_email import bounds_of_day
from notifier.delivery.models import MinuteCount, QuarterHourCount
from notifier.mailings.models import Mailing
from tests.web.making import make_finished


def mailing_of(day: date, zone: str, *, name: str = "Autumn sale", **outcomes: int) -> Mailing:
    """A mailing with so many outcomes in the last minute of the day."""
    mailing = make_finished(name=name)
    _, end = bounds_of_day(day, zone)
    count(mailing, end - timedelta(minutes=1), **outcomes)
    return mailing


def count(mailing: Mailing, minute: datetime, *, reason: str = "", **outcomes: int) -> None:
    for outcome, number in outcomes.items():
        MinuteCount.objects.create(mailing=mailing, minute=minute, outcome=outcome, count=number)
        QuarterHourCount.objects.create(
            mailing=mailing,
            period=minute - timedelta(minutes=minute.minute % 15),
            dimension="reason",
            value=reason,
            outcome=outcome,
            count=number,
        )
