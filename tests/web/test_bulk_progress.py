"""Bulk actions that a cluster does: above the list of clients, on their own page, cancelled."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone

from notifier.delivery.models import BulkAction, Heartbeat
from notifier.web.clients.bulk_words import outcome_in_words
from tests.web.making import make_bulk_action, make_client
from tests.web.reading import words_of

TAGGING = "Tagging 120,000 clients with “vip”"
PART = {"HX-Request": "true", "HX-Target": "bulk-actions"}


def ended(
    *,
    ago: timedelta = timedelta(),
    after: timedelta = timedelta(minutes=1),
    **fields: object,
) -> BulkAction:
    at = timezone.now() - ago
    fields = {"done": 120_000, "created_at": at - after, "finished_at": at, **fields}
    return make_bulk_action(**fields)


def cancelled(**fields: object) -> BulkAction:
    now = timezone.now()
    return make_bulk_action(cancelled_at=now, finished_at=now, **fields)


def toasts_of(response: HttpResponse) -> list[str]:
    return [str(message) for message in response.context["messages"]]


# --- Above the list -------------------------------------------------------------------


def test_the_list_tells_what_is_under_way_by_whom_and_offers_to_cancel_it(
    browser: Browser, person: User
) -> None:
    make_client()
    action = make_bulk_action(created_by=person)

    page = browser.get("/clients/?tag=a2")

    words, html = words_of(page), page.content.decode()
    assert f"Under way {TAGGING}: 45,000 done Cancel Begun" in words
    assert " by anna." in words
    assert f'href="/clients/actions/{action.pk}/"' in html
    assert f'hx-get="/clients/actions/{action.pk}/cancel/"' in html
    assert 'hx-trigger="every 2s, refresh"' in html


def test_it_refreshes_by_itself_alone_and_only_while_something_changes(browser: Browser) -> None:
    make_client()
    action = make_bulk_action()

    first = browser.get("/clients/", headers=PART)
    same = browser.get(first.context["live"].address, headers=PART)
    BulkAction.objects.update(done=46_000)
    later = browser.get(first.context["live"].address, headers=PART)
    BulkAction.objects.filter(pk=action.pk).update(
        done=120_000, changed=120_000, finished_at=timezone.now()
    )
    last = browser.get(later.context["live"].address, headers=PART)

    assert "<html" not in first.content.decode()
    assert 'id="clients"' not in first.content.decode()
    assert same.status_code == 204
    assert "46,000 done" in words_of(later)
    assert "Done 120,000 clients got the tag “vip”." in words_of(last)
    assert (later.context["live"].address != "", last.context["live"].address) == (True, "")


@pytest.mark.parametrize(
    "others",
    [
        [],
        [{"ago": timedelta(hours=4)}],
        # Whoever did it waited for it, and was told.
        [{"after": timedelta(seconds=1)}],
    ],
)
def test_nothing_stands_above_the_list_where_nothing_went_on_lately(
    browser: Browser, others: list[dict]
) -> None:
    make_client()
    for fields in others:
        ended(**fields)

    page = browser.get("/clients/")

    assert 'id="bulk-actions-title"' not in page.content.decode()
    assert "Live updates" not in words_of(page)


def test_of_those_that_ended_lately_few_are_listed_and_after_those_under_way(
    browser: Browser,
) -> None:
    for minutes in (50, 40, 30, 20):
        ended(ago=timedelta(minutes=minutes), tag=f"{minutes} minutes")
    make_bulk_action(kind="opt_out", done=0)

    words = words_of(browser.get("/clients/"))

    shown = ["Opting out 120,000 clients: 0 done", *(f"“{m} minutes”" for m in (20, 30, 40))]
    places = [words.index(each) for each in shown]
    assert places == sorted(places)
    assert "50 minutes" not in words


def test_it_is_shown_where_no_client_is_left(browser: Browser) -> None:
    make_bulk_action(kind="delete", tag="")

    words = words_of(browser.get("/clients/"))

    assert "Deleting 120,000 clients: 45,000 done" in words
    assert "No clients yet" in words


@pytest.mark.parametrize("actions", [1, 3])
def test_more_of_them_take_no_more_queries(
    browser: Browser, person: User, django_assert_num_queries, actions: int
) -> None:
    for _ in range(actions):
        make_bulk_action(created_by=person)
        ended(created_by=person)

    # Session, person, and the two kinds.
    with django_assert_num_queries(4):
        browser.get("/clients/", headers=PART)


# --- Its own page ---------------------------------------------------------------------


def test_its_page_tells_how_far_it_is_and_whether_somebody_is_at_it(
    browser: Browser, person: User
) -> None:
    address = f"/clients/actions/{make_bulk_action(created_by=person).pk}/"

    alone = words_of(browser.get(address))
    Heartbeat.objects.create(name="cluster:one", at=timezone.now())
    worked_on = words_of(browser.get(address))

    assert "45,000 of 120,000 done Begun" in alone
    assert "by anna. No cluster is alive: it goes on once one is started." in alone
    assert "by anna. You may leave this page: it goes on without you. Cancel" in worked_on


def test_once_all_have_ended_the_list_below_is_said_to_be_old(browser: Browser) -> None:
    under_way, old = make_bulk_action(), "The list below is as it was before."
    refresh = {"HX-Request": "true", "HX-Target": "bulk-actions"}

    assert old not in words_of(browser.get("/clients/", headers=refresh))
    BulkAction.objects.filter(pk=under_way.pk).update(finished_at=timezone.now())

    assert old in words_of(browser.get("/clients/", headers=refresh))
    assert old not in words_of(browser.get("/clients/"))


# --- Cancelling -----------------------------------------------------------------------


def test_it_is_asked_before_in_numbers_as_of_now(browser: Browser) -> None:
    action = make_bulk_action()

    asked = words_of(browser.get(f"/clients/actions/{action.pk}/cancel/"))

    assert f"Cancel the tagging? {TAGGING}: 45,000 done as of now." in asked
    assert "Back Cancel the tagging" in asked
    action.refresh_from_db()
    assert action.state == "running"


def test_it_is_asked_in_the_dialog_or_without_scripts_on_a_page(browser: Browser) -> None:
    action = make_bulk_action()
    address = f"/clients/actions/{action.pk}/cancel/"

    page = browser.get(address)
    dialog = browser.get(address, headers={"HX-Request": "true", "HX-Target": "bulk-body"})

    for shown in ("/clients/", f"/clients/actions/{action.pk}/"):
        assert f'<form action="{address}">' in browser.get(shown).content.decode()
    assert "<title>Cancel the tagging · Notifier</title>" in page.content.decode()
    assert words_of(dialog) in words_of(page)
    assert "<html" not in dialog.content.decode()


def test_cancelled_between_two_chunks_it_says_exactly_what_was_done(browser: Browser) -> None:
    action = make_bulk_action()

    page = browser.post(f"/clients/actions/{action.pk}/cancel/", follow=True)

    assert toasts_of(page) == ["Cancelled."]
    said = "Cancelled 45,000 of 120,000 clients got the tag “vip”; the others were left alone."
    assert said in words_of(page)
    assert said in words_of(browser.get("/clients/"))
    assert "<title>Cancelled · Set tag</title>" in page.content.decode()
    assert page.context["live"].address == ""


def test_cancelled_within_a_chunk_it_says_that_this_is_finished(browser: Browser) -> None:
    action = make_bulk_action(chunk=[45_001])

    page = browser.post(f"/clients/actions/{action.pk}/cancel/", follow=True)

    assert toasts_of(page) == ["Cancelled. The clients it is at just now are finished first."]
    assert "The clients it is at just now are finished; no others are begun." in words_of(page)
    assert "ask-cancel" not in page.content.decode()
    assert "every 1s" in page.content.decode()
    assert f"Cancelling {TAGGING}: 45,000 done Begun" in words_of(browser.get("/clients/"))


def test_cancelled_twice_it_says_so(browser: Browser) -> None:
    action = make_bulk_action()
    address = f"/clients/actions/{action.pk}/cancel/"
    browser.post(address, follow=True)

    asked, again = browser.get(address), browser.post(address, follow=True)

    assert "It was cancelled already" in words_of(asked)
    assert toasts_of(again) == ["It was cancelled already."]
    assert "45,000 of 120,000" in words_of(again)


def test_what_has_ended_meanwhile_is_not_cancelled_and_says_so(browser: Browser) -> None:
    action = ended()
    address = f"/clients/actions/{action.pk}/cancel/"

    asked, posted = browser.get(address), browser.post(address, follow=True)

    done = "120,000 clients got the tag “vip”."
    assert f"It has ended already {done}" in words_of(asked)
    assert toasts_of(posted) == [f"It had ended before it could be cancelled: {done}"]
    action.refresh_from_db()
    assert action.state == "done"


def test_what_there_is_not_cannot_be_cancelled(browser: Browser) -> None:
    assert browser.post("/clients/actions/1/cancel/").status_code == 404


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"changed": 44_000},
            "Of 120,000 clients, 44,000 got the tag “vip”, and 1,000 had it already; "
            "the others were left alone.",
        ),
        (
            {"changed": 0},
            "Nothing changed: 45,000 of 120,000 clients had it already; "
            "the others were left alone.",
        ),
        ({"done": 0}, "Nothing was done to any of the 120,000 clients."),
        ({"done": 120_000}, "That came too late: 120,000 clients got the tag “vip”."),
        # More match by now than were counted.
        ({"done": 120_001}, "That came too late: 120,001 clients got the tag “vip”."),
        (
            {"total": 3, "done": 2, "tag": ""},
            "2 of 3 clients lost the tag; the other was left alone.",
        ),
        (
            {"kind": "opt_out"},
            "45,000 of 120,000 clients opted out; the others were left alone.",
        ),
        ({"kind": "delete"}, "45,000 of 120,000 clients deleted; the others were left alone."),
    ],
)
def test_what_was_cancelled_is_said_exactly(db, fields: dict, words: str) -> None:
    assert outcome_in_words(cancelled(**fields)) == words
