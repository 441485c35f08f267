from tests.browser.looking import Watched
from tests.web.making import make_client

ROWS = "() => [...document.querySelectorAll('tbody tr')].map((row) => row.cells[0].innerText)"


def test_search_and_filters_change_the_table_and_the_address(page: Watched) -> None:
    wanted = make_client(phone="79991110001", tag="a2")
    make_client(phone="79121110002", tag="a2")
    make_client(phone="79991110003")
    shown = page.page
    page.open("/clients/")

    shown.select_option("#filter-tag", "a2")
    shown.wait_for_selector("text=2 clients")
    shown.type("#search", "7999", delay=20)
    shown.wait_for_selector("text=1 client")

    assert shown.evaluate(ROWS) == [str(wanted)]
    assert shown.url.endswith("/clients/?q=7999&tag=a2")
    assert shown.evaluate("document.activeElement.id") == "search"

    shown.click("#chip-tag")
    shown.wait_for_selector("text=2 clients")
    assert shown.url.endswith("/clients/?q=7999")
    assert shown.input_value("#filter-tag") == ""


def test_what_narrows_the_list_is_taken_off_by_keyboard(page: Watched) -> None:
    for tag in ("a2", "b"):
        make_client(tag=tag)
    shown = page.page
    page.open("/clients/?q=7999&tag=a2&opted_out=no&sort=phone")

    shown.focus("#chip-q")
    shown.keyboard.press("Enter")
    page.comes_true("!document.getElementById('chip-q')")
    assert page.comes_true("document.activeElement.id === 'chip-tag'")
    # Else the next change of a select would search for it again.
    assert shown.input_value("#search") == ""

    shown.focus("#clear-search")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("text=2 clients")
    assert page.comes_true("document.activeElement.id === 'client-count'")
    assert shown.url.endswith("/clients/?sort=phone")


def test_back_shows_whole_pages(page: Watched) -> None:
    for _ in range(26):
        make_client()
    shown = page.page
    page.open("/clients/")

    shown.click("#page-next")
    shown.wait_for_selector("text=Page 2")
    shown.click("tbody a")
    shown.wait_for_selector("h1:has-text('+7999')")
    shown.go_back()
    shown.wait_for_selector("text=Page 2")
    shown.go_back()
    shown.wait_for_selector("text=Page 1")

    assert shown.is_visible("h1:has-text('Clients')")
    assert shown.is_visible("#search")


def test_sorting_keeps_the_focus_and_says_the_direction(page: Watched) -> None:
    make_client(phone="79991110001")
    make_client(phone="79121110002")
    shown = page.page
    page.open("/clients/")

    shown.focus("#sort-phone")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("th[aria-sort=ascending] #sort-phone")

    assert shown.evaluate("document.activeElement.id") == "sort-phone"
    assert shown.evaluate(ROWS) == ["+79121110002", "+79991110001"]


def test_a_search_that_fails_can_be_tried_again(page: Watched) -> None:
    page.expected = ["Failed to load resource", "Response Status Error Code 500"]
    make_client(tag="a2")
    make_client()
    shown = page.page
    page.open("/clients/")

    shown.route("**/clients/?*", lambda route: route.fulfill(status=500))
    shown.select_option("#filter-tag", "a2")
    shown.wait_for_selector("text=Couldn’t refresh.")
    shown.unroute("**/clients/?*")
    shown.click("[data-retry]")

    shown.wait_for_selector("text=1 client")
