"""Reports as they come out of a printer, from both themes, on both papers."""

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from pypdf import PageObject, PdfReader

from notifier.delivery.models import GatewayIncident
from notifier.mailings.models import Mailing
from tests.browser.looking import Watched
from tests.web.making import MINUTE
from tests.web.sent import make_sent

PAPERS = {"A4": (595, 842), "Letter": (612, 792)}
MANY = [(100 + number, f"tag{number % 30}", f"Etc/GMT+{number % 12}") for number in range(60)]
LONG_NAME = "Осенняя распродажа <b>ОченьДлинноеИмяБезПробелов</b> " * 3
# The chart's colour of what was accepted, in the light theme.
GREEN = bytes.fromhex("1b7a34")


@pytest.fixture
def sent(transactional_db) -> Mailing:
    mailing = make_sent(messages=240, traits=MANY, lasts=timedelta(days=3), name=LONG_NAME)
    GatewayIncident.objects.create(
        gateway=mailing.gateway, kind="open", reason="timed_out",
        began_at=MINUTE + timedelta(hours=5), ended_at=MINUTE + timedelta(hours=9),
    )  # fmt: skip
    return mailing


def print_it(page: Watched, paper: str) -> PdfReader:
    printed = page.page.pdf(format=paper, prefer_css_page_size=False, print_background=True)
    return PdfReader(BytesIO(printed))


def lines_of(page: PageObject) -> list[str]:
    text = page.extract_text(extraction_mode="layout")
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def pictures_in(reader: PdfReader) -> Iterator[bytes]:
    """The pixels of every picture, as they are stored: without their transparency."""
    for page in reader.pages:
        drawn: Any = page["/Resources"].get_object().get("/XObject", {})
        for each in drawn.get_object().values():
            found = each.get_object()
            if found["/Subtype"] == "/Image":
                yield found.get_data()


def test_a_report_is_printed_whole_from_both_themes_on_both_papers(
    page: Watched, sent: Mailing
) -> None:
    page.open(f"/mailings/{sent.pk}/report/")
    headings = page.page.locator("article h2").all_inner_texts()
    page.page.locator("article tbody tr").count()

    for theme in ("light", "dark"):
        for paper, size in PAPERS.items():
            page.page.emulate_media(color_scheme=theme)
            page.open(f"/mailings/{sent.pk}/report/")
            reader = print_it(page, paper)
            pages = [lines_of(each) for each in reader.pages]

            for each in reader.pages:
                assert (int(each.mediabox.width), int(each.mediabox.height)) == size
            for number, lines in enumerate(pages, start=1):
                assert lines[0].startswith("Mailing report: Осенняя распродажа"), lines[0]
                assert lines[0].endswith("Notifier")
                assert lines[-1].endswith(f"by anna page {number} of {len(pages)}")
                # No heading is left behind at the foot of a page.
                assert lines[-2] not in headings
                # What a table's rows continue is said at their head again.
            assert 4 <= len(pages) <= 7
            everything = [line for lines in pages for line in lines]
            assert "Audience¹ 240 100 %" in everything
            assert "² Accepted: the gateway took the message and said so. Whether" in " ".join(
                everything
            )
            # Each row is on one page, with all its numbers.
            for operator in range(100, 125):
                assert any(line.startswith(f"{operator} 4 ") for line in everything), operator
            assert any(line.startswith("35 others 140 ") for line in everything)
            assert any(GREEN * 20 in pixels for pixels in pictures_in(reader)), (theme, paper)


def test_three_clients_make_two_pages(page: Watched) -> None:
    mailing = make_sent(messages=3, traits=MANY[:1], lasts=timedelta(seconds=40), name="Three")
    page.open(f"/mailings/{mailing.pk}/report/")

    for paper in PAPERS:
        pages = [lines_of(each) for each in print_it(page, paper).pages]

        assert len(pages) == 2
        assert "Time zone Etc/GMT+0" in pages[1]


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


def test_a_report_on_the_screen(page: Watched, sent: Mailing) -> None:
    page.page.add_init_script("window.print = () => (window.wasPrinted = true)")
    page.open(f"/mailings/{sent.pk}/")
    page.page.click("#report-link")
    page.look_at_it_every_way()

    page.page.focus("[data-print]")
    page.page.keyboard.press("Enter")

    assert page.page.evaluate("window.wasPrinted")
