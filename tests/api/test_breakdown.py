"""Statistics by days and dimensions, and the ledger of a mailing, for programs."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.delivery.models import Attempt, Message
from notifier.delivery.recount import mend
from notifier.mailings.models import Gateway
from notifier.statistics.breakdown import OUTCOMES, By
from tests.statistics.test_breakdown import FIRST, make_history

pytestmark = pytest.mark.django_db

URL = "/api/statistics/breakdown/"
DAYS = {"from": str(FIRST), "to": str(FIRST + timedelta(days=9))}


@pytest.fixture
def history() -> None:
    make_history(random.Random(9), messages=70)


def test_totals_groups_and_times_are_those_of_the_messages(api, history):
    answer = api.get(URL, {**DAYS, "by": "tag"})

    assert answer.status_code == 200
    told = answer.json()
    messages = Message.objects.filter(finished_at__date__lte=DAYS["to"])
    statuses = list(messages.values_list("status", flat=True))
    assert told["totals"] == {
        outcome: statuses.count(outcome) if outcome != "retried" else 5 for outcome in OUTCOMES
    }
    assert told["totals_before"] == dict.fromkeys(OUTCOMES, 0)
    assert (told["first_day"], told["last_day"]) == tuple(DAYS.values())
    (of_a,) = [group for group in told["groups"] if group["value"] == "a"]
    assert of_a["counts"]["accepted"] == messages.filter(status="accepted", traits__tag="a").count()
    assert {group["name"] for group in told["groups"]} == {"No tag", "a"}
    of_gateways = sum(each["messages"] for each in told["latency_by_gateway"])
    assert told["latency"]["messages"] == of_gateways == statuses.count("accepted")


@pytest.mark.parametrize("by", list(By))
def test_every_dimension_adds_up(api, history, by):
    told = api.get(URL, {**DAYS, "by": by.value}).json()

    for outcome in OUTCOMES[:-1]:
        counts = [group["counts"][outcome] for group in told["groups"]]
        assert sum(counts) == told["totals"][outcome]
    retried = {group["counts"]["retried"] for group in told["groups"]}
    assert (retried == {None}) == (by in ("operator", "tag", "timezone", "attempts"))


def test_one_gateway_alone_and_a_range_by_its_name(api, history):
    gateway = Gateway.objects.last()

    told = api.get(URL, {**DAYS, "gateway": gateway.pk}).json()
    today = api.get(URL, {"range": "today"}).json()

    accepted = Message.objects.filter(status="accepted", mailing__gateway=gateway)
    assert told["totals"]["accepted"] == accepted.filter(finished_at__date__lte=DAYS["to"]).count()
    assert told["groups"] == []
    assert today["first_day"] == today["last_day"] == str(timezone.localdate())


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"from": "2026-05-04", "to": "2026-05-01"}, "to", "before it begins"),
        ({"from": "4.5."}, "from", "Date has wrong format"),
        ({"range": "decade"}, "range", '"decade" is not a valid choice'),
        ({"range": "today", "from": "2026-05-04"}, "range", "Give either a range, or days"),
        ({"by": "quarter", "range": "year"}, "by", "By quarter a range may have 31 days, not "),
        ({"by": "moon"}, "by", '"moon" is not a valid choice'),
        ({"gateway": "999"}, "gateway", "There is no gateway 999."),
        ({"mailing": "999"}, "mailing", "There is no mailing 999."),
        ({"tag": "a"}, "tag", 'There is no field "tag": use from, to, range, by, '),
    ],
)
def test_what_cannot_be_answered_is_said_by_field(api, query, field, words):
    answer = api.get(URL, query)

    assert answer.status_code == 400
    assert words in str(answer.json()["errors"][field])


def test_a_ledger_adds_up_to_the_audience(api, clients, started_mailing, waiting_message):
    mailing = started_mailing(status="finished", finished_at=timezone.now())
    ended = {"finished_at": timezone.now(), "attempts": 1}
    twice = waiting_message(clients[0], mailing, status="accepted", maybe_sent=True, **ended)
    Attempt.objects.create(
        message=twice, number=1, started_at=timezone.now(), duration_ms=5, outcome="unknown",
        reason="timed_out", phase="reply",
    )  # fmt: skip
    waiting_message(clients[1], mailing, status="failed", reason="rejected", **ended)
    waiting_message(
        clients[2], mailing, status="unknown", reason="counted_as_sent", maybe_sent=True, **ended
    )
    mend()
    mailing.refresh_from_db()

    told = api.get(f"/api/mailing/{mailing.pk}/ledger/").json()

    counts = {bucket["status"]: bucket["count"] for bucket in told["buckets"]}
    assert {status: count for status, count in counts.items() if count} == {
        "accepted": 1, "failed": 1, "unknown": 1,
    }  # fmt: skip
    assert sum(counts.values()) == told["audience"] == 3
    assert (told["is_final"], told["counted_as_sent"], told["maybe_received_twice"]) == (True, 1, 1)
    assert [(each["reason"], each["count"]) for each in told["reasons"]] == [
        ("counted_as_sent", 1), ("rejected", 1),
    ]  # fmt: skip
