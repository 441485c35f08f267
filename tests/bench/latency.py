"""(b) One sender and a gateway that takes its time: are all its connections kept busy?"""

import math
from dataclasses import dataclass
from statistics import NormalDist, median

from tests.bench.mailing_run import Sent, measure_mailing, middle_run
from tests.bench.rig import Rig
from tests.bench.table import Table, number, percent

FIXED_SECONDS = 0.1
TAIL_MEDIAN_SECONDS, TAIL_P99_SECONDS = 0.1, 1.0
CONCURRENCIES = (100, 400, 800, 2_000)
TAIL_CONCURRENCY = 800
# A mailing is sized to take some seconds at the pace that is aimed at.
AIM_PER_SECOND = 8_000
MAILING_SECONDS = 5.0
FULL_MAILING_SECONDS = 10.0


@dataclass(frozen=True)
class Row:
    """``possible_per_second`` is concurrency ÷ latency, or where that is less what the same
    sender did in this run while the gateway answered at once.
    """

    gateway: str
    concurrency: int
    messages: int
    concurrency_by_latency: float
    possible_per_second: float
    per_second: float
    whole_per_second: float
    sender_mib: float
    sender_cpu_us: float

    @property
    def of_possible(self) -> float:
        return self.per_second / self.possible_per_second


def measure(rig: Rig) -> list[Row]:
    ceiling = median(
        run.middle_per_second for run in rig.runs(messages=rig.scale.messages, senders=1)
    )
    rig.use_senders(1)
    fixed = {"kind": "fixed", "seconds": FIXED_SECONDS}
    tail = {"kind": "tail", "median": TAIL_MEDIAN_SECONDS, "p99": TAIL_P99_SECONDS}
    return [
        *(
            _measure_row(rig, "100 ms", fixed, FIXED_SECONDS, each, ceiling)
            for each in CONCURRENCIES
        ),
        _measure_row(
            rig, "100 ms, 1 % over 1 s", tail, tail_mean_seconds(), TAIL_CONCURRENCY, ceiling
        ),
    ]


def tail_mean_seconds() -> float:
    """The mean of the log-normal distribution from which the gateway draws."""
    sigma = math.log(TAIL_P99_SECONDS / TAIL_MEDIAN_SECONDS) / NormalDist().inv_cdf(0.99)
    return TAIL_MEDIAN_SECONDS * math.exp(sigma**2 / 2)


def _measure_row(
    rig: Rig,
    name: str,
    latency: dict[str, object],
    mean_seconds: float,
    concurrency: int,
    ceiling: float,
) -> Row:
    ideal = concurrency / mean_seconds
    messages = _mailing_size(rig, ideal)
    run = _middle_of_runs(rig, latency, concurrency=concurrency, messages=messages)
    return Row(
        gateway=name,
        concurrency=concurrency,
        messages=messages,
        concurrency_by_latency=ideal,
        possible_per_second=min(ideal, ceiling),
        per_second=run.middle_per_second,
        whole_per_second=run.per_second,
        sender_mib=run.resident_mib["senders"],
        sender_cpu_us=run.cost.cpu_us["senders"],
    )


def _mailing_size(rig: Rig, ideal: float) -> int:
    seconds = FULL_MAILING_SECONDS if rig.scale.full else MAILING_SECONDS
    return min(int(min(ideal, AIM_PER_SECOND) * seconds), rig.scale.messages)


def _middle_of_runs(
    rig: Rig, latency: dict[str, object], *, concurrency: int, messages: int
) -> Sent:
    with rig.gateway(concurrency=concurrency, latency=latency):
        times = rig.scale.runs if rig.scale.full else 1
        return middle_run([measure_mailing(rig, messages=messages) for _ in range(times)])


def table(rows: list[Row], rig: Rig) -> Table:
    return Table(
        title="One sender, and a gateway that takes its time",
        note="Possible: requests at once ÷ latency, or what this sender did at instant replies. "
        "msg/s: the middle 80 % of a mailing.",
        headings=[
            "a reply takes", "at once", "÷ latency", "possible", "msg/s",
            "of possible", "sender, peak",
        ],
        lines=[
            [
                row.gateway,
                number(row.concurrency),
                number(row.concurrency_by_latency),
                number(row.possible_per_second),
                number(row.per_second),
                percent(row.of_possible),
                f"{row.sender_mib:.0f} MiB",
            ]
            for row in rows
        ],
    )  # fmt: skip
