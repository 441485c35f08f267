"""The pages of the daily e-mail: wishing it, trying it, seeing it, being spared it."""

from datetime import time, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone

from notifier.accounts.daily_email import unsubscribe_token, yesterday_of
from notifier.accounts.models import DailyEmail
from tests.mail_server import MailServer
from tests.statistics.daily.counting import mailing_of
from tests.web.reading import words_of
from tests.web.test_access import HOSTILE

WISH = {"is_on": "on", "address": "anna@example.com", "at": "08:30", "timezone": "Asia/Kathmandu"}


@pytest.fixture
def daily(person: User) -> DailyEmail:
    return DailyEmail.objects.create(
        user=person, address="anna@example.com", is_on=True, at=time(0), timezone="UTC"
    )


def test_it_is_wished_and_no_longer_wished(browser: Browser, person: User) -> None:
    person.email = "anna@example.com"
    person.save()
    assert 'value="anna@example.com"' in browser.get("/account/daily-email/").content.decode()

    page = browser.post("/account/daily-email/", WISH, follow=True)

    daily = person.daily_email
    assert (daily.is_on, daily.at, daily.timezone) == (True, time(8, 30), "Asia/Kathmandu")
    assert "Saved. The next e-mail comes on" in words_of(page)
    assert "08:30" in words_of(page)
    without = {name: value for name, value in WISH.items() if name != "is_on"}
    assert "You get no daily e-mail." in words_of(
        browser.post("/account/daily-email/", without, follow=True)
    )


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("address", "", "Say where the e-mail is to be sent."),
        ("address", "anna", "Enter a valid email address."),
        ("address", "a@b.example\r\nBcc: evil@example.com", "Enter a valid email address."),
        ("at", "25:00", "Enter a valid time."),
        ("timezone", "Mars/Olympus", 'Time zone "Mars/Olympus" is not an IANA name'),
    ],
)
def test_what_is_filled_in_wrongly_is_told_and_kept(
    browser: Browser, field: str, value: str, problem: str
) -> None:
    page = browser.post("/account/daily-email/", {**WISH, field: value})

    assert page.status_code == 422
    assert problem in words_of(page)
    assert not DailyEmail.objects.exists()


def test_without_a_mail_server_it_is_said_whose_turn_it_is(
    browser: Browser, daily, settings
) -> None:
    settings.EMAIL_HOST = ""
    page = words_of(browser.get("/account/daily-email/"))

    assert "an administrator has to name the mail server, in EMAIL_HOST" in page
    assert "Send me one now" not in page
    assert browser.get("/account/daily-email/preview/").status_code == 200


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"outcome": "sent", "sent_at": timezone.now()}, "was sent on"),
        ({"outcome": "maybe_sent"}, "may have been sent. Notifier was stopped while it was handed"),
        ({"outcome": "nothing_to_tell"}, "was spared: nothing was sent on that day"),
        (
            {"outcome": "waiting", "attempts": 3, "last_error": "451 The disk is full"},
            "could not be sent yet, after being tried 3 times. 451 The disk is full",
        ),
        ({"outcome": "waiting", "lease_until": timezone.now() + timedelta(days=1)}, "is being"),
    ],
)
def test_how_the_last_one_went_is_told(browser: Browser, daily, settings, fields, told) -> None:
    settings.EMAIL_HOST = "smtp.example.com"
    DailyEmail.objects.update(day=yesterday_of(daily, timezone.now()), **fields)

    assert told in words_of(browser.get("/account/daily-email/"))


def test_one_that_failed_until_its_day_was_over_is_told(browser: Browser, daily) -> None:
    long_ago = yesterday_of(daily, timezone.now()) - timedelta(days=2)
    DailyEmail.objects.update(day=long_ago, attempts=1, last_error="No answer.")

    told = "was not sent, and it is too late now, after being tried once. No answer."
    assert told in words_of(browser.get("/account/daily-email/"))


def test_one_at_once_is_really_sent_and_leaves_the_daily_one_alone(
    browser: Browser, person: User, settings
) -> None:
    with MailServer() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        nowhere = browser.post("/account/daily-email/now/", follow=True)
        person.email = "anna@example.com"
        person.save()
        sent = browser.post("/account/daily-email/now/", follow=True)
        again = browser.post("/account/daily-email/now/", follow=True)
        DailyEmail.objects.update(asked_at=None)
        server.refusal = "554 Spam"
        refused = browser.post("/account/daily-email/now/", follow=True)

    assert "Save an address first" in words_of(nowhere)
    assert "Sent: the mail server took the e-mail to anna@example.com." in words_of(sent)
    assert "wait half a minute" in words_of(again)
    assert "Not sent. The mail server refused the e-mail: 554 Spam" in words_of(refused)
    assert server.only()["Subject"].startswith("Nothing was sent")
    daily = person.daily_email
    assert (daily.is_on, daily.day, daily.attempts) == (False, None, 0)


def test_any_day_that_is_over_can_be_seen_in_both_forms(browser: Browser, daily) -> None:
    day = yesterday_of(daily, timezone.now()) - timedelta(days=3)
    mailing_of(day, "UTC", name=HOSTILE, accepted=4321)

    page = browser.get(f"/account/daily-email/preview/?day={day}")
    html = browser.get(f"/account/daily-email/preview/letter/?day={day}")

    for shown in (page, html):
        assert "4,321" in words_of(shown)
        assert "<script>alert" not in shown.content.decode()
    assert "frame-src 'self'" in page["Content-Security-Policy"]
    assert page["X-Frame-Options"] == "DENY"


def test_the_letter_may_style_itself_and_do_nothing_else(browser: Browser, daily) -> None:
    response = browser.get("/account/daily-email/preview/letter/")

    policy = dict(
        part.partition(" ")[::2] for part in response["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
    }
    assert response["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("day", ["2999-01-01", "0001-01-01", "yesterday", "2026-02-30"])
def test_a_day_that_is_not_over_or_none_is_refused(browser: Browser, daily, day: str) -> None:
    page = browser.get("/account/daily-email/preview/", {"day": day})
    html = browser.get("/account/daily-email/preview/letter/", {"day": day})

    assert (page.status_code, html.status_code) == (422, 404)


def test_opening_the_link_changes_nothing_and_its_button_unsubscribes(client, daily) -> None:
    stranger = Browser(enforce_csrf_checks=True)
    address = f"/daily-email/unsubscribe/{unsubscribe_token(daily)}/"

    for look in (stranger.get, stranger.head, stranger.get):
        assert look(address).status_code == 200
    daily.refresh_from_db()
    assert daily.is_on
    done = stranger.post(address, {"List-Unsubscribe": "One-Click"})

    assert "You are unsubscribed" in words_of(done)
    assert "anna" not in done.content.decode()
    daily.refresh_from_db()
    assert not daily.is_on


@pytest.mark.parametrize("token", ["1", "1:made-up", "preview"])
def test_a_link_that_is_not_ours_does_nothing(client: Browser, daily, token: str) -> None:
    response = client.post(f"/daily-email/unsubscribe/{token}/")

    assert response.status_code == 404
    assert "This link does not work" in words_of(response)
    daily.refresh_from_db()
    assert daily.is_on
