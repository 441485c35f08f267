"""(a) Messages per second while the gateway answers at once, beside what they are compared with."""

from dataclasses import dataclass
from statistics import median

from tests.bench.baselines import Baseline, run_apart
from tests.bench.ceiling import gateway_ceiling
from tests.bench.rig import Rig
from tests.bench.table import Table, number, span, times

SENDERS = (1, 2)
PLAIN_WAYS = {
    "libcurl alone, 64 connections": "libcurl_alone",
    "requests, 64 threads, no database": "requests_in_threads",
    "row, requests.post, save: in turn": "one_after_the_other",
}


@dataclass(frozen=True)
class Row:
    """``of_senders``: what Notifier does with so many senders, as a multiple of this row."""

    name: str
    per_second: float
    runs: list[float]
    of_senders: dict[int, float]


def measure(rig: Rig) -> list[Row]:
    ceiling, *plain = measure_baselines(rig)
    ours = {senders: paces_of(rig, senders) for senders in senders_in_order(rig)}
    notifier = [Baseline(_name(senders), ours[senders]) for senders in reversed(SENDERS)]
    medians = {senders: median(ours[senders]) for senders in SENDERS}
    return [_row(each, medians) for each in (ceiling, *notifier, *plain)]


def paces_of(rig: Rig, senders: int) -> list[float]:
    return [run.per_second for run in rig.runs(messages=rig.scale.messages, senders=senders)]


def senders_in_order(rig: Rig) -> list[int]:
    """As many as work now come first: that spares a restart."""
    return sorted(SENDERS, key=lambda each: each != rig.senders)


def measure_baselines(rig: Rig) -> list[Baseline]:
    """The gateway's ceiling first. They take turns, so that a disturbance does not fall on one."""
    rig.settle()
    rounds = [_measure_each_once(rig) for _ in range(rig.scale.runs)]
    return [Baseline(name, [each[name] for each in rounds]) for name in rounds[0]]


def _measure_each_once(rig: Rig) -> dict[str, float]:
    url, seconds = rig.notifier.sandbox_url, rig.scale.seconds
    name, ceiling = gateway_ceiling(url, seconds=seconds)
    plain = {
        name: run_apart(way, url, seconds=seconds, variables=environment(rig)).per_second
        for name, way in PLAIN_WAYS.items()
    }
    return {name: ceiling, **plain}


def _row(measured: Baseline, notifier: dict[int, float]) -> Row:
    rate = median(measured.rates)
    ratios = {senders: pace / rate for senders, pace in notifier.items()}
    return Row(measured.name, rate, measured.rates, ratios)


def _name(senders: int) -> str:
    return f"Notifier, {senders} sender{'s' * (senders > 1)}"


def environment(rig: Rig) -> dict[str, str]:
    """Of a program that uses the rig's database and goes straight to its gateway."""
    return {
        **rig.notifier.variables,
        "DJANGO_SETTINGS_MODULE": "notifier.settings",
        "NO_PROXY": "127.0.0.1",
    }


def table(rows: list[Row], rig: Rig) -> Table:
    messages = rig.scale.messages
    runs = [run for each in SENDERS for run in rig.runs(messages=messages, senders=each)]
    others = [run.cost.others_cores for run in runs]
    return Table(
        title="Messages per second, the gateway answering at once",
        note=f"Medians of {rig.scale.runs}. Notifier: mailings of {messages:,}, from the call that "
        "makes one to its last result; other programs used "
        f"{min(others):.1f} to {max(others):.1f} cores meanwhile.",
        headings=["", "msg/s", "lowest–highest", "1 sender does", "2 senders do"],
        lines=[
            [
                row.name,
                number(row.per_second),
                span(row.runs),
                times(row.of_senders[1]),
                times(row.of_senders[2]),
            ]
            for row in rows
        ],
    )
