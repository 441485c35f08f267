"""What is drawn, from which seed, and when it holds."""

from collections import Counter
from statistics import median

import pytest

from notifier.gateway.sandbox.conditions import Conditions
from notifier.gateway.sandbox.control import read_change
from notifier.gateway.sandbox.plan import Plan
from tests.gateway.sandbox.wire_client import WireClient, send_request
from tests.sandbox import SandboxProcess


def conditions(**settings: object) -> Conditions:
    return read_change(settings, current=Conditions(), now=100.0).conditions


def draw(plan: Plan, count: int) -> list[tuple[str, float]]:
    drawn = (plan.draw() for _ in range(count))
    return [(fault.name if fault else "ok", delay) for fault, delay in drawn]


def plan_with(seed: int, **settings: object) -> Plan:
    plan = Plan(seed)
    plan.follow(conditions(**settings), now=100.0)
    return plan


def test_the_same_seed_draws_the_same_sequence() -> None:
    settings = {"faults": {"500": 0.2, "silence": 0.1}, "latency": 0.1}

    assert draw(plan_with(1, **settings), 500) == draw(plan_with(1, **settings), 500)
    assert draw(plan_with(1, **settings), 500) != draw(plan_with(2, **settings), 500)


def test_neither_latency_nor_early_resets_move_the_faults() -> None:
    plain = plan_with(1, faults={"500": 0.3})
    other = plan_with(
        1,
        faults={"500": 0.3, "reset_before": 0.3},
        latency={"kind": "uniform", "low": 0, "high": 1},
    )
    other.draw_reset_before()

    assert [name for name, _ in draw(other, 200)] == [name for name, _ in draw(plain, 200)]


def test_faults_come_at_their_rates() -> None:
    drawn = Counter(
        name for name, _ in draw(plan_with(3, faults={"500": 0.1, "code": 0.3}), 10_000)
    )

    assert drawn["500"] == pytest.approx(1_000, rel=0.15)
    assert drawn["code"] == pytest.approx(3_000, rel=0.1)


def test_the_tail_has_its_median_and_its_99th_percentile() -> None:
    plan = plan_with(4, latency={"kind": "tail", "median": 0.1, "p99": 2})
    delays = sorted(delay for _, delay in draw(plan, 20_000))

    assert median(delays) == pytest.approx(0.1, rel=0.1)
    assert delays[19_800] == pytest.approx(2, rel=0.2)


def test_a_plan_without_conditions_is_quiet() -> None:
    assert Plan(1).quiet
    assert plan_with(1, faults={"500": 0}).quiet
    assert plan_with(1, faults={"reset_before": 1}).quiet
    assert not plan_with(1, latency=0.1).quiet


def test_a_fault_holds_only_in_its_window() -> None:
    timed = conditions(
        faults={"500": {"rate": 1, "after_seconds": 5, "for_seconds": 10}},
        latency=0.1,
        for_seconds=2,
    )
    plan = Plan(1)
    seen = {}
    for now in (100, 101, 102, 104, 105, 114, 115):
        plan.follow(timed, now=now)
        seen[now] = draw(plan, 1)[0]

    assert seen == {
        100: ("ok", 0.1),
        101: ("ok", 0.1),
        102: ("ok", 0.0),
        104: ("ok", 0.0),
        105: ("500", 0.0),
        114: ("500", 0.0),
        115: ("ok", 0.0),
    }
    assert [timed.next_change(now) for now in (100, 102, 105, 115)] == [102, 105, 115, None]


def test_a_seeded_gateway_answers_the_same_twice(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    def answers() -> list[int]:
        sandbox.set_faults({"500": 0.3, "code": 0.2, "429": 0.1}, seed=11)
        return [client.ask(send_request(number)).status for number in range(100)]

    first = answers()
    assert answers() == first
    assert set(first) == {200, 429, 500}


def test_a_window_opens_and_closes_by_itself(sandbox: SandboxProcess, client: WireClient) -> None:
    sandbox.set_faults({"500": {"after_seconds": 0.2, "for_seconds": 0.2}})
    seen = [client.ask(send_request()).status]
    while len(seen) < 3:
        status = client.ask(send_request()).status
        if status != seen[-1]:
            seen.append(status)

    assert seen == [200, 500, 200]
    assert sandbox.state()["settings"]["faults"] == {}
