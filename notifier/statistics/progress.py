"""How far a mailing is, how fast it goes, and when it will be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from notifier.delivery.models import OPEN
from notifier.mailings.models import SENDING, Mailing
from notifier.statistics.counts import Counts
from notifier.statistics.series import recent_rate


@dataclass(frozen=True)
class Progress:
    """``done`` of ``audience``; ``seconds_left`` None where nobody can say.

    ``waits`` says that nothing leaves because its gateway is in trouble.
    """

    audience: int
    done: int
    per_second: float
    seconds_left: float | None
    waits: bool = False

    @property
    def percent(self) -> int:
        """Whole percent, rounded down: 100 means that nobody is left."""
        return self.done * 100 // self.audience if self.audience else 0

    @property
    def done_at(self) -> datetime | None:
        if self.seconds_left is None:
            return None
        return timezone.now() + timedelta(seconds=self.seconds_left)


def progress_of(
    mailing: Mailing,
    counts: Counts,
    *,
    waits: bool = False,
    rates: Mapping[int, float] | None = None,
) -> Progress:
    """From a mailing and its counts by status; ``waits`` for a gateway that is in trouble.

    ``rates`` by mailings' ids save a query, where several are shown.
    """
    left = sum(counts[status] for status in OPEN)
    is_sending = mailing.status in SENDING and mailing.started_at is not None and not waits
    rate = 0.0
    if is_sending:
        rate = recent_rate(mailing) if rates is None else rates[mailing.pk]
    return Progress(
        audience=mailing.audience,
        done=mailing.audience - left,
        per_second=rate,
        seconds_left=left / rate if rate and mailing.prepared_at else None,
        waits=waits,
    )
