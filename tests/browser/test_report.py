"""Reports as they come out of a printer, from both themes, on both papers."""

import re
from datetime import timedelta
from io import BytesIO
from itertools import product

import pytest
from pypdf import PageObject, PdfReader

from notifier.delivery.models import GatewayIncident
from notifier.mailings.models import Mailing
from tests.browser.looking import Watched
from tests.web.making import MINUTE
from tests.web.sent import make_sent

PAPERS = {"A4": (595, 842), "Letter": (612, 792)}
MANY = [(100 + number, f"tag{number % 30}", f"Etc/GMT+{number % 12}") for number in range(60)]
LONG_NAME = 'Big "sale"\n\\ of 5 % ' + "<b>ОченьДлинноеИмяБезПробелов</b> " * 4
# As a PDF spells them: what was accepted in the light theme and in the dark one, an incident.
GREEN, DARK_THEME_GREEN = b".1059 .4784 .2039 rg", b".2902 .8706 .502 rg"
INCIDENT = b".3608 .2275 0 rg"


@pytest.fixture
def sent(transactional_db) -> Mailing:
    mailing = make_sent(messages=240, traits=MANY, lasts=timedelta(days=3), name=LONG_NAME)
    GatewayIncident.objects.create(
        gateway=mailing.gateway, kind="open", reason="timed_out",
        began_at=MINUTE + timedelta(hours=5), ended_at=MINUTE + timedelta(hours=9),
    )  # fmt: skip
    return mailing


def print_it(page: Watched, paper: str) -> list[PageObject]:
    printed = page.page.pdf(format=paper, prefer_css_page_size=False, print_background=True)
    return list(PdfReader(BytesIO(printed)).pages)


def words_on(page: PageObject) -> str:
    return " ".join(page.extract_text().split())


def drawing_on(page: PageObject) -> bytes:
    contents = page.get_contents()
    assert contents is not None
    return contents.get_data()


def test_a_report_is_printed_whole_from_both_themes_on_both_papers(
    page: Watched, sent: Mailing
) -> None:
    page.open(f"/mailings/{sent.pk}/report/")
    headings = page.page.locator("article h2").all_inner_texts()

    for theme, (paper, size) in product(("light", "dark"), PAPERS.items()):
        page.page.emulate_media(color_scheme=theme)
        page.open(f"/mailings/{sent.pk}/report/")
        pages = print_it(page, paper)
        words = [words_on(each) for each in pages]

        assert {(int(each.mediabox.width), int(each.mediabox.height)) for each in pages} == {size}
        assert 4 <= len(pages) <= 6
        for number, text in enumerate(words, start=1):
            assert text.startswith('Mailing report: Big "sale" \\ of 5 % <b>'), text
            assert f"page {number} of {len(pages)}" in text
            # No heading is left behind at the foot of a page.
            assert not text.endswith(tuple(headings)), text
        assert "Audience¹ 240 100 %" in words[0]
        assert "² Accepted: the gateway took the message and said so." in words[0]
        # Each row is on one page, with all its numbers; and what is left out is summed up.
        rows = [*(f"{operator} 4" for operator in range(100, 125)), "35 others 140"]
        for row in rows:
            assert any(re.search(rf"\b{row} \d+ \d+ % \d+ \d+ \d+\b", text) for text in words), row
        [chart] = [each for each in pages if "Over time" in words_on(each)]
        assert drawing_on(chart).count(GREEN) >= 2  # the legend, and columns
        assert INCIDENT in drawing_on(chart)
        assert DARK_THEME_GREEN not in drawing_on(chart)
        assert "1 Sep 12:00" in words_on(chart)


def test_three_clients_make_two_pages(page: Watched) -> None:
    mailing = make_sent(messages=3, traits=MANY[:1], lasts=timedelta(seconds=40), name="Three")
    page.open(f"/mailings/{mailing.pk}/report/")

    for paper in PAPERS:
        words = [words_on(each) for each in print_it(page, paper)]

        assert len(words) == 2
        assert "Time zone Etc/GMT+0 Operator 100 Tag tag0 Attempts 1 attempt" in words[1]


def test_paper_is_white_even_if_no_script_turns_the_theme(page: Watched, sent: Mailing) -> None:
    page.page.emulate_media(color_scheme="dark", media="print")
    page.open(f"/mailings/{sent.pk}/report/")
    page.page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")

    for element in ("html", "body", ".page", "article", "article table"):
        colours = page.page.evaluate(
            "(name) => (({ color, backgroundColor }) => [color, backgroundColor])"
            "(getComputedStyle(document.querySelector(name)))",
            element,
        )
        assert colours[0] == "rgb(0, 0, 0)", element
        assert colours[1] in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"), element
    assert page.page.locator("header.navbar").is_hidden()
    assert page.page.locator("[data-print]").is_hidden()


def test_reports_on_the_screen(page: Watched, sent: Mailing) -> None:
    page.page.add_init_script("window.print = () => (window.wasPrinted = true)")
    page.open(f"/mailings/{sent.pk}/")
    page.page.click("#report-link")
    page.look_at_it_every_way()
    page.open("/report/?from=2026-08-01&to=2026-09-30")
    page.look_at_it_every_way()

    page.page.focus("[data-print]")
    page.page.keyboard.press("Enter")

    assert page.page.evaluate("window.wasPrinted")
    with page.page.expect_download() as picture:
        page.page.click("[data-chart-file=png]")
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")
