"""Reports for paper: every number against a count of the messages themselves."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client as Browser

from notifier.clients.models import ClientFilter
from notifier.delivery.models import TERMINAL, Attempt, GatewayIncident, Message
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.series import Series
from notifier.web.report.period import Change
from notifier.web.report.timeline import Incident, Timeline, marks_in
from tests.web.making import MINUTE, count_outcomes, make_mailing, make_running
from tests.web.reading import rows_of, words_of
from tests.web.sent import make_sent

HOUR = timedelta(hours=1)
# Session and person, and a few for each section.
MAILING_QUERIES, PERIOD_QUERIES = 17, 32
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
    return [[re.sub(f" {MARK}$", "", cell) for cell in row] for row in rows_of(only_rows)]


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

    referred = re.findall(rf"(\w+)<span class=.report-mark.>({MARK})</span></(?:th|dt)>", page)
    explained = dict(re.findall(rf"<li><span class=.report-mark.>({MARK})</span> (\w+)", page))

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

    assert re.search(r"Received twice, perhaps: at most \S+ 4 ", words)


def test_attempts_that_were_put_back_stand_beside_the_sum(browser: Browser, sent: Mailing) -> None:
    count_outcomes(sent, retried=17)

    assert re.search(r"Attempts put back to wait \S+ 17 ", words_of(report_of(browser, sent)))


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


def test_an_incident_is_marked_in_columns_of_unequal_length() -> None:
    # The night in which clocks go forward: a day of 23 hours, 06:00 of which is its 6th.
    days = [datetime(2026, 3, day, tzinfo=ZoneInfo("Europe/Berlin")) for day in (28, 29, 30)]
    times = [day.astimezone(UTC) for day in days]
    timeline = Timeline("day", Series(times[:2], ["28", "29"], {}), times[2])
    begins = datetime(2026, 3, 29, 6, tzinfo=ZoneInfo("Europe/Berlin"))
    incident = Incident(1, "", "", "", begins.astimezone(UTC), None, 0)
    over = Incident(2, "", "", "", times[0] - 2 * HOUR, times[0] - HOUR, 0)

    marks = marks_in(timeline, [incident, over])

    assert marks == [{"number": 1, "begins": round(1 + 5 / 23, 3), "ends": 2}]


def test_a_mailing_that_has_only_just_begun_has_a_report(browser: Browser) -> None:
    mailing = make_running(audience=7)

    answer = report_of(browser, mailing)

    assert table(answer, "What became of the messages")[-2:] == [
        ["Waiting", "7", "100 %"],
        ["Audience", "7", "100 %"],
    ]
    assert "Over time" not in words_of(answer)


@pytest.mark.parametrize("messages", [3, 60])
def test_more_messages_take_no_more_queries(
    browser: Browser, django_assert_num_queries, messages: int
) -> None:
    mailing = make_sent(messages=messages, traits=TRAITS, lasts=HOUR)

    with django_assert_num_queries(MAILING_QUERIES):
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


# --- Of a period ----------------------------------------------------------------------

SEPTEMBER = "/report/?from=2026-09-01&to=2026-09-30"


@pytest.fixture
def two_gateways(db) -> tuple[Mailing, Mailing]:
    """One mailing of August and September, 30 messages each, and one of September by another."""
    other = Gateway.objects.create(name="Second gateway")
    late = MINUTE - timedelta(days=1)
    return (
        make_sent(messages=60, traits=TRAITS, lasts=timedelta(days=1), start=late, name="First"),
        make_sent(messages=20, traits=TRAITS, lasts=HOUR, gateway=other, name="Second"),
    )


def counted_within(**conditions: object) -> Counter:
    found = Message.objects.filter(
        finished_at__gte=datetime(2026, 9, 1, tzinfo=UTC),
        finished_at__lt=datetime(2026, 10, 1, tzinfo=UTC),
        **conditions,
    )
    return Counter(found.values_list("status", flat=True))


@pytest.mark.parametrize("narrowed", ["", "gateway", "mailing"])
def test_a_period_counts_the_outcomes_that_came_in_it(
    browser: Browser, two_gateways: tuple[Mailing, Mailing], narrowed: str
) -> None:
    first, _ = two_gateways
    address, conditions = {
        "": ("", {}),
        "gateway": (f"&gateway={first.gateway_id}", {"mailing__gateway": first.gateway}),
        "mailing": (f"&mailing={first.pk}", {"mailing": first}),
    }[narrowed]
    counted = counted_within(**conditions)

    answer = browser.get(SEPTEMBER + address)

    rows = table(answer, "What became of the messages")
    assert {row[0].lower(): int(row[1]) for row in rows[:-1]} == {
        status: counted[status] for status in TERMINAL
    }
    assert rows[-1][:3] == ["All", str(counted.total()), "100 %"]
    assert sum(map(sum, answer.context["timeline"].series.outcomes.values())) == (
        counted.total() - counted["skipped"]
    )
    assert table(answer, "By time zone")[-1][1] == str(counted.total())
    assert table(answer, "By hour of the day")[-1][1] == str(counted.total())
    assert len(table(answer, "By day of the week")) == 7 + 1


def test_a_period_is_held_against_the_one_before(
    browser: Browser, two_gateways: tuple[Mailing, Mailing]
) -> None:
    before = Message.objects.filter(
        finished_at__lt=datetime(2026, 9, 1, tzinfo=UTC), status="accepted"
    ).count()
    now = counted_within()["accepted"]
    assert "Not compared" in words_of(browser.get(SEPTEMBER))  # nothing is known of 1 August

    make_sent(messages=1, traits=[], lasts=HOUR, start=MINUTE - timedelta(days=60))
    answer = browser.get(SEPTEMBER)

    assert "Before: 1 to 31 Aug 2026" in words_of(answer)
    percent = f"{round((now - before) / before * 100):+} %"
    name, found, _, *compared = table(answer, "What became of the messages")[0]
    assert [name, found] == ["Accepted", str(now)]
    assert compared == [str(before), f"{now - before:+}", percent]


def test_changes_are_written_with_their_sign() -> None:
    changes = [Change("", "", *numbers) for numbers in [(5, 5), (1000, 2500), (3, 0), (2000, 1)]]

    assert [(each.difference, each.percent) for each in changes] == [
        ("0", "0\u00a0%"),
        ("\u22121,500", "\u221260\u00a0%"),
        ("+3", "–"),
        ("+1,999", "+199,900\u00a0%"),
    ]


def test_each_mailing_has_a_line_with_its_part_of_the_period(
    browser: Browser, two_gateways: tuple[Mailing, Mailing]
) -> None:
    first, second = (counted_within(mailing=mailing) for mailing in two_gateways)

    answer = browser.get(SEPTEMBER)

    assert table(answer, "Mailings") == [
        ["First", "31 Aug 2026, 12:00", "60", *buckets(first)],
        ["Second", "1 Sep 2026, 12:00", "20", *buckets(second)],
        ["All", "", "", *buckets(first + second)],
    ]
    assert f'href="/mailings/{two_gateways[0].pk}/report/"' in answer.content.decode()
    assert [row[0] for row in table(answer, "By gateway")[:2]] == [
        "Default gateway", "Second gateway",
    ]  # fmt: skip


def buckets(counted: Counter) -> list[str]:
    not_sent = counted["expired"] + counted["cancelled"] + counted["skipped"]
    return [str(counted[each]) for each in ("accepted", "failed", "unknown")] + [str(not_sent)]


def test_of_very_many_mailings_the_smallest_are_summed_up(browser: Browser) -> None:
    for number in range(45):
        make_sent(messages=1 + (number == 44), traits=[], lasts=HOUR, name=f"No. {number}")

    rows = table(browser.get(SEPTEMBER), "Mailings")

    assert len(rows) == 40 + 2
    assert "No. 44" in {row[0] for row in rows}
    assert rows[-2:] == [
        ["5 others", "", "", "5", "0", "0", "0"],
        ["All", "", "", "46", "0", "0", "0"],
    ]


def test_a_mailing_that_is_gone_is_called_by_its_number(
    browser: Browser, two_gateways: tuple[Mailing, Mailing]
) -> None:
    _, second = two_gateways
    second.minute_counts.all().delete()
    Mailing.objects.filter(pk=second.pk)._raw_delete("default")

    rows = table(browser.get(SEPTEMBER), "Mailings")

    assert [row[:3] for row in rows[:2]] == [
        [f"Deleted mailing {second.pk}", "–", "–"],
        ["First", "31 Aug 2026, 12:00", "60"],
    ]


def test_incidents_name_their_gateways_where_there_are_several(
    browser: Browser, two_gateways: tuple[Mailing, Mailing]
) -> None:
    first, second = two_gateways
    for mailing in two_gateways:
        GatewayIncident.objects.create(
            gateway=mailing.gateway, kind="held", reason="", began_at=MINUTE, ended_at=MINUTE + HOUR
        )

    rows = table(browser.get(SEPTEMBER), "Incidents of the gateways")
    of_one = table(
        browser.get(f"{SEPTEMBER}&gateway={second.gateway_id}"), "Incidents of the gateway"
    )

    assert [row[:3] for row in rows] == [
        ["1", "Default gateway", "On hold"],
        ["2", "Second gateway", "On hold"],
    ]
    assert [row[:2] for row in of_one] == [["1", "On hold"]]
    assert first.gateway_id != second.gateway_id


def test_a_period_that_has_not_ended_says_so_far(browser: Browser) -> None:
    today = browser.get("/report/?range=today")
    yesterday = browser.get("/report/?range=yesterday")

    assert "So far: this period has not ended." in words_of(today)
    assert "So far" not in words_of(yesterday)
    assert "No message came to an outcome in this period." in words_of(yesterday)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("from=2026-09-31", 422, '"2026-09-31" is not a day: write it as 2026-05-04.'),
        ("range=always", 422, 'There is no range "always".'),
        ("gateway=99", 422, 'There is no gateway "99".'),
        ("mailing=x", 422, 'There is no mailing "x".'),
        ("from=2000-01-01&to=2999-12-31", 200, "No message came to an outcome"),
    ],
)
def test_odd_periods_are_answered_in_words(
    browser: Browser, query: str, status: int, words: str
) -> None:
    answer = browser.get(f"/report/?{query}")

    assert answer.status_code == status
    assert words in words_of(answer)


def test_other_periods_keep_what_else_was_asked_for(browser: Browser) -> None:
    gateway = Gateway.default_id()

    page = browser.get(f"/report/?range=7d&gateway={gateway}").content.decode()

    assert re.search(rf'href="\?range=30d&amp;gateway={gateway}[^"]*">', page)
    assert re.search(rf'href="\?range=7d&amp;gateway={gateway}[^"]*" aria-current="page"', page)
    assert f'href="/statistics/?range=7d&amp;gateway={gateway}"' in page


@pytest.mark.parametrize("mailings", [1, 5])
def test_more_mailings_take_no_more_queries(
    browser: Browser, django_assert_num_queries, mailings: int
) -> None:
    for _ in range(mailings):
        make_sent(messages=3, traits=TRAITS, lasts=HOUR)

    with django_assert_num_queries(PERIOD_QUERIES):
        browser.get(SEPTEMBER)
