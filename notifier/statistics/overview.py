"""What the first page shows: what runs, what comes next, how today went, what needs help."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone

from notifier.delivery.models import TERMINAL, Heartbeat, MinuteCount
from notifier.mailings.models import SENDING, Mailing, MailingStatus
from notifier.statistics.counts import Counts

CLUSTER_SILENT_AFTER = timedelta(seconds=30)


@dataclass(frozen=True)
class DayTotals:
    """Outcomes since midnight, and up to the same time yesterday."""

    today: Counts
    yesterday: Counts


def day_totals(now: datetime | None = None) -> DayTotals:
    """By the site's own midnight."""
    now = now or timezone.now()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    return DayTotals(
        today=_outcomes_between(midnight, now),
        yesterday=_outcomes_between(midnight - day, now - day),
    )


def mailings_under_way() -> QuerySet[Mailing]:
    under_way = Mailing.objects.filter(status__in=[*SENDING, MailingStatus.PAUSED])
    return under_way.select_related("gateway__health").order_by("-id")


def mailings_to_start() -> QuerySet[Mailing]:
    return Mailing.objects.filter(status=MailingStatus.SCHEDULED).order_by("start_time", "id")


def clusters_alive() -> int:
    """How many clusters have said so lately."""
    return Heartbeat.objects.filter(
        name__startswith="cluster:", at__gte=Now() - CLUSTER_SILENT_AFTER
    ).count()


def _outcomes_between(start: datetime, end: datetime) -> Counts:
    counted = MinuteCount.objects.filter(
        minute__gte=start, minute__lt=end, outcome__in=TERMINAL
    ).values_list("outcome")
    return {**dict.fromkeys(TERMINAL, 0), **dict(counted.annotate(total=Sum("count")))}
