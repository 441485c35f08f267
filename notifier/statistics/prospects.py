"""What will go wrong with mailings that start soon, as far as that is certain and quickly told."""

from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.utils import timezone

from notifier.clients.conditions import matching_clients
from notifier.clients.counting import TooSlow, stopped_in_time
from notifier.delivery.rates import BURST_SECONDS
from notifier.mailings.models import Mailing
from notifier.statistics.overview import mailings_to_start

SOON = timedelta(days=1)
# Nobody waits for it: what takes longer is not told.
LOOK_SECONDS = 0.2
KEPT_SECONDS = 60


@dataclass(frozen=True)
class Prospect:
    """``most`` is how many can be sent before the end, where more clients match than that."""

    mailing: Mailing
    matches_nobody: bool
    most: int | None


def bad_prospects(*, most: int) -> list[Prospect]:
    """Of the next mailings to start those that will reach nobody, or surely not all."""
    soon = mailings_to_start().filter(start_time__lt=timezone.now() + SOON)[:most]
    prospects = [_prospect_of(mailing) for mailing in soon]
    return [each for each in prospects if each.matches_nobody or each.most is not None]


def _prospect_of(mailing: Mailing) -> Prospect:
    """Looked at once a minute, as the page that shows it is asked for every few seconds."""
    key = f"prospect-{mailing.pk}-{mailing.updated_at.timestamp()}"
    found = cache.get(key)
    if found is None:
        found = _look(mailing)
        cache.set(key, found, KEPT_SECONDS)
    return Prospect(mailing, *found)


def _look(mailing: Mailing) -> tuple[bool, int | None]:
    reachable = matching_clients(mailing.conditions).filter(opted_out_at=None).order_by()
    most = most_before_end(mailing)
    try:
        with stopped_in_time(LOOK_SECONDS):
            if not reachable.exists():
                return True, None
            if most is not None and reachable[: most + 1].count() > most:
                return False, most
    except TooSlow:
        pass
    return False, None


def most_before_end(mailing: Mailing) -> int | None:
    """How many its rates let through between start and end; None where it has none."""
    rates = [mailing.rate_per_second, mailing.gateway.rate_per_second]
    slowest = min((rate for rate in rates if rate is not None), default=None)
    if slowest is None:
        return None
    seconds = (mailing.end_time - mailing.start_time).total_seconds() + BURST_SECONDS
    return int(slowest * seconds) + 1
