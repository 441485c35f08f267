from notifier.clients.models import Client
from notifier.delivery.withdrawal import suppress_phones
from tests.browser.looking import Watched
from tests.web.making import make_client


def test_ticked_clients_get_a_tag_by_keyboard_alone(page: Watched) -> None:
    chosen, other = make_client(tag="a2"), make_client(tag="b")
    shown = page.page
    page.open("/clients/")

    shown.focus(f"input.tick[value='{chosen.pk}']")
    shown.keyboard.press("Space")
    shown.focus("#bulk-tag")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("dialog[open] >> text=Set the tag of 1 client?")
    page.look_at_it_every_way()
    shown.keyboard.type("vip")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("text=1 client got the tag “vip”.")

    assert Client.objects.get(pk=chosen.pk).tag == "vip"
    assert Client.objects.get(pk=other.pk).tag == "b"


def test_a_wrong_phone_is_said_as_one_leaves_it(page: Watched) -> None:
    page.open("/clients/add/")

    page.page.fill("#id_phone", "7921")
    page.page.keyboard.press("Tab")
    page.page.wait_for_selector("text=has 4 digits; 11 expected")

    assert page.page.evaluate("document.activeElement.id") == "id_operator"
    suppress_phones(["79990000099"])
    page.open("/clients/suppressed/")
    page.look_at_it_every_way()
