"""Charts and the page of statistics, used as people use them."""

import random
from pathlib import Path

import pytest
from playwright.sync_api import Download

from notifier.delivery.models import Message
from tests.browser.looking import Watched
from tests.statistics.test_breakdown import FIRST, make_history

COLOUR = """() =>
  Chart.getChart(document.querySelector("#over-time")).data.datasets[0].backgroundColor"""
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def history(transactional_db) -> None:
    make_history(random.Random(5), messages=80)


def downloaded(page: Watched, button: str) -> tuple[Download, bytes]:
    with page.page.expect_download() as waiting:
        page.page.locator(f"section:has(#over-time) >> text={button}").click()
    path = waiting.value.path()
    assert isinstance(path, Path)
    return waiting.value, path.read_bytes()


def test_statistics_by_hand_and_keyboard_in_every_look(page: Watched, history) -> None:
    shown = page.page
    page.open(f"/statistics/?from={FIRST}&to=2026-11-06&by=tag")
    page.look_at_it_every_way()
    shown.evaluate("window.sameDocument = true")

    # The keyboard chooses another breakdown, and keeps its place.
    shown.focus("#by-4")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("h2:has-text('By time zone')")
    assert "by=timezone" in shown.url
    assert shown.evaluate("document.activeElement.id") == "by-4"
    assert page.comes_true("Chart.getChart(document.querySelector('#breakdown')) !== undefined")

    # Days are typed; the numbers lead on; Back comes back.
    shown.fill("#period-from", "2026-10-30")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("h2:has-text('30 Oct to 6 Nov 2026')")
    assert shown.evaluate("window.sameDocument")
    shown.go_back()
    shown.wait_for_selector(f"h2:has-text('{FIRST:%-d} Oct to 6 Nov 2026')")

    # Wrong days are said where they were typed.
    page.expected = ["422 (Unprocessable Content)", "422 (Unprocessable Entity)"]
    shown.fill("#period-to", "2026-10-01")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("text=before it begins")
    page.look_at_it_every_way()
    assert page.complaints == []


def test_a_chart_follows_the_theme_and_can_be_kept(page: Watched, history) -> None:
    shown = page.page
    shown.emulate_media(color_scheme="light")
    page.open(f"/statistics/?from={FIRST}&to=2026-11-06")
    light = shown.evaluate(COLOUR)
    shown.emulate_media(color_scheme="dark")
    assert page.comes_true(f"({COLOUR})() !== {light!r}")

    label = shown.get_attribute("#over-time", "aria-label")
    accepted = Message.objects.filter(status="accepted").count()
    assert label.startswith(f"Messages by day: {accepted} accepted, ")

    file, content = downloaded(page, "CSV")
    assert file.suggested_filename == "messages-by-day.csv"
    lines = content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith('"Day","Accepted","Failed"')
    assert sum(int(line.split(",")[1]) for line in lines[1:]) == accepted
    file, content = downloaded(page, "PNG")
    assert file.suggested_filename == "messages-by-day.png"
    assert content.startswith(PNG)
    assert len(content) > 5_000
    assert page.complaints == []


def test_a_page_without_anything(page: Watched, transactional_db) -> None:
    page.open("/statistics/")
    page.look_at_it_every_way()
    assert page.complaints == []
