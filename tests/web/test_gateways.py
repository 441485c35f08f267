"""Hold and release, and what a person reads while a gateway is in trouble."""

import pytest
from django.test import Client as Browser

from notifier.delivery import breaker
from notifier.delivery.breaker import Calls
from notifier.delivery.models import GatewayHealth
from notifier.mailings.models import Gateway
from tests.web.making import make_client, make_mailing
from tests.web.reading import words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway() -> Gateway:
    return Gateway.objects.get()


def state(gateway: Gateway) -> str:
    return GatewayHealth.objects.get(gateway=gateway).state


def test_a_person_holds_and_releases_a_gateway(browser: Browser, gateway: Gateway) -> None:
    make_client()
    make_mailing(status="running")

    held = browser.post(f"/gateways/{gateway.pk}/hold/", follow=True).content.decode()

    assert state(gateway) == "held"
    assert "On hold. Messages wait until it is released." in held
    assert "Put on hold by" in held

    released = browser.post(f"/gateways/{gateway.pk}/release/", follow=True).content.decode()
    assert state(gateway) == "ramping"
    assert "Recovering" in released


def test_looking_changes_nothing(browser: Browser, gateway: Gateway) -> None:
    assert browser.get(f"/gateways/{gateway.pk}/hold/").status_code == 405
    assert browser.post("/gateways/999/hold/").status_code == 404


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("retry", "Without a clear answer: send again under the same id"),
        ("hold", "Without a clear answer: leave it unknown and let a person decide"),
    ],
)
def test_the_system_says_what_is_done_without_a_clear_answer(
    browser: Browser, gateway: Gateway, setting: str, words: str
) -> None:
    make_mailing()
    gateway.unknown_outcome = setting
    gateway.save()

    assert words in words_of(browser.get("/"))


def test_a_mailing_says_why_nothing_leaves(browser: Browser, gateway: Gateway) -> None:
    make_client()
    mailing = make_mailing(status="running")
    address = f"/mailings/{mailing.pk}/"
    assert "alert-title" not in browser.get(address).content.decode()

    breaker.note_calls(Calls(gateway_id=gateway.pk, troubles=20))
    resting = browser.get(address).content.decode()
    assert "20 of the last 20 calls came to nothing. It is tried again at" in resting
    assert "Waiting for the gateway." in resting

    breaker.note_calls(Calls(gateway_id=gateway.pk, misconfigured="unauthorised"))
    held = browser.get(address).content.decode()
    assert "The gateway refused the token (401). Nothing is sent until it is" in held
