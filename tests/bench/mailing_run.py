"""One mailing through everything: from the API call to the last recorded result."""

from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING

from tests.bench.meters import Cost, MemoryPeaks, cost_between, read_meters
from tests.running import wait_for

if TYPE_CHECKING:
    from tests.bench.rig import Rig

TEXT = "Осенняя распродажа: скидки до 50 % до 31 декабря"
# Slower than this, and something is broken rather than slow.
LEAST_PER_SECOND = 200
# Told by the rows that Notifier keeps of every message. The middle of a run
# leaves out its beginning and its end, at which not all connections are busy.
TIMES = """
    SELECT
        extract(epoch FROM max(message.finished_at) - mailing.created_at)::float,
        extract(epoch FROM min(message.sent_at) - mailing.created_at)::float,
        extract(epoch FROM percentile_disc(0.9) WITHIN GROUP (ORDER BY message.sent_at)
                         - percentile_disc(0.1) WITHIN GROUP (ORDER BY message.sent_at))::float,
        count(*) FILTER (WHERE message.status = 'accepted')
    FROM mailing JOIN message ON message.mailing_id = mailing.id
        AND message.id BETWEEN mailing.first_message_id AND mailing.last_message_id
    WHERE mailing.id = %s
    GROUP BY mailing.id
"""


@dataclass(frozen=True)
class Sent:
    """A mailing that was sent. ``per_second`` is of the whole, from the call that made it.

    ``middle_per_second`` is the pace of its requests between the tenth and the
    ninetieth of a hundred.
    """

    messages: int
    per_second: float
    middle_per_second: float
    first_request_seconds: float
    cost: Cost
    unshared_mib: dict[str, float]
    resident_mib: dict[str, float]


def measure_mailing(rig: "Rig", *, messages: int) -> Sent:
    """Send one mailing to so many clients, and wait until it is finished."""
    clients, peaks = rig.clients(messages), MemoryPeaks()
    rig.settle()
    before = read_meters(rig.notifier, rig.database)
    number = rig.notifier.post("mailing/", {"clients": clients, "text": TEXT})["id"]
    _wait_until_finished(rig, number, peaks, seconds=60 + messages / LEAST_PER_SECOND)
    after = read_meters(rig.notifier, rig.database)
    seconds, first_request_seconds, middle_seconds, accepted = rig.query(TIMES, number)
    assert accepted == messages, f"{accepted:,} of {messages:,} were accepted."
    return Sent(
        messages=messages,
        per_second=messages / seconds,
        middle_per_second=messages * 0.8 / max(middle_seconds, 1e-3),
        first_request_seconds=first_request_seconds,
        cost=cost_between(before, after, messages=messages),
        unshared_mib=dict(peaks.unshared_mib),
        resident_mib=dict(peaks.resident_mib),
    )


def middle_run(runs: list[Sent]) -> Sent:
    """The run whose pace is the median of all; of an even number the lower of the two."""
    pace = median_low([run.per_second for run in runs])
    return next(run for run in runs if run.per_second == pace)


def _wait_until_finished(rig: "Rig", number: int, peaks: MemoryPeaks, *, seconds: float) -> None:
    def is_finished() -> bool:
        peaks.note(rig.notifier)
        return rig.query("SELECT status FROM mailing WHERE id = %s", number)[0] == "finished"

    wait_for(is_finished, seconds=seconds, what=f"mailing {number} finished", every=0.2)
    peaks.note(rig.notifier, at_once=True)
