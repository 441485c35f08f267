import re

from notifier.clients.models import ClientFilter
from tests.browser.looking import Watched
from tests.web.making import make_client, make_mailing


def test_a_filter_is_built_by_keyboard_while_its_count_follows(page: Watched) -> None:
    for tag, operator in (("a2", 999), ("a2", 912), ("b", 999)):
        make_client(tag=tag, operator=operator)
    shown = page.page
    page.open("/clients/filters/new/")
    shown.wait_for_selector("#match-count >> text=3 clients")

    shown.keyboard.type("Loyal")
    shown.focus("[data-row] [name=field]")
    shown.keyboard.type("Tag")
    shown.keyboard.press("Tab")
    shown.keyboard.press("Tab")
    shown.keyboard.type("a2")
    shown.wait_for_selector("#match-count >> text=2 clients")
    shown.focus("#add-group")
    shown.keyboard.press("Enter")
    shown.keyboard.type("Operator")
    shown.keyboard.press("Tab")
    shown.keyboard.press("Tab")
    shown.keyboard.type("912")
    shown.wait_for_selector("#match-count >> text=1 client")
    page.look_at_it_every_way()
    shown.focus("#id_name")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("h1:text('Filters')")

    assert ClientFilter.objects.get().conditions == {
        "all": [
            {"field": "tag", "op": "is", "value": "a2"},
            {"any": [{"field": "operator", "op": "is", "value": 912}]},
        ]
    }
    page.look_at_it_every_way()


def test_a_pasted_list_is_counted_however_long(page: Watched) -> None:
    wanted, _ = make_client(phone="79990000499"), make_client(phone="79990000500")
    shown = page.page
    page.open("/clients/filters/new/")

    shown.select_option("[name=field]", "phone_number")
    shown.select_option("[name=op]", "in")
    with shown.expect_request(re.compile("/preview/")) as asked:
        shown.fill("[name=value]", ", ".join(f"7999{number:07}" for number in range(500)))
    shown.wait_for_selector("#match-count >> text=1 client")

    # Beyond 8,190 bytes the web server takes no address.
    assert len(asked.value.url) < 4000
    assert shown.is_visible(f"#filter-count >> text={wanted}")


def test_a_wrong_row_is_marked_as_one_leaves_it(page: Watched) -> None:
    shown = page.page
    page.expected = ["422"]
    page.open("/clients/filters/new/")

    # "Added" is passed by on the way to "Attribute"; its op is not kept.
    shown.focus("[data-row] [name=field]")
    shown.keyboard.type("Added")
    shown.select_option("[data-row] [name=field]", "operator")
    assert shown.input_value("[data-row] [name=op]") == "is"
    shown.focus("[data-row] [name=value]")
    shown.keyboard.type("12")
    shown.wait_for_selector("#match-count >> text=Not counted")
    assert shown.inner_text("[data-problem]") == ""
    shown.keyboard.press("Tab")
    shown.wait_for_selector("[data-problem] >> text=is not a mobile operator code")
    page.look_at_it_every_way()
    shown.fill("#id_name", "Few")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("text=see the marked rows")
    assert shown.evaluate("document.activeElement.name") == "value"
    shown.keyboard.press("End")
    shown.keyboard.press("Backspace")
    shown.keyboard.press("Backspace")
    shown.keyboard.type("912")
    shown.wait_for_selector("#match-count >> text=0 clients")

    assert shown.inner_text("[data-problem]") == ""
    assert shown.get_attribute("[data-row] [name=value]", "aria-invalid") is None


def test_a_saved_filter_says_where_it_is_used_and_can_be_deleted_there(page: Watched) -> None:
    saved = ClientFilter.objects.create(name="Loyal", conditions={"tag": "a2"})
    make_mailing(name="Autumn sale", client_filter=saved)
    shown = page.page
    page.open(f"/clients/filters/{saved.pk}/")

    page.look_at_it_every_way()
    shown.click(f"#delete-{saved.pk}")
    shown.wait_for_selector("dialog[open] >> text=1 mailing was made with it.")
    shown.click("text=Delete the filter")
    shown.wait_for_selector("h1:text('Filters')")

    assert not ClientFilter.objects.exists()
