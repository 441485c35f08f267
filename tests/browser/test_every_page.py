"""Every page, in both themes, wide and narrow: accessible, and without a complaint."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from notifier.accounts.first_admin import first_admin_link
from notifier.delivery.models import Heartbeat
from tests.browser.looking import Watched
from tests.web.making import (
    count_outcomes,
    make_client,
    make_finished,
    make_mailing,
    make_message,
    make_running,
)

LONG_NAME = "A very long name of a mailing that somebody wrote without thinking of telephones"

PAGES = (
    "/",
    "/clients/",
    "/clients/?tag=a2&operator=999",
    "/clients/?tag=nobody",
    "/clients/add/",
    "/clients/{client}/",
    "/clients/{client}/edit/",
    "/mailings/",
    "/mailings/?q=nothing",
    "/mailings/new/",
    "/mailings/{running}/",
    "/mailings/{running}/edit/",
    "/mailings/{paused}/",
    "/mailings/{scheduled}/",
    "/mailings/{scheduled}/edit/",
    "/mailings/{finished}/messages/",
)


@pytest.fixture
def something_of_everything(transactional_db) -> dict[str, int]:
    """Rows for every page; the ids that their addresses need."""
    clients = [make_client(tag="a2", attributes={"city": "Omsk"}) for _ in range(30)]
    make_client(opted_out_at=datetime.now(UTC))
    running = make_running(name=LONG_NAME, audience=1_000_000)
    count_outcomes(
        running, accepted=512_345, failed=1234, unknown=5, skipped=99, retried=300, expired=7
    )
    count_outcomes(running, timezone.now().replace(second=0, microsecond=0), accepted=1000)
    make_message(running, clients[0], status="failed", reason="rejected")
    paused = make_running(status="paused", pause_reason="Paused by the gateway's trouble")
    finished = make_finished(name="")
    for client in clients:
        make_message(finished, client)
    count_outcomes(finished, accepted=27, unknown=3)
    Heartbeat.objects.create(name="cluster:one", at=timezone.now())
    scheduled = make_mailing(name="Next one", conditions={"tag": "a2"})
    return {
        "client": clients[0].pk,
        "running": running.pk,
        "paused": paused.pk,
        "finished": finished.pk,
        "scheduled": scheduled.pk,
    }


def test_every_page_with_something_on_it(
    page: Watched, something_of_everything: dict[str, int]
) -> None:
    for address in PAGES:
        page.open(address.format(**something_of_everything))
        page.look_at_it_every_way()


def test_every_page_of_an_empty_installation(page: Watched) -> None:
    for address in ("/", "/clients/", "/mailings/", "/mailings/new/"):
        page.open(address)
        page.look_at_it_every_way()


def test_the_pages_before_one_is_in(stranger: Watched) -> None:
    stranger.expected = ["404 (Not Found)", "410 (Gone)"]
    link = first_admin_link("")
    for address in ("/sign-in/", link, "/setup/made-up/", "/nonsense/"):
        stranger.open(address)
        stranger.look_at_it_every_way()


def test_forms_with_their_errors_shown(page: Watched) -> None:
    page.expected = ["422 (Unprocessable"]
    page.open("/clients/add/")
    page.page.fill("#id_phone", "7921")
    page.page.click("text=Add client >> nth=-1")
    page.page.wait_for_selector("text=has 4 digits; 11 expected")
    page.look_at_it_every_way()

    page.open("/mailings/new/")
    page.page.click("#launch-word")
    page.page.wait_for_selector("text=This field is required")
    page.look_at_it_every_way()
    assert page.page.evaluate("document.activeElement.name") == "text"


def test_dialogs_menus_toasts_and_the_table_of_a_chart_when_open(
    page: Watched, something_of_everything: dict[str, int]
) -> None:
    page.open("/mailings/{running}/".format(**something_of_everything))
    page.page.click("summary")
    page.page.click("text=anna")
    page.look_at_it_every_way()

    page.page.click("#ask-cancel")
    page.page.wait_for_selector("dialog[open] >> text=cannot be called back")
    page.look_at_it_every_way()

    page.open("/clients/{client}/".format(**something_of_everything))
    page.page.click("#opt")
    page.page.wait_for_selector(".toast >> text=will not be sent anything more")
    page.look_at_it_every_way()

    page.page.click("#opt")
    page.page.wait_for_selector("dialog[open] >> text=only if the person asked")
    page.look_at_it_every_way()
    page.page.keyboard.press("Escape")
    assert page.page.is_visible("text=opted out")
    page.page.click("#opt")
    page.page.click("dialog[open] >> text=Reach again >> nth=-1")
    page.page.wait_for_selector(".toast >> text=is reached again")
