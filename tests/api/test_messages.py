from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.clients.models import Client
from notifier.delivery.models import Attempt, Claim, Message
from notifier.delivery.recount import mend

pytestmark = pytest.mark.django_db


def utc(moment) -> str | None:
    return moment and moment.isoformat().replace("+00:00", "Z")


def shown(message: Message, **beside) -> dict:
    message.refresh_from_db()
    return {
        "id": message.pk,
        "mailing": message.mailing_id,
        "client": message.client_id,
        "phone_number": message.phone,
        "status": message.status,
        "reason": message.reason,
        "reason_in_words": None,
        "attempts": message.attempts,
        "maybe_sent": message.maybe_sent,
        "created_at": utc(message.created_at),
        "due_at": utc(message.due_at),
        "sent_at": utc(message.sent_at),
        "finished_at": utc(message.finished_at),
        "duration_ms": message.duration_ms,
        "http_status": message.http_status,
        "gateway_code": message.gateway_code,
    } | beside


@pytest.fixture
def messages(clients, started_mailing, waiting_message) -> list[Message]:
    """Two of one mailing, one of another, and one without its recipients yet."""
    first, second = started_mailing(), started_mailing()
    started_mailing()
    now = timezone.now()
    made = [
        waiting_message(clients[0], first),
        waiting_message(
            clients[1], first, status="failed", reason="rejected", finished_at=now, attempts=1,
            sent_at=now, duration_ms=12, http_status=200, gateway_code=7,
        ),
        waiting_message(clients[0], second, status="accepted", finished_at=now, attempts=1),
    ]  # fmt: skip
    mend()
    return made


def test_messages_are_listed_newest_first_with_all_that_became_of_them(api, messages):
    answer = api.get("/api/message/")

    waiting, failed, accepted = messages
    assert answer.json() == {
        "count": 3,
        "next": None,
        "previous": None,
        "results": [
            shown(accepted),
            shown(failed, reason_in_words="Rejected by the gateway"),
            shown(waiting),
        ],
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?mailing={first}", [1, 0]),
        ("?mailing={first}&status=failed", [1]),
        ("?mailing={second}", [2]),
        ("?mailing={prepared_nobody}", []),
        ("?mailing=99999999", []),
        ("?client={client}", [2, 0]),
        ("?client={client}&mailing={first}", [0]),
        ("?status=pending", [0]),
        ("?status=accepted", [2]),
        ("?status=sending", []),
        ("?client=9223372036854775807", []),
    ],
)
def test_the_list_is_narrowed_by_what_is_asked_for(api, messages, query, expected):
    first, second = messages[0].mailing_id, messages[2].mailing_id
    query = query.format(
        first=first, second=second, prepared_nobody=second + 1, client=messages[0].client_id
    )

    answer = api.get(f"/api/message{query}")

    assert [row["id"] for row in answer.json()["results"]] == [
        messages[index].pk for index in expected
    ]
    assert answer.json()["count"] == len(expected)


def test_what_is_on_its_way_is_found_through_its_claim(api, clients, waiting_message):
    message = waiting_message(clients[0])
    claim = Claim.objects.create(
        mailing_id=message.mailing_id,
        gateway_id=1,
        slot=1,
        generation=1,
        worker="w",
        expires_at=timezone.now() + timedelta(minutes=1),
        message_ids=[message.pk],
        open=1,
    )
    Message.objects.filter(pk=message.pk).update(status="sending", due_at=None, claim_id=claim.pk)

    answer = api.get("/api/message/?status=sending")

    assert answer.json()["results"] == [shown(message)]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("?status=sent", {"status": ['"sent" is not a valid choice: use "pending", ']}),
        ("?mailing=first", {"mailing": ["A valid integer is required."]}),
        ("?phone=Anna", {"phone": ['"Anna" has something else than digits.']}),
        ("?cursor=x", {"cursor": ["This is no cursor from a list's next."]}),
        ("?reason=fate", {"reason": ['There is no reason "fate": use ']}),
        ("?to=9999-12-31", {"to": ["9999-12-31 is too far away"]}),
        ("?from=2026-05-04&to=2026-05-01", {"to": ["The range ends on 2026-05-01"]}),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_by_name(api, query, errors):
    answer = api.get(f"/api/message/{query}")

    assert answer.status_code == 400
    told = answer.json()["errors"]
    assert told.keys() == errors.keys()
    assert all(told[name][0].startswith(errors[name][0]) for name in errors)


def test_a_message_is_shown_with_its_failed_attempts(api, messages):
    message, now = messages[1], timezone.now()
    Attempt.objects.create(
        message=message, number=1, started_at=now, duration_ms=12, outcome="rejected",
        reason="rejected", phase="replied", http_status=200, gateway_code=7, reply="{}",
    )  # fmt: skip

    answer = api.get(f"/api/message/{message.pk}")

    attempt = {
        "number": 1,
        "started_at": utc(now),
        "duration_ms": 12,
        "outcome": "rejected",
        "reason": "rejected",
        "phase": "replied",
        "http_status": 200,
        "gateway_code": 7,
        "error": "",
        "reply": "{}",
    }
    assert answer.json() == shown(
        message, reason_in_words="Rejected by the gateway", failed_attempts=[attempt]
    )


def test_a_message_outlives_its_client(api, messages):
    Client.objects.filter(pk=messages[0].client_id).delete()

    assert api.get(f"/api/message/{messages[0].pk}/").json() == shown(
        messages[0], failed_attempts=[]
    )


def test_messages_cannot_be_changed(api, messages):
    url = f"/api/message/{messages[0].pk}/"

    statuses = [
        method(url, {"status": "accepted"}).status_code
        for method in (api.put, api.patch, api.delete, api.post)
    ]

    assert statuses == [405] * 4


def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(
    api, started_mailing, waiting_message, count_queries
):
    mailing = started_mailing()
    people = [Client.objects.create(phone=f"7999000{i:04}", operator=999) for i in range(25)]
    waiting_message(people[0], mailing)
    url = f"/api/message/?mailing={mailing.pk}"
    for_one = count_queries(lambda: api.get(url))
    for person in people[1:]:
        waiting_message(person, mailing)

    assert count_queries(lambda: api.get(url)) == for_one


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?phone=9140000001", [2, 0]),
        ("?phone=0002", [1]),
        ("?reason=rejected", [1]),
        ("?attempts=1&status=accepted", [2]),
        ("?from=2020-01-01&to=2099-01-01", [2, 1]),
        ("?to=2020-01-01", []),
        ("?tag=nobody", []),
        ("?operator=²", []),
    ],
)
def test_a_search_takes_whatever_one_has_at_hand(api, messages, query, expected):
    answer = api.get(f"/api/message/{query}")

    assert [row["id"] for row in answer.json()["results"]] == [messages[at].pk for at in expected]


def test_pages_lead_to_one_another(api, messages):
    first = api.get("/api/message/?page_size=2").json()
    second = api.get(first["next"]).json()

    assert [row["id"] for row in first["results"]] == [messages[2].pk, messages[1].pk]
    assert [row["id"] for row in second["results"]] == [messages[0].pk]
    assert (first["count"], second["next"]) == (3, None)
    assert api.get("/api/message/?attempts=1&page_size=1").json()["count"] is None


def test_one_message_is_sent_again_or_counted_as_sent(
    api, clients, started_mailing, waiting_message
):
    mailing = started_mailing()
    ended = {"finished_at": timezone.now(), "attempts": 1}
    failed = waiting_message(clients[0], mailing, status="failed", reason="rejected", **ended)
    unknown = waiting_message(
        clients[1], mailing, status="unknown", reason="timed_out", maybe_sent=True, **ended
    )
    mend()

    sent = api.post(f"/api/message/{failed.pk}/send_again/").json()
    counted = api.post(f"/api/message/{unknown.pk}/count_as_sent/").json()

    assert sent["status"] == "pending"
    assert (counted["status"], counted["reason"]) == ("unknown", "counted_as_sent")
