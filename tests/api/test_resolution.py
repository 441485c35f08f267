"""Sending again and counting as sent, as an integrator's program asks for it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.delivery.models import Message
from notifier.delivery.recount import mend
from notifier.mailings.models import Mailing

pytestmark = pytest.mark.django_db

NOTHING = {"sent_again": 0, "maybe_twice": 0, "skipped": 0, "left_unknown": 0}


@pytest.fixture
def finished(clients, started_mailing, waiting_message) -> Mailing:
    """A finished mailing: one accepted, one failed, one unknown."""
    mailing = started_mailing(status="finished", finished_at=timezone.now())
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=2)
    outcomes = [("accepted", None), ("failed", "rejected"), ("unknown", "timed_out")]
    for client, (status, reason) in zip(clients, outcomes, strict=True):
        waiting_message(
            client, mailing, status=status, reason=reason, finished_at=at, attempts=1,
            maybe_sent=status == "unknown",
        )  # fmt: skip
    mend()
    return mailing


@pytest.fixture
def over(finished) -> Mailing:
    """The same, its end having passed."""
    finished.start_time = timezone.now() - timedelta(days=2)
    finished.end_time = timezone.now() - timedelta(days=1)
    finished.save()
    return finished


def statuses() -> list[str]:
    return list(Message.objects.order_by("id").values_list("status", flat=True))


@pytest.mark.parametrize("body", [None, {}, {"statuses": ["failed"]}, {"reason": None}])
def test_the_failed_are_sent_again_unless_asked_otherwise(api, finished, body):
    answer = api.post(f"/api/mailing/{finished.pk}/send_again/", body)

    assert (answer.status_code, answer.json()) == (
        200,
        NOTHING
        | {
            "mailing": finished.pk,
            "status": "running",
            "end_time": finished.end_time.isoformat().replace("+00:00", "Z"),
            "sent_again": 1,
        },
    )
    assert statuses() == ["accepted", "pending", "unknown"]
    counts = api.get(f"/api/mailing/{finished.pk}/").json()["counts"]
    assert (counts["accepted"], counts["pending"], counts["unknown"]) == (1, 1, 1)


def test_the_answer_says_how_many_may_be_received_twice_and_who_stays_out(api, finished, clients):
    clients[1].opted_out_at = timezone.now()
    clients[1].save()

    answer = api.post(f"/api/mailing/{finished.pk}/send_again", {"statuses": ["failed", "unknown"]})

    numbers = {name: answer.json()[name] for name in NOTHING}
    assert numbers == NOTHING | {"sent_again": 1, "maybe_twice": 1, "skipped": 1}
    assert statuses() == ["accepted", "skipped", "pending"]


def test_a_reason_narrows_them_down(api, finished):
    url = f"/api/mailing/{finished.pk}/send_again/"

    other = api.post(url, {"statuses": ["unknown"], "reason": "server_error"})
    same = api.post(url, {"statuses": ["unknown"], "reason": "timed_out"})

    assert [answer.json()["sent_again"] for answer in (other, same)] == [0, 1]


def test_a_mailing_whose_end_has_passed_is_refused_without_a_new_one(api, over):
    url = f"/api/mailing/{over.pk}/send_again/"
    end = (timezone.now() + timedelta(days=1)).replace(microsecond=0)

    refused = api.post(url, {})
    accepted = api.post(url, {"end_time": end.isoformat()})

    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["end_time"])
    assert "has passed: give a new one" in refused.json()["detail"]
    assert (accepted.status_code, accepted.json()["sent_again"]) == (200, 1)
    assert Mailing.objects.get().end_time == end


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (
            {"statuses": ["expired"]},
            {
                "statuses": [
                    'statuses[0]: Messages that are "expired" cannot be sent again: '
                    "use failed, unknown."
                ]
            },
        ),
        ({"statuses": []}, {"statuses": ["Name at least one of failed, unknown."]}),
        (
            {"status": ["failed"]},
            {"status": ['There is no field "status": use statuses, reason, end_time.']},
        ),
    ],
)
def test_what_cannot_be_sent_again_is_refused_by_name(api, finished, body, errors):
    answer = api.post(f"/api/mailing/{finished.pk}/send_again/", body)

    assert (answer.status_code, answer.json()["errors"]) == (400, errors)
    assert statuses() == ["accepted", "failed", "unknown"]


@pytest.mark.parametrize("action", ["send_again", "count_as_sent"])
def test_a_misspelt_reason_is_not_taken_for_every_reason(api, finished, action):
    answer = api.post(f"/api/mailing/{finished.pk}/{action}/", {"reason": "rejectd"})

    assert answer.status_code == 400
    assert 'There is no reason "rejectd": use broken_connection, ' in answer.json()["detail"]


def test_a_cancelled_mailing_is_not_sent_again(api, finished):
    Mailing.objects.update(status="cancelled")

    answer = api.post(f"/api/mailing/{finished.pk}/send_again/", {})

    assert (answer.status_code, answer.json()) == (
        409,
        {"detail": f"Mailing {finished.pk} was cancelled: it cannot be sent again.", "errors": {}},
    )


def test_the_unknown_are_counted_as_sent_and_say_so(api, finished):
    url = f"/api/mailing/{finished.pk}"

    first, second = (api.post(f"{url}/count_as_sent/").json() for _ in range(2))

    same = {"mailing": finished.pk, "status": "finished"}
    assert (first, second) == (same | {"counted_as_sent": 1}, same | {"counted_as_sent": 0})
    (message,) = api.get(f"/api/message/?mailing={finished.pk}&status=unknown").json()["results"]
    assert (message["reason"], message["reason_in_words"]) == (
        "counted_as_sent",
        "No clear answer; a person counted it as sent",
    )
    reasons = api.get(f"{url}/statistics/").json()["failure_reasons"]
    assert [(each["reason"], each["count"]) for each in reasons] == [
        ("counted_as_sent", 1),
        ("rejected", 1),
    ]


def test_there_is_nothing_to_decide_about_a_mailing_that_is_not_there(api):
    for action in ("send_again", "count_as_sent"):
        assert api.post(f"/api/mailing/999/{action}/", {}).status_code == 404
