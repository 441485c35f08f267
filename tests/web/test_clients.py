import json
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client as Browser

from notifier.clients import facets
from notifier.clients.models import Client
from notifier.delivery.models import Message
from tests.web.making import make_client, make_finished, make_message, make_running
from tests.web.reading import rows_of, words_of

FRAGMENT = {"HX-Request": "true", "HX-Target": "clients"}


def phones_in(response) -> list[str]:
    return [row[0] for row in rows_of(response)]


# --- The list -------------------------------------------------------------------------


def test_clients_are_listed_newest_first(browser: Browser) -> None:
    make_client(phone="79991110001", tag="a2", timezone="Europe/Moscow")
    make_client(phone="79121110002", operator=912, opted_out_at=datetime.now(UTC))

    response = browser.get("/clients/")

    assert [row[:4] for row in rows_of(response)] == [
        ["+79121110002 Opted out", "912", "—", "UTC"],
        ["+79991110001", "999", "a2", "Europe/Moscow"],
    ]
    assert "2 clients" in words_of(response)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("?tag=a2", ["+79991110001"]),
        ("?operator=912", ["+79121110002"]),
        ("?operator=nonsense", []),
        ("?timezone=Europe/Moscow", ["+79991110001"]),
        ("?tag=a2&operator=912", []),
        ("?q=7912", ["+79121110002"]),
        ("?q=%2B7 (912)", ["+79121110002"]),
        ("?q=8912", ["+79121110002"]),
        ("?q=912", ["+79121110002"]),
        ("?q=0001", ["+79991110001"]),
        ("?q=1", ["+79991110001"]),
        ("?q=nonsense", []),
        ("?sort=phone", ["+79121110002", "+79991110001"]),
        ("?sort=-phone", ["+79991110001", "+79121110002"]),
        ("?sort=nonsense", ["+79121110002", "+79991110001"]),
        ("?page=nonsense", ["+79121110002", "+79991110001"]),
        ("?page=7", ["+79121110002", "+79991110001"]),
        ("?page=99999999999999999999&per_page=1", ["+79121110002", "+79991110001"]),
    ],
)
def test_the_address_narrows_and_sorts_the_list(
    browser: Browser, address: str, expected: list[str]
) -> None:
    make_client(phone="79991110001", tag="a2", timezone="Europe/Moscow")
    make_client(phone="79121110002", operator=912)

    assert phones_in(browser.get(f"/clients/{address}")) == expected


def test_each_condition_has_a_chip_that_removes_it_alone(browser: Browser) -> None:
    make_client(tag="a2")

    page = browser.get("/clients/?tag=a2&operator=999&sort=phone&page=1").content.decode()

    assert 'href="?operator=999&amp;sort=phone"' in page
    assert 'href="?tag=a2&amp;sort=phone"' in page


def test_the_list_comes_in_pages_that_keep_the_conditions(browser: Browser) -> None:
    made = [make_client(tag="a2") for _ in range(26)]

    first = browser.get("/clients/?tag=a2")
    second = browser.get("/clients/?tag=a2&page=2")

    assert phones_in(first) == [str(client) for client in reversed(made[1:])]
    assert phones_in(second) == [str(made[0])]
    assert 'href="?tag=a2&amp;page=2"' in first.content.decode()
    assert 'href="?tag=a2&amp;page=1"' in second.content.decode()


def test_counting_stops_where_it_would_take_long(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "COUNT_LIMIT", 2)
    for _ in range(3):
        make_client(tag="a2")

    words = words_of(browser.get("/clients/"))

    assert "2+ clients" in words
    assert "a2 (2+)" in words


@pytest.mark.parametrize("clients", [1, 25])
def test_a_longer_list_takes_no_more_queries(
    browser: Browser, django_assert_num_queries, clients: int
) -> None:
    for _ in range(clients):
        make_client(tag="a2")

    # Session, person, bulk actions under way and lately, what the planner believes, count,
    # rows, and the values of tag, operator and time zone.
    with django_assert_num_queries(14):
        browser.get("/clients/")


def test_an_empty_list_offers_ways_to_fill_it(browser: Browser) -> None:
    words = words_of(browser.get("/clients/"))

    assert "No clients yet" in words
    assert "Add 100,000 sample clients" in words


def test_a_list_without_a_match_keeps_its_conditions(browser: Browser) -> None:
    make_client()

    words = words_of(browser.get("/clients/?tag=nobody", headers=FRAGMENT))

    assert "Tag: nobody" in words
    assert "No client matches" in words


# --- Adding and changing --------------------------------------------------------------


def test_a_client_is_added_in_any_spelling_of_the_phone(browser: Browser) -> None:
    response = browser.post(
        "/clients/add/",
        {"phone": "8 (999) 123-45-67", "operator": "", "tag": " a2 ", "timezone": ""},
        follow=True,
    )

    client = Client.objects.get()
    assert (client.phone, client.operator, client.tag) == ("79991234567", 999, "a2")
    assert client.timezone == "UTC"
    assert response.redirect_chain == [(f"/clients/{client.pk}/", 302)]
    assert "Client +79991234567 added." in words_of(response)


@pytest.mark.parametrize(
    ("filled_in", "problem"),
    [
        ({"phone": ""}, "This field is required."),
        ({"phone": "7921"}, 'Phone number "7921" has 4 digits; 11 expected.'),
        ({"operator": "99"}, 'Operator "99" is not a mobile operator code: use three digits.'),
        ({"timezone": "Mars"}, 'Time zone "Mars" is not an IANA name'),
        ({"phone": "79990000000"}, "There is a client with the phone +79990000000 already."),
    ],
)
def test_a_wrong_field_is_named_focused_and_kept(
    browser: Browser, filled_in: dict[str, str], problem: str
) -> None:
    make_client(phone="79990000000")
    good = {"phone": "79991234567", "operator": "999", "tag": "a2", "timezone": "UTC"}

    response = browser.post("/clients/add/", {**good, **filled_in})

    page = response.content.decode()
    name = next(iter(filled_in))
    assert response.status_code == 422
    assert problem in words_of(response)
    assert page.count("autofocus") == 1
    assert page.index("autofocus") > page.index(f'name="{name}"')
    for value in {**good, **filled_in}.values():
        assert f'value="{value}"' in page or not value
    assert Client.objects.count() == 1


def test_changing_a_client_keeps_what_the_form_does_not_show(browser: Browser) -> None:
    client = make_client(attributes={"city": "Omsk"}, opted_out_at=datetime.now(UTC))

    browser.post(
        f"/clients/{client.pk}/edit/",
        {"phone": client.phone, "operator": "912", "tag": "vip", "timezone": "Asia/Omsk"},
    )

    changed = Client.objects.get()
    assert (changed.operator, changed.tag, changed.timezone) == (912, "vip", "Asia/Omsk")
    assert (changed.attributes, changed.opted_out_at) == ({"city": "Omsk"}, client.opted_out_at)


# --- One client -----------------------------------------------------------------------


def test_a_client_s_page_tells_what_became_of_every_mailing(browser: Browser) -> None:
    client = make_client(attributes={"city": "Omsk"})
    make_message(make_finished(name="First"), client)
    make_message(make_finished(name="Second"), client, status="failed", reason="rejected")

    response = browser.get(f"/clients/{client.pk}/")

    assert rows_of(response) == [
        ["Second", "Failed Details of Second Rejected by the gateway", "1 Sep 2026, 12:00 UTC"],
        ["First", "Accepted Details of First", "1 Sep 2026, 12:00 UTC"],
    ]
    assert "city Omsk" in words_of(response)


def test_a_client_s_own_time_is_shown_beside_the_site_s(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "notifier.web.clients.views.timezone.now", lambda: datetime(2026, 9, 1, 21, 30, tzinfo=UTC)
    )
    client = make_client(timezone="Europe/Moscow")

    words = words_of(browser.get(f"/clients/{client.pk}/"))

    assert "Local time 00:30, 2 Sep Europe/Moscow" in words


@pytest.mark.parametrize("messages", [1, 25])
def test_a_client_s_longer_story_takes_no_more_queries(
    browser: Browser, django_assert_num_queries, messages: int
) -> None:
    client = make_client()
    for _ in range(messages):
        make_message(make_finished(), client)

    # Session, person, client, mailings, messages, those that wait.
    with django_assert_num_queries(6):
        browser.get(f"/clients/{client.pk}/")


def test_what_opting_out_and_deleting_would_do_is_said_in_numbers(browser: Browser) -> None:
    client = make_client()
    for _ in range(2):
        make_message(make_running(), client, status="pending")

    before = words_of(browser.get(f"/clients/{client.pk}/"))
    browser.post(f"/clients/{client.pk}/", {"action": "opt_out"})
    after = words_of(browser.get(f"/clients/{client.pk}/"))

    assert "2 wait to be sent; an opt-out withdraws them." in before
    assert "2 messages that wait for this client are cancelled." in before
    assert "wait" not in after
    assert "The phone stays on the suppression list." in after


def test_opting_out_withdraws_waiting_messages_and_answers_with_a_toast(browser: Browser) -> None:
    client = make_client()
    waiting = make_message(make_running(), client, status="pending")

    response = browser.post(
        f"/clients/{client.pk}/",
        {"action": "opt_out"},
        headers={"HX-Request": "true", "HX-Target": "facts"},
    )

    assert "opted out" in words_of(response)
    assert "Reach again" in words_of(response)
    toast = {"text": f"{client} will not be sent anything more.", "level": "success"}
    assert json.loads(response["HX-Trigger"]) == {"toasts": {"toasts": [toast]}}
    assert Message.objects.get(pk=waiting.pk).status == "skipped"
    # Taken by the toast: the next page does not say it again.
    assert "will not be sent" not in words_of(browser.get("/clients/"))


def test_opting_in_again_is_said(browser: Browser) -> None:
    client = make_client(opted_out_at=datetime.now(UTC))

    response = browser.post(f"/clients/{client.pk}/", {"action": "opt_in"}, follow=True)

    assert "is reached again, from the next mailing on." in words_of(response)
    assert not Client.objects.get().is_opted_out


def test_deleting_a_client_leads_back_to_the_list(browser: Browser) -> None:
    client = make_client()

    response = browser.post(f"/clients/{client.pk}/", {"action": "delete"}, follow=True)

    assert response.redirect_chain == [("/clients/", 302)]
    assert f"Client {client} deleted." in words_of(response)
    assert not Client.objects.exists()


# --- Sample clients -------------------------------------------------------------------


def test_sample_clients_are_added_to_an_empty_list_only(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.web.clients.views.SAMPLE_CLIENTS", 20)

    added = browser.post("/clients/samples/", follow=True)
    again = browser.post("/clients/samples/", follow=True)

    assert "20 sample clients added." in words_of(added)
    assert "sample clients are for an empty list" in words_of(again)
    assert Client.objects.count() == 20


def test_a_list_that_takes_the_database_too_long_says_so(browser: Browser, monkeypatch) -> None:
    make_client()

    def never_ends(_found: object) -> tuple[int, bool]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(10)")
        return 0, False

    monkeypatch.setattr("notifier.web.clients.views.facets.count_some", never_ends)
    monkeypatch.setattr("django.conf.settings.FILTER_SECONDS", 0.05)

    words = words_of(browser.get("/clients/?tag=a2"))

    assert "This takes too long" in words
    assert "These conditions take longer than 0.05 s" in words
