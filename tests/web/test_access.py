"""Who gets in, and what every answer carries."""

import pytest
from django.test import Client as Browser
from django.urls import URLPattern

from notifier.web import urls
from tests.web.making import make_bulk_action, make_client, make_mailing

OPEN_TO_STRANGERS = {"healthz", "readyz", "setup", "sign_in", "unsubscribe"}
EXAMPLES = {
    "<int:action_id>": "1",
    "<int:client_id>": "1",
    "<int:filter_id>": "1",
    "<int:gateway_id>": "1",
    "<int:import_id>": "1",
    "<int:mailing_id>": "1",
    "<int:message_id>": "1",
    "<str:token>": "x",
    "<str:action>": "pause",
    "<str:field>": "phone",
    "<str:phone>": "79990000001",
}


def addresses() -> list[tuple[str, str]]:
    """Every page by its name, with an example of its address."""
    found = []
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        for place, value in EXAMPLES.items():
            route = route.replace(place, value)
        assert "<" not in route, f"give an example for {route}"
        found.append((str(pattern.name), f"/{route}"))
    return found


CLOSED = [address for name, address in addresses() if name not in OPEN_TO_STRANGERS]


@pytest.mark.django_db
@pytest.mark.parametrize("address", CLOSED)
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_page_is_closed_to_strangers(client: Browser, address: str, method: str) -> None:
    response = getattr(client, method)(address)

    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/?next=/")


@pytest.mark.parametrize("address", CLOSED)
def test_nothing_changes_without_the_page_s_own_token(person, address: str) -> None:
    stranger = Browser(enforce_csrf_checks=True)
    stranger.force_login(person)

    response = stranger.post(address, {"action": "delete"})

    assert response.status_code == 403
    assert "This page was open too long" in response.content.decode()


def test_every_answer_carries_the_headers_that_bind_a_browser(browser: Browser) -> None:
    headers = browser.get("/clients/").headers

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_and_fragments_of_one_address_are_told_apart(browser: Browser) -> None:
    make_client()

    page = browser.get("/clients/")
    fragment = browser.get("/clients/", headers={"HX-Request": "true", "HX-Target": "clients"})

    assert "<html" in page.content.decode()
    assert "<html" not in fragment.content.decode()
    for response in (page, fragment):
        varies = {name.strip() for name in response["Vary"].split(",")}
        assert {"HX-Request", "HX-Target"} <= varies


@pytest.mark.django_db
def test_an_expired_log_in_redirects_the_page_and_not_its_fragment(client: Browser) -> None:
    response = client.get(
        "/mailings/1/",
        headers={
            "HX-Request": "true",
            "HX-Target": "live",
            "HX-Current-URL": "http://testserver/mailings/1/",
        },
    )

    assert response.status_code == 200
    assert response["HX-Redirect"] == "/sign-in/?next=%2Fmailings%2F1%2F"


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7 }}"


@pytest.mark.parametrize("address", ["/", "/clients/", "/mailings/", "/mailings/new/"])
def test_names_tags_and_texts_cannot_become_markup(browser: Browser, address: str) -> None:
    make_client(tag=HOSTILE[:100], attributes={HOSTILE: HOSTILE})
    make_mailing(name=HOSTILE, text=HOSTILE, conditions={"tag": HOSTILE[:100]})

    page = browser.get(address, {"q": HOSTILE}).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_one_client_s_and_one_mailing_s_words_cannot_become_markup(browser: Browser) -> None:
    client = make_client(tag=HOSTILE[:100], attributes={HOSTILE: HOSTILE})
    mailing = make_mailing(name=HOSTILE, text=HOSTILE, conditions={"tag": HOSTILE[:100]})
    action = make_bulk_action(tag=HOSTILE[:100])
    addresses = [
        f"/clients/{client.pk}/",
        f"/clients/{client.pk}/edit/",
        f"/mailings/{mailing.pk}/",
        f"/mailings/{mailing.pk}/edit/",
        f"/mailings/{mailing.pk}/messages/",
        f"/mailings/{mailing.pk}/confirm/cancel/",
        "/clients/",
        f"/clients/actions/{action.pk}/",
        f"/clients/actions/{action.pk}/cancel/",
    ]

    for address in addresses:
        page = browser.get(address).content.decode()
        assert "<script>alert" not in page, address
        assert "<img src=x" not in page, address
