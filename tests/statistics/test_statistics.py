"""Numbers on screen, against the rows they stand for."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.clients.models import Client
from notifier.delivery.models import Claim, Message, MessageStatus, MinuteCount
from notifier.mailings.models import Mailing
from notifier.statistics.counts import mailing_counts, mailing_counts_many, total_counts
from notifier.statistics.overview import day_totals
from notifier.statistics.progress import progress_of
from notifier.statistics.series import outcomes_per_hour, outcomes_per_minute, recent_rate
from tests.web.making import count_fully as count

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def mailing():
    def make(**fields) -> Mailing:
        fields = {"text": "Hi", "start_time": NOON, "end_time": NOON + timedelta(1), **fields}
        return Mailing.objects.create(**fields)

    return make


def test_counts_add_up_to_the_audience_and_sending_comes_from_the_claims(mailing):
    one, other = mailing(audience=100), mailing(audience=5)
    count(one, NOON, accepted=40, failed=3, skipped=2, retried=9)
    count(one, NOON + timedelta(minutes=1), accepted=5)
    count(other, NOON, expired=5)
    Claim.objects.create(
        mailing=one, gateway_id=1, slot=1, generation=1, worker="w", expires_at=NOON,
        message_ids=[1, 2, 3], open=3,
    )  # fmt: skip
    zero = dict.fromkeys(MessageStatus.values, 0)

    assert mailing_counts(one) == zero | {
        "accepted": 45, "failed": 3, "skipped": 2, "sending": 3, "pending": 47,
    }  # fmt: skip
    assert mailing_counts_many([one, other])[other.pk] == zero | {"expired": 5}
    assert total_counts() == zero | {
        "accepted": 45, "failed": 3, "skipped": 2, "expired": 5, "sending": 3, "pending": 47,
    }  # fmt: skip


def test_counting_costs_the_same_for_one_mailing_and_for_many(mailing, django_assert_num_queries):
    mailings = [mailing() for _ in range(5)]

    with django_assert_num_queries(2):
        mailing_counts_many(mailings[:1])
    with django_assert_num_queries(2):
        mailing_counts_many(mailings)


def test_minutes_in_which_nothing_happened_are_shown_as_zero(mailing):
    shown = mailing()
    count(shown, NOON, accepted=2)
    count(shown, NOON + timedelta(minutes=2), accepted=1, retried=4)

    series = outcomes_per_minute(shown)

    assert series.labels == ["12:00", "12:01", "12:02"]
    assert series.outcomes == {"accepted": [2, 0, 1], "failed": [0, 0, 0], "retried": [0, 0, 4]}


def test_a_long_mailing_shows_its_newest_minutes(mailing):
    shown = mailing()
    count(shown, NOON - timedelta(days=300), accepted=1)
    count(shown, NOON, accepted=2)

    series = outcomes_per_minute(shown, most=3)

    assert series.outcomes["accepted"] == [0, 0, 2]


def test_the_last_hours_cover_all_mailings(mailing):
    now = timezone.now().replace(second=0, microsecond=0)
    count(mailing(), now, accepted=2)
    count(mailing(), now, accepted=3)
    count(mailing(), now - timedelta(days=2), accepted=9)

    series = outcomes_per_hour(hours=24)

    assert len(series.labels) == 24
    assert sum(series.outcomes["accepted"]) == series.outcomes["accepted"][-1] == 5


def test_the_rate_counts_from_the_first_minute_on(mailing):
    now = timezone.now()
    running = mailing(status="running", started_at=now - timedelta(seconds=10), audience=200)
    count(running, running.started_at.replace(second=0, microsecond=0), accepted=100, skipped=50)

    assert 9 < recent_rate(running) <= 10
    running.prepared_at = now
    progress = progress_of(running, mailing_counts(running))
    assert (progress.done, progress.percent) == (150, 75)
    assert progress.seconds_left == pytest.approx(5, rel=0.1)


def test_today_is_compared_with_yesterday_at_the_same_time(mailing):
    now = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
    shown = mailing()
    day = timedelta(days=1)
    count(shown, now - timedelta(hours=9), accepted=1)
    count(shown, now - timedelta(hours=10), accepted=100)
    count(shown, now - day - timedelta(minutes=1), accepted=2)
    count(shown, now - day + timedelta(minutes=1), accepted=200)

    totals = day_totals(now)

    assert (totals.today["accepted"], totals.yesterday["accepted"]) == (1, 2)


@given(outcomes=st.lists(st.sampled_from(MessageStatus.values), max_size=40))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_counters_and_rows_that_agree_give_the_same_numbers(mailing, outcomes):
    MinuteCount.objects.all().delete()
    Claim.objects.all().delete()
    shown = mailing(audience=len(outcomes))
    for place, status in enumerate(outcomes):
        number = 79_000_000_000 + Client.objects.count()
        client = Client.objects.create(phone=str(number), operator=900)
        Message.objects.create(
            mailing=shown,
            client=client,
            phone=client.phone,
            status=status,
            due_at=NOON if status == "pending" else None,
            claim_id=1 if status == "sending" else None,
            finished_at=None if status in ("pending", "sending") else NOON,
        )
        if status not in ("pending", "sending"):
            minute = NOON + timedelta(minutes=place % 3)
            row, _ = MinuteCount.objects.get_or_create(
                mailing=shown, minute=minute, outcome=status, defaults={"count": 0}
            )
            MinuteCount.objects.filter(pk=row.pk).update(count=row.count + 1)
    Claim.objects.create(
        mailing=shown, gateway_id=1, slot=1, generation=1, worker="w", expires_at=NOON,
        message_ids=[], open=outcomes.count("sending"),
    )  # fmt: skip

    rows = {
        status: Message.objects.filter(mailing=shown, status=status).count()
        for status in MessageStatus.values
    }
    assert mailing_counts(shown) == rows
