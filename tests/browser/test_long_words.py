"""Names, tags and texts as long as they may be, without a place to break at."""

import pytest

from notifier.clients.imports.models import ClientImport
from tests.browser.looking import NARROW, OVERFLOW, WIDE, Watched
from tests.clients.imports.importing import checked, imported, received
from tests.web.making import make_client, make_finished, make_mailing, make_message, make_running

NAME = "Ж" * 120
TAG = "t" * 100

TABLE_OVERFLOW = """() => {
  const { scrollWidth, clientWidth } = document.querySelector(".table-scroll");
  return scrollWidth - clientWidth;
}"""

PAGES = (
    "/",
    "/clients/",
    f"/clients/?tag={TAG}",
    "/clients/{client}/",
    "/mailings/",
    "/mailings/new/",
    "/mailings/{running}/",
    "/mailings/{running}/edit/",
    "/mailings/{scheduled}/edit/",
    "/mailings/{finished}/messages/",
    "/clients/imports/",
    "/clients/imports/{uploaded}/",
    "/clients/imports/{checked}/",
    "/clients/imports/{imported}/",
    "/clients/?import={imported}",
)
FILE = f"{NAME}\nphone;tag;{NAME}\n79991234501;{TAG};{NAME}\n{NAME};{TAG};{NAME}\n"


@pytest.fixture
def long_words(transactional_db) -> dict[str, int]:
    client = make_client(tag=TAG, attributes={"favourite_" * 9: NAME})
    finished = make_finished(name=NAME)
    make_message(finished, client)
    make_finished(name=NAME, conditions={"tag": "u" * 100}, newest_client_id=client.pk)
    return {
        "client": client.pk,
        "running": make_running(name=NAME).pk,
        "scheduled": make_mailing(name=NAME, conditions={"tag": TAG}).pk,
        "finished": finished.pk,
    }


@pytest.fixture
def long_imports(transactional_db) -> dict[str, int]:
    made = {
        "uploaded": received(FILE).pk,
        "checked": checked(FILE, default_tag=TAG).pk,
        "imported": imported(FILE, default_tag=TAG).pk,
    }
    ClientImport.objects.update(file_name=f"{NAME}.csv")
    return made


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_long_words_stick_out_of_no_page(
    page: Watched, long_words: dict[str, int], long_imports: dict[str, int], width: int
) -> None:
    page.page.set_viewport_size({"width": width, "height": 800})
    sticking_out = {}
    for address in PAGES:
        page.open(address.format(**long_words, **long_imports))
        if not page.comes_true(f"{OVERFLOW} <= 0", seconds=2):
            sticking_out[address] = page.page.evaluate(OVERFLOW)
    assert sticking_out == {}


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_long_tag_leaves_the_phone_on_one_line_and_is_told_on_hovering(
    page: Watched, long_words: dict[str, int], width: int
) -> None:
    page.page.set_viewport_size({"width": width, "height": 800})
    page.open("/clients/")
    phone = page.page.locator("td a").bounding_box()
    assert phone["height"] < 25
    assert page.page.evaluate(TABLE_OVERFLOW) == 0
    assert page.page.get_attribute("td .cut", "title") == TAG


def test_a_long_text_scrolls_in_its_preview_and_leaves_the_button_in_sight(page: Watched) -> None:
    composer = page.page
    page.open("/mailings/new/")
    composer.fill("#id_text", "Слово " * 660 + "конец")

    button = composer.locator("#launch-word").bounding_box()
    assert button["y"] + button["height"] < 800
    scrolled = "document.querySelector('.phone').scrollTop"
    assert page.comes_true(f"{scrolled} > 1000")
    composer.focus(".phone")
    composer.keyboard.press("Home")
    assert page.comes_true(f"{scrolled} === 0")
    page.look_at_it_every_way()
