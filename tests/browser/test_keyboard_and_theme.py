from tests.browser.looking import NARROW, Watched
from tests.web.making import make_client

NOTE_THEME_AT_FIRST = """
new MutationObserver(() => {
  if (document.body) window.themeAtFirst ??= document.documentElement.dataset.bsTheme;
}).observe(document, { childList: true, subtree: true });
"""


def test_the_first_tab_offers_to_skip_to_the_content(page: Watched) -> None:
    page.open("/clients/")

    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.innerText") == "Skip to the content"
    page.page.keyboard.press("Enter")

    assert page.page.evaluate("document.activeElement.id") == "content"


def test_a_slash_goes_to_the_search_unless_one_is_typing(page: Watched) -> None:
    make_client()
    page.open("/clients/")

    page.page.keyboard.press("/")
    assert page.page.evaluate("document.activeElement.id") == "search"
    page.page.keyboard.press("/")

    assert page.page.input_value("#search") == "/"


def test_the_menu_of_a_phone_opens_and_leads_on(page: Watched) -> None:
    page.page.set_viewport_size({"width": NARROW, "height": 800})
    page.open("/clients/")
    assert page.page.is_hidden("nav >> text=Mailings")

    page.page.click("[aria-label=Menu]")
    page.page.click("nav >> text=Mailings")

    page.page.wait_for_url("**/mailings/")


def test_the_account_menu_signs_out(page: Watched) -> None:
    page.open("/")

    page.page.click("text=anna")
    page.page.click("text=Sign out")

    page.page.wait_for_url("**/sign-in/")


def test_the_chosen_theme_is_there_before_the_first_paint(page: Watched) -> None:
    page.open("/")
    assert page.page.evaluate("document.documentElement.dataset.bsTheme") == "light"

    page.page.click("[data-theme-switch]")
    page.page.click("[aria-label='Theme: light']")
    assert page.page.get_attribute("[data-theme-switch]", "aria-label") == "Theme: dark"
    page.page.context.add_init_script(NOTE_THEME_AT_FIRST)
    page.open("/clients/")

    assert page.page.evaluate("window.themeAtFirst") == "dark"


def test_on_paper_a_page_is_light_and_without_its_menu(page: Watched) -> None:
    page.page.emulate_media(color_scheme="dark")
    page.open("/clients/")
    page.page.emulate_media(media="print")

    assert page.page.is_hidden("header")
    assert page.page.pdf()[:5] == b"%PDF-"
