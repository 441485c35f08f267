import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from notifier.mailings.models import Mailing
from tests.web.making import make_client, make_finished, make_mailing, make_running
from tests.web.reading import words_of

FRAGMENT = {"HX-Request": "true", "HX-Target": "audience"}


def filled_in(**changes: object) -> dict[str, object]:
    """The composer's fields for a mailing to everybody, at once."""
    return {"name": "Autumn sale", "text": "Everything must go", "start": "now", **changes}


def as_typed(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M")


@pytest.fixture
def soon() -> datetime:
    return timezone.now().replace(second=0, microsecond=0) + timedelta(hours=3)


@pytest.mark.parametrize("make", [make_mailing, make_running])
def test_the_time_zone_is_said_once_beside_the_times(browser: Browser, make) -> None:
    page = words_of(browser.get(f"/mailings/{make().pk}/edit/"))

    assert page.count("Times are in UTC.") == 1


# --- Launching ------------------------------------------------------------------------


def test_a_mailing_launched_now_starts_at_once(browser: Browser, person) -> None:
    make_client()
    before = timezone.now()

    response = browser.post("/mailings/new/", filled_in(), follow=True)

    mailing = Mailing.objects.get()
    assert response.redirect_chain == [(f"/mailings/{mailing.pk}/", 302)]
    assert "Launched for 1 client." in words_of(response)
    assert before <= mailing.start_time <= timezone.now()
    assert mailing.end_time - mailing.start_time == timedelta(hours=24)
    assert (mailing.conditions, mailing.created_by) == ({}, person)


def test_a_mailing_for_later_is_scheduled_in_the_site_s_time_zone(
    browser: Browser, settings
) -> None:
    settings.TIME_ZONE = "Asia/Omsk"
    make_client()

    browser.post(
        "/mailings/new/",
        filled_in(start="later", start_time="2040-05-01T09:30", end_time="2040-05-01T21:00"),
    )

    mailing = Mailing.objects.get()
    assert mailing.start_time == datetime(2040, 5, 1, 3, 30, tzinfo=UTC)
    assert mailing.end_time == datetime(2040, 5, 1, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "conditions"),
    [
        ({"tag": "a2"}, {"tag": "a2"}),
        ({"operators": ["999"]}, {"operator": 999}),
        ({"tag": "a2", "timezone": "UTC"}, {"tag": "a2", "timezone": "UTC"}),
        (
            {"operators": ["912", "999"]},
            {"field": "operator", "op": "in", "value": [912, 999]},
        ),
        (
            {"tag": "a2", "operators": ["912", "999"]},
            {"all": [{"tag": "a2"}, {"field": "operator", "op": "in", "value": [912, 999]}]},
        ),
    ],
)
def test_the_audience_becomes_conditions_and_comes_back(
    browser: Browser, soon: datetime, fields: dict[str, object], conditions: dict[str, object]
) -> None:
    make_client(tag="a2", operator=999)
    make_client(tag="a2", operator=912)

    browser.post("/mailings/new/", filled_in(start="later", start_time=as_typed(soon), **fields))

    mailing = Mailing.objects.get()
    assert mailing.conditions == conditions
    page = browser.get(f"/mailings/{mailing.pk}/edit/").content.decode()
    checked = re.findall(r'name="operators" value="(\d+)"[^>]* checked', page)
    assert checked == fields.get("operators", [])
    for name in ("tag", "timezone"):
        value = re.search(rf'name="{name}"(?: value="([^"]*)")?', page)
        assert value
        assert (value[1] or "") == fields.get(name, "")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"text": "  "}, "This field is required."),
        ({"text": "x" * 4001}, "characters; at most 4000."),
        ({"start": "later"}, "Say when it starts."),
        ({"start": "later", "start_time": "nonsense"}, "Enter a valid date/time."),
        ({"tag": "nobody"}, "No client matches. There is nobody to send to."),
        ({"timezone": "Mars"}, 'Time zone "Mars" is not an IANA name'),
        ({"end_time": "2020-01-01T00:00"}, "is not after the start"),
        ({"operators": ["123"]}, "123 is not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    browser: Browser, changes: dict[str, object], problem: str
) -> None:
    make_client(tag="a2")
    asked = filled_in(tag="a2", name="Kept name", text="Kept text") | changes

    response = browser.post("/mailings/new/", asked)

    page = response.content.decode()
    assert response.status_code == 422
    assert problem in words_of(response)
    assert page.count("autofocus") == 1
    assert "Kept name" in page
    assert str(asked["text"]) in page
    assert str(asked["tag"]) in page
    assert not Mailing.objects.exists()


def test_a_later_mailing_that_matches_nobody_yet_is_accepted_with_a_warning(
    browser: Browser, soon: datetime
) -> None:
    asked = filled_in(start="later", start_time=as_typed(soon), tag="future")

    response = browser.post("/mailings/new/", asked, follow=True)

    assert "No client matches. Unless that changes by the start" in words_of(response)
    assert Mailing.objects.get().conditions == {"tag": "future"}


# --- The preview beside the form ------------------------------------------------------


def test_the_preview_counts_whom_the_form_would_reach(browser: Browser) -> None:
    make_client(tag="a2", phone="79990000001")
    make_client(tag="a2", phone="79990000002")
    make_client(tag="a2", opted_out_at=timezone.now())
    make_client(tag="other")

    words = words_of(browser.get("/mailings/preview/?tag=a2&start=now", headers=FRAGMENT))

    assert "3 clients match; 1 has opted out and will be skipped." in words
    examples = re.search(r"For example (.+?), (.+?)\.", words)
    assert examples
    assert set(examples.groups()) == {"+79990000002 (a2)", "+79990000001 (a2)"}
    assert "Starts at once for 2 clients" in words
    assert "Send now to 2 clients" in words


def test_the_preview_of_a_later_start_says_when(browser: Browser) -> None:
    make_client()

    words = words_of(
        browser.get("/mailings/preview/?start=later&start_time=2040-05-01T09:30", headers=FRAGMENT)
    )

    assert "Starts 1 May 2040, 09:30 UTC for 1 client" in words
    assert "Ends 2 May 2040, 09:30 UTC, 24 hours after the start, as no end is given." in words
    assert words.endswith("Schedule")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("start=now&tag=nobody", "0 clients match. There is nobody to send to."),
        ("start=later", "Say when it starts, and what launching does is shown here. Schedule"),
        ("start=now&timezone=Mars", "The audience cannot be counted yet"),
        ("start=now&end_time=2020-01-01T00:00", "leaves no time to send"),
        ("start=nonsense&start_time=x&operators=x&mailing=x", "cannot be counted yet"),
    ],
)
def test_the_preview_bears_whatever_is_typed(browser: Browser, query: str, says: str) -> None:
    response = browser.get(f"/mailings/preview/?{query}", headers=FRAGMENT)

    assert response.status_code == 200
    assert says in words_of(response)


# --- Changing -------------------------------------------------------------------------


def test_a_scheduled_mailing_may_change_as_a_whole(browser: Browser, soon: datetime) -> None:
    make_client(tag="vip")
    mailing = make_mailing()
    asked = filled_in(text="New text", tag="vip", start="later", start_time=as_typed(soon))

    browser.post(f"/mailings/{mailing.pk}/edit/", asked)

    changed = Mailing.objects.get()
    assert (changed.text, changed.conditions) == ("New text", {"tag": "vip"})
    assert (changed.start_time, changed.end_time) == (soon, soon + timedelta(hours=24))


def test_saving_what_was_shown_keeps_the_seconds_of_both_times(browser: Browser) -> None:
    make_client()
    start = timezone.now() + timedelta(hours=2, seconds=17)
    mailing = make_mailing(start_time=start, end_time=start + timedelta(hours=1))
    asked = filled_in(
        start="later", start_time=as_typed(start), end_time=as_typed(mailing.end_time)
    )

    browser.post(f"/mailings/{mailing.pk}/edit/", asked)

    changed = Mailing.objects.get()
    assert (changed.start_time, changed.end_time) == (mailing.start_time, mailing.end_time)


def test_an_audience_from_the_api_that_the_form_cannot_show_stays_as_it_is(
    browser: Browser,
) -> None:
    conditions = {"not": {"tag": "a2"}}
    make_client()
    mailing = make_mailing(conditions=conditions)
    edit = f"/mailings/{mailing.pk}/edit/"

    shown = words_of(browser.get(edit))
    browser.post(
        edit, filled_in(text="New", start="later", start_time=as_typed(mailing.start_time))
    )

    assert "Chosen by a saved filter or the API: tag is not a2. It stays as it is." in shown
    assert (Mailing.objects.get().text, Mailing.objects.get().conditions) == ("New", conditions)


def test_a_running_mailing_offers_its_name_and_end_alone(browser: Browser) -> None:
    mailing = make_running()
    end = timezone.now().replace(second=0, microsecond=0) + timedelta(hours=7)

    page = browser.get(f"/mailings/{mailing.pk}/edit/").content.decode()
    browser.post(f"/mailings/{mailing.pk}/edit/", {"name": "New", "end_time": as_typed(end)})

    assert 'name="text"' not in page
    changed = Mailing.objects.get()
    assert (changed.name, changed.end_time, changed.text) == ("New", end, mailing.text)


def test_an_end_in_the_past_is_refused_while_running(browser: Browser) -> None:
    mailing = make_running()
    past = timezone.now() - timedelta(minutes=5)

    response = browser.post(
        f"/mailings/{mailing.pk}/edit/", {"name": "", "end_time": as_typed(past)}
    )

    assert response.status_code == 422
    assert "has passed: nothing could be sent." in words_of(response)


def test_a_text_changed_after_the_start_is_not_lost_in_silence(browser: Browser) -> None:
    mailing = make_running()

    response = browser.post(f"/mailings/{mailing.pk}/edit/", filled_in(text="New"), follow=True)

    assert "The mailing started meanwhile" in words_of(response)
    assert Mailing.objects.get().text == mailing.text


def test_an_ended_mailing_cannot_be_changed(browser: Browser) -> None:
    mailing = make_finished()

    response = browser.get(f"/mailings/{mailing.pk}/edit/", follow=True)

    assert "The mailing has ended: nothing about it can be changed." in words_of(response)
