import json

import pytest
from django.utils import timezone

from notifier.clients import saving
from notifier.clients.models import Client, SuppressedPhone
from notifier.clients.sample import add_sample_clients
from notifier.delivery.models import Message

pytestmark = pytest.mark.django_db


def shown(client: Client) -> dict:
    client.refresh_from_db()
    return {
        "id": client.pk,
        "phone_number": client.phone,
        "operator": client.operator,
        "tag": client.tag,
        "timezone": client.timezone,
        "attributes": client.attributes,
        "opted_out": client.is_opted_out,
        "created_at": client.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": client.updated_at.isoformat().replace("+00:00", "Z"),
    }


def phones(answer) -> list[str]:
    return [row["phone_number"] for row in answer.json()["results"]]


def test_a_client_is_added_as_the_contract_shows_it(api):
    answer = api.post(
        "/api/client/",
        {"phone_number": "79999999999", "operator": 999, "tag": "string", "timezone": "UTC"},
    )

    client = Client.objects.get()
    assert (answer.status_code, answer.json()) == (201, shown(client))
    assert (client.phone, client.operator, client.tag) == ("79999999999", 999, "string")


def test_only_the_phone_is_needed_and_any_spelling_will_do(api):
    answer = api.post("/api/client", {"phone_number": "8 (914) 123-45-67"})

    client = Client.objects.get()
    assert (answer.status_code, answer.json()) == (201, shown(client))
    assert (client.phone, client.operator, client.timezone) == ("79141234567", 914, "UTC")


def test_everything_may_be_given(api):
    given = {
        "phone_number": "79141234567",
        "operator": 999,
        "tag": "vip",
        "timezone": "Asia/Omsk",
        "attributes": {"name": "Анна", "age": 30, "loyal": True, "city": None},
        "opted_out": True,
    }

    answer = api.post("/api/client/", given)

    assert {name: answer.json()[name] for name in given} == given
    assert Client.objects.get().opted_out_at is not None


def test_a_known_phone_is_refused_in_any_spelling(api, clients):
    answer = api.post("/api/client/", {"phone_number": "+7 (914) 000-00-01"})

    words = f'Phone number "79140000001" belongs to client {clients[0].pk} already.'
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": words, "errors": {"phone_number": [words]}},
    )
    assert Client.objects.count() == 3


def test_every_wrong_field_is_named_at_once(api):
    answer = api.post(
        "/api/client/",
        {"phone_number": "7921", "operator": "x", "timezone": "Mars", "attributes": {"a": [1]}},
    )

    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        {
            "phone_number": ['Phone number "7921" has 4 digits; 11 expected.'],
            "operator": ['Operator "x" is not a mobile operator code: use three digits.'],
            "timezone": [
                'Time zone "Mars" is not an IANA name: use, for example, Europe/Moscow or UTC.'
            ],
            "attributes": ['Attribute "a" is neither a text nor a number.'],
        },
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"phone_number": True}, '"phone_number" is neither a text nor a number.'),
        ({"phone_number": "79991234567", "opted_out": 5}, '"opted_out" is neither true nor false.'),
        ({"phone_number": "79991234567", "tag": ["a"]}, '"tag" is neither a text nor a number.'),
        ("null", "The body is not a JSON object."),
    ],
)
def test_the_sentence_names_what_is_wrong(api, body, words):
    body = body if isinstance(body, str) else json.dumps(body)
    answer = api.post("/api/client/", body, content_type="application/json")

    assert (answer.status_code, answer.json()["detail"]) == (400, words)


def test_put_replaces_the_client_but_does_not_opt_in_by_omission(api, clients):
    Client.objects.filter(pk=clients[0].pk).update(
        opted_out_at=timezone.now(), attributes={"name": "Анна"}, timezone="Asia/Omsk"
    )

    answer = api.put(f"/api/client/{clients[0].pk}", {"phone_number": "79150000001"})

    client = Client.objects.get(pk=clients[0].pk)
    assert (answer.status_code, answer.json()) == (200, shown(client))
    assert (client.phone, client.operator, client.tag, client.timezone, client.attributes) == (
        "79150000001", 915, "", "UTC", {},
    )  # fmt: skip
    assert client.is_opted_out


def test_what_was_read_before_an_opt_out_and_is_put_back_does_not_undo_it(api, clients):
    url = f"/api/client/{clients[0].pk}/"
    read = api.get(url).json()
    api.patch(url, {"opted_out": True})

    answer = api.put(url, read | {"tag": "gold"})

    assert (answer.status_code, answer.json()["tag"]) == (200, "gold")
    assert answer.json()["opted_out"] is True
    assert SuppressedPhone.objects.filter(phone=clients[0].phone).exists()


def test_what_was_read_may_be_put_back_unchanged(api, clients):
    url = f"/api/client/{clients[1].pk}/"
    before = api.get(url).json()

    answer = api.put(url, before)

    assert (answer.status_code, answer.json()) == (200, before)


def test_patch_changes_what_it_names(api, clients):
    answer = api.patch(f"/api/client/{clients[1].pk}/", {"tag": "gold"})

    client = Client.objects.get(pk=clients[1].pk)
    assert (answer.status_code, answer.json()) == (200, shown(client))
    assert (client.phone, client.operator, client.tag, client.timezone) == (
        "79990000002", 999, "gold", "Asia/Omsk",
    )  # fmt: skip


def test_one_that_is_deleted_at_that_moment_is_not_there(api, clients, monkeypatch):
    delete = saving.store_changes

    def deleted_first(client, *arguments, **more):
        Client.objects.filter(pk=client.pk).delete()
        return delete(client, *arguments, **more)

    monkeypatch.setattr(saving, "store_changes", deleted_first)

    answer = api.patch(f"/api/client/{clients[0].pk}/", {"tag": "b"})

    assert answer.status_code == 404


def test_a_taken_phone_is_refused_in_changes_too(api, clients):
    answer = api.patch(f"/api/client/{clients[1].pk}/", {"phone_number": clients[0].phone})

    words = f'Phone number "79140000001" belongs to client {clients[0].pk} already.'
    assert (answer.status_code, answer.json()["errors"]) == (400, {"phone_number": [words]})


def test_opting_out_withdraws_what_waits_and_opting_in_lets_later_mailings_reach(
    api, clients, waiting_message
):
    message = waiting_message(clients[0])

    out = api.patch(f"/api/client/{clients[0].pk}/", {"opted_out": True})
    message.refresh_from_db()
    back = api.patch(f"/api/client/{clients[0].pk}/", {"opted_out": False})

    assert [out.json()["opted_out"], back.json()["opted_out"]] == [True, False]
    assert (message.status, message.reason) == ("skipped", "opted_out")


def test_deleting_a_client_keeps_its_messages(api, clients, waiting_message):
    message = waiting_message(clients[0])

    answer = api.delete(f"/api/client/{clients[0].pk}/")

    assert (answer.status_code, answer.content) == (204, b"")
    assert not Client.objects.filter(pk=clients[0].pk).exists()
    assert Message.objects.get(pk=message.pk).status == "skipped"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["79990000003", "79990000002", "79140000001"]),
        ("?tag=a2&operator=914", ["79140000001"]),
        ("?tag=a2", ["79990000002", "79140000001"]),
        ("?operator=999", ["79990000003", "79990000002"]),
        ("?timezone=Asia/Omsk", ["79990000002"]),
        ("?phone_number=8-999-000-00-03", ["79990000003"]),
        ("?phone_number=%2B79990000003", ["79990000003"]),
        ('?clients={"any": [{"tag": "vip"}, {"timezone": "Asia/Omsk"}]}',
         ["79990000003", "79990000002"]),
        ('?tag=a2&clients={"opted_out": false, "operator": 999}', ["79990000002"]),
        ("?tag=nobody", []),
        ("?tag=", []),
    ],
)  # fmt: skip
def test_the_list_is_narrowed_by_what_is_asked_for(api, clients, query, expected):
    answer = api.get(f"/api/client/{query}")

    assert phones(answer) == expected
    assert answer.json()["count"] == len(expected)


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        (
            "?tga=a2",
            {
                "tga": [
                    'There is no field "tga": use tag, operator, timezone, phone_number, filter, '
                    "clients."
                ]
            },
        ),
        (
            "?operator=abc",
            {"operator": ['Operator "abc" is not a mobile operator code: use three digits.']},
        ),
        ("?tag=a&tag=b", {"tag": ['"tag" is given twice.']}),
        ("?page_size=0", {"page_size": ['"0" is not a number from 1 to 1,000.']}),
        ("?cursor=cD1hYmM%3D", {"cursor": ["This is no cursor from a list's next or previous."]}),
        ('?clients={"all": [{"tga": 1}]}', {"clients": [
            'all[0].tga: "tga" is not a field: use tag, operator, timezone, phone_number, '
            "opted_out, created_at, imported_at, last_contacted, import, mailing or "
            "attributes.NAME."
        ]}),
        ("?clients=[1]", {"clients": ['conditions are an object such as {"tag": "a2"}.']}),
        ("?clients={", {"clients": [
            "It is not JSON: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)."
        ]}),
        ("?cursor=nothing", {"cursor": ["This is no cursor from a list's next or previous."]}),
        ("?filter=abc", {"filter": ['"filter" is not an id: use its number.']}),
        ("?tag=%00", {"tag": ['"tag" has an invisible NUL character in it.']}),
    ],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused_by_name(api, clients, query, errors):
    answer = api.get(f"/api/client/{query}")

    assert (answer.status_code, answer.json()["errors"]) == (400, errors)


def test_pages_follow_one_another_and_lose_nobody(api):
    add_sample_clients(25)
    ids = list(Client.objects.order_by("-id").values_list("id", flat=True))

    first = api.get("/api/client/?page_size=10").json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()
    again = api.get(third["previous"]).json()

    seen = [row["id"] for page in (first, second, third) for row in page["results"]]
    assert seen == ids
    assert (first["previous"], third["next"]) == (None, None)
    assert again["results"] == second["results"]
    assert [page["count"] for page in (first, second, third)] == [25, 25, 25]


def test_a_long_list_is_not_counted_to_its_end(api, monkeypatch):
    monkeypatch.setattr("notifier.api.pagination.MOST_COUNTED", 5)
    add_sample_clients(6)

    assert api.get("/api/client/").json()["count"] is None


def test_a_list_takes_as_many_queries_for_many_rows_as_for_one(api, count_queries):
    add_sample_clients(1)
    for_one = count_queries(lambda: api.get("/api/client/"))
    add_sample_clients(24)

    assert count_queries(lambda: api.get("/api/client/")) == for_one
