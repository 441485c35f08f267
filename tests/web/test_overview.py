from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from notifier.delivery.models import Heartbeat
from notifier.delivery.resolution import count_as_sent
from tests.web.making import (
    count_outcomes,
    make_client,
    make_finished,
    make_mailing,
    make_message,
    make_running,
)
from tests.web.reading import words_of

LIVE = {"HX-Request": "true", "HX-Target": "live"}


def test_a_newcomer_is_led_from_clients_to_a_first_mailing(browser: Browser) -> None:
    before = words_of(browser.get("/"))
    make_client()
    after = words_of(browser.get("/"))

    assert "Add 100,000 sample clients" in before
    assert "No cluster is alive" in before
    assert "Add 100,000 sample clients" not in after
    assert "Clients to reach (done)" in after


def test_the_overview_shows_what_runs_what_comes_and_how_the_system_is(browser: Browser) -> None:
    running = make_running(name="Autumn sale", audience=1000)
    count_outcomes(running, accepted=420)
    make_mailing(name="Winter sale")
    Heartbeat.objects.create(name="cluster:one", at=timezone.now())

    words = words_of(browser.get("/"))

    assert "Autumn sale Running 420 of 1,000 · 42 %" in words
    assert "Next to start Winter sale" in words
    assert "Clusters 1 alive" in words


def test_mailings_wait_for_a_decision_until_all_their_unknown_messages_have_one(
    browser: Browser,
) -> None:
    mailing = make_finished(name="Autumn sale")
    client = make_client()
    make_message(mailing, client, status="unknown", reason="timed_out", maybe_sent=True)
    count_outcomes(mailing, unknown=1, accepted=99)
    long_ago = make_finished(name="Old", finished_at=timezone.now() - timedelta(days=8))
    count_outcomes(long_ago, unknown=5)
    before = words_of(browser.get("/"))

    count_as_sent(mailing.pk)
    after = words_of(browser.get("/"))

    assert "To decide Autumn sale 1 message may have been sent, or not Next to start" in before
    assert "Old" not in before
    assert "To decide" not in after


def test_today_is_set_against_the_same_hours_of_yesterday(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr("notifier.statistics.overview.timezone.now", lambda: noon)
    mailing = make_finished()
    count_outcomes(mailing, noon - timedelta(minutes=5), accepted=1500, failed=1)
    count_outcomes(mailing, noon - timedelta(days=1, minutes=5), accepted=500, failed=3)
    count_outcomes(mailing, noon - timedelta(days=1) + timedelta(minutes=5), accepted=7000)

    words = words_of(browser.get("/"))

    assert "Accepted today 1,500 1,000 more than yesterday by this time" in words
    assert "Failed today 1 2 fewer than yesterday by this time" in words
    assert "Unknown today 0 none yesterday by this time" in words


def test_the_overview_refreshes_as_a_part(browser: Browser) -> None:
    make_finished()

    response = browser.get("/", headers=LIVE)

    assert "<html" not in response.content.decode()
    assert "No mailing is being sent right now." in words_of(response)


@pytest.mark.parametrize("mailings", [5, 12])
def test_many_mailings_under_way_are_cut_short(
    browser: Browser, django_assert_max_num_queries, mailings: int
) -> None:
    for _ in range(mailings):
        make_running()

    with django_assert_max_num_queries(18):
        words = words_of(browser.get("/"))

    assert ("All mailings" in words) is (mailings > 5)
