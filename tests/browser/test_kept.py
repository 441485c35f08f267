"""What was filled in is not lost where it could not be saved."""

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from notifier.clients.models import Client, ClientFilter
from tests.browser.looking import Watched


def sign_in(page: Watched) -> None:
    page.page.fill("[name=username]", "anna")
    page.page.fill("[name=password]", "Kitten-Parade-77")
    page.page.keyboard.press("Enter")


def test_an_expired_log_in_does_not_lose_what_was_filled_in(
    stranger: Watched, transactional_db: None
) -> None:
    User.objects.create_user("anna", password="Kitten-Parade-77")
    shown = stranger.page
    stranger.open("/clients/add/")
    sign_in(stranger)

    shown.fill("#id_phone", "8 999 123 45 67")
    shown.fill("[name=attribute_name]", "city")
    shown.fill("[name=attribute_value]", "Omsk")
    Session.objects.all().delete()
    shown.click("button:text('Add client')")
    sign_in(stranger)
    shown.wait_for_selector("text=What you had filled in was not saved.")
    stranger.look_at_it_every_way()
    shown.click("text=Save it now")
    shown.wait_for_selector("h1:text('+79991234567')")

    assert Client.objects.get().attributes == {"city": "Omsk"}
    # Saved, it is forgotten.
    stranger.open("/clients/add/")
    shown.reload()
    assert shown.is_hidden("[data-kept-offer]")


def test_a_database_that_is_away_does_not_lose_a_filter(page: Watched) -> None:
    page.expected = ["503"]
    shown = page.page
    page.open("/clients/filters/new/")
    answer = "<!doctype html><title>503</title><h1>The database is not available</h1>"
    is_away = {"status": 503, "content_type": "text/html", "body": answer}
    shown.route(
        "**/filters/new/",
        lambda route: (
            route.fulfill(**is_away) if route.request.method == "POST" else route.continue_()
        ),
    )

    shown.fill("#id_name", "Omsk")
    shown.select_option("[name=field]", "operator")
    shown.fill("[name=value]", "912")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("h1:text('not available')")
    shown.unroute("**/filters/new/")
    shown.go_back()
    shown.click("text=Save it now")
    shown.wait_for_selector("h1:text('Filters')")

    assert ClientFilter.objects.get().conditions == {
        "all": [{"field": "operator", "op": "is", "value": 912}]
    }
