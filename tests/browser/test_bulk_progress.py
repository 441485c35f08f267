import pytest
from django.contrib.auth.models import User

from notifier.clients.models import Client
from notifier.delivery import bulk_actions
from notifier.delivery.bulk_actions import (
    begin_bulk_action,
    continue_bulk_action,
    newest_client_id,
)
from notifier.delivery.models import BulkAction
from tests.browser.looking import Watched
from tests.web.making import make_client


@pytest.fixture
def under_way(person: User, monkeypatch: pytest.MonkeyPatch) -> BulkAction:
    """Tags four clients, one in each turn; the first of them is done."""
    monkeypatch.setattr(bulk_actions, "CHUNK", 1)
    monkeypatch.setattr(bulk_actions, "FIRST_TURN_SECONDS", 0)
    monkeypatch.setattr(bulk_actions, "TURN_SECONDS", 0)
    for _ in range(4):
        make_client(tag="a2")
    return begin_bulk_action(
        "tag",
        search={"tag": "a2"},
        total=4,
        newest_client_id=newest_client_id(),
        created_by=person,
        tag="vip",
    )


def turn(action: BulkAction) -> None:
    """As a cluster does."""
    action.refresh_from_db()
    continue_bulk_action(action.pk, action.last_client_id)


def test_a_bulk_action_is_followed_above_the_list_and_cancelled_by_keyboard(
    page: Watched, under_way: BulkAction
) -> None:
    shown, button = page.page, f"ask-cancel-{under_way.pk}"
    page.open("/clients/")
    shown.wait_for_selector("text=Tagging 4 clients with “vip”: 1 done")
    page.look_at_it_every_way()

    # A refresh takes the focus away from nobody.
    shown.focus(f"#{button}")
    turn(under_way)
    shown.wait_for_selector("text=Tagging 4 clients with “vip”: 2 done")
    assert page.comes_true(f"document.activeElement.id === '{button}'")

    shown.keyboard.press("Enter")
    shown.wait_for_selector("dialog[open] >> text=Cancel the tagging?")
    page.look_at_it_every_way()
    turn(under_way)
    shown.wait_for_selector("#bulk-actions >> text=3 done")
    shown.keyboard.press("Escape")
    assert page.comes_true(f"document.activeElement.id === '{button}'")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("dialog[open] >> text=3 done as of now")
    shown.keyboard.press("Tab")
    shown.keyboard.press("Enter")

    shown.wait_for_selector("text=3 of 4 clients got the tag “vip”; the other was left alone.")
    page.look_at_it_every_way()
    turn(under_way)
    assert Client.objects.filter(tag="vip").count() == 3
    page.open("/clients/")
    shown.wait_for_selector("text=3 of 4 clients got the tag “vip”; the other was left alone.")
    page.look_at_it_every_way()


def test_who_is_at_its_link_stays_there_when_it_is_refreshed(
    page: Watched, under_way: BulkAction
) -> None:
    page.open("/clients/")
    page.page.focus("#bulk-actions a")

    turn(under_way)

    page.page.wait_for_selector("#bulk-actions >> text=2 done")
    assert page.comes_true("document.activeElement.innerText.endsWith('2 done')")


def test_the_list_below_is_shown_as_it_is_after_it(page: Watched, under_way: BulkAction) -> None:
    shown = page.page
    page.open("/clients/?tag=a2")
    shown.click("text=Added")
    shown.wait_for_url("**/clients/?*sort=*")
    for _ in range(4):
        turn(under_way)

    shown.wait_for_selector("text=The list below is as it was before.")
    page.look_at_it_every_way()
    assert shown.locator("input.tick").count() == 3
    shown.click("text=Show it as it is now")

    shown.wait_for_selector("text=No client matches")
    assert "sort=" in shown.url
    assert shown.is_hidden("text=The list below is as it was before.")


def test_its_own_page_follows_it_to_its_end(page: Watched, under_way: BulkAction) -> None:
    shown = page.page
    page.open(f"/clients/actions/{under_way.pk}/")
    shown.wait_for_selector("text=1 of 4 done")
    page.look_at_it_every_way()
    shown.focus(f"#ask-cancel-{under_way.pk}")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("dialog[open] >> text=Cancel the tagging?")

    # It ends while one thinks about it.
    for _ in range(4):
        turn(under_way)
    shown.wait_for_selector("#live >> text=4 clients got the tag “vip”.")
    shown.click("dialog >> text=Cancel the tagging >> nth=-1")

    shown.wait_for_selector("text=It had ended before it could be cancelled: 4 clients got the tag")
    page.look_at_it_every_way()
