"""What the first page shows, against counts of the rows themselves."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from notifier.delivery.models import (
    TERMINAL,
    Claim,
    Frontier,
    GatewayCalls,
    GatewayHealth,
    Heartbeat,
    Message,
    RateTokens,
)
from notifier.delivery.queue import enqueue
from notifier.delivery.recount import mend
from notifier.delivery.rollup import roll_up
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.counts import total_counts
from notifier.statistics.gateways import Lately, lately_by_gateway
from notifier.statistics.lag import Lag, queue_lag
from notifier.statistics.overview import day_totals, mailings_with_failed
from notifier.statistics.prospects import bad_prospects
from tests.web.making import make_client, make_finished, make_mailing, make_message, make_running

pytestmark = pytest.mark.django_db

COUNT = """
    SELECT status, count(*) FROM message
    WHERE finished_at >= %s AND date_trunc('minute', finished_at) < %s GROUP BY status
"""


def counted(start: datetime, end: datetime) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [start, end])
        return dict.fromkeys(TERMINAL, 0) | dict(cursor.fetchall())


def make_history(now: datetime, chance: random.Random, *, days: int, messages: int = 120) -> None:
    mailing = make_finished()
    for _ in range(messages):
        client, status = make_client(), chance.choice(TERMINAL)
        Message.objects.create(
            mailing=mailing,
            client=client,
            phone=client.phone,
            status=status,
            reason=None if status == "accepted" else chance.choice(["rejected", "timed_out"]),
            finished_at=now - timedelta(minutes=chance.randint(0, days * 24 * 60)),
            duration_ms=chance.randint(1, 500),
        )
    mend()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
@pytest.mark.parametrize("days", [3, 10])
def test_today_and_the_days_before_are_the_messages_of_the_same_hours(settings, zone, days):
    settings.TIME_ZONE = zone
    # In New York the clocks went back five days before.
    now = datetime(2026, 11, 6, 9, 52, 30, tzinfo=ZoneInfo(zone))
    make_history(now, random.Random(days), days=days)

    totals = day_totals(now)

    midnight = now.replace(hour=0, minute=0, second=0)
    day = timedelta(days=1)
    before = [counted(midnight - n * day, now - n * day) for n in range(1, 8)]
    first = timezone.localtime(Message.objects.earliest("finished_at").finished_at)
    known = min(7, (now.date() - first.date()).days)
    assert totals.usual_days == known
    assert totals.today == counted(midnight, now)
    assert totals.yesterday == before[0]
    assert totals.whole_yesterday == counted(midnight - day, midnight)
    assert totals.usual == {
        outcome: round(sum(each[outcome] for each in before[:known]) / known)
        for outcome in TERMINAL
    }


def test_without_any_past_nothing_is_usual():
    totals = day_totals()

    assert totals.usual_days == 0
    assert set(totals.usual.values()) == {0}


def test_all_messages_are_the_same_before_and_after_their_days_are_rolled_up():
    make_history(timezone.now(), random.Random(1), days=10)
    rows = counted(datetime.min.replace(tzinfo=UTC), timezone.now())
    Mailing.objects.update(audience=sum(rows.values()))
    expected = {"pending": 0, "sending": 0, **rows}

    assert total_counts() == expected
    assert roll_up() > 5
    assert total_counts() == expected


def test_a_gateway_s_troubles_and_median_are_of_lately():
    gateway = Gateway.objects.get()
    now = timezone.now()
    for ago, calls, troubles in [(60, 100, 3), (300, 10, 7), (900, 1000, 1000)]:
        GatewayCalls.objects.create(
            gateway=gateway,
            began_at=now - timedelta(seconds=ago),
            calls=calls,
            troubles=troubles,
        )
    mailing = make_running()
    for milliseconds in (4, 5, 6, 400, 500):
        make_message(mailing, make_client(), finished_at=now, duration_ms=milliseconds)
    old = now - timedelta(hours=2)
    make_message(mailing, make_client(), finished_at=old, duration_ms=19)
    for _ in range(9):
        make_message(mailing, make_client(), finished_at=old, duration_ms=9)
    mend()

    assert lately_by_gateway() == {gateway.pk: Lately(calls=110, troubles=10, median_ms=6)}


def test_an_idle_service_lags_behind_nothing():
    assert queue_lag() == Lag(0, 0.0, 0.0, None)


def test_tasks_and_sweeps_lag_since_they_were_due():
    now = timezone.now()
    enqueue("sweep", due_at=now - timedelta(seconds=60))
    enqueue("sweep", due_at=now + timedelta(hours=1))
    Heartbeat.objects.create(name="sweep", at=now - timedelta(seconds=20))

    lag = queue_lag()

    assert (lag.tasks, lag.message_seconds) == (1, 0.0)
    assert lag.task_seconds == pytest.approx(60, abs=5)
    assert lag.sweep_silence_seconds == pytest.approx(20, abs=5)


def forbid_by_claim(mailing):
    Claim.objects.create(
        mailing=mailing, gateway_id=mailing.gateway_id, slot=1, generation=1, worker="w",
        expires_at=timezone.now(), message_ids=[1], open=1,
    )  # fmt: skip


def forbid_by_rate(mailing):
    type(mailing).objects.update(rate_per_second=0.001)
    RateTokens.objects.create(
        scope="mailing", owner_id=mailing.pk, tokens=0, refilled_at=timezone.now()
    )


def forbid_by_gateway(mailing):
    GatewayHealth.objects.create(gateway=mailing.gateway, state="held")


def forbid_by_end(mailing):
    type(mailing).objects.update(end_time=timezone.now() - timedelta(minutes=1))


@pytest.mark.parametrize("tried", [False, True])
@pytest.mark.parametrize(
    "forbid", [None, forbid_by_claim, forbid_by_rate, forbid_by_gateway, forbid_by_end]
)
def test_messages_lag_when_nothing_forbids_them_and_nobody_claims_them(forbid, tried):
    mailing = make_running()
    due_at = timezone.now() - timedelta(minutes=5)
    message = make_message(mailing, make_client(), status="pending", due_at=due_at, attempts=1)
    if not tried:
        Message.objects.update(due_at=None, attempts=0)
        Frontier.objects.create(mailing=mailing, next_id=message.pk)
    if forbid:
        forbid(mailing)

    lag = queue_lag().message_seconds

    since = due_at if tried else mailing.started_at
    expected = 0.0 if forbid else (timezone.now() - since).total_seconds()
    assert lag == pytest.approx(expected, abs=5)


def test_a_start_that_nobody_makes_lags_too():
    start = timezone.now() - timedelta(minutes=3)
    make_mailing(start_time=start)
    make_mailing(start_time=start - timedelta(hours=1), status="draft")

    assert queue_lag().message_seconds == pytest.approx(180, abs=5)


def test_failed_messages_of_what_has_finished_lately_are_told():
    now = timezone.now()
    fresh, old = make_finished(), make_finished(finished_at=now - timedelta(days=3))
    running = make_running()
    for mailing in (fresh, fresh, old, running):
        make_message(mailing, make_client(), status="failed", reason="rejected", finished_at=now)
    make_message(make_finished(), make_client(), finished_at=now)

    found = mailings_with_failed(since=now - timedelta(days=2), most=5)

    assert [(each.pk, each.failed) for each in found] == [(fresh.pk, 2)]


def test_what_will_reach_nobody_or_surely_not_all_is_told_in_time():
    for _ in range(4):
        make_client(tag="a")
    make_client(tag="gone", opted_out_at=timezone.now())
    soon = timezone.now() + timedelta(hours=1)
    window = {"start_time": soon, "end_time": soon + timedelta(seconds=60)}
    nobody = make_mailing(**window, conditions={"tag": "gone"})
    make_mailing(**window, conditions={"tag": "a"}, rate_per_second=1)
    slow = make_mailing(**window, conditions={"tag": "a"}, rate_per_second=1 / 30)
    make_mailing(start_time=timezone.now() + timedelta(days=2), end_time=soon + timedelta(days=3))

    found = {each.mailing.pk: (each.matches_nobody, each.most) for each in bad_prospects(most=5)}

    assert found == {nobody.pk: (True, None), slow.pk: (False, 3)}
