"""The pages of messages: found by whatever one has at hand, and told in full."""

import csv
import io
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client as Browser
from django.utils import timezone

from notifier.delivery.models import Attempt, Message, Traits
from notifier.delivery.recount import mend
from notifier.mailings.models import Mailing
from tests.web.making import MINUTE, make_client, make_finished, make_message
from tests.web.reading import rows_of, words_of

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def mailing() -> Mailing:
    return make_finished(name="Autumn sale")


def test_messages_come_in_pages_the_newest_first(browser: Browser, mailing) -> None:
    sent = [make_message(mailing, make_client()) for _ in range(51)]
    failed = make_message(mailing, make_client(), status="failed", reason="rejected")
    newest_first = [f"+{message.phone}" for message in reversed([*sent, failed])]

    first = browser.get("/messages/")
    second = browser.get(f"/messages/?before={sent[2].pk}")
    failures = browser.get(f"/messages/?mailing={mailing.pk}&status=failed")

    assert [row[0] for row in rows_of(first)] == newest_first[:50]
    assert f"before={sent[2].pk}" in first.content.decode()
    assert [row[0] for row in rows_of(second)] == newest_first[50:]
    assert "Older" not in words_of(second)
    assert [row[:3] for row in rows_of(failures)] == [
        [f"+{failed.phone}", "Autumn sale", "Failed Rejected by the gateway"]
    ]


def test_old_addresses_of_a_mailings_messages_lead_here(browser: Browser, mailing) -> None:
    answer = browser.get(f"/mailings/{mailing.pk}/messages/?status=failed")

    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/messages/?mailing={mailing.pk}&status=failed",
    )
    assert browser.get("/mailings/999999/messages/").status_code == 404


def test_what_is_asked_stands_above_the_list_and_can_be_taken_away(
    browser: Browser, mailing
) -> None:
    traits = Traits.objects.create(operator=912, tag="vip", timezone="UTC")
    message = make_message(mailing, make_client(), traits=traits)
    make_message(mailing, make_client())
    mend()

    page = browser.get(f"/messages/?tag=vip&q={message.phone[-4:]}&hour=12&weekday=2")

    assert [row[0] for row in rows_of(page)] == [f"+{message.phone}"]
    words = words_of(page)
    assert "Tag: vip remove" in words
    assert "Hour of day: 12:00 to 13:00" in words
    assert "Day of week: Tuesday" in words
    assert f'href="?q={message.phone[-4:]}&amp;hour=12&amp;weekday=2"' in page.content.decode()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("q=Anna", '"Anna" is no phone: type how it begins, or its last digits.'),
        ("status=lost", 'There is no status "lost".'),
        ("reason=fate", 'There is no reason "fate".'),
        ("mailing=x", 'Mailing "x" is no such number.'),
        ("hour=24", 'Hour of day "24" is no such number.'),
        ("from=2026-05-04&to=2026-05-01", "before it begins on 2026-05-04"),
        ("tag=%00", "Tag has a character that no client has in it."),
        ("timezone=%00", "Time zone has a character that no client has in it."),
    ],
)
def test_what_cannot_be_searched_for_is_said(browser: Browser, mailing, query, words) -> None:
    make_message(mailing, make_client())

    page = browser.get(f"/messages/?{query}")

    assert words in words_of(page)
    assert rows_of(page) == []
    assert browser.get(f"/messages/export.csv?{query}").status_code == 422


def test_an_operator_that_is_no_number_matches_nothing(browser: Browser, mailing) -> None:
    make_message(mailing, make_client())

    assert rows_of(browser.get("/messages/?operator=²")) == []


def test_lists_without_anything_say_why(browser: Browser) -> None:
    assert "No messages yet" in words_of(browser.get("/messages/"))
    assert "No message matches" in words_of(browser.get("/messages/?status=failed"))


@pytest.mark.parametrize("messages", [1, 25])
def test_a_longer_list_takes_no_more_queries(
    browser: Browser, django_assert_num_queries, messages: int
) -> None:
    for _ in range(messages):
        make_message(make_finished(), make_client())

    # Session, person, stretches of ids, messages, mailings, gateways.
    with django_assert_num_queries(6):
        browser.get("/messages/")


def test_a_file_holds_all_that_is_found(browser: Browser, mailing) -> None:
    mailing.name = "=cmd()"
    mailing.save()
    traits = Traits.objects.create(operator=912, tag="+vip", timezone="UTC")
    failed = make_message(mailing, make_client(), status="failed", reason="rejected", traits=traits)
    make_message(mailing, make_client())
    mend()

    answer = browser.get("/messages/export.csv?status=failed")

    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    (line,) = csv.DictReader(io.StringIO(text))
    assert (line["message"], line["phone"], line["status"]) == (
        str(failed.pk), failed.phone, "failed",
    )  # fmt: skip
    assert (line["mailing name"], line["tag"]) == ("'=cmd()", "'+vip")
    assert line["reason in words"] == "Rejected by the gateway"


# --- One message ----------------------------------------------------------------------


def test_a_message_tells_every_attempt_and_its_request(browser: Browser, mailing) -> None:
    client = make_client(phone="79161234567")
    message = make_message(
        mailing, client, attempts=2, maybe_sent=True, duration_ms=1200, http_status=200,
        gateway_code=0,
    )  # fmt: skip
    Attempt.objects.create(
        message=message, number=1, started_at=MINUTE, duration_ms=30_000, outcome="unknown",
        reason="timed_out", phase="timeout", error="", reply=HOSTILE,
    )  # fmt: skip

    page = browser.get(f"/messages/{message.pk}/")

    words = words_of(page)
    first, second = rows_of(page)
    assert first[0] == "1"
    assert first[2].startswith("Nobody knows whether it was taken")
    assert first[3:] == ["30 s", "–", "–"]
    assert second[0] == "2"
    assert second[2:] == ["Accepted", "1.2 s", "200", "0"]
    assert f"POST {settings.GATEWAY_URL}/v1/send/{message.pk}" in words
    assert '"phone": "7916•••••67"' in words
    assert "Bearer ••••••••" in words
    assert settings.GATEWAY_TOKEN not in words
    assert HOSTILE not in page.content.decode()
    assert "An earlier attempt may have arrived, too." in words


def test_a_failed_message_is_sent_again_alone(browser: Browser, mailing) -> None:
    failed, other = (
        make_message(mailing, make_client(), status="failed", reason="rejected") for _ in range(2)
    )
    mend()
    address = f"/messages/{failed.pk}/"
    assert "the client does not receive it twice" in words_of(browser.get(address))

    answer = browser.post(address, {"decision": "send_again"}, follow=True)

    assert "1 message will be sent again." in words_of(answer)
    assert Message.objects.get(pk=failed.pk).status == "pending"
    assert Message.objects.get(pk=other.pk).status == "failed"
    assert "Send again" not in words_of(browser.get(address))


def test_a_new_end_is_asked_for_where_the_old_one_has_passed(browser: Browser, mailing) -> None:
    failed = make_message(mailing, make_client(), status="failed", reason="rejected")
    Mailing.objects.update(
        start_time=timezone.now() - timedelta(days=2), end_time=timezone.now() - timedelta(days=1)
    )
    address = f"/messages/{failed.pk}/"

    refused = browser.post(address, {"decision": "send_again", "end_time": "2020-01-01T00:00"})
    end = timezone.localtime(timezone.now() + timedelta(hours=2))
    accepted = browser.post(
        address, {"decision": "send_again", "end_time": end.strftime("%Y-%m-%dT%H:%M")}
    )

    assert refused.status_code == 422
    assert accepted.status_code == 302
    assert Message.objects.get(pk=failed.pk).status == "pending"


def test_an_unknown_message_is_counted_as_sent_once(browser: Browser, mailing) -> None:
    unknown = make_message(
        mailing, make_client(), status="unknown", reason="timed_out", maybe_sent=True
    )
    mend()
    address = f"/messages/{unknown.pk}/"
    assert "It may be received twice." in words_of(browser.get(address))

    first = browser.post(address, {"decision": "count_as_sent"}, follow=True)
    second = browser.post(address, {"decision": "count_as_sent"}, follow=True)

    assert "Counted as sent." in words_of(first)
    assert "It was decided about meanwhile." in words_of(second)
    assert Message.objects.get(pk=unknown.pk).reason == "counted_as_sent"


def test_nothing_is_offered_for_those_who_do_not_want_it(browser: Browser, mailing) -> None:
    client = make_client(opted_out_at=timezone.now())
    failed = make_message(mailing, client, status="failed", reason="rejected")

    words = words_of(browser.get(f"/messages/{failed.pk}/"))

    assert "the client has opted out or was deleted" in words
    assert browser.post(f"/messages/{failed.pk}/", {"decision": "explode"}).status_code == 404


def test_a_deleted_clients_message_stays_without_a_link(browser: Browser, mailing) -> None:
    client = make_client()
    message = make_message(mailing, client)
    client.delete()

    page = browser.get(f"/messages/{message.pk}/").content.decode()

    assert f"+{message.phone}, deleted since" in page
    assert f"/clients/{message.client_id}/" not in page


def test_a_message_that_is_not_there(browser: Browser) -> None:
    assert browser.get("/messages/1/").status_code == 404
