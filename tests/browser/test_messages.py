"""Finding messages and looking at one, as people do it."""

import pytest

from notifier.delivery.models import Attempt, Message, Traits
from notifier.delivery.recount import mend
from notifier.mailings.models import Gateway
from tests.browser.looking import Watched
from tests.web.making import MINUTE, make_client, make_finished, make_message


@pytest.fixture
def failed(transactional_db) -> Message:
    """One of sixty messages, sent to +7 916 123-45-67 in vain."""
    Gateway.objects.create(name="Another gateway")
    mailing = make_finished(name="Autumn sale", audience=61)
    for _ in range(60):
        make_message(mailing, make_client())
    traits = Traits.objects.create(operator=916, tag="vip", timezone="Europe/Moscow")
    client = make_client(phone="79161234567")
    message = make_message(
        mailing, client, status="failed", reason="rejected", traits=traits, attempts=2
    )
    for number in (1, 2):
        Attempt.objects.create(
            message=message, number=number, started_at=MINUTE, duration_ms=90,
            outcome="rejected", reason="rejected", phase="reply", http_status=400,
            reply="An unbroken_reply_" * 20,
        )  # fmt: skip
    mend()
    return message


def test_a_message_is_found_looked_at_and_sent_again(page: Watched, failed: Message) -> None:
    shown = page.page
    page.open("/messages/")
    page.look_at_it_every_way()
    shown.evaluate("window.sameDocument = true")

    # Typing searches, and the address says what for.
    shown.fill("#search", "4567")
    shown.wait_for_selector("text=Show all messages")
    assert shown.url.endswith("?q=4567")
    assert shown.locator("tbody tr").count() == 1
    assert shown.evaluate("document.activeElement.id") == "search"
    page.look_at_it_every_way()

    # A chip is taken away by the keyboard; older messages come; a status narrows them.
    shown.focus("#chip-q")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("#page-older")
    shown.focus("#page-older")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("#page-newest")
    assert shown.locator("tbody tr").count() == 11
    shown.select_option("#filter-status", "failed")
    shown.wait_for_selector("text=Status: Failed")
    assert shown.evaluate("window.sameDocument")

    # One message, and what can be done about it.
    shown.click(f"text=+{failed.phone}")
    shown.wait_for_selector("h1:has-text('Message to')")
    page.look_at_it_every_way()
    shown.focus("button:has-text('Send again')")
    shown.keyboard.press("Enter")
    shown.wait_for_selector("text=1 message will be sent again.")
    page.look_at_it_every_way()
    assert page.complaints == []
