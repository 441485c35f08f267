"""Pages that follow a mailing while it runs."""

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from notifier.delivery import breaker
from notifier.mailings.models import Mailing
from tests.browser.looking import Watched
from tests.web.making import count_outcomes, make_running

DRAWN_LAST = """() =>
  Chart.getChart(document.querySelector("canvas")).data.datasets.map((set) => set.data.at(-1))"""
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def running(transactional_db) -> Mailing:
    mailing = make_running(audience=1000)
    count_outcomes(mailing, accepted=100)
    return mailing


def refreshes_of(shown: Any) -> list[str]:
    """The addresses of refreshes from now on."""
    asked: list[str] = []
    shown.on("request", lambda request: "seen=" in request.url and asked.append(request.url))
    return asked


def finish(mailing: Mailing) -> None:
    mailing.status, mailing.finished_at = "finished", timezone.now()
    mailing.save()


def test_numbers_chart_tab_and_buttons_follow_without_a_reload(
    page: Watched, running: Mailing
) -> None:
    shown = page.page
    page.open(f"/mailings/{running.pk}/")
    assert shown.title() == "10 % · Autumn sale"
    shown.evaluate("window.sameDocument = true")
    shown.evaluate("window.sameChart = Chart.getChart(document.querySelector('canvas'))")
    shown.click("summary")

    count_outcomes(running, timezone.now().replace(second=0, microsecond=0), accepted=500, failed=9)
    shown.wait_for_selector("text=609 of 1,000 done")
    assert shown.title() == "60 % · Autumn sale"
    assert "500\t9" in shown.inner_text("[data-chart-table]")
    assert shown.evaluate(DRAWN_LAST) == [500, 9]
    assert shown.evaluate("window.sameChart === Chart.getChart(document.querySelector('canvas'))")

    count_outcomes(running, skipped=391)
    finish(running)
    shown.wait_for_selector("#actions >> text=Delete")
    assert shown.is_hidden("#ask-pause")
    assert shown.inner_text("#announcer") == "Autumn sale: Finished"
    assert shown.get_attribute("#live", "hx-get") is None
    assert shown.evaluate("window.sameDocument") is True


def test_a_hidden_tab_asks_nothing_and_catches_up_when_seen(
    page: Watched, running: Mailing
) -> None:
    shown = page.page
    page.open(f"/mailings/{running.pk}/")
    asked = refreshes_of(shown)

    shown.evaluate(HIDE, True)
    shown.wait_for_timeout(2500)
    assert asked == []

    finish(running)
    shown.evaluate(HIDE, False)
    shown.wait_for_selector("text=Finished", timeout=1500)


def test_live_updates_can_be_switched_off_and_stay_so(page: Watched, running: Mailing) -> None:
    shown = page.page
    page.open(f"/mailings/{running.pk}/")
    shown.uncheck("[data-live-switch]")
    page.open(f"/mailings/{running.pk}/")
    assert not shown.is_checked("[data-live-switch]")
    asked = refreshes_of(shown)
    shown.wait_for_timeout(2500)
    assert asked == []

    finish(running)
    shown.check("[data-live-switch]")
    shown.wait_for_selector("text=Finished", timeout=1500)


def test_a_failed_refresh_keeps_what_is_shown_and_offers_another_try(
    page: Watched, running: Mailing
) -> None:
    page.expected = ["Failed to load resource", "Response Status Error Code 500"]
    shown = page.page
    page.open(f"/mailings/{running.pk}/")

    shown.route("**/mailings/**", lambda route: route.fulfill(status=500, body="<h1>Oops</h1>"))
    shown.wait_for_selector("text=Couldn’t refresh.")
    assert "100 of 1,000 done" in shown.inner_text("#live")
    assert "Oops" not in shown.inner_text("body")

    shown.unroute("**/mailings/**")
    count_outcomes(running, failed=50)
    shown.click("[data-retry]")
    shown.wait_for_selector("text=150 of 1,000 done")
    assert shown.is_hidden("#refresh-failed")


def test_an_expired_log_in_leads_the_page_to_sign_in_and_back(
    page: Watched, running: Mailing
) -> None:
    shown = page.page
    page.open(f"/mailings/{running.pk}/")

    Session.objects.all().delete()
    shown.wait_for_url(f"**/sign-in/?next=%2Fmailings%2F{running.pk}%2F")

    assert shown.is_visible("#id_password")


def test_an_action_states_its_consequences_and_can_be_taken_back(
    page: Watched, running: Mailing
) -> None:
    shown = page.page
    page.open(f"/mailings/{running.pk}/")

    shown.click("#ask-cancel")
    shown.wait_for_selector("dialog >> text=900 messages that still wait will not be sent.")
    shown.keyboard.press("Escape")
    assert shown.is_hidden("dialog")
    assert Mailing.objects.get().status == "running"

    shown.focus("#ask-pause")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("dialog >> text=900 messages will wait until it is resumed.")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("#ask-resume")
    assert Mailing.objects.get().status == "paused"
    assert shown.inner_text(".toast-body") == ("Paused. Nothing more is sent until it is resumed.")


def test_a_dialog_gives_the_focus_back_though_its_button_was_replaced(
    page: Watched, running: Mailing
) -> None:
    shown = page.page
    page.open(f"/mailings/{running.pk}/")
    shown.evaluate("document.getElementById('ask-pause').isTheFirst = true")
    shown.focus("#ask-pause")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("dialog[open]")
    count_outcomes(running, failed=50)
    shown.wait_for_selector("text=150 of 1,000 done")
    assert shown.evaluate("document.getElementById('ask-pause').isTheFirst") is None

    shown.keyboard.press("Escape")
    assert page.comes_true("document.activeElement.id === 'ask-pause'", seconds=2)

    shown.keyboard.press("Enter")
    shown.wait_for_selector("dialog[open]")
    finish(running)
    shown.wait_for_selector("text=Finished")
    shown.keyboard.press("Escape")
    assert page.comes_true("document.activeElement.id === 'content'", seconds=2)


def test_what_a_dialog_confirmed_is_read_from_the_heading_on(
    page: Watched, running: Mailing
) -> None:
    page.open(f"/mailings/{running.pk}/")
    page.page.click("#ask-cancel")
    page.page.click("dialog >> text=Cancel the mailing")
    page.page.wait_for_selector("#live >> text=Cancelled")

    assert page.comes_true("document.activeElement.matches('h1')", seconds=2)


def test_lists_and_overview_follow_too(page: Watched, running: Mailing) -> None:
    shown = page.page
    page.open("/mailings/")
    count_outcomes(running, unknown=1, failed=400)
    shown.wait_for_selector("progress[value='501']:visible")

    page.open("/")
    breaker.hold(running.gateway_id, reason="Put on hold by boris")
    shown.wait_for_selector("#attention >> text=Default gateway is on hold")
    assert "Default gateway is on hold" in shown.inner_text("#announcer")
    shown.click("#attention button")
    shown.wait_for_selector("#attention >> text=Default gateway is on hold", state="detached")

    finish(running)
    shown.wait_for_selector("text=No mailing is being sent right now.")
