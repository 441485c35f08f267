import re
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone

from notifier.clients.imports.models import ClientImport
from notifier.clients.models import ClientFilter
from notifier.delivery import breaker
from notifier.delivery.breaker import Calls
from notifier.delivery.models import GatewayHealth, GatewayIncident, Heartbeat
from notifier.delivery.queue import enqueue
from notifier.delivery.recount import mend
from notifier.delivery.resolution import count_as_sent
from notifier.mailings.models import Gateway, Mailing
from tests.web.making import (
    count_fully,
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
    assert "Needs attention 1 No cluster is alive" in before
    assert "New filter" not in before
    assert "Add 100,000 sample clients" not in after
    assert "Clients to reach (done)" in after
    assert "A filter (if you like)" in after
    assert "New filter" in after


def test_a_saved_filter_is_ticked_off(browser: Browser) -> None:
    make_client()
    ClientFilter.objects.create(name="Vip", conditions={"tag": "vip"})

    assert "A filter (done) Look at your filters" in words_of(browser.get("/"))


def test_the_overview_shows_what_runs_what_comes_and_how_the_system_is(browser: Browser) -> None:
    running = make_running(name="Autumn sale", audience=1000)
    count_outcomes(running, accepted=420)
    make_client()
    make_mailing(name="Winter sale")
    be_alive()

    words = words_of(browser.get("/"))

    assert "Autumn sale Running 420 of 1,000 · 42 %" in words
    assert "Next to start Winter sale in 24 h ·" in words
    assert "Clusters 1 alive Work is taken up at once Sweeps on time" in words
    assert "Needs attention" not in words


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

    assert "Autumn sale: was it sent or not? 1 message may have been sent, or not" in before
    assert "Old" not in before
    assert "was it sent or not?" not in after


def test_today_is_set_against_the_same_hours_of_yesterday(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr("notifier.statistics.overview.timezone.now", lambda: noon)
    mailing = make_finished()
    count_fully(mailing, noon - timedelta(minutes=5), accepted=1500, failed=1)
    count_fully(mailing, noon - timedelta(days=1, minutes=5), accepted=500, failed=3)
    count_fully(mailing, noon - timedelta(days=1) + timedelta(minutes=5), accepted=7000)
    count_fully(mailing, noon - timedelta(days=3, minutes=5), accepted=400)

    page = browser.get("/")

    words = words_of(page)
    assert "1,000 more than yesterday by this time 300 on a usual day by this time" in words
    assert "2 fewer than yesterday by this time 1 on a usual day" in words
    assert "none yesterday by this time 0 on a usual day" in words
    assert "A usual day is the mean of the 3 days before today." in words
    day = timezone.localdate()
    address = f"/messages/?status=accepted&amp;from={day}&amp;to={day}"
    assert f'<a class="text-reset stretched-link" href="{address}">1,500<' in page.content.decode()


def test_the_overview_refreshes_as_a_part(browser: Browser) -> None:
    make_finished()

    response = browser.get("/", headers=LIVE)

    assert "<html" not in response.content.decode()
    assert "No mailing is being sent right now." in words_of(response)


def test_any_number_of_mailings_costs_the_same_and_many_are_cut_short(
    browser: Browser, django_assert_num_queries
) -> None:
    make_client()
    for number in (1, 4, 7):
        for _ in range(number):
            make_running()
            make_mailing()
            count_fully(make_finished(), timezone.now(), failed=1)
            make_message(make_finished(), make_client(), status="unknown", reason="timed_out")
        # Whether these will reach anybody is looked up once a minute.
        browser.get("/")

        with django_assert_num_queries(22):
            words = words_of(browser.get("/"))

        assert ("All mailings" in words) is (Mailing.objects.filter(status="running").count() > 5)


def be_alive() -> None:
    """A cluster is there, and sweeps."""
    for name in ("cluster:one", "sweep"):
        Heartbeat.objects.update_or_create(name=name, defaults={"at": timezone.now()})


def titles(page: HttpResponse) -> list[str]:
    return re.findall(r'<h3 class="attention-title">(.*?)</h3>', page.content.decode())


def test_the_worst_comes_first_and_everything_says_what_mends_it(browser: Browser) -> None:
    be_alive()
    gateway = Gateway.objects.get()
    breaker.hold(gateway.pk, reason="forbidden")
    paused = make_running(
        name="Paused", status="paused", pause_reason="The gateway rejected 90 of 100 messages"
    )
    make_running(name="By hand", status="paused")
    failed = make_finished(name="Failed")
    make_message(failed, make_client(), status="failed", reason="rejected")
    nobody = make_mailing(
        name="For nobody",
        conditions={"tag": "nobody"},
        start_time=timezone.now() + timedelta(hours=1),
    )
    count_fully(failed, timezone.now(), expired=1200)
    waiting = ClientImport.objects.create(
        file_name="spring.csv", file_size=1, file_kind="csv", encoding="utf-8", delimiter=","
    )

    page = browser.get("/")

    html, words = page.content.decode(), words_of(page)
    assert titles(page) == [
        "Default gateway is on hold",
        "Paused has paused itself",
        "For nobody will reach nobody",
        "Messages came too late",
        "Failed: some messages failed",
        "spring.csv waits to be imported",
    ]
    assert "The gateway refused access (403). Nothing leaves through it" in words
    assert "The gateway rejected 90 of 100 messages. Whoever still waits" in words
    assert "1,200 messages expired yesterday or today" in words
    assert f'<form method="post" action="/gateways/{gateway.pk}/release/">' in html
    for address in (
        f"/mailings/{paused.pk}/",
        f"/mailings/{nobody.pk}/edit/",
        f"/mailings/{failed.pk}/",
        f"/clients/imports/{waiting.pk}/",
    ):
        assert f'<a class="btn btn-sm" href="{address}">' in html
    assert "<title>(6) Overview · Notifier</title>" in html
    assert 'data-announce="Needs attention: Default gateway is on hold; Paused has' in html


@pytest.mark.parametrize(
    ("silent", "title", "system"),
    [
        ("cluster:one", "No cluster is alive", "Clusters none alive: nothing is sent"),
        ("sweep", "Nobody looks after lost work", "Sweeps the last 3 min ago"),
    ],
)
def test_silence_is_told(browser: Browser, silent: str, title: str, system: str) -> None:
    make_finished()
    be_alive()
    ago = timezone.now() - timedelta(minutes=3)
    Heartbeat.objects.filter(name=silent).update(at=ago)

    page = browser.get("/")

    assert titles(page) == [title]
    assert system in words_of(page)


def test_work_that_nobody_takes_up_is_told(browser: Browser) -> None:
    make_finished()
    be_alive()
    enqueue("sweep", due_at=timezone.now() - timedelta(minutes=2))

    page = browser.get("/")

    assert titles(page) == ["Work is taken up late"]
    assert "Something has been due for 2 min, and no worker took it." in words_of(page)
    assert "Work waits for 2 min" in words_of(page)


def test_a_gateway_tells_how_it_did_lately(browser: Browser) -> None:
    be_alive()
    gateway = Gateway.objects.get()
    make_message(make_running(), make_client(), finished_at=timezone.now(), duration_ms=7)
    mend()
    began_at = timezone.now() - timedelta(hours=1)
    for minutes in (2, 2, 3, 4):
        GatewayIncident.objects.create(
            gateway=gateway,
            kind="open",
            reason="20 of the last 20 calls came to nothing",
            began_at=began_at,
            ended_at=began_at + timedelta(minutes=minutes),
        )
    breaker.note_calls(Calls(gateway_id=gateway.pk, sound=99, troubles=1))

    words = words_of(browser.get("/"))

    assert "Last hour half of what it accepted within 7 ms" in words
    assert "Last 10 min 1 of 100 calls in trouble (1 %)" in words
    assert "Last 24 h Out of order for 4 min, at" in words
    assert words.count("20 of the last 20 calls came to nothing") == 3
    assert "and 1 more" in words


def test_a_gateway_whose_rest_is_over_waits_for_a_message(browser: Browser) -> None:
    be_alive()
    make_finished()
    gateway = Gateway.objects.get()
    breaker.note_calls(Calls(gateway_id=gateway.pk, troubles=20))
    resting = browser.get("/")
    GatewayHealth.objects.update(retry_at=timezone.now())

    assert titles(resting) == ["Default gateway is out of order"]
    assert "Tried again at" in words_of(resting)
    assert "Tried again with the next message." in words_of(browser.get("/"))
