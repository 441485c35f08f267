"""The daily e-mail in a browser: its pages, and itself as mail programs would show it."""

from datetime import time, timedelta

from django.utils import timezone

from notifier.accounts.daily_email import unsubscribe_token, yesterday_of
from notifier.accounts.models import DailyEmail
from notifier.statistics.daily.letter import letter_about
from tests.browser.looking import AXE, OVERFLOW, VIOLATIONS, Watched
from tests.statistics.daily.counting import count, mailing_of
from tests.web.making import make_running

LONG_NAME = "A very long name of a mailing that somebody wrote without thinking of telephones"


def make_a_day(daily: DailyEmail) -> None:
    day = yesterday_of(daily, timezone.now())
    mailing = mailing_of(day, "UTC", name="Autumn sale", accepted=1_212_400, failed=80, unknown=7)
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    count(mailing, noon, reason="rejected", failed=1_234)
    count(mailing, noon + timedelta(minutes=15), reason="timed_out", failed=80, unknown=7)
    mailing_of(day, "UTC", name=LONG_NAME, accepted=12_400, expired=31)
    mailing_of(day, "UTC", name="W" * 60, accepted=3, skipped=99, cancelled=1)
    for number in range(1, 10):
        mailing_of(day, "UTC", name=f"Reminder {number}", accepted=100 + number)
    mailing_of(day - timedelta(days=1), "UTC", accepted=1_000_000, failed=900)
    make_running(name=LONG_NAME, status="paused", pause_reason="Most messages were rejected.")


def test_its_pages_in_every_way(page: Watched, person) -> None:
    daily = DailyEmail.objects.create(
        user=person, address="anna@example.com", is_on=True, at=time(0), timezone="UTC"
    )
    make_a_day(daily)

    page.open("/account/daily-email/")
    page.look_at_it_every_way()
    page.open("/account/daily-email/preview/")
    frame = page.page.frame_locator("iframe")
    frame.locator("text=1,212,400").first.wait_for()
    page.look_at_it_every_way()
    page.open(f"/daily-email/unsubscribe/{unsubscribe_token(daily)}/")
    page.look_at_it_every_way()
    page.page.click("text=Unsubscribe >> nth=-1")
    page.page.wait_for_selector("text=You are unsubscribed")


def test_the_e_mail_itself_fits_and_can_be_read_in_any_mail_program(chromium, person) -> None:
    daily = DailyEmail(user=person, address="anna@example.com", timezone="UTC")
    make_a_day(daily)
    html = letter_about(yesterday_of(daily, timezone.now()), daily).html

    context = chromium.new_context()
    page = context.new_page()
    page.set_content(html)
    page.evaluate(AXE)
    found = []
    for width in (600, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            found += page.evaluate(VIOLATIONS, {})
            assert page.evaluate(OVERFLOW) <= 0, width
    context.close()

    assert found == []
