"""Failed and unknown messages, as a marketer decides about them on the mailing's page."""

import re
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client as Browser
from django.utils import timezone

from notifier.clients.models import Client
from notifier.delivery.models import Message
from notifier.mailings.models import Gateway, Mailing
from tests.web.making import count_outcomes, make_client, make_finished, make_message
from tests.web.reading import rows_of, words_of

HTMX = {"HX-Request": "true", "HX-Target": "confirm-body"}


@pytest.fixture(autouse=True)
def _gateway(db):
    Gateway.objects.get_or_create(name="Default gateway")


def make_ended(*, failed: int = 0, unknown: int = 0, **fields) -> Mailing:
    """A finished mailing with so many messages, and one that was accepted."""
    mailing = make_finished(audience=1 + failed + unknown, **fields)
    make_message(mailing, make_client())
    for _ in range(failed):
        make_message(mailing, make_client(), status="failed", reason="rejected")
    for _ in range(unknown):
        make_message(
            mailing, make_client(), status="unknown", reason="timed_out", maybe_sent=True
        )  # fmt: skip
    count_outcomes(mailing, accepted=1, failed=failed, unknown=unknown)
    return mailing


def pass_end(mailing: Mailing) -> None:
    Mailing.objects.filter(pk=mailing.pk).update(
        start_time=F("start_time") - timedelta(days=3), end_time=F("end_time") - timedelta(days=2)
    )


def opt_out_one(status: str) -> None:
    client_id = Message.objects.filter(status=status).values_list("client_id", flat=True)[0]
    Client.objects.filter(pk=client_id).update(opted_out_at=timezone.now())


def statuses() -> list[str]:
    return list(Message.objects.order_by("id").values_list("status", flat=True))


def offered(browser: Browser, mailing: Mailing) -> list[str]:
    page = browser.get(f"/mailings/{mailing.pk}/").content.decode()
    return [name for name in re.findall(r'id="ask-([\w-]+)"', page) if name != "delete"]


# --- What is offered ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "actions"),
    [
        ({}, []),
        ({"failed": 1}, ["send-again"]),
        ({"unknown": 1}, ["decide"]),
        ({"failed": 1, "unknown": 1}, ["send-again", "decide"]),
        ({"failed": 1, "unknown": 1, "status": "cancelled"}, ["decide"]),
    ],
)
def test_the_ledger_offers_what_there_is_to_decide(browser: Browser, made, actions) -> None:
    assert offered(browser, make_ended(**made)) == actions


def test_what_is_counted_as_sent_is_told_in_the_ledger_and_asks_for_nothing(
    browser: Browser,
) -> None:
    mailing = make_ended(unknown=2)

    browser.post(f"/mailings/{mailing.pk}/decide/", {"decision": "count_as_sent"})

    assert offered(browser, mailing) == []
    rows = rows_of(browser.get(f"/mailings/{mailing.pk}/"))
    assert rows[2][0].endswith("no clear answer came. 2 counted as sent")
    assert ["No clear answer; a person counted it as sent", "2"] in rows
    listed = rows_of(browser.get(f"/messages/?mailing={mailing.pk}&status=unknown"))
    assert {row[2] for row in listed} == {"Unknown No clear answer; a person counted it as sent"}


# --- The dialogs ----------------------------------------------------------------------


def test_consequences_of_sending_again_are_told_in_numbers(browser: Browser) -> None:
    mailing = make_ended(failed=4)
    opt_out_one("failed")

    words = words_of(browser.get(f"/mailings/{mailing.pk}/send-again/"))

    assert words.startswith("Send 3 failed messages again? The gateway refused them, so nobody")
    assert "1 more becomes skipped: the client opted out or was deleted meanwhile." in words
    assert "The mailing is running again" in words
    assert words.endswith("expires. Back Send 3 again")
    assert "failed" in statuses()


def test_consequences_of_either_decision_are_told_in_numbers(browser: Browser) -> None:
    mailing = make_ended(unknown=3)
    opt_out_one("unknown")

    words = words_of(browser.get(f"/mailings/{mailing.pk}/decide/"))

    assert words.startswith("Decide about 3 unknown messages")
    assert "2 messages may be received twice." in words
    assert "1 more stays unknown: the client opted out or was deleted meanwhile." in words
    assert "Nothing is sent: whoever has not received it will not." in words
    assert "Send 2 again Count as sent Nothing is sent" in words
    assert words.endswith("This cannot be undone. Count 3 as sent Back")


def test_one_message_is_spoken_of_in_the_singular(browser: Browser) -> None:
    mailing = make_ended(failed=1, unknown=1)

    again = words_of(browser.get(f"/mailings/{mailing.pk}/send-again/"))
    decide = words_of(browser.get(f"/mailings/{mailing.pk}/decide/"))

    assert "Send 1 failed message again? The gateway refused it, so" in again
    assert decide.startswith("Decide about 1 unknown message No clear answer came: the gateway may")
    assert "1 message may be received twice. It goes under its former id, by" in decide
    assert "It stays unknown, with a note that it is counted as sent." in decide


def test_the_unknown_of_a_cancelled_mailing_can_only_be_counted_as_sent(browser: Browser) -> None:
    mailing = make_ended(unknown=2, status="cancelled")

    words = words_of(browser.get(f"/mailings/{mailing.pk}/decide/"))

    assert "Count 2 as sent" in words
    assert "again" not in words.lower()


def test_nothing_can_be_pressed_where_nothing_is_left(browser: Browser) -> None:
    mailing = make_ended(failed=1)
    opt_out_one("failed")

    again = words_of(browser.get(f"/mailings/{mailing.pk}/send-again/"))
    decide = words_of(browser.get(f"/mailings/{mailing.pk}/decide/"))

    assert again == (
        "Nobody to send to The client of the failed message has opted out or been deleted "
        "meanwhile. Back"
    )
    assert decide == "Nothing to decide Every unknown message of this mailing is decided. Back"


# --- What they do ---------------------------------------------------------------------


def test_the_failed_are_sent_again_and_the_page_says_how_many(browser: Browser) -> None:
    mailing = make_ended(failed=3, unknown=1)
    opt_out_one("failed")

    answer = browser.post(f"/mailings/{mailing.pk}/send-again/", follow=True)

    assert statuses() == ["accepted", "skipped", "pending", "pending", "unknown"]
    assert "2 messages will be sent again. 1 skipped: opted out or deleted meanwhile." in (
        words_of(answer)
    )
    assert "Running" in words_of(answer)


def test_the_unknown_are_sent_again_and_the_page_says_what_that_means(browser: Browser) -> None:
    mailing = make_ended(failed=1, unknown=2)
    opt_out_one("unknown")

    decision = {"decision": "send_again"}
    answer = browser.post(f"/mailings/{mailing.pk}/decide/", decision, follow=True)

    assert statuses() == ["accepted", "failed", "unknown", "pending"]
    assert (
        "1 message will be sent again. 1 may be received twice. "
        "1 left unknown: opted out or deleted meanwhile."
    ) in words_of(answer)


def test_without_a_decision_nothing_is_done(browser: Browser) -> None:
    mailing = make_ended(unknown=1)

    words = words_of(browser.post(f"/mailings/{mailing.pk}/decide/", {"decision": "whatever"}))

    assert words.startswith("Decide about 1 unknown message")
    assert set(Message.objects.values_list("status", "reason")) == {
        ("accepted", None),
        ("unknown", "timed_out"),
    }


def test_a_dialog_leads_the_whole_page_on_and_the_news_waits_for_it(browser: Browser) -> None:
    mailing = make_ended(unknown=2)

    answer = browser.post(
        f"/mailings/{mailing.pk}/decide/", {"decision": "count_as_sent"}, headers=HTMX
    )

    assert answer["HX-Redirect"] == f"/mailings/{mailing.pk}/"
    assert "HX-Trigger" not in answer
    assert "2 messages counted as sent." in words_of(browser.get(f"/mailings/{mailing.pk}/"))


def test_an_end_that_has_passed_is_asked_for_anew(browser: Browser) -> None:
    mailing = make_ended(failed=1)
    pass_end(mailing)
    address = f"/mailings/{mailing.pk}/send-again/"

    asked = browser.get(address)
    wrong = browser.post(address, {"end_time": "2026-01-01T10:00"}, headers=HTMX)
    missing = browser.post(address, {}, headers=HTMX)
    filled_in = re.search(r'name="end_time" value="([^"]+)"', asked.content.decode())
    assert filled_in
    right = browser.post(address, {"end_time": filled_in[1]}, headers=HTMX)

    assert "has passed: it needs a new one." in words_of(asked)
    assert (wrong.status_code, missing.status_code, right.status_code) == (422, 422, 200)
    assert "is not after the start" in words_of(wrong)
    assert "This field is required." in words_of(missing)
    assert statuses() == ["accepted", "pending"]
    in_a_day = timezone.now() + timedelta(days=1)
    assert abs(Mailing.objects.get().end_time - in_a_day) < timedelta(minutes=2)


def test_a_mailing_that_was_cancelled_meanwhile_says_so(browser: Browser) -> None:
    mailing = make_ended(failed=1, status="cancelled")

    answer = browser.post(f"/mailings/{mailing.pk}/send-again/", follow=True)

    assert f"Mailing {mailing.pk} was cancelled: it cannot be sent again." in words_of(answer)
    assert statuses() == ["accepted", "failed"]


@pytest.mark.parametrize("dialog", ["send-again", "decide"])
def test_a_mailing_that_is_not_there_is_not_found(browser: Browser, dialog: str) -> None:
    assert browser.get(f"/mailings/999/{dialog}/").status_code == 404
    assert browser.post(f"/mailings/999/{dialog}/").status_code == 404
