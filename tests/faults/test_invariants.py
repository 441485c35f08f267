"""The checker itself: whatever is wrong in made-up facts is reported, and nothing else."""

from collections import defaultdict
from datetime import UTC, datetime

import pytest

from notifier.gateway.sandbox.ledger import LedgerEntry
from tests.faults.facts import AttemptRow, Facts, MessageRow
from tests.faults.invariants import Violation, find_violations, summary
from tests.faults.story import End, Sample, Stop, Story

START, END = 1_000.0, 2_000.0
PHONE = 79990000001


def moment(seconds):
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat()


def message(number=1, status="accepted", *, maybe_sent=False, attempts=1, sent_at=1_100.0, **more):
    client = more.get("client", number)
    return MessageRow(
        number, client, str(PHONE - 1 + client), status, maybe_sent, attempts, sent_at
    )


def entry(number=1, *, at=1_100.0, accepted=True, phone=PHONE, text="Hi"):
    return LedgerEntry(at, number, phone, text, "ok", 200, accepted)


def attempt(number=1, outcome="unknown", *, at=1_100.0, reason="timed_out"):
    return AttemptRow(1, number, outcome, reason, at)


def facts(messages=None, entries=None, attempts=(), **more):
    """One message, accepted and taken once; or what is given."""
    messages = [message()] if messages is None else messages
    sent, rows = defaultdict(list), defaultdict(list)
    for each in [entry()] if entries is None else entries:
        sent[each.id].append(each)
    for row in attempts:
        rows[row.message_id].append(row)
    mailing = {
        "audience": len(messages), "text": "Hi",
        "start_time": moment(START), "end_time": moment(END),
    }  # fmt: skip
    known = {each.id: each for each in messages}
    return Facts(mailing | more.pop("mailing", {}), known, rows, sent, **more)


def found(facts_):
    return {(violation.invariant, violation.what) for violation in find_violations(facts_)}


def test_a_mailing_where_all_went_well():
    assert found(facts()) == set()


def test_a_mailing_with_every_honest_oddity():
    """Taken twice after a time-out, refused, lost with its sender, stopped, moved, delayed."""
    messages = [
        message(1, maybe_sent=True, attempts=2),
        message(2, "failed"),
        message(3, "unknown", maybe_sent=True),
        message(4, "cancelled", attempts=0, sent_at=None),
    ]
    entries = [
        entry(1, at=1_100), entry(1, at=1_200),
        entry(2, accepted=False, phone=PHONE + 1),
        entry(3, accepted=False, phone=PHONE + 2, at=1_501),
    ]  # fmt: skip
    attempts = [
        attempt(),
        attempt(1, "rejected")._replace(message_id=2),
        attempt(1, reason="sender_lost")._replace(message_id=3),
    ]
    story = Story(
        recipients=4,
        stops=[Stop("pause", 1_499, 1_500)],
        ends=[End(-1, END), End(1_500, 1_501)],
        resumes_after=[1_190],
        samples=[Sample(1_100, 0.1, 200), Sample(1_150, 9.0, 503)],
        outages=[(1_149, 1_155)],
    )
    counts = {"accepted": 1, "failed": 1, "unknown": 1, "cancelled": 1}

    seen = facts(
        messages, entries, attempts, story=story, retried=2, shown={"the page": {**counts, "x": 0}}
    )

    assert found(seen) == set()


@pytest.mark.parametrize(
    ("wrong", "violation"),
    [
        (
            facts([message(1), message(2, client=1)], [entry(1), entry(2)]),
            ("I1", "client 1 has 2 messages"),
        ),
        (facts(mailing={"audience": 2}), ("I1", "1 messages of an audience of 2")),
        (
            facts(story=Story(recipients=3)),
            ("I1", "3 clients match, 1 are recipients"),
        ),
        (facts([message(status="pending", attempts=0)], []), ("I1", "still pending")),
        (facts([message(status="sending", attempts=0)], []), ("I1", "still sending")),
        (facts(claims=7), ("I1", "7 messages are still claimed")),
        (facts(strays=[entry(9)]), ("I1", "sent without a row")),
        (facts(entries=[]), ("I2", "accepted, and the gateway never took it")),
        (
            facts(entries=[entry(accepted=False)]),
            ("I2", "accepted, and the gateway never took it"),
        ),
        (
            facts([message(status="failed")], attempts=[attempt(outcome="rejected")]),
            ("I2", "failed, and the gateway took it"),
        ),
        (
            facts([message(status="expired", attempts=0)]),
            ("I2", "expired, and the gateway took it"),
        ),
        (
            facts([message(status="failed", maybe_sent=True)], attempts=[attempt()]),
            ("I2", "failed, and may have been sent"),
        ),
        (
            facts([message(status="unknown")], attempts=[attempt(outcome="busy")]),
            ("I2", "unknown, and surely not sent"),
        ),
        (
            facts(entries=[entry(), entry(at=1_200)]),
            ("I3", "sent again though it was known to be taken"),
        ),
        # The unknown outcome came after the repeat, so it cannot be the reason.
        (
            facts(
                [message(maybe_sent=True, attempts=2)],
                [entry(), entry(at=1_200)],
                [attempt(at=1_300)],
            ),
            ("I3", "sent again though it was known to be taken"),
        ),
        (
            facts(
                [message(maybe_sent=True, attempts=2)],
                [entry(accepted=False), entry(at=1_200)],
                [attempt()],
                holds_unknown=True,
            ),
            ("I3", "sent again after an unknown outcome was to be held"),
        ),
        (facts(entries=[entry(phone=PHONE + 5)]), ("I3", "sent to another phone")),
        (facts(entries=[entry(text="Ho")]), ("I3", "sent with another text")),
        (facts([message(attempts=2)]), ("I3", "attempts are not the attempts on record")),
        (
            facts([message(attempts=2)], attempts=[attempt(2, "busy")]),
            ("I3", "attempts are not numbered one by one"),
        ),
        (
            facts(entries=[entry(accepted=False), entry()]),
            ("I3", "sent more often than on record"),
        ),
        (
            facts(entries=[entry(accepted=False), entry()]),
            ("I3", "not taken, and no attempt says so"),
        ),
        (
            facts([message(maybe_sent=True)]),
            ("I3", "maybe_sent is not what the attempts say"),
        ),
        (
            facts([message(attempts=2)], attempts=[attempt()]),
            ("I3", "maybe_sent is not what the attempts say"),
        ),
        (facts(entries=[entry(at=START - 0.01)]), ("I4", "sent before the start")),
        (facts(entries=[entry(at=END + 0.6)]), ("I4", "sent after the end")),
        (facts([message(sent_at=END)]), ("I4", "begun after the end")),
        (
            facts(entries=[entry(at=1_600)], story=Story(ends=[End(0, END), End(1_500, 1_550)])),
            ("I4", "sent after the end"),
        ),
        (
            facts(entries=[entry(at=1_510)], story=Story(stops=[Stop("pause", 1_499, 1_500)])),
            ("I5", "1 requests up to 10.0 s after the pause"),
        ),
        (
            facts(
                [message(n) for n in range(1, 5)],
                [entry(n, at=1_501, phone=PHONE - 1 + n) for n in range(1, 5)],
                story=Story(stops=[Stop("cancellation", 1_499, 1_500)]),
                most_claimed=3,
            ),
            ("I5", "4 requests up to 1.0 s after the cancellation"),
        ),
        (
            facts(
                [message(attempts=2)],
                [entry(at=1_501, accepted=False), entry(at=1_502)],
                [attempt(outcome="busy")],
                story=Story(stops=[Stop("opt-out", 1_499, 1_500, phone=PHONE)]),
            ),
            ("I5", "2 requests up to 2.0 s after the opt-out"),
        ),
        (
            facts(entries=[entry(at=1_400)], story=Story(resumes_after=[1_300])),
            ("I6", "nothing left for 100 s after a fault"),
        ),
        (
            facts(story=Story(samples=[Sample(1_100, 0.1, 500)])),
            ("I7", "a page was answered 500"),
        ),
        (
            facts(story=Story(samples=[Sample(1_100, 3.0, 200)])),
            ("I7", "pages took 3.0 s in the middle"),
        ),
        (
            facts(shown={"the page": {"accepted": 2}}),
            ("I8", "the page shows {'accepted': 2}, the rows are {'accepted': 1}"),
        ),
        (
            facts(miscounted=["(1, …): says 2, there are 1"]),
            ("I8", "a counter is wrong: (1, …): says 2, there are 1"),
        ),
        (facts(retried=1), ("I8", "1 retries counted, there were 0")),
        (
            facts(
                [message(maybe_sent=True, attempts=2)],
                [entry(accepted=False), entry(at=1_200)],
                [attempt()],
            ),
            ("I8", "0 retries counted, there were 1"),
        ),
    ],
)
def test_what_is_violated_is_reported(wrong, violation):
    assert violation in found(wrong)


def test_all_violations_are_reported_and_summed_up():
    wrong = facts([message(1), message(2), message(3)], [entry(1, at=START - 1)])

    violations = find_violations(wrong)

    assert violations == [
        Violation("I2", "accepted, and the gateway never took it", 2),
        Violation("I2", "accepted, and the gateway never took it", 3),
        Violation("I4", "sent before the start", 1),
    ]
    assert summary(violations) == (
        "I2: accepted, and the gateway never took it (2: [2, 3])\n"
        "I4: sent before the start (1: [1])"
    )
