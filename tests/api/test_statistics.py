from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.clients.models import Client
from tests.web.making import count_by_reason, count_fully, count_outcomes

pytestmark = pytest.mark.django_db

NOTHING = dict.fromkeys(
    ("pending", "sending", "accepted", "failed", "unknown", "expired", "cancelled", "skipped"), 0
)


def utc(moment) -> str | None:
    return moment and moment.isoformat().replace("+00:00", "Z")


def summary(mailing, counts) -> dict:
    mailing.refresh_from_db()
    return {
        "id": mailing.pk,
        "name": mailing.name,
        "status": mailing.status,
        "start_time": utc(mailing.start_time),
        "end_time": utc(mailing.end_time),
        "started_at": utc(mailing.started_at),
        "finished_at": utc(mailing.finished_at),
        "audience": mailing.audience,
        "counts": NOTHING | counts,
    }


@pytest.fixture
def minute():
    return timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=10)


@pytest.fixture
def two_mailings(started_mailing, waiting_message, minute):
    """One with a recipient of each of three fates, over three minutes; one that has finished."""
    running = started_mailing(name="Spring")
    people = [Client.objects.create(phone=f"7999000000{i}", operator=999) for i in range(3)]
    ended = {"finished_at": minute}
    waiting_message(people[0], running)
    waiting_message(people[1], running, status="accepted", **ended)
    failed = waiting_message(people[2], running, status="failed", reason="rejected", **ended)
    count_by_reason(failed)
    finished = started_mailing(status="finished", finished_at=timezone.now(), audience=5)
    for mailing, after, outcome, count in (
        (running, 0, "retried", 1),
        (running, 0, "accepted", 1),
        (running, 2, "failed", 1),
        (finished, 0, "accepted", 5),
    ):
        # The failed one is counted by its reason already.
        add = count_outcomes if outcome == "failed" else count_fully
        add(mailing, minute + timedelta(minutes=after), **{outcome: count})
    return running, finished


def test_statistics_over_all_mailings_group_messages_by_status(api, two_mailings):
    running, finished = two_mailings

    answer = api.get("/api/statistics/")

    statuses = ("draft", "scheduled", "preparing", "running", "paused", "finished", "cancelled")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "mailings": dict.fromkeys(statuses, 0) | {"running": 1, "finished": 1},
            "messages": NOTHING | {"pending": 1, "accepted": 6, "failed": 1},
            "count": 2,
            "next": None,
            "previous": None,
            "results": [
                summary(finished, {"accepted": 5}),
                summary(running, {"pending": 1, "accepted": 1, "failed": 1}),
            ],
        },
    )


def test_statistics_of_one_mailing_tell_fates_minutes_and_reasons(api, two_mailings, minute):
    running, _ = two_mailings

    answer = api.get(f"/api/mailing/{running.pk}/statistics")

    def at(minutes: int, **outcomes) -> dict:
        names = ("accepted", "failed", "unknown", "retried", "expired", "cancelled")
        moment = utc(minute + timedelta(minutes=minutes))
        return {"minute": moment} | dict.fromkeys(names, 0) | outcomes

    assert (answer.status_code, answer.json()) == (
        200,
        summary(running, {"pending": 1, "accepted": 1, "failed": 1})
        | {
            "per_minute": [at(0, accepted=1, retried=1), at(1), at(2, failed=1)],
            "failure_reasons": [
                {"reason": "rejected", "words": "Rejected by the gateway", "count": 1}
            ],
        },
    )


def test_a_mailing_to_which_nothing_has_happened_has_empty_statistics(api, started_mailing):
    mailing = started_mailing()

    answer = api.get(f"/api/mailing/{mailing.pk}/statistics/")

    assert answer.json() == summary(mailing, {}) | {"per_minute": [], "failure_reasons": []}


def test_statistics_take_as_many_queries_for_many_mailings_as_for_one(
    api, started_mailing, count_queries
):
    started_mailing()
    for_one = count_queries(lambda: api.get("/api/statistics/"))
    for _ in range(24):
        started_mailing()

    assert count_queries(lambda: api.get("/api/statistics/")) == for_one
