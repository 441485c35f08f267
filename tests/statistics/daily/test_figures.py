"""What is told of a day, against the counters."""

from datetime import date, timedelta

import pytest
from django.db import connection

from notifier.accounts.daily_email import bounds_of_day
from notifier.delivery.models import GatewayHealth
from notifier.mailings.models import Gateway
from notifier.statistics.daily.figures import MailingDay, Reason, figures_of
from tests.statistics.daily.counting import count, mailing_of
from tests.web.making import make_finished, make_running

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 24)
NOTHING = dict.fromkeys(("accepted", "failed", "unknown", "expired", "cancelled", "skipped"), 0)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham"])
def test_a_day_has_its_first_minute_and_its_last_and_no_other(zone):
    mailing = make_finished()
    start, end = bounds_of_day(DAY, zone)
    count(mailing, start - MINUTE, accepted=1)
    count(mailing, start, accepted=10, retried=5)
    count(mailing, end - MINUTE, accepted=100, failed=2)
    count(mailing, end, accepted=1000)

    figures = figures_of(DAY, zone)

    assert figures.counts == NOTHING | {"accepted": 110, "failed": 2}
    assert figures.before == NOTHING | {"accepted": 1}
    assert figures.counts["accepted"] == sql_count("accepted", start, end)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_days_of_a_change_of_the_clock_are_told_whole(day, hours):
    mailing = make_finished()
    start, end = bounds_of_day(day, "Europe/Berlin")
    for hour in range(-1, hours + 1):
        count(mailing, start + timedelta(hours=hour), accepted=1)

    assert figures_of(day, "Europe/Berlin").counts["accepted"] == hours
    assert end - start == timedelta(hours=hours)


def test_the_week_is_that_of_the_seven_days_before():
    for days_ago, number in ((0, 1), (1, 10), (7, 100), (8, 1000)):
        mailing_of(DAY - timedelta(days=days_ago), "Asia/Omsk", accepted=number)

    figures = figures_of(DAY, "Asia/Omsk")

    assert (figures.before["accepted"], figures.week["accepted"]) == (10, 110)


def test_ten_mailings_are_told_one_by_one_and_the_rest_summed():
    for number in range(1, 14):
        mailing_of(DAY, "UTC", name=f"Mailing {number}", accepted=number, expired=1)

    figures = figures_of(DAY, "UTC")

    assert [each.title for each in figures.mailings] == [f"Mailing {n}" for n in range(13, 3, -1)]
    rest = MailingDay(None, "3 further mailings", NOTHING | {"accepted": 6, "expired": 3})
    assert (figures.rest, rest.not_sent) == (rest, 3)
    assert figures.counts == NOTHING | {"accepted": 91, "expired": 13}


def test_reasons_are_those_of_failed_and_unknown_messages_the_most_first():
    mailing = make_finished()
    noon = bounds_of_day(DAY, "UTC")[0] + timedelta(hours=12)
    count(mailing, noon, reason="rejected", failed=3)
    count(mailing, noon + MINUTE, reason="timed_out", failed=1, unknown=9)
    count(mailing, noon + 2 * MINUTE, reason="opted_out", skipped=50)

    assert figures_of(DAY, "UTC").reasons == [
        Reason("The gateway did not answer in time", failed=1, unknown=9),
        Reason("Rejected by the gateway", failed=3, unknown=0),
    ]


def test_a_day_whose_outcomes_were_all_taken_back_is_empty():
    mailing_of(DAY, "UTC", failed=0)

    figures = figures_of(DAY, "UTC")

    assert figures.is_empty
    assert figures.mailings == []


def test_what_needs_attention_is_what_waits_for_a_person():
    undecided = mailing_of(DAY, "UTC", unknown=2)
    paused = make_running(status="paused", pause_reason="Most messages were rejected.")
    make_running(status="paused")
    gateway = Gateway.objects.get()
    GatewayHealth.objects.create(gateway=gateway, state="held", reason="unauthorised")

    attention = figures_of(DAY, "UTC").attention

    assert (attention.to_decide, attention.paused) == ([undecided], [paused])
    assert [state.gateway for state in attention.gateways] == [gateway]


def test_many_mailings_cost_as_few_queries_as_one(django_assert_num_queries):
    for number in range(2):
        mailing_of(DAY, "UTC", name=str(number), accepted=1)
        with django_assert_num_queries(9):
            figures_of(DAY, "UTC")


def sql_count(outcome: str, start, end) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(count) FROM minute_count"
            " WHERE outcome = %s AND minute >= %s AND minute < %s",
            [outcome, start, end],
        )
        return cursor.fetchone()[0]
