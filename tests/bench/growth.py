"""(c, e) What a message costs, in mailings of growing size: CPU, WAL, memory."""

from dataclasses import dataclass
from statistics import median

from tests.bench.mailing_run import middle_run
from tests.bench.rig import SENDERS, Rig
from tests.bench.table import Table, number, span


@dataclass(frozen=True)
class Row:
    """CPU in µs for each message, by what a process does; memory is the largest process's."""

    messages: int
    per_second: float
    runs: list[float]
    first_request_seconds: float
    cpu_us: dict[str, float]
    wal_bytes: float
    unshared_mib: dict[str, float]
    resident_mib: dict[str, float]
    others_cores: float


def measure(rig: Rig) -> list[Row]:
    rig.run_in_turn(rig.scale.sizes, senders=SENDERS)
    return [_row(rig, messages) for messages in rig.scale.sizes]


def _row(rig: Rig, messages: int) -> Row:
    runs = rig.runs(messages=messages, senders=SENDERS)
    middle = middle_run(runs)
    return Row(
        messages=messages,
        per_second=median(run.per_second for run in runs),
        runs=[run.per_second for run in runs],
        first_request_seconds=middle.first_request_seconds,
        cpu_us=middle.cost.cpu_us,
        wal_bytes=middle.cost.wal_bytes,
        unshared_mib=middle.unshared_mib,
        resident_mib=middle.resident_mib,
        others_cores=middle.cost.others_cores,
    )


def table(rows: list[Row], rig: Rig) -> Table:
    return Table(
        title=f"Mailings of growing size, {SENDERS} senders, the gateway answering at once",
        note="CPU and WAL for each message; memory of the largest sender; CPU that others used.",
        headings=[
            "messages", "msg/s", "lowest–highest", "first request",
            "CPU", "WAL", "sender, peak", "others",
        ],
        lines=[
            [
                number(row.messages),
                number(row.per_second),
                span(row.runs),
                f"{row.first_request_seconds:.2f} s",
                f"{sum(row.cpu_us.values()):.0f} µs",
                f"{row.wal_bytes:,.0f} B",
                f"{row.resident_mib['senders']:.0f} MiB",
                f"{row.others_cores:.2f} cores",
            ]
            for row in rows
        ],
    )  # fmt: skip


def costs_table(rows: list[Row], rig: Rig) -> Table:
    """Of the main size: where a message's CPU goes, and what each part needs in memory."""
    row = next(each for each in rows if each.messages == rig.scale.messages)
    whole = sum(row.cpu_us.values())
    return Table(
        title=f"Where it goes: a mailing of {row.messages:,}, {SENDERS} senders",
        note="Memory is that of the largest process, without what it shares with others.",
        headings=["part", "CPU a message", "share", "memory, peak"],
        lines=[
            [
                part,
                f"{cost:.1f} µs",
                f"{cost / whole:.0%}",
                f"{row.unshared_mib[part]:.0f} MiB",
            ]
            for part, cost in sorted(row.cpu_us.items(), key=lambda each: -each[1])
        ],
    )
