"""What a seed has in store: drawn once, and the same every time."""

from dataclasses import dataclass, field
from random import Random

from notifier.gateway.sandbox.faults import FAULTS
from tests.faults.quick import LEASE_SECONDS

# These hold or rest the whole gateway, so they come as acts and not by rate.
WHOLE_GATEWAY = {"401", "403", "404", "redirect", "429", "503"}
BY_RATE = sorted(FAULTS.keys() - WHOLE_GATEWAY)
MISCONFIGURED = ("401", "403", "404", "redirect")
DOWN = (
    "500", "502_taken", "silence", "silence_taken", "reset", "reset_taken",
    "garbage_taken", "html", "429", "503", "drip_body", "truncated_taken",
)  # fmt: skip
RETRY_AFTER = ("none", "seconds", "date", "nonsense", "huge")
FAIL_POINTS = (
    ("recipients_chosen", 0.5),
    ("claimed", 0.01),
    ("request_left", 0.0005),
    ("before_results_commit", 0.02),
    ("results_committed", 0.02),
)
GATEWAY_ACTS = ("outage", "outage", "refused port", "misconfigured")
PROCESS_ACTS = (
    "kill a sender", "kill the cluster", "stop the database", "kill the database",
    "freeze a sender", "freeze a sender for long", "cut connections", "empty the queue",
    "restart",
)  # fmt: skip
PEOPLE_ACTS = ("pause", "opt-outs", "opt-outs")
LAST_ACTS = ("end soon", "cancel", "pause", "", "", "")


@dataclass(frozen=True)
class Act:
    """One thing that is done to a Notifier in mid-mailing; ``pause_seconds`` go by before it."""

    kind: str
    pause_seconds: float
    seconds: float = 0.0
    fault: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.fault)))


@dataclass(frozen=True)
class Plan:
    seed: int
    messages: int
    concurrency: int
    latency_seconds: float
    unknown_outcome: str
    faults: dict[str, float]
    fail_points: dict[str, float]
    retry_after: str
    acts: tuple[Act, ...] = field(default=())

    def __str__(self) -> str:
        words = [self.unknown_outcome, *self.faults]
        words += [f"†{point}" for point in self.fail_points]
        return ", ".join([*words, *map(str, self.acts)])


def draw_plan(seed: int, *, messages: int, seconds: float) -> Plan:
    """A plan for a mailing that would take about so long if nothing happened to it."""
    random = Random(seed)
    concurrency = random.choice([20, 40, 100])
    names = random.sample(BY_RATE, random.randint(0, 5))
    return Plan(
        seed=seed,
        messages=messages,
        concurrency=concurrency,
        latency_seconds=round(concurrency * seconds / messages, 3),
        unknown_outcome=random.choice(["retry", "retry", "hold"]),
        faults={name: round(random.uniform(0.005, 0.06), 3) for name in names},
        fail_points=_draw_fail_points(random),
        retry_after=random.choice(RETRY_AFTER),
        acts=_draw_acts(random, round(seconds / 5)),
    )


def _draw_fail_points(random: Random) -> dict[str, float]:
    if random.random() < 0.6:
        return {}
    return dict(random.sample(FAIL_POINTS, random.randint(1, 3)))


def _draw_acts(random: Random, count: int) -> tuple[Act, ...]:
    kinds = [*GATEWAY_ACTS, *PROCESS_ACTS, *PEOPLE_ACTS]
    acts = [_draw_act(random, random.choice(kinds)) for _ in range(count)]
    last = random.choice(LAST_ACTS)
    return (*acts, _draw_act(random, last)) if last else tuple(acts)


def _draw_act(random: Random, kind: str) -> Act:
    seconds, fault = random.uniform(1, 4), ""
    if kind == "outage":
        fault = random.choice(DOWN)
    elif kind == "misconfigured":
        fault = random.choice(MISCONFIGURED)
    elif kind == "freeze a sender for long":
        seconds = LEASE_SECONDS + random.uniform(1, 3)
    return Act(kind, round(random.uniform(0.5, 3.5), 2), round(seconds, 2), fault)
