"""Reports for paper: every number against a count of the messages themselves."""

import re
from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client as Browser

from notifier.clients.models import ClientFilter
from notifier.delivery.models import Attempt, GatewayIncident, Message
from notifier.mailings.models import Mailing
from tests.web.making import MINUTE, count_outcomes, make_mailing
from tests.web.reading import rows_of, words_of
from tests.web.sent import make_sent

HOUR = timedelta(hours=1)
MARK = "[¹²³⁴-⁹⁰]+"
TRAITS = [(912, "a2", "Europe/Moscow"), (912, "", "Asia/Omsk"), (900, "b", "Europe/Moscow")]


@pytest.fixture
def sent(db) -> Mailing:
    return make_sent(messages=60, traits=TRAITS, lasts=HOUR, name="Autumn sale")


def report_of(browser: Browser, mailing: Mailing):
    return browser.get(f"/mailings/{mailing.pk}/report/")


def table(response, heading: str) -> list[list[str]]:
    """The rows of the section under a heading, its sum included, without the notes' marks."""
    sections = response.content.decode().split("<section")
    section = next(part for part in sections if f"<h2>{heading}</h2>" in part)
    rows = re.sub(r"<tr [^>]*>", "<tr>", section.partition("</thead>")[2].partition("</table>")[0])
    only_rows = HttpResponse(f"<tbody>{re.sub('</?t(body|foot)>', '', rows)}</tbody>")
    return [[re.sub(f"{MARK}$", "", cell) for cell in row] for row in rows_of(only_rows)]


# --- The account ----------------------------------------------------------------------


def test_the_ledger_adds_up_to_the_audience(browser: Browser, sent: Mailing) -> None:
    counted = Counter(Message.objects.values_list("status", flat=True))

    rows = table(report_of(browser, sent), "What became of the messages")

    assert rows == [
        ["Accepted", str(counted["accepted"]), "75 %"],
        ["Failed", str(counted["failed"]), "5 %"],
        ["Unknown", str(counted["unknown"]), "10 %"],
        ["of these counted as sent", "3", "5 %"],
        ["of these not decided", "3", "5 %"],
        ["Expired", str(counted["expired"]), "5 %"],
        ["Skipped", str(counted["skipped"]), "5 %"],
        ["Audience", "60", "100 %"],
    ]
    assert counted.total() == 60


def test_every_word_that_has_a_mark_is_explained_under_it(browser: Browser, sent: Mailing) -> None:
    page = report_of(browser, sent).content.decode()

    referred = re.findall(rf"(\w+)({MARK})</(?:th|dt)>", page)
    explained = dict(re.findall(rf"<li><span>({MARK})</span> (\w+)", page))

    assert [word for word, _ in referred][:3] == ["Accepted", "Failed", "Unknown"]
    assert {mark for _, mark in referred} == set(explained)
    assert {word: explained[mark] for word, mark in referred if word[0].isupper()} == {
        word: word for word, _ in referred if word[0].isupper()
    }
    assert "nobody here can know" in page


def test_who_may_have_got_it_twice_is_counted_by_attempts_without_an_answer(
    browser: Browser, sent: Mailing
) -> None:
    # Accepted after an unknown outcome: three. Of the unknown, one was tried again in vain.
    twice = Message.objects.filter(status="unknown").first()
    assert twice is not None
    first = Attempt.objects.get(message=twice)
    Attempt.objects.create(
        message=twice, number=2, started_at=first.started_at, duration_ms=1, outcome="unknown",
        reason="timed_out", phase="reply",
    )  # fmt: skip

    words = words_of(report_of(browser, sent))

    assert re.search(r"Received twice, perhaps: at most\S+ 4 ", words)


def test_attempts_that_were_put_back_stand_beside_the_sum(browser: Browser, sent: Mailing) -> None:
    count_outcomes(sent, retried=17)

    assert re.search(r"Attempts put back to wait\S+ 17 ", words_of(report_of(browser, sent)))


def test_reasons_are_told_in_words(browser: Browser, sent: Mailing) -> None:
    assert table(report_of(browser, sent), "Reasons") == [
        ["No clear answer; a person counted it as sent", "0", "3", "0", "0"],
        ["The mailing's end came first", "0", "0", "3", "0"],
        ["The client has opted out", "0", "0", "3", "0"],
        ["Rejected by the gateway", "3", "0", "0", "0"],
        ["The gateway did not answer in time", "0", "3", "0", "0"],
    ]


# --- By what the clients are ----------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "field", "unnamed"),
    [
        ("By time zone", "traits__timezone", ""),
        ("By operator", "traits__operator", ""),
        ("By tag", "traits__tag", "No tag"),
    ],
)
def test_tables_are_counts_of_the_messages(
    browser: Browser, sent: Mailing, heading: str, field: str, unnamed: str
) -> None:
    counted: dict[str, Counter] = {}
    for value, status in Message.objects.values_list(field, "status"):
        counted.setdefault(str(value) or unnamed, Counter())[status] += 1

    rows = table(report_of(browser, sent), heading)

    found = {row[0]: [int(number) for number in (*row[1:3], *row[4:])] for row in rows[:-1]}
    assert found == {
        name: [
            of.total(), of["accepted"], of["failed"], of["unknown"], of["expired"] + of["skipped"]
        ]
        for name, of in counted.items()
    }  # fmt: skip
    assert rows[-1] == ["All", "60", "45", "75 %", "3", "6", "6"]


def test_a_long_table_shows_the_largest_and_sums_up_the_others(browser: Browser) -> None:
    many = [(100 + number, "", "UTC") for number in range(40)]
    mailing = make_sent(messages=45, traits=many, lasts=HOUR)

    rows = table(report_of(browser, mailing), "By operator")

    assert [row[0] for row in rows[:6]] == ["100", "101", "102", "103", "104", "105"]
    assert [row[:2] for row in rows[-2:]] == [["15 others", "15"], ["All", "45"]]
    assert sum(int(row[1]) for row in rows[:-1]) == 45


def test_what_all_have_in_common_is_one_line(browser: Browser) -> None:
    mailing = make_sent(messages=3, traits=TRAITS[:1], lasts=timedelta(seconds=1))

    words = words_of(report_of(browser, mailing))

    assert "By time zone" not in words
    assert "Time zone Europe/Moscow Operator 912 Tag a2 Attempts 1 attempt" in words


# --- What it says beside --------------------------------------------------------------


def test_a_report_says_what_was_sent_to_whom_by_whom(
    browser: Browser, person: User, sent: Mailing
) -> None:
    sent.client_filter = ClientFilter.objects.create(name="Loyal ones", conditions={"tag": "a2"})
    sent.conditions, sent.created_by = {"tag": "a2"}, person
    sent.save()

    words = words_of(report_of(browser, sent))

    assert (
        "Mailing report Autumn sale Sent from 1 Sep 2026, 12:00 UTC to 1 Sep 2026, 13:00" in words
    )
    assert "Clients tag is a2 (from the filter “Loyal ones”) Text Everything must go" in words
    assert "Gateway Default gateway" in words
    assert re.search(r"Created [^:]+:\d\d UTC by anna ", words)
    assert re.search(r"Made [^:]+:\d\d UTC by anna with Notifier", words)
    assert "So far" not in words


def test_a_mailing_under_way_says_so_far_and_as_of_when(browser: Browser, sent: Mailing) -> None:
    Mailing.objects.filter(pk=sent.pk).update(status="running", finished_at=None, audience=70)

    answer = report_of(browser, sent)

    assert "So far: this mailing has not ended. The numbers are as of " in words_of(answer)
    assert table(answer, "What became of the messages")[-2:] == [
        ["Waiting", "10", "14 %"],
        ["Audience", "70", "100 %"],
    ]


def test_one_that_has_not_begun_has_nothing_to_report(browser: Browser) -> None:
    mailing = make_mailing()

    assert "This mailing has not begun" in words_of(report_of(browser, mailing))
    assert "report/" not in browser.get(f"/mailings/{mailing.pk}/").content.decode()


def test_the_mailing_s_page_leads_to_its_report(browser: Browser, sent: Mailing) -> None:
    page = browser.get(f"/mailings/{sent.pk}/").content.decode()

    assert f'href="/mailings/{sent.pk}/report/"' in page


def test_only_the_incidents_of_its_own_gateway_and_time_are_told(
    browser: Browser, sent: Mailing
) -> None:
    for begins, ends in [(-2, -1), (0.25, 0.5), (2, 3)]:
        GatewayIncident.objects.create(
            gateway=sent.gateway, kind="open", reason="timed_out",
            began_at=MINUTE + begins * HOUR, ended_at=MINUTE + ends * HOUR,
        )  # fmt: skip

    answer = report_of(browser, sent)

    assert table(answer, "Incidents of the gateway") == [
        [
            "1", "Out of order: The gateway did not answer in time",
            "1 Sep 2026, 12:15 UTC", "1 Sep 2026, 12:30 UTC", "15 min",
        ],
    ]  # fmt: skip
    # The columns are minutes, from the first outcome to the last.
    marks = re.search(r'id="chart-marks"[^>]*>([^<]*)<', answer.content.decode())
    assert marks
    assert marks[1] == '[{"number": 1, "begins": 15.0, "ends": 30.0}]'


@pytest.mark.parametrize(
    ("lasts", "step", "columns"),
    [
        (timedelta(seconds=30), "minute", 1),
        (timedelta(minutes=90), "minute", 91),
        (timedelta(hours=10), "quarter of an hour", 41),
        (timedelta(days=3), "hour", 73),
        (timedelta(days=20), "day", 21),
    ],
)
def test_the_chart_has_as_many_columns_as_paper_can_show(
    browser: Browser, lasts: timedelta, step: str, columns: int
) -> None:
    mailing = make_sent(messages=20, traits=[], lasts=lasts)

    context = report_of(browser, mailing).context

    assert context["timeline"].step == step
    assert len(context["chart"].rows) == columns
    assert sum(map(sum, context["timeline"].series.outcomes.values())) == 19  # none skipped


@pytest.mark.parametrize("messages", [3, 60])
def test_more_messages_take_no_more_queries(
    browser: Browser, django_assert_max_num_queries, messages: int
) -> None:
    mailing = make_sent(messages=messages, traits=TRAITS, lasts=HOUR)

    with django_assert_max_num_queries(20):
        report_of(browser, mailing)


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7 }}"


def test_words_of_people_cannot_become_markup(browser: Browser) -> None:
    mailing = make_sent(
        messages=20, traits=[(912, HOSTILE, "UTC"), (913, "a", "UTC")], lasts=HOUR, name=HOSTILE,
        text=HOSTILE, conditions={"tag": HOSTILE},
    )  # fmt: skip

    page = report_of(browser, mailing).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page
