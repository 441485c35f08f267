"""What must hold whatever happened: a list of all that does not.

I1 everybody has one message · I2 accepted means taken · I3 no repeat without a
reason · I4 nothing outside the window · I5 nothing after a stop · I6 sending
goes on after a fault · I7 pages stay fast · I8 the numbers shown are the rows'.

``docs/faults.md`` says them in words. All checks read ``Facts``, which
``tests.faults.facts`` collects from the ledger, the database and the pages.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from tests.faults.facts import Facts, read_facts
from tests.faults.story import Stop, Story
from tests.running import RunningNotifier

OPEN = ("pending", "sending")
# From the first byte that leaves to the ledger's entry, on a machine that is busy.
ARRIVAL_SECONDS = 0.5
# A sender looks every quarter second; this allows for a busy machine.
LATE_SECONDS = 5.0
PAGE_SECONDS = 2.0
EXAMPLES = 3


class Violation(NamedTuple):
    """What does not hold, of which message if of one."""

    invariant: str
    what: str
    message: int | None = None


Found = Iterator[Violation]


def check_invariants(
    notifier: RunningNotifier, mailing_id: int, story: Story | None = None
) -> Counter[str]:
    """Fails with all that is violated; how many messages came to what, once all has settled."""
    facts = read_facts(notifier, mailing_id, story or Story())
    violations = find_violations(facts)
    assert not violations, "\n" + summary(violations)
    return facts.statuses


def find_violations(facts: Facts) -> list[Violation]:
    return [violation for check in CHECKS for violation in check(facts)]


def summary(violations: list[Violation]) -> str:
    """A line for each kind, with a few of its messages."""
    kinds: dict[tuple[str, str], list[int]] = {}
    for violation in violations:
        messages = kinds.setdefault((violation.invariant, violation.what), [])
        messages += [] if violation.message is None else [violation.message]
    return "\n".join(
        f"{invariant}: {what}" + (f" ({len(of)}: {of[:EXAMPLES]})" if of else "")
        for (invariant, what), of in kinds.items()
    )


# --- I1: everybody has one message, and it has ended ----------------------------------


def one_message_each(facts: Facts) -> Found:
    clients = Counter(message.client_id for message in facts.messages.values())
    for client, count in clients.items():
        if count > 1:
            yield Violation("I1", f"client {client} has {count} messages")
    audience = facts.mailing["audience"]
    if len(facts.messages) != audience:
        yield Violation("I1", f"{len(facts.messages)} messages of an audience of {audience}")
    if facts.story.recipients not in (None, audience):
        yield Violation("I1", f"{facts.story.recipients} clients match, {audience} are recipients")
    for message in facts.messages.values():
        if message.status in OPEN:
            yield Violation("I1", f"still {message.status}", message.id)
    if facts.claims:
        yield Violation("I1", f"{facts.claims} messages are still claimed")
    for entry in facts.strays:
        yield Violation("I1", "sent without a row", entry.id)


# --- I2: accepted means taken, and what was taken is not denied -----------------------


def accepted_means_taken(facts: Facts) -> Found:
    for message in facts.messages.values():
        taken = any(entry.accepted for entry in facts.sent[message.id])
        if message.status == "accepted" and not taken:
            yield Violation("I2", "accepted, and the gateway never took it", message.id)
        if taken and message.status not in ("accepted", "unknown"):
            yield Violation("I2", f"{message.status}, and the gateway took it", message.id)
        if message.maybe_sent and message.status not in ("accepted", "unknown", *OPEN):
            yield Violation("I2", f"{message.status}, and may have been sent", message.id)
        if message.status == "unknown" and not message.maybe_sent:
            yield Violation("I2", "unknown, and surely not sent", message.id)


# --- I3: no repeat without a reason; every attempt is on record -----------------------


def no_repeat_without_reason(facts: Facts) -> Found:
    """Each acceptance that was followed by a repeat had an outcome that we could not know."""
    for message in facts.messages.values():
        sent = facts.sent[message.id]
        rows = [row for row in facts.attempts[message.id] if row.outcome == "unknown"]
        unknowns = sorted(row.started_at for row in rows)
        repeats = [after.at for entry, after in pairwise(sent) if entry.accepted]
        for number, at in enumerate(repeats, start=1):
            if bisect_right(unknowns, at) < number:
                yield Violation("I3", "sent again though it was known to be taken", message.id)
        # Each attempt left once at most, so whatever is above the number came after it.
        is_held = facts.holds_unknown and not facts.story.was_sent_again
        if is_held and any(row.number < len(sent) for row in rows):
            yield Violation("I3", "sent again after an unknown outcome was to be held", message.id)


def the_same_to_the_same_phone(facts: Facts) -> Found:
    for message in facts.messages.values():
        for entry in facts.sent[message.id]:
            if entry.phone != int(message.phone):
                yield Violation("I3", "sent to another phone", message.id)
            if entry.text != facts.mailing["text"]:
                yield Violation("I3", "sent with another text", message.id)


def every_attempt_on_record(facts: Facts) -> Found:
    """The accepted attempt is on the message, every other one has a row."""
    for message in facts.messages.values():
        rows = facts.attempts[message.id]
        sent = facts.sent[message.id]
        if message.attempts != len(rows) + (message.status == "accepted"):
            yield Violation("I3", "attempts are not the attempts on record", message.id)
        if [row.number for row in rows] != list(range(1, len(rows) + 1)):
            yield Violation("I3", "attempts are not numbered one by one", message.id)
        if len(sent) > message.attempts:
            yield Violation("I3", "sent more often than on record", message.id)
        if sum(not entry.accepted for entry in sent) > len(rows):
            yield Violation("I3", "not taken, and no attempt says so", message.id)
        if any(row.outcome == "unknown" for row in rows) != message.maybe_sent:
            yield Violation("I3", "maybe_sent is not what the attempts say", message.id)


# --- I4: nothing outside the window ---------------------------------------------------


def nothing_outside_the_window(facts: Facts) -> Found:
    for message in facts.messages.values():
        for entry in facts.sent[message.id]:
            if entry.at < facts.start:
                yield Violation("I4", "sent before the start", message.id)
            late = entry.at - _end_at(facts, entry.at)
            if late >= ARRIVAL_SECONDS:
                yield Violation("I4", "sent after the end", message.id)
        if message.sent_at is not None and message.sent_at >= _end_at(facts, message.sent_at):
            yield Violation("I4", "begun after the end", message.id)


def _end_at(facts: Facts, moment: float) -> float:
    """The end that held then; one that was moved forward counts once senders know of it."""
    ends = facts.ends
    known = max(n for n, each in enumerate(ends) if each.done_at <= moment - LATE_SECONDS)
    return max(each.end for each in ends[known:] if each.done_at <= moment)


# --- I5: nothing after a stop ---------------------------------------------------------


class AfterStop(NamedTuple):
    """What still left after a stop was committed: how many requests, for how long."""

    requests: int
    seconds: float


def after_stop(facts: Facts, stop: Stop) -> AfterStop:
    times = facts.times if stop.phone is None else facts.times_of(stop.phone)
    first, last = bisect_right(times, stop.done_at), bisect_left(times, stop.until)
    late = times[first:last]
    return AfterStop(len(late), late[-1] - stop.done_at if late else 0.0)


def nothing_after_a_stop(facts: Facts) -> Found:
    for stop in facts.story.stops:
        left = after_stop(facts, stop)
        seconds, most = (math.inf, 1) if stop.phone else (LATE_SECONDS, facts.most_claimed)
        if left.requests > most or left.seconds > seconds:
            words = f"{left.requests} requests up to {left.seconds:.1f} s after the {stop.kind}"
            yield Violation("I5", words)


# --- I6: sending goes on after a fault ------------------------------------------------


def sending_goes_on(facts: Facts) -> Found:
    for moment in facts.story.resumes_after:
        place = bisect_right(facts.times, moment)
        if place == len(facts.times):
            continue
        resumed_at = facts.times[place]
        lulled = any(begun < resumed_at and moment < over for begun, over in facts.story.lulls)
        if resumed_at - moment > facts.story.resumes_within and not lulled:
            yield Violation("I6", f"nothing left for {resumed_at - moment:.0f} s after a fault")


def nobody_settles(seconds: float) -> Violation:
    return Violation("I6", f"something is still open {seconds:.0f} s after all faults")


# --- I7: pages stay fast --------------------------------------------------------------


def pages_stay_fast(facts: Facts) -> Found:
    samples = [
        sample
        for sample in facts.story.samples
        if not any(
            begun <= sample.at + sample.seconds and sample.at <= over
            for begun, over in facts.story.outages
        )
    ]
    for status in sorted({sample.status for sample in samples if sample.status != 200}):
        yield Violation("I7", f"a page was answered {status}")
    if samples and (middle := median(sample.seconds for sample in samples)) > PAGE_SECONDS:
        yield Violation("I7", f"pages took {middle:.1f} s in the middle")


# --- I8: the numbers shown are the rows' ----------------------------------------------


def numbers_are_the_rows(facts: Facts) -> Found:
    for screen, counts in facts.shown.items():
        shown = {status: count for status, count in counts.items() if count}
        if shown != dict(facts.statuses):
            yield Violation("I8", f"{screen} shows {shown}, the rows are {dict(facts.statuses)}")


def retries_are_counted(facts: Facts) -> Found:
    """Every attempt put its message back to wait but those that ended it."""
    final = {"rejected", "unknown"} if facts.holds_unknown else {"rejected"}
    rows = [row for rows in facts.attempts.values() for row in rows]
    retries = sum(row.outcome not in final for row in rows)
    if facts.retried != retries:
        yield Violation("I8", f"{facts.retried} retries counted, there were {retries}")


def counters_are_the_rows(facts: Facts) -> Found:
    for counter in facts.miscounted:
        yield Violation("I8", f"a counter is wrong: {counter}")


CHECKS: tuple[Callable[[Facts], Found], ...] = (
    one_message_each,
    accepted_means_taken,
    no_repeat_without_reason,
    the_same_to_the_same_phone,
    every_attempt_on_record,
    nothing_outside_the_window,
    nothing_after_a_stop,
    sending_goes_on,
    pages_stay_fast,
    numbers_are_the_rows,
    retries_are_counted,
    counters_are_the_rows,
)
