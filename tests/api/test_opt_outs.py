import pytest
from django.utils import timezone

from notifier.clients.models import Client, SuppressedPhone
from notifier.delivery.withdrawal import opt_out_client, suppress_phones

pytestmark = pytest.mark.django_db


def opted_out() -> set[str]:
    return set(Client.objects.exclude(opted_out_at=None).values_list("phone", flat=True))


def test_a_client_is_opted_out_and_in_again(api, clients, waiting_message):
    message = waiting_message(clients[0])

    out = api.post(f"/api/client/{clients[0].pk}/opt_out/")
    message.refresh_from_db()
    assert (out.status_code, out.json()["opted_out"]) == (200, True)
    assert (message.status, message.reason) == ("skipped", "opted_out")
    assert SuppressedPhone.objects.get().source == "api"

    back = api.post(f"/api/client/{clients[0].pk}/opt_in")
    assert (back.status_code, back.json()["opted_out"]) == (200, False)
    assert not SuppressedPhone.objects.exists()


def test_many_phones_are_opted_out_whether_they_have_clients_or_not(api, clients, waiting_message):
    message = waiting_message(clients[0])
    opt_out_client(clients[1])
    given = ["+7 914 000-00-01", clients[1].phone, "79000000001", "8 900 000 00 01", "7921"]

    answer = api.post("/api/client/opt_out/", {"phone_numbers": given})

    body = answer.json()
    results = [(each["phone_number"], each["result"]) for each in body.pop("results")]
    assert answer.status_code == 200
    assert body == {"opted_out": 2, "unchanged": 1, "duplicate": 1, "rejected": 1}
    assert results == [
        ("79140000001", "opted_out"),
        (clients[1].phone, "unchanged"),
        ("79000000001", "opted_out"),
        ("79000000001", "duplicate"),
        ("7921", "rejected"),
    ]
    assert opted_out() == {clients[0].phone, clients[1].phone}
    assert SuppressedPhone.objects.count() == 3
    message.refresh_from_db()
    assert message.status == "skipped"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"phone_numbers": []}, "Give at least one phone number."),
        ({"phone_numbers": ["1"] * 10_001}, "At most 10,000 phone numbers are taken at once."),
        ({"phone_numbers": ["79991234567", None]}, '"phone_numbers[1]" may not be null.'),
        ({"phone_numbers": [[]]}, "phone_numbers[0]: is neither a text nor a number."),
        ({"phone_numbers": "79991234567"}, '"phone_numbers" is not a list.'),
        ({}, '"phone_numbers" is missing.'),
        ({"phones": []}, 'There is no field "phones": use phone_numbers.'),
    ],
)
def test_a_request_that_cannot_be_read_opts_nobody_out(api, body, words):
    answer = api.post("/api/client/opt_out/", body)

    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert not SuppressedPhone.objects.exists()


def test_the_list_is_paged_by_phone(api):
    suppress_phones(["79000000003", "79000000001", "79000000002"])

    first = api.get("/api/suppressed/?page_size=2").json()
    second = api.get(first["next"]).json()

    found = [each["phone_number"] for each in first["results"] + second["results"]]
    assert found == ["79000000001", "79000000002", "79000000003"]
    assert (first["count"], second["next"]) == (3, None)
    assert first["results"][0]["source"] == "hand"


def test_a_phone_is_looked_up(api):
    suppress_phones(["79000000001"])

    assert api.get("/api/suppressed/79000000001/").json()["source"] == "hand"
    assert api.get("/api/suppressed/79000000002/").status_code == 404
    answer = api.get("/api/suppressed/?phone=79000000001")
    assert answer.json()["detail"] == 'There is no field "phone": nothing is asked for here.'


def test_a_phone_is_taken_off_the_list_and_its_client_reached_again(api, clients):
    opt_out_client(clients[0])

    assert api.delete(f"/api/suppressed/{clients[0].phone}/").status_code == 204
    assert (opted_out(), SuppressedPhone.objects.count()) == (set(), 0)
    assert api.delete(f"/api/suppressed/{clients[0].phone}/").status_code == 404


def test_whoever_comes_with_a_suppressed_phone_is_opted_out_since_then(api, clients):
    since = timezone.now()
    SuppressedPhone.objects.create(phone="79000000001", suppressed_at=since)

    added = api.post("/api/client/", {"phone_number": "79000000001", "opted_out": False})

    assert (added.status_code, added.json()["opted_out"]) == (201, True)
    assert Client.objects.get(phone="79000000001").opted_out_at == since


def test_strangers_opt_nobody_out(stranger, clients):
    for path in ("client/opt_out/", f"client/{clients[0].pk}/opt_out/"):
        assert stranger.post(f"/api/{path}", {"phone_numbers": ["79000000001"]}).status_code == 401
    assert stranger.get("/api/suppressed/").status_code == 401
