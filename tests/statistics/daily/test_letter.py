"""The e-mail in both its forms, read as a person would read it."""

import re
from datetime import date, timedelta
from html import unescape

import pytest

from notifier.accounts.daily_email import bounds_of_day
from notifier.accounts.models import DailyEmail
from notifier.delivery.models import GatewayHealth, GatewayIncident
from notifier.mailings.models import Gateway
from notifier.statistics.daily.letter import letter_about
from tests.statistics.daily.counting import count, mailing_of
from tests.web.making import make_client, make_message, make_running
from tests.web.test_access import HOSTILE

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 24)


@pytest.fixture
def reader(settings) -> DailyEmail:
    """Somebody who never wished one: this is a preview."""
    settings.SITE_URL = "https://sms.example.com"
    return DailyEmail(address="anna@example.com", timezone="Asia/Kathmandu")


def words(html: str) -> str:
    """What is read, the white space evened out."""
    body = re.sub(r"(?s)<(style|title)>.*?</\1>", "", html)

    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_both_forms_tell_the_same_and_the_subject_the_most_of_it(reader):
    mailing = mailing_of(
        DAY, "Asia/Kathmandu", accepted=12_400, failed=80, unknown=7, expired=31, skipped=9
    )
    mailing_of(DAY - timedelta(days=1), "Asia/Kathmandu", name="Before", accepted=10_000)

    letter = letter_about(DAY, reader)

    assert letter.subject == "12,400 accepted, 80 failed, 7 unknown · Tue 24 Nov"
    html = words(letter.html)
    for told in ("12,400", "+24 %", "10,000", "1,429", "80", "Tuesday, 24 November 2026"):
        assert told in html.replace("\u00a0", " "), told
        assert told in letter.text.replace("\u00a0", " "), told
    assert "Autumn sale 12,400 80 7 40" in html
    assert "- Autumn sale\n  accepted 12,400, failed 80, unknown 7, not sent 40" in letter.text
    for link in (f"/mailings/{mailing.pk}/", "/statistics/?from=2026-11-24", "/account/daily-"):
        assert f'href="https://sms.example.com{link}' in letter.html
        assert f"https://sms.example.com{link}" in letter.text


@pytest.mark.parametrize(
    ("today", "before", "change"),
    [
        (110, 100, "+10 %"),
        (95, 100, "−5 %"),
        (100, 100, "the same"),
        (1001, 1000, "about the same"),
        (12, 5, "+7"),
        (0, 5, "−5"),
        (5_000, 100, "+4,900"),
    ],
)
def test_changes_are_told_as_a_person_would(reader, today, before, change):
    mailing_of(DAY, reader.timezone, accepted=today, failed=1)
    mailing_of(DAY - timedelta(days=1), reader.timezone, accepted=before)

    text = letter_about(DAY, reader).text.replace("\u00a0", " ")

    assert f"Mon 23 Nov: {change} (was {before:,})" in text.replace("against ", "")


def test_a_day_on_which_nothing_was_sent_is_told_plainly(reader):
    letter = letter_about(DAY, reader)

    assert letter.is_empty
    assert letter.subject == "Nothing was sent · Tue 24 Nov"
    assert "Nothing was sent that day." in words(letter.html)
    assert "Nothing was sent that day." in letter.text
    assert "MAILINGS" not in letter.text


def test_what_needs_attention_is_told_in_both_forms(reader):
    mailing_of(DAY, reader.timezone, name="Undecided", unknown=1)
    make_running(name="Stopped", status="paused", pause_reason="Most messages were rejected.")
    gateway = Gateway.objects.get()
    GatewayHealth.objects.create(gateway=gateway, state="held", reason="unauthorised")

    letter = letter_about(DAY, reader)

    for told in (
        "Undecided 1 message may have been sent, or not. Decide what to do.",
        "Stopped Paused. Most messages were rejected.",
        "Default gateway On hold: nothing is sent until it is released. "
        "The gateway refused the token (401).",
    ):
        assert told in words(letter.html)
        text = re.sub(r"\s+", " ", re.sub(r"https://\S+|- ", "", letter.text))
        assert told in text


def test_incidents_of_the_day_are_told_by_the_person_s_clock(reader):
    start, end = bounds_of_day(DAY, reader.timezone)
    gateway, minute = Gateway.objects.get(), timedelta(minutes=1)
    for kind, began, ended in (
        ("open", start - 2 * minute, start - minute),
        ("open", start - 5 * minute, start + 12 * minute),
        ("held", end - 5 * minute, None),
        ("open", end, end + minute),
    ):
        GatewayIncident.objects.create(
            gateway=gateway, kind=kind, reason="timed_out", began_at=began, ended_at=ended
        )

    letter = letter_about(DAY, reader)

    why = "The gateway did not answer in time."
    for told in (
        f"Out of order from Mon 23 Nov, 23:55 to 00:12: {why}",
        f"On hold from 23:55 on, and still so: {why}",
    ):
        assert told in words(letter.html)
        assert f"- Default gateway\n  {told}" in letter.text
    assert letter.text.count(why) == 2


def test_names_can_become_neither_markup_nor_lines_nor_headers(reader):
    name = f"{HOSTILE}\r\nBcc: evil@example.com\n- Another mailing"[:200]
    mailing = mailing_of(DAY, reader.timezone, name=name, unknown=3)
    make_message(mailing, make_client(phone="79991234567"), status="unknown", reason="timed_out")
    count(mailing, mailing.created_at.replace(second=0, microsecond=0), unknown=1)

    letter = letter_about(DAY, reader)

    assert "<script" not in letter.html
    assert "<img" not in letter.html
    assert "\nBcc" not in letter.text
    assert "\n- Another mailing" not in letter.text
    assert "evil" not in letter.subject
    assert "7999" not in letter.html + letter.text


def test_nothing_is_fetched_and_nothing_runs_when_it_is_opened(reader):
    mailing_of(DAY, reader.timezone, accepted=1)

    html = letter_about(DAY, reader).html

    forbidden = r"(?i)<(script|img|link|iframe|object|form)\b|\bsrc=|url\(|@import|\son\w+="
    assert not re.search(forbidden, html)
