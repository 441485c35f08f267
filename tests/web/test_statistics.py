"""The page of statistics: its numbers are the messages', and every one of them leads there."""

import csv
import io
import random
import re
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client as Browser
from django.utils import timezone

from notifier.delivery.models import TERMINAL, Message
from notifier.delivery.recount import mend
from notifier.delivery.rollup import roll_up_day
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.breakdown import By, group_by
from notifier.statistics.messages import every_message
from notifier.web.messages import query as messages_query
from notifier.web.statistics.query import BREAKDOWNS, read_query
from notifier.web.statistics.tables import lines_of
from tests.statistics.test_breakdown import DAYS as HISTORY
from tests.statistics.test_breakdown import FIRST, make_history
from tests.web.making import make_client, make_finished, make_message
from tests.web.reading import words_of

pytestmark = pytest.mark.django_db

LAST = FIRST + timedelta(days=9)
DAYS = {"from": FIRST.isoformat(), "to": LAST.isoformat()}
FIGURE = re.compile(r'<div class="figure number">(?:<a href="([^"]+)">)?([\d,]+)')


@pytest.fixture
def history() -> None:
    make_history(random.Random(5), messages=80)


def figures_of(page: str) -> dict[str, int]:
    counts = (int(count.replace(",", "")) for _, count in FIGURE.findall(page))
    return dict(zip(TERMINAL, counts, strict=True))


def counted() -> dict[str, int]:
    ended = Message.objects.filter(
        finished_at__date__gte=FIRST, finished_at__date__lte=LAST
    ).values_list("status", flat=True)
    return {status: list(ended).count(status) for status in TERMINAL}


def test_the_figures_are_those_of_the_messages_before_and_after_roll_up(
    browser: Browser, history
) -> None:
    before = browser.get("/statistics/", DAYS).content.decode()
    for day in HISTORY:
        roll_up_day(day)
    after = browser.get("/statistics/", DAYS).content.decode()

    assert figures_of(before) == figures_of(after) == counted()


def test_every_number_leads_to_its_messages(browser: Browser, history) -> None:
    page = browser.get("/statistics/", {**DAYS, "by": "tag"}).content.decode()

    address, count = FIGURE.findall(page)[0]
    assert dict(parse_qsl(urlsplit(address.replace("&amp;", "&")).query)) == {
        **DAYS, "status": "accepted",
    }  # fmt: skip
    assert int(count) == Message.objects.filter(status="accepted").count()
    of_tag = Message.objects.filter(status="failed", traits__tag="a").count()
    query = f"from={FIRST}&amp;to={LAST}&amp;tag=a&amp;status=failed"
    assert f'<a href="/messages/?{query}">{of_tag}</a>' in page
    assert "tag=-&amp;status=" in page


@pytest.mark.parametrize(
    "by",
    ["mailing", "operator", "tag", "timezone", "hour", "weekday", "gateway", "reason", "attempts"],
)
def test_every_breakdown_adds_up(browser: Browser, history, by: str) -> None:
    page = browser.get("/statistics/", {**DAYS, "by": by})
    export = browser.get("/statistics/export.csv", {**DAYS, "by": by})

    assert page.status_code == 200
    text = b"".join(export.streaming_content).decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    sums = [sum(int(line[word]) for line in lines) for word in ("Messages", "Accepted", "Skipped")]
    ended = counted()
    assert sums == [sum(ended.values()), ended["accepted"], ended["skipped"]]
    assert f'filename="statistics-by-{by}-{FIRST}-to-{LAST}.csv"' in export["Content-Disposition"]


def test_one_gateway_or_mailing_alone(browser: Browser, history) -> None:
    gateway = Gateway.objects.last()
    mailing = Mailing.objects.first()

    of_gateway = browser.get("/statistics/", {**DAYS, "gateway": gateway.pk}).content.decode()
    of_mailing = browser.get("/statistics/", {**DAYS, "mailing": mailing.pk}).content.decode()

    sent = Message.objects.filter(status="accepted")
    assert figures_of(of_gateway)["accepted"] == sent.filter(mailing__gateway=gateway).count()
    assert figures_of(of_mailing)["accepted"] == sent.filter(mailing=mailing).count()
    assert f"gateway={gateway.pk}" in FIGURE.findall(of_gateway)[0][0]
    assert "Mailing: Autumn sale" in of_mailing


def test_it_is_compared_with_the_period_before(browser: Browser) -> None:
    mailing = make_finished()
    today = timezone.now()
    for days, number in ((0, 3), (1, 1), (5, 1)):
        for _ in range(number):
            at = today - timedelta(days=days)
            make_message(mailing, make_client(), finished_at=at, duration_ms=5)
    mend()

    words = words_of(browser.get("/statistics/", {"range": "today"}))

    assert "Accepted 3 2 more (200 %)" in words
    assert f"Compared with {today - timedelta(days=1):%-d %b %Y}; today is not over yet." in words


def test_what_was_typed_wrongly_is_said_and_kept(browser: Browser) -> None:
    page = browser.get("/statistics/", {"from": "2026-03-05", "to": "2026-03-01"})

    assert page.status_code == 422
    assert "The range ends on 2026-03-01, before it begins on 2026-03-05." in words_of(page)
    assert 'value="2026-03-05"' in page.content.decode()
    for query, words in (
        ({"by": "moon"}, 'There is no breakdown by "moon".'),
        ({"gateway": "99"}, 'There is no gateway "99".'),
        ({"mailing": "x"}, 'There is no mailing "x".'),
        ({"range": "decade"}, 'There is no range "decade".'),
    ):
        assert words in words_of(browser.get("/statistics/", query))
    assert browser.get("/statistics/export.csv", {"by": "moon"}).status_code == 422


def test_days_without_anything_say_so(browser: Browser) -> None:
    assert "Nothing happened in these days" in words_of(browser.get("/statistics/"))


def test_a_fragment_is_what_htmx_asks_for(browser: Browser, history) -> None:
    headers = {"HX-Request": "true", "HX-Target": "statistics"}

    fragment = browser.get("/statistics/", DAYS, headers=headers).content.decode()

    assert "<html" not in fragment
    assert "By mailing" in fragment


def test_it_costs_the_same_for_few_groups_and_many(
    browser: Browser, history, django_assert_max_num_queries
) -> None:
    browser.get("/statistics/", DAYS)
    with django_assert_max_num_queries(30) as few:
        browser.get("/statistics/", {**DAYS, "by": "mailing"})
    make_history(random.Random(6), messages=80)
    with django_assert_max_num_queries(len(few.captured_queries)):
        browser.get("/statistics/", {**DAYS, "by": "mailing"})


def test_hostile_names_do_no_harm(browser: Browser) -> None:
    mailing = make_finished(name="=cmd()<script>alert(1)</script>")
    make_message(mailing, make_client(), finished_at=timezone.now(), duration_ms=5)
    mend()

    page = browser.get("/statistics/").content.decode()
    export = browser.get("/statistics/export.csv")

    assert "<script>alert(1)" not in page
    assert "'=cmd()" in b"".join(export.streaming_content).decode()


def test_the_year_is_told_by_weeks_and_a_day_by_hours(browser: Browser, history) -> None:
    year = words_of(browser.get("/statistics/", {"from": "2026-01-01", "to": "2026-12-31"}))
    day = words_of(browser.get("/statistics/", {"from": "2026-10-30", "to": "2026-10-30"}))

    assert "Messages by week" in year
    assert "Messages by hour" in day


@pytest.mark.parametrize("by", [by for by in By if by in BREAKDOWNS])
def test_where_a_number_leads_there_are_exactly_so_many(browser: Browser, history, by: By) -> None:
    asked = read_query({**DAYS, "by": by.value})
    lines = lines_of(asked, group_by(asked.scope, by))
    assert len(lines) > 1

    for line in lines:
        for status in TERMINAL:
            address = line.address(status)
            search = messages_query.read_query(dict(parse_qsl(urlsplit(address).query)))
            assert search.problems == {}
            assert len(list(every_message(search.search))) == line.counts[status], address
