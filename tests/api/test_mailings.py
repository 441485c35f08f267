from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from notifier.clients.counting import TooSlow
from notifier.delivery.models import Message
from notifier.mailings.models import Mailing

pytestmark = pytest.mark.django_db

NOTHING = dict.fromkeys(
    ("pending", "sending", "accepted", "failed", "unknown", "expired", "cancelled", "skipped"), 0
)


@pytest.fixture(autouse=True)
def _gateway(gateway):
    """Every mailing needs one."""


def utc(moment) -> str | None:
    return moment and moment.isoformat().replace("+00:00", "Z")


def shown(mailing: Mailing, **beside) -> dict:
    mailing.refresh_from_db()
    return {
        "id": mailing.pk,
        "name": mailing.name,
        "text": mailing.text,
        "clients": mailing.conditions,
        "filter": None,
        "start_time": utc(mailing.start_time),
        "end_time": utc(mailing.end_time),
        "gateway": mailing.gateway_id,
        "rate_per_second": mailing.rate_per_second,
        "status": mailing.status,
        "pause_reason": "",
        "warning": "",
        "audience": mailing.audience,
        "counts": NOTHING,
        "created_at": utc(mailing.created_at),
        "created_by": mailing.created_by and mailing.created_by.username,
        "started_at": utc(mailing.started_at),
        "finished_at": utc(mailing.finished_at),
    } | beside


def test_a_mailing_is_created_as_the_contract_shows_it(api, clients, tomorrow):
    given = {
        "clients": {"tag": "a2", "operator": 999},
        "start_time": tomorrow.isoformat(),
        "end_time": (tomorrow + timedelta(days=1)).isoformat(),
        "text": "Autumn sale",
    }

    answer = api.post("/api/mailing/", given)

    mailing = Mailing.objects.get()
    assert (answer.status_code, answer.json()) == (201, shown(mailing, matched=1))
    assert (
        mailing.conditions,
        mailing.start_time,
        mailing.status,
        mailing.created_by.username,
    ) == (
        {"tag": "a2", "operator": 999},
        tomorrow,
        "scheduled",
        "anna",
    )


def test_a_mailing_whose_window_is_open_is_accepted_for_now(api, clients):
    start = timezone.now() - timedelta(hours=1)

    given = {"clients": {}, "start_time": start.isoformat(), "text": "Hello"}
    answer = api.post("/api/mailing", given)

    assert (answer.status_code, answer.json()["matched"]) == (201, 3)
    assert parse_datetime(answer.json()["end_time"]) == start + timedelta(days=1)


@pytest.mark.parametrize("times", [{}, {"start_time": None, "end_time": None}])
def test_without_a_start_it_starts_now(api, clients, times):
    answer = api.post("/api/mailing/", {"clients": {"tag": "vip"}, "text": "Hello"} | times)

    start = parse_datetime(answer.json()["start_time"])
    assert abs(start - timezone.now()) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("2099-08-26T11:53:37+02:00", "2099-08-26T09:53:37Z"),
        ("2099-08-26T11:53:37Z", "2099-08-26T11:53:37Z"),
        ("2099-08-26T11:53:37.5-0330", "2099-08-26T15:23:37.500000Z"),
        ("2099-08-26 11:53", "2099-08-26T11:53:00Z"),
    ],
)
def test_times_carry_any_offset_and_are_shown_in_utc(api, clients, given, understood):
    answer = api.post("/api/mailing/", {"clients": {}, "text": "Hello", "start_time": given})

    assert answer.json()["start_time"] == understood


def test_a_future_mailing_may_match_nobody_yet_and_says_so(api, tomorrow):
    given = {"clients": {"tag": "a2"}, "text": "Hello", "start_time": tomorrow.isoformat()}
    answer = api.post("/api/mailing/", given)

    warning = "No client matches. Unless that changes by the start, nobody is sent anything."
    assert (answer.status_code, answer.json()) == (
        201,
        shown(Mailing.objects.get(), matched=0, warning=warning),
    )


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"text": " "}, {"text": ["The text is empty: there is nothing to send."]}),
        ({"text": None}, {"text": ['"text" may not be null.']}),
        (
            {"clients": {"tag": "nobody"}},
            {"clients": ["No client matches. There is nobody to send to."]},
        ),
        (
            {"clients": {"colour": "red"}},
            {
                "clients": [
                    'colour: "colour" is not a field: use tag, operator, timezone, '
                    "phone_number, opted_out, created_at, imported_at, last_contacted, import, "
                    "mailing or attributes.NAME."
                ]
            },
        ),
        (
            {"clients": {"all": [{"tag": "a2"}, {"operator": "many"}]}},
            {
                "clients": [
                    'all[1].operator: Operator "many" is not a mobile operator code: '
                    "use three digits."
                ]
            },
        ),
        (
            {"clients": "everybody"},
            {"clients": ['Conditions are an object such as {"tag": "a2"}.']},
        ),
        (
            {"start_time": "2022-08-26T11:53:37Z", "end_time": "2022-08-27T11:53:37Z"},
            {"end_time": ["The end, 27 Aug 2022, 11:53 UTC, has passed: nothing could be sent."]},
        ),
        (
            {"start_time": "2099-08-26T11:53:37Z", "end_time": "2099-08-26T11:53:37Z"},
            {
                "end_time": [
                    "The end, 26 Aug 2099, 11:53 UTC, is not after the start, "
                    "26 Aug 2099, 11:53 UTC."
                ]
            },
        ),
        (
            {"start_time": "9999-12-31T23:59:59Z"},
            {"start_time": ['"9999-12-31T23:59:59Z" is not between the years 2000 and 2100.']},
        ),
        (
            {"gateway": 999},
            {"gateway": ['There is no gateway "999".']},
        ),
        (
            {"txt": "Hello"},
            {
                "txt": [
                    'There is no field "txt": use name, text, clients, filter, start_time, '
                    "end_time, gateway, rate_per_second."
                ]
            },
        ),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(api, clients, changes, errors):
    answer = api.post("/api/mailing/", {"clients": {}, "text": "Hello"} | changes)

    (sentences,) = errors.values()
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": " ".join(sentences), "errors": errors},
    )
    assert not Mailing.objects.exists()


@pytest.mark.parametrize("status", ["draft", "paused", "finished", "", 0, ["scheduled"]])
def test_a_status_that_no_new_mailing_has_is_refused(api, clients, status):
    answer = api.post("/api/mailing/", {"clients": {}, "text": "Hello", "status": status})

    sentence = 'A mailing is created as "scheduled"; drafts are not supported.'
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": sentence, "errors": {"status": [sentence]}},
    )
    assert not Mailing.objects.exists()


@pytest.mark.parametrize("status", ["scheduled", None])
def test_the_status_that_every_new_mailing_has_may_be_sent(api, clients, status):
    answer = api.post("/api/mailing/", {"clients": {}, "text": "Hello", "status": status})

    assert (answer.status_code, answer.json()["status"]) == (201, "scheduled")


def test_what_is_missing_is_named(api):
    answer = api.post("/api/mailing/", {})

    assert answer.json() == {
        "detail": '"text" is missing. "clients" is missing.',
        "errors": {"text": ['"text" is missing.'], "clients": ['"clients" is missing.']},
    }


@pytest.fixture
def scheduled(api, clients, tomorrow) -> Mailing:
    given = {"clients": {}, "text": "Hello", "start_time": tomorrow.isoformat()}
    return Mailing.objects.get(pk=api.post("/api/mailing/", given).json()["id"])


def test_put_reschedules(api, scheduled, tomorrow):
    start, end = tomorrow + timedelta(days=3), tomorrow + timedelta(days=4)

    answer = api.put(
        f"/api/mailing/{scheduled.pk}",
        {
            "name": "Spring",
            "clients": {"tag": "a2"},
            "text": "Spring sale",
            "start_time": start.isoformat(),
            "end_time": end.isoformat(),
        },
    )

    assert (answer.status_code, answer.json()) == (200, shown(scheduled, matched=2))
    assert (scheduled.name, scheduled.text, scheduled.conditions) == (
        "Spring", "Spring sale", {"tag": "a2"},
    )  # fmt: skip
    assert (scheduled.start_time, scheduled.end_time) == (start, end)


def test_a_start_that_moves_without_an_end_gets_the_default_limit(api, scheduled, tomorrow):
    start = tomorrow + timedelta(days=7)

    given = {"clients": {}, "text": "Hello", "start_time": start.isoformat()}
    answer = api.put(f"/api/mailing/{scheduled.pk}", given)

    assert (answer.status_code, answer.json()["end_time"]) == (200, utc(start + timedelta(days=1)))


def test_what_put_does_not_say_of_the_times_stays(api, scheduled):
    before = shown(scheduled)

    answer = api.put(f"/api/mailing/{scheduled.pk}/", {"clients": {}, "text": "Hello again"})

    assert [answer.json()[name] for name in ("text", "start_time", "end_time")] == [
        "Hello again",
        before["start_time"],
        before["end_time"],
    ]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_start_that_is_null_never_starts_a_mailing_that_waits(api, scheduled, method):
    before = shown(scheduled, matched=3)

    given = {"clients": {}, "text": "Hello", "start_time": None}
    answer = getattr(api, method)(f"/api/mailing/{scheduled.pk}/", given)

    assert (answer.status_code, answer.json()) == (200, before)
    assert shown(scheduled, matched=3) == before


def test_a_null_end_stays_with_patch_and_is_the_default_limit_with_put(api, scheduled, tomorrow):
    url, end = f"/api/mailing/{scheduled.pk}/", tomorrow + timedelta(days=5)
    api.patch(url, {"end_time": end.isoformat()})

    patched = api.patch(url, {"end_time": None})
    put = api.put(url, {"clients": {}, "text": "Hello", "end_time": None})

    assert [answer.json()["end_time"] for answer in (patched, put)] == [
        utc(end),
        utc(tomorrow + timedelta(days=1)),
    ]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_was_read_may_be_sent_back_unchanged(api, scheduled, method):
    before = api.get(f"/api/mailing/{scheduled.pk}/").json()

    answer = getattr(api, method)(f"/api/mailing/{scheduled.pk}/", before)

    assert (answer.status_code, answer.json()) == (200, before)
    assert before["matched"] == 3


def test_patch_changes_what_it_names(api, scheduled):
    answer = api.patch(f"/api/mailing/{scheduled.pk}/", {"text": "Hello there"})

    assert (answer.status_code, answer.json()) == (200, shown(scheduled, matched=3))
    assert scheduled.text == "Hello there"


def test_the_text_of_a_started_mailing_can_no_longer_change(api, started_mailing):
    mailing = started_mailing()

    answer = api.put(f"/api/mailing/{mailing.pk}/", {"clients": {}, "text": "Other"})

    assert (answer.status_code, answer.json()) == (
        409,
        {
            "detail": f"Mailing {mailing.pk} is running: it cannot be changed.",
            "errors": {},
        },
    )


def test_a_running_mailing_may_be_sent_back_unchanged(api, started_mailing):
    url = f"/api/mailing/{started_mailing().pk}/"
    before = api.get(url).json()

    answer = api.put(url, before)

    assert (answer.status_code, answer.json()) == (200, before)


def test_the_end_of_a_started_mailing_can(api, started_mailing, tomorrow):
    mailing = started_mailing()

    answer = api.patch(f"/api/mailing/{mailing.pk}/", {"end_time": tomorrow.isoformat()})

    assert (answer.status_code, answer.json()) == (200, shown(mailing, matched=0))
    assert mailing.end_time == tomorrow


def test_a_running_mailing_is_paused_resumed_and_cancelled(api, clients, waiting_message):
    url = f"/api/mailing/{waiting_message(clients[0]).mailing_id}"

    answers = [api.post(f"{url}/{action}") for action in ("pause", "resume", "cancel")]

    assert [(each.status_code, each.json()["status"]) for each in answers] == [
        (200, "paused"),
        (200, "running"),
        (200, "cancelled"),
    ]


def test_the_same_wish_twice_does_no_harm_and_an_impossible_one_is_refused(api, started_mailing):
    url = f"/api/mailing/{started_mailing().pk}"

    twice = [api.post(f"{url}/cancel/").status_code for _ in range(2)]
    impossible = api.post(f"{url}/resume/")

    assert twice == [200, 200]
    assert (impossible.status_code, impossible.json().keys()) == (409, {"detail", "errors"})


def test_a_mailing_under_way_is_not_deleted(api, clients, waiting_message):
    mailing = waiting_message(clients[0]).mailing

    refused = api.delete(f"/api/mailing/{mailing.pk}/")
    api.post(f"/api/mailing/{mailing.pk}/cancel/")
    deleted = api.delete(f"/api/mailing/{mailing.pk}/")

    assert (refused.status_code, deleted.status_code) == (409, 204)
    assert not Mailing.objects.exists()
    assert not Message.objects.exists()


def test_recipients_and_their_fates_are_shown(api, clients, waiting_message):
    mailing = waiting_message(clients[0]).mailing
    waiting_message(clients[1], mailing)

    answer = api.get(f"/api/mailing/{mailing.pk}/")

    counts = NOTHING | {"pending": 2}
    assert answer.json() == shown(mailing, matched=2, counts=counts)


def test_the_list_shows_each_mailing_newest_first_and_does_not_count_clients(
    api, scheduled, started_mailing
):
    running = started_mailing()

    answer = api.get("/api/mailing/")

    assert answer.json() == {
        "count": 2,
        "next": None,
        "previous": None,
        "results": [shown(running, matched=0), shown(scheduled, matched=None)],
    }


def test_the_list_is_narrowed_by_status(api, scheduled, started_mailing):
    started_mailing()

    answer = api.get("/api/mailing/?status=scheduled")
    unknown = api.get("/api/mailing/?status=asleep")

    assert [row["id"] for row in answer.json()["results"]] == [scheduled.pk]
    assert '"asleep" is not a valid choice: use "draft", "sch' in unknown.json()["detail"]


def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(api, started_mailing, count_queries):
    started_mailing()
    for_one = count_queries(lambda: api.get("/api/mailing/"))
    for _ in range(24):
        started_mailing()

    assert count_queries(lambda: api.get("/api/mailing/")) == for_one


def test_a_mailing_may_be_slowed_down_at_any_time(api, started_mailing):
    mailing = started_mailing()

    answer = api.patch(f"/api/mailing/{mailing.pk}/", {"rate_per_second": 12.5})
    assert (answer.status_code, answer.json()["rate_per_second"]) == (200, 12.5)

    refused = api.patch(f"/api/mailing/{mailing.pk}/", {"rate_per_second": 0})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["rate_per_second"])


def test_a_mailing_whose_clients_take_too_long_to_count_is_shown_without_their_number(
    api, clients, tomorrow, monkeypatch
):
    given = {"text": "x", "clients": {"tag": "a2"}, "start_time": tomorrow.isoformat()}
    made = api.post("/api/mailing/", given).json()

    def too_slow(_conditions):
        raise TooSlow("It takes too long.")

    monkeypatch.setattr("notifier.api.mailings.count_clients", too_slow)

    shown = api.get(f"/api/mailing/{made['id']}/")

    assert (shown.status_code, shown.json()["matched"]) == (200, None)
    assert made["matched"] == 2
