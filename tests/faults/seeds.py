"""A mailing under a seed's faults, from its start until all has settled and is judged."""

import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic
from typing import Any

from tests.faults.facts import Facts, read_facts
from tests.faults.invariants import (
    Violation,
    after_stop,
    find_violations,
    nobody_settles,
    summary,
)
from tests.faults.mischief import Mischief
from tests.faults.pages import Watcher
from tests.faults.plan import Plan
from tests.faults.quick import LEASE_SECONDS, PATIENCE, SWEEP_SECONDS, QuickNotifier
from tests.faults.story import Story
from tests.running import wait_for

SETTLED_SECONDS = 180
BESIDE = 200
# The longer of a lease and what a queued slice may wait; a sweep; and restarts on a busy machine.
RESUMED_SECONDS = max(LEASE_SECONDS, 20) + SWEEP_SECONDS + 15
SET_GATEWAY = """
    UPDATE gateway SET concurrency = %s, connect_timeout_seconds = 1, total_timeout_seconds = 2,
                       unknown_outcome = %s
"""
IS_OPEN = """
    SELECT EXISTS (SELECT FROM mailing WHERE status NOT IN ('finished', 'cancelled'))
        OR EXISTS (SELECT FROM message WHERE status IN ('pending', 'sending'))
"""


@dataclass
class Outcome:
    """What became of one seed. ``folder`` is kept where something was violated."""

    seed: int
    plan: str
    messages: int
    statuses: dict[str, int] = field(default_factory=dict)
    maybe_twice: int = 0
    surely_twice: int = 0
    requests: int = 0
    after_stop_requests: int = 0
    after_stop_seconds: float = 0.0
    page_seconds: float = 0.0
    slowest_page_seconds: float = 0.0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)
    folder: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def run_seed(plan: Plan, folder: Path, *, echo: bool = False) -> Outcome:
    """Start a Notifier in the folder, do to it what the plan says, and judge."""
    began_at = monotonic()
    outcome = Outcome(plan.seed, str(plan), plan.messages)
    story = Story(recipients=plan.messages, resumes_within=RESUMED_SECONDS)
    with QuickNotifier(folder, echo=echo, **_variables(plan, folder)) as notifier:
        (folder / "plan.txt").write_text(repr(plan))
        mailings = _send_through_faults(notifier, plan, story)
        violations = _settle(notifier)
        for mailing, its_story in mailings:
            facts = read_facts(notifier, mailing, its_story)
            violations += find_violations(facts)
            _note(outcome, facts)
        (folder / "output.txt").write_text("".join(notifier.output))
    outcome.violations = summary(violations).splitlines()
    outcome.seconds = round(monotonic() - began_at, 1)
    keep_or_remove(outcome, folder)
    return outcome


def _variables(plan: Plan, folder: Path) -> dict[str, str]:
    if not plan.fail_points:
        return PATIENCE
    points = ",".join(f"{point}:{chance}" for point, chance in plan.fail_points.items())
    return PATIENCE | {
        "NOTIFIER_FAIL_POINTS": points,
        "NOTIFIER_FAIL_POINTS_IN": str(folder / "data"),
        "NOTIFIER_FAIL_POINTS_SEED": str(plan.seed),
    }


def _send_through_faults(
    notifier: QuickNotifier, plan: Plan, story: Story
) -> list[tuple[int, Story]]:
    """The mailing that everything happens to, and a small one beside it."""
    notifier.add_clients("main", plan.messages)
    notifier.add_clients("beside", BESIDE)
    notifier.sql(SET_GATEWAY, plan.concurrency, plan.unknown_outcome)
    mischief = Mischief(notifier, 0, plan, story, Random(plan.seed))
    notifier.set_faults(seed=plan.seed, **mischief.usual())
    mischief.mailing = notifier.send("main", f"The main one of seed {plan.seed}")
    beside = notifier.send("beside", f"The one beside it, of seed {plan.seed}")
    with Watcher(notifier, story, f"/mailings/{mischief.mailing}/"):
        for act in plan.acts:
            mischief.do(act)
        _end_faults(notifier, mischief)
    return [(mischief.mailing, story), (beside, Story(recipients=BESIDE))]


def _end_faults(notifier: QuickNotifier, mischief: Mischief) -> None:
    notifier.set_faults(faults={}, latency=0)
    if mischief.plan.fail_points:
        for name in [name for name in notifier.variables if name.startswith("NOTIFIER_FAIL")]:
            del notifier.variables[name]
        with mischief.outage_of_pages(), mischief.lull():
            notifier.stop()
            notifier.start()
    mischief.release()


def _settle(notifier: QuickNotifier) -> list[Violation]:
    with suppress(AssertionError):
        wait_for(
            lambda: not notifier.sql(IS_OPEN)[0][0],
            seconds=SETTLED_SECONDS,
            what="nothing open",
            every=0.5,
        )
        # For pages and API, if the database was away.
        notifier.wait_until_ready()
        return []
    return [nobody_settles(SETTLED_SECONDS)]


def _note(outcome: Outcome, facts: Facts) -> None:
    outcome.statuses = dict(Counter(outcome.statuses) + facts.statuses)
    outcome.requests += len(facts.times)
    accepted = [m for m in facts.messages.values() if m.status in ("accepted", "unknown")]
    outcome.maybe_twice += sum(m.maybe_sent and m.status == "accepted" for m in accepted)
    outcome.surely_twice += sum(sum(e.accepted for e in facts.sent[m.id]) > 1 for m in accepted)
    for stop in facts.story.stops:
        left = after_stop(facts, stop)
        if stop.phone is None:
            outcome.after_stop_requests = max(outcome.after_stop_requests, left.requests)
            outcome.after_stop_seconds = max(outcome.after_stop_seconds, round(left.seconds, 3))
    seconds = [sample.seconds for sample in facts.story.samples if sample.status == 200]
    if seconds:
        outcome.page_seconds = round(median(seconds), 3)
        outcome.slowest_page_seconds = round(max(seconds), 3)


def keep_or_remove(outcome: Outcome, folder: Path) -> None:
    if outcome.violations:
        outcome.folder = str(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
