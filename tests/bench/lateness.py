"""(d) How late a scheduled mailing's first request reaches the gateway."""

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from tests.bench.ledger_tail import LedgerTail, new_mark
from tests.bench.load import FullSpeed, wait_until_ended
from tests.bench.rig import SENDERS, Rig
from tests.bench.table import Table, number
from tests.running import wait_for

SMALL = 100
STARTS = 20
# Of a big audience each start has some thousand rows to clear away before the next.
STARTS_OF_BIG = 6
# No multiple of any interval at which Notifier looks: or all would fall on the same moment of it.
APART_SECONDS, BIG_APART_SECONDS = 0.53, 1.57
# Time to schedule them all before the first is due.
LEAD_SECONDS, LEAD_OF_EACH_SECONDS = 2.0, 0.08
LEAST_AHEAD_SECONDS = 0.3


@dataclass(frozen=True)
class Row:
    """Seconds from the start time to the first request's arrival, as the gateway wrote it down."""

    meanwhile: str
    audience: int
    starts: int
    median_seconds: float
    worst_seconds: float
    all_seconds: list[float]


@dataclass(frozen=True)
class Start:
    mailing: int
    mark: str
    at: float


def measure(rig: Rig) -> list[Row]:
    rig.use_senders(SENDERS)
    big, sizes = rig.scale.biggest, rig.scale.sizes
    idle = [_measure_row(rig, "nothing else", SMALL, starts=STARTS)]
    many = STARTS if rig.scale.full else STARTS_OF_BIG
    idle += [_measure_row(rig, "nothing else", each, starts=many) for each in sizes]
    with FullSpeed(rig, messages=big):
        busy = _measure_row(rig, f"mailings of {big:,} at full speed", SMALL, starts=STARTS)
    return [*idle, busy]


def _measure_row(rig: Rig, meanwhile: str, audience: int, *, starts: int) -> Row:
    lateness = measure_lateness(rig, audience=audience, starts=starts)
    return Row(meanwhile, audience, starts, median(lateness), max(lateness), lateness)


def measure_lateness(rig: Rig, *, audience: int, starts: int) -> list[float]:
    """Schedule so many mailings in a row, and see when the first request of each arrives.

    Big ones are cancelled as soon as it has: they were about the beginning.
    """
    rig.clients(audience)
    with closing(LedgerTail(rig.notifier.data_dir / "sandbox-ledger.jsonl")) as tail:
        planned = _schedule(rig, audience=audience, starts=starts)
        _watch(rig, tail, planned, cancels=audience > SMALL)
    wait_until_ended(rig, [start.mailing for start in planned])
    return [tail.first_at[start.mark] - start.at for start in planned]


def _schedule(rig: Rig, *, audience: int, starts: int) -> list[Start]:
    apart = APART_SECONDS if audience <= SMALL else BIG_APART_SECONDS
    at = time.time() + LEAD_SECONDS + LEAD_OF_EACH_SECONDS * starts
    planned = []
    for _ in range(starts):
        planned.append(_schedule_one(rig, audience=audience, at=at))
        at = planned[-1].at + apart
    return planned


def _schedule_one(rig: Rig, *, audience: int, at: float) -> Start:
    """At that time, or as soon after it as there is time to schedule it ahead."""
    ahead = LEAD_SECONDS
    while True:
        at, mark = max(at, time.time() + ahead), new_mark()
        start_time = datetime.fromtimestamp(at, UTC).isoformat()
        content = {"clients": rig.clients(audience), "text": mark, "start_time": start_time}
        mailing = rig.notifier.post("mailing/", content)["id"]
        if time.time() < at - LEAST_AHEAD_SECONDS:
            return Start(mailing, mark, at)
        # It may be late by being scheduled late, and does not count: another, with more time.
        ahead *= 2


def _watch(rig: Rig, tail: LedgerTail, planned: list[Start], *, cancels: bool) -> None:
    numbers = {start.mark: start.mailing for start in planned}
    for mark in numbers:
        tail.expect(mark)

    def all_came() -> bool:
        for mark in tail.read_on():
            if cancels:
                # Refused where it has finished meanwhile, which is as good.
                url = f"{rig.notifier.url}/api/mailing/{numbers[mark]}/cancel/"
                rig.notifier.session.post(url, timeout=60)
        return tail.is_complete

    last = max(start.at for start in planned)
    wait_for(
        all_came, seconds=last - time.time() + 60, what="the first request of each", every=0.02
    )


def table(rows: list[Row], rig: Rig) -> Table:
    return Table(
        title="How late the first request of a scheduled mailing arrives",
        note="From its start time to the gateway's own record.",
        headings=["meanwhile", "audience", "starts", "median", "worst"],
        lines=[
            [
                row.meanwhile,
                number(row.audience),
                number(row.starts),
                f"{row.median_seconds:.2f} s",
                f"{row.worst_seconds:.2f} s",
            ]
            for row in rows
        ],
    )
