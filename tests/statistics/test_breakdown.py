"""Numbers of statistics, against counts of the messages, before and after they are rolled up."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import Max, Min

from notifier.delivery.ledger.counting import LATENCIES
from notifier.delivery.models import Message, QuarterHourCount, Traits
from notifier.delivery.recount import mend
from notifier.delivery.rollup import roll_up_day
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.breakdown import (
    OUTCOMES,
    By,
    Latency,
    Scope,
    first_day,
    group_by,
    latency,
    latency_by_gateway,
    totals,
)
from notifier.statistics.words import names_of
from tests.web.making import make_client, make_mailing

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
REASONS = {
    "accepted": [None],
    "failed": ["rejected"],
    "unknown": ["timed_out", "counted_as_sent"],
    "expired": ["end_passed"],
    "cancelled": ["cancelled"],
    "skipped": ["opted_out", "client_deleted"],
}
# A zone with half an hour; and one whose clocks go back on 1 November 2026 within the days used.
ZONES = ("Asia/Kolkata", "America/New_York")
FIRST = date(2026, 10, 28)
DAYS = [FIRST + number * DAY for number in range(-1, 12)]


def make_history(chance: random.Random, *, messages: int = 60) -> None:
    """Messages of ten days from FIRST on, of two gateways and three mailings, and counters."""
    other = Gateway.objects.create(name=f"Other {chance.random()}")
    mailings = [make_mailing(), make_mailing(gateway=other), make_mailing(gateway=other)]
    traits = [
        Traits.objects.get_or_create(operator=operator, tag=tag, timezone=zone)[0]
        for operator, tag, zone in [(912, "", "UTC"), (912, "a", "Asia/Omsk"), (900, "a", "UTC")]
    ]
    start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    for _ in range(messages):
        status = chance.choice(list(REASONS))
        attempts = chance.randint(1, 3) if status in ("accepted", "failed", "unknown") else 0
        client = make_client()
        Message.objects.create(
            mailing=chance.choice(mailings),
            client=client,
            phone=client.phone,
            status=status,
            reason=chance.choice(REASONS[status]),
            attempts=attempts,
            duration_ms=int(chance.lognormvariate(5, 2)) if attempts else None,
            finished_at=start + timedelta(minutes=chance.randint(0, 10 * 24 * 60)),
            traits=chance.choice([*traits, None]),
        )
    for mailing in mailings:
        note_ids(mailing)
    mend()
    QuarterHourCount.objects.create(
        mailing=mailings[0], period=start + DAY, dimension="reason", value="unavailable",
        outcome="retried", count=5,
    )  # fmt: skip


def note_ids(mailing: Mailing) -> None:
    """Where its messages lie, as choosing the recipients does."""
    ids = mailing.messages.aggregate(first=Min("id"), last=Max("id"))
    mailing.first_message_id, mailing.last_message_id = ids["first"], ids["last"]
    mailing.save()


def found_by(scope: Scope, by: By, zone: ZoneInfo) -> dict[str, dict[str, int]]:
    """The same from the messages, one by one."""
    counts: dict[str, Counter] = {}
    for message in Message.objects.select_related("mailing", "traits"):
        local = message.finished_at.astimezone(zone)
        is_meant = (
            scope.first <= local.date() <= scope.last
            and scope.mailing in (None, message.mailing_id)
            and scope.gateway in (None, message.mailing.gateway_id)
        )
        if is_meant:
            counts.setdefault(value_of(message, by, local), Counter())[message.status] += 1
    return {value: dict(counted) for value, counted in counts.items()}


def value_of(message: Message, by: By, local: datetime) -> str:
    traits, day = message.traits, local.date()
    quarter = local.astimezone(UTC)
    quarter = quarter.replace(minute=quarter.minute // 15 * 15).astimezone(local.tzinfo)
    return {
        By.QUARTER: quarter.isoformat(timespec="minutes"),
        By.HOURLY: local.replace(minute=0).isoformat(timespec="minutes"),
        By.DAY: str(day),
        By.WEEK: str(day - timedelta(days=day.weekday())),
        By.MONTH: str(day.replace(day=1)),
        By.HOUR: str(local.hour),
        By.WEEKDAY: str(day.isoweekday()),
        By.MAILING: str(message.mailing_id),
        By.GATEWAY: str(message.mailing.gateway_id),
        By.OPERATOR: str(traits.operator) if traits else "",
        By.TAG: traits.tag if traits else "",
        By.TIMEZONE: traits.timezone if traits else "",
        By.REASON: message.reason or "",
        By.ATTEMPTS: str(message.attempts),
    }[by]


def told_by(scope: Scope, by: By) -> dict[str, dict[str, int]]:
    """What the breakdown says, without what is zero and the attempts that were put back."""
    told = {}
    for group in group_by(scope, by):
        assert tuple(group.counts) == OUTCOMES
        counts = {name: n for name, n in group.counts.items() if n and name != "retried"}
        if counts:
            told[group.value] = counts
    return told


def found_latency(gateway: int) -> tuple:
    """PostgreSQL's own percentiles of the unrounded times, then rounded up."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), percentile_disc(array[0.5, 0.9, 0.99, 1]) WITHIN GROUP"
            " (ORDER BY duration_ms) FROM message JOIN mailing ON mailing.id = mailing_id"
            " WHERE message.status = 'accepted' AND gateway_id = %s",
            [gateway],
        )
        number, times = cursor.fetchone()
    rounded = [next(step for step in LATENCIES if step >= time) for time in times or ()]
    return (number, *rounded)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(4))
def test_every_number_is_that_of_the_messages_before_and_after_roll_up(settings, seed, zone):
    settings.TIME_ZONE = zone
    chance = random.Random(seed)
    make_history(chance)
    gateways = list(Gateway.objects.values_list("id", flat=True))
    mailing = Mailing.objects.order_by("?").values_list("id", flat=True).first()
    everything = Scope(FIRST - 3 * DAY, FIRST + 30 * DAY)
    days = sorted([chance.randint(0, 10), chance.randint(0, 10)])
    scopes = [
        everything,
        Scope(FIRST + days[0] * DAY, FIRST + days[1] * DAY),
        Scope(FIRST, FIRST + 9 * DAY, gateway=gateways[-1]),
        Scope(FIRST, FIRST + 9 * DAY, mailing=mailing),
    ]

    def compare() -> None:
        for scope in scopes:
            for by in By:
                assert told_by(scope, by) == found_by(scope, by, ZoneInfo(zone)), (scope, by)
            of_days = found_by(scope, By.DAY, ZoneInfo(zone))
            told = totals(scope)
            for outcome in OUTCOMES[:-1]:
                assert told[outcome] == sum(day.get(outcome, 0) for day in of_days.values())
        assert totals(everything)["retried"] == 5
        told_latency = latency_by_gateway(everything)
        for gateway, one in told_latency.items():
            expected = found_latency(gateway)
            assert (one.messages, one.p50_ms, one.p90_ms, one.p99_ms, one.longest_ms) == expected
        assert latency(everything).messages == sum(one.messages for one in told_latency.values())

    compare()
    for day in chance.sample(DAYS, len(DAYS) // 2):
        roll_up_day(day)
    compare()
    for day in DAYS:
        roll_up_day(day)
    compare()


def test_times_have_no_gaps_also_where_an_hour_comes_twice(settings):
    settings.TIME_ZONE = "America/New_York"
    clocks_go_back = date(2026, 11, 1)
    day = Scope(clocks_go_back, clocks_go_back)

    hours = [group.value for group in group_by(day, By.HOURLY)]

    assert len(hours) == 25
    assert hours[1:3] == ["2026-11-01T01:00-04:00", "2026-11-01T01:00-05:00"]
    assert len(group_by(day, By.QUARTER)) == 100
    assert [group.value for group in group_by(day, By.WEEKDAY)] == list("1234567")
    months = group_by(Scope(clocks_go_back, date(2027, 1, 2)), By.MONTH)
    assert [month.value for month in months] == ["2026-11-01", "2026-12-01", "2027-01-01"]


def test_where_nothing_happened_there_is_nothing_to_tell():
    scope = Scope(date(2026, 1, 1), date(2026, 12, 31))

    assert totals(scope) == dict.fromkeys(OUTCOMES, 0)
    assert group_by(scope, By.TAG) == []
    assert (latency(scope), latency_by_gateway(scope)) == (Latency(), {})
    assert first_day() is None


def test_a_breakdown_costs_two_queries_whatever_its_length(django_assert_num_queries):
    make_history(random.Random(1), messages=20)
    for day in DAYS[::2]:
        roll_up_day(day)

    with django_assert_num_queries(2):
        group_by(Scope(date(2020, 1, 1), date(2026, 12, 31)), By.TAG)


def test_values_have_names():
    mailing = make_mailing(name="Autumn sale")

    assert names_of(By.MAILING, [str(mailing.pk), "999999"]) == {
        str(mailing.pk): "Autumn sale",
        "999999": "Deleted mailing 999999",
    }
    assert names_of(By.TAG, ["", "a"]) == {"": "No tag", "a": "a"}
    assert names_of(By.WEEKDAY, ["1"]) == {"1": "Monday"}
    assert names_of(By.HOUR, ["9"]) == {"9": "09:00 to 10:00"}
    assert names_of(By.REASON, ["timed_out"]) == {"timed_out": "The gateway did not answer in time"}
    assert names_of(By.ATTEMPTS, ["0", "1", "2"]) == {
        "0": "None",
        "1": "1 attempt",
        "2": "2 attempts",
    }
    assert names_of(By.DAY, ["2026-05-04"]) == {"2026-05-04": "Mon 4 May 2026"}
