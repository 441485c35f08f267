import json
import re
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from notifier.mailings.models import Mailing
from tests.web.making import (
    count_outcomes,
    make_client,
    make_finished,
    make_mailing,
    make_message,
    make_running,
)
from tests.web.reading import rows_of, words_of

LIVE = {"HX-Request": "true", "HX-Target": "live"}


def poll_address(response) -> str | None:
    """What the live part of an answer asks for next; None where it asks no more."""
    found = re.search(r'hx-get="([^"]*seen=[^"]*)"', response.content.decode())
    return found[1].replace("&amp;", "&") if found else None


# --- The list -------------------------------------------------------------------------


def test_mailings_are_listed_with_status_and_what_was_accepted(browser: Browser) -> None:
    finished = make_finished(name="First", audience=1234)
    count_outcomes(finished, accepted=1200, failed=34)
    make_mailing(name="", text="A text that is longer than forty characters, so it is cut")

    rows = [row[:3] for row in rows_of(browser.get("/mailings/"))]

    assert rows == [
        ["A text that is longer than forty charac…", "Scheduled –", "–"],
        ["First", "Finished 1,200 of 1,234", "1,200 of 1,234"],
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("?q=autumn", ["Autumn sale"]),
        ("?q=points", ["Bonus"]),
        ("?status=finished", ["Bonus"]),
        ("?status=finished&q=autumn", []),
        ("?sort=start", ["Bonus", "Autumn sale"]),
    ],
)
def test_the_address_narrows_and_sorts_the_mailings(
    browser: Browser, address: str, expected: list[str]
) -> None:
    make_mailing()
    make_finished(name="Bonus", text="Your points")

    assert [row[0] for row in rows_of(browser.get(f"/mailings/{address}"))] == expected


@pytest.mark.parametrize("mailings", [1, 25])
def test_a_longer_list_of_mailings_takes_no_more_queries(
    browser: Browser, django_assert_num_queries, mailings: int
) -> None:
    for _ in range(mailings):
        count_outcomes(make_finished(), accepted=100)

    # Session, person, mailings, their outcomes, their claims.
    with django_assert_num_queries(5):
        browser.get("/mailings/")


def test_the_list_refreshes_itself_only_while_something_is_sent(browser: Browser) -> None:
    mailing = make_running(audience=1)
    count_outcomes(mailing, accepted=1)
    assert poll_address(browser.get("/mailings/?status=running"))

    mailing.status, mailing.finished_at = "finished", timezone.now()
    mailing.save()

    assert poll_address(browser.get("/mailings/")) is None


# --- One mailing ----------------------------------------------------------------------


def test_the_ledger_adds_up_to_the_audience(browser: Browser) -> None:
    mailing = make_running(audience=100_000)
    count_outcomes(mailing, accepted=60_000, failed=1, skipped=999)

    response = browser.get(f"/mailings/{mailing.pk}/")

    ledger = [(row[0].split()[0], *row[1:]) for row in rows_of(response)]
    assert ledger[:5] == [
        ("Accepted", "60,000", "60 %"),
        ("Failed", "1", "<1 %"),
        ("Unknown", "0", "0 %"),
        ("Skipped", "999", "<1 %"),
        ("Waiting", "39,000", "39 %"),
    ]
    assert "All recipients 100,000 100 %" in words_of(response)
    assert "61,000 of 100,000 done" in words_of(response)


def test_the_tab_says_how_far_it_is(browser: Browser) -> None:
    mailing = make_running(audience=100)
    count_outcomes(mailing, accepted=42)

    page = browser.get(f"/mailings/{mailing.pk}/").content.decode()
    fragment = browser.get(f"/mailings/{mailing.pk}/", headers=LIVE).content.decode()

    for html in (page, fragment):
        assert "<title>42 % · Autumn sale</title>" in html


def test_a_poll_is_answered_only_when_something_changed(browser: Browser) -> None:
    mailing = make_running(status="paused")
    address = poll_address(browser.get(f"/mailings/{mailing.pk}/"))
    assert address

    unchanged = browser.get(address, headers=LIVE)
    count_outcomes(mailing, accepted=1)
    changed = browser.get(address, headers=LIVE)

    assert (unchanged.status_code, unchanged.content) == (204, b"")
    assert changed.status_code == 200
    assert "<html" not in changed.content.decode()
    assert poll_address(changed) not in (None, address)


def test_an_ended_mailing_asks_no_more(browser: Browser) -> None:
    mailing = make_running(audience=1)
    address = poll_address(browser.get(f"/mailings/{mailing.pk}/"))
    assert address
    count_outcomes(mailing, accepted=1)
    mailing.status, mailing.finished_at = "finished", timezone.now()
    mailing.save()

    last = browser.get(address, headers=LIVE)

    assert "Finished" in words_of(last)
    assert poll_address(last) is None
    # The buttons stand elsewhere on the page and follow.
    assert 'id="actions" class="btn-list" hx-swap-oob="true"' in last.content.decode()


@pytest.mark.parametrize("address", ["/mailings/", "/mailings/{}/"])
def test_a_cancelled_mailing_is_followed_until_its_last_message_has_an_outcome(
    browser: Browser, address: str
) -> None:
    mailing = make_finished(audience=10, status="cancelled")
    count_outcomes(mailing, cancelled=9)
    address = address.format(mailing.pk)
    following = poll_address(browser.get(address))
    assert following

    count_outcomes(mailing, accepted=1)

    assert poll_address(browser.get(following, headers=LIVE)) is None


def test_the_chart_and_its_table_show_the_same_numbers(browser: Browser) -> None:
    mailing = make_running()
    count_outcomes(mailing, accepted=1500, failed=2)

    response = browser.get(f"/mailings/{mailing.pk}/")

    found = re.search(r'<script id="chart-data"[^>]*>(.*?)</script>', response.content.decode())
    assert found
    drawn = json.loads(found[1])
    assert {name: drawn[name] for name in ("labels", "sets", "sentence", "described")} == {
        "labels": ["12:00"],
        "sets": [
            {"label": "Accepted", "colour": "green", "numbers": [1500]},
            {"label": "Failed", "colour": "red", "numbers": [2]},
        ],
        "sentence": "Messages by minute and outcome",
        "described": "Messages by minute and outcome: 1,500 accepted, 2 failed. "
        "The numbers are in the table below",
    }
    assert ["12:00", "1,500", "2"] in rows_of(response)


def test_a_mailing_s_page_says_who_what_when(browser: Browser, person) -> None:
    make_client(tag="a2")
    make_client(tag="a2", opted_out_at=timezone.now())
    start = timezone.now() + timedelta(hours=5)
    mailing = make_mailing(conditions={"tag": "a2"}, start_time=start, created_by=person)

    words = words_of(browser.get(f"/mailings/{mailing.pk}/"))

    assert "Clients tag is a2 1 as of now, without 1 who opted out" in words
    assert "Everything must go" in words
    assert "Gateway Default gateway" in words
    assert "by anna" in words
    assert f"Starts {start:%-d %b %Y, %H:%M} UTC" in words


def test_a_start_within_the_minute_is_not_said_to_be_in_0_minutes(browser: Browser) -> None:
    mailing = make_mailing(start_time=timezone.now() + timedelta(seconds=40))

    words = words_of(browser.get(f"/mailings/{mailing.pk}/"))

    assert "It starts by itself, in less than a minute." in words


def test_the_forecast_of_the_audience_goes_once_the_mailing_started(browser: Browser) -> None:
    make_client()
    mailing = make_mailing()
    page = browser.get(f"/mailings/{mailing.pk}/")
    assert "1 as of now" in words_of(page)

    mailing.status = "running"
    mailing.save()

    emptied = b'<div class="text-secondary" id="audience-now" hx-swap-oob="true"></div>'
    assert emptied in browser.get(poll_address(page), headers=LIVE).content
    assert "as of now" not in words_of(browser.get(f"/mailings/{mailing.pk}/"))


def test_reasons_are_told_in_words(browser: Browser) -> None:
    mailing = make_running()
    make_message(mailing, make_client(), status="failed", reason="rejected")

    assert ["Rejected by the gateway", "1"] in rows_of(browser.get(f"/mailings/{mailing.pk}/"))


# --- Pause, resume, cancel, delete ----------------------------------------------------


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        ("scheduled", ["cancel", "delete"]),
        ("preparing", ["pause", "cancel"]),
        ("running", ["pause", "cancel"]),
        ("paused", ["resume", "cancel"]),
        ("finished", ["delete"]),
        ("cancelled", ["delete"]),
    ],
)
def test_only_what_the_status_allows_is_offered(
    browser: Browser, status: str, offered: list[str]
) -> None:
    ended = timezone.now() if status in ("finished", "cancelled") else None
    mailing = make_running(status=status, finished_at=ended)

    page = browser.get(f"/mailings/{mailing.pk}/").content.decode()

    assert re.findall(r'id="ask-(\w+)"', page) == offered


@pytest.mark.parametrize(
    ("action", "consequence"),
    [
        ("pause", "60 messages will wait until it is resumed."),
        ("resume", "60 waiting messages will be sent from now on"),
        ("cancel", "60 messages that still wait will not be sent. 40 already accepted"),
        ("delete", "The account of its 100 messages is deleted with it."),
    ],
)
def test_consequences_are_told_in_numbers_before_anything_is_done(
    browser: Browser, action: str, consequence: str
) -> None:
    mailing = make_running(audience=100)
    count_outcomes(mailing, accepted=40)

    words = words_of(browser.get(f"/mailings/{mailing.pk}/confirm/{action}/"))

    assert consequence in words
    assert Mailing.objects.get().status == "running"


def test_pause_resume_cancel_and_delete_follow_one_another(browser: Browser) -> None:
    mailing = make_running()
    address = f"/mailings/{mailing.pk}/"

    for action, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        browser.post(address, {"action": action})
        assert Mailing.objects.get().status == status
    response = browser.post(address, {"action": "delete"}, follow=True)

    assert response.redirect_chain == [("/mailings/", 302)]
    assert not Mailing.objects.exists()


def test_what_the_status_forbids_is_refused_with_a_sentence(browser: Browser) -> None:
    mailing = make_finished()

    response = browser.post(f"/mailings/{mailing.pk}/", {"action": "resume"}, follow=True)

    assert f"Mailing {mailing.pk} has finished: it cannot be resumed." in words_of(response)


@pytest.mark.parametrize("address", ["/mailings/{}/confirm/explode/", "/mailings/0/"])
def test_unknown_actions_and_mailings_are_not_found(browser: Browser, address: str) -> None:
    mailing = make_finished()

    assert browser.get(address.format(mailing.pk)).status_code == 404
    assert browser.post(f"/mailings/{mailing.pk}/", {"action": "explode"}).status_code == 404
