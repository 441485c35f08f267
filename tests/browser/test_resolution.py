"""Deciding about failed and unknown messages: by mouse, by keyboard, in every theme and width."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.delivery.models import Message
from notifier.mailings.models import Mailing
from tests.browser.looking import Watched
from tests.web.making import count_by_reason, make_client
from tests.web.test_resolution import make_ended, opt_out_one, pass_end

OPEN = "document.querySelector('#confirm').open"
FOCUSED = "document.activeElement.id"


def statuses() -> list[str]:
    return list(Message.objects.order_by("id").values_list("status", flat=True))


@pytest.fixture
def mailing(transactional_db) -> Mailing:
    made = make_ended(failed=3, unknown=3)
    opt_out_one("failed")
    opt_out_one("unknown")
    return made


@pytest.mark.parametrize("has_passed", [False, True])
@pytest.mark.parametrize(("opener", "words"), [("send-again", "Send 2"), ("decide", "Count 3")])
def test_the_dialogs_look_right_in_every_way(
    page: Watched, mailing: Mailing, opener: str, words: str, has_passed: bool
) -> None:
    if has_passed:
        pass_end(mailing)
    page.open(f"/mailings/{mailing.pk}/")
    page.look_at_it_every_way()

    page.page.click(f"#ask-{opener}")
    page.page.wait_for_selector(f"dialog[open] >> text={words}")

    assert page.page.is_visible("#id_end_time") == has_passed
    page.look_at_it_every_way()


def test_failed_messages_are_sent_again_by_keyboard_alone(page: Watched, mailing: Mailing) -> None:
    page.open(f"/mailings/{mailing.pk}/")

    page.page.focus("#ask-send-again")
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("dialog[open] >> text=Send 2 failed messages again?")
    page.page.keyboard.press("Escape")
    assert page.comes_true(f"!{OPEN} && {FOCUSED} === 'ask-send-again'")
    assert "pending" not in statuses()
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("dialog[open] >> text=Send 2 failed messages again?")
    page.page.keyboard.press("Enter")

    page.page.wait_for_selector(".toast >> text=2 messages will be sent again. 1 skipped")
    assert page.comes_true("document.activeElement.tagName === 'H1'")
    assert sorted(statuses()) == [
        "accepted", "pending", "pending", "skipped", "unknown", "unknown", "unknown",
    ]  # fmt: skip


def test_unknown_messages_are_counted_as_sent_and_ask_no_more(
    page: Watched, mailing: Mailing
) -> None:
    page.open(f"/mailings/{mailing.pk}/")

    page.page.click("#ask-decide")
    page.page.click("text=Count 3 as sent")

    page.page.wait_for_selector(".toast >> text=3 messages counted as sent.")
    page.page.wait_for_selector(".ledger >> text=3 counted as sent")
    assert page.page.is_hidden("#ask-decide")
    page.look_at_it_every_way()


def test_enter_alone_decides_nothing(page: Watched, mailing: Mailing) -> None:
    page.open(f"/mailings/{mailing.pk}/")

    page.page.focus("#ask-decide")
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("dialog[open] >> text=Count 3 as sent")
    assert page.comes_true(f"{FOCUSED} === 'confirm-title'")
    page.page.keyboard.press("Enter")
    page.page.keyboard.press("Tab")

    assert page.page.evaluate("document.activeElement.innerText") == "Send 2 again"
    assert set(Message.objects.filter(status="unknown").values_list("reason")) == {("timed_out",)}


def test_a_wrong_end_is_told_in_the_dialog_and_enter_never_counts_as_sent(
    page: Watched, mailing: Mailing
) -> None:
    page.expected = ["422 (Unprocessable"]
    pass_end(mailing)
    page.open(f"/mailings/{mailing.pk}/")
    page.page.click("#ask-decide")
    page.page.wait_for_selector("dialog[open] >> text=Count 3 as sent")

    page.page.fill("#id_end_time", "2026-01-01T10:00")
    page.page.press("#id_end_time", "Enter")
    page.page.wait_for_selector("dialog[open] >> text=is not after the start")
    assert page.comes_true(f"{FOCUSED} === 'id_end_time'")
    page.look_at_it_every_way()
    tomorrow = timezone.now() + timedelta(days=1)
    page.page.fill("#id_end_time", f"{tomorrow:%Y-%m-%dT%H:%M}")
    page.page.press("#id_end_time", "Enter")

    page.page.wait_for_selector(".toast >> text=2 messages will be sent again")
    assert not Message.objects.filter(reason="counted_as_sent").exists()


def test_a_failure_closes_the_dialog_and_says_so(page: Watched, mailing: Mailing) -> None:
    page.expected = ["503 (Service", "htmx:responseError", "Response Status Error"]
    page.open(f"/mailings/{mailing.pk}/")
    page.page.click("#ask-send-again")
    page.page.wait_for_selector("dialog[open] >> text=Send 2 again")

    page.page.route("**/send-again/", lambda route: route.fulfill(status=503, body="No database"))
    page.page.click("text=Send 2 again")

    page.page.wait_for_selector(".toast >> text=Couldn’t be done just now. Try again.")
    assert not page.page.evaluate(OPEN)
    assert statuses().count("failed") == 3


def test_the_page_of_a_running_mailing_keeps_the_focus_through_its_refreshes(
    page: Watched, mailing: Mailing
) -> None:
    Mailing.objects.update(status="running", finished_at=None)
    page.open(f"/mailings/{mailing.pk}/")
    page.page.focus("#ask-send-again")

    before = page.page.inner_text("#live")
    message = Message.objects.filter(status="accepted").get()
    message.pk, message.client_id = None, make_client().pk
    message.status, message.reason = "failed", "rejected"
    message.save()
    count_by_reason(message)
    assert page.comes_true(f"document.querySelector('#live').innerText !== {before!r}")

    assert page.page.evaluate(FOCUSED) == "ask-send-again"


def test_the_dialogs_open_while_the_mailing_is_running_too(page: Watched, mailing: Mailing) -> None:
    Mailing.objects.update(status="running", finished_at=None)
    page.open(f"/mailings/{mailing.pk}/")

    page.page.click("#ask-send-again")

    page.page.wait_for_selector("dialog[open] >> text=Send 2 failed messages again?")
