"""What the first page shows: what runs, what comes next, how today goes, what needs a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from notifier.clients.imports.models import ClientImport, ImportStatus
from notifier.delivery.ledger.counting import QUARTER_HOUR
from notifier.delivery.models import TERMINAL, Heartbeat
from notifier.mailings.models import SENDING, Mailing, MailingStatus
from notifier.statistics.breakdown import first_day
from notifier.statistics.counts import Counts

CLUSTER_SILENT_AFTER = timedelta(seconds=30)
USUAL_DAYS = 7


@dataclass(frozen=True)
class DayTotals:
    """Outcomes since midnight, and by the same time of the days before.

    ``usual`` is the mean of ``usual_days`` days before today: of seven, or of
    as many as there are since the first outcome. ``whole_yesterday`` is up to
    the last midnight.
    """

    today: Counts
    yesterday: Counts
    usual: Counts
    usual_days: int
    whole_yesterday: Counts


def day_totals(now: datetime | None = None) -> DayTotals:
    """By the site's own midnight and clock."""
    now = timezone.localtime(now or timezone.now())
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # By the clock on the wall, also where clocks were changed in between.
    days = [timedelta(days=back) for back in range(USUAL_DAYS + 1)]
    spans = [(midnight - day, now - day) for day in days]
    today, *before, whole_yesterday = _outcomes_of([*spans, (midnight - days[1], midnight)])
    first = first_day()
    usual_days = min(USUAL_DAYS, (now.date() - first).days) if first else 0
    return DayTotals(
        today=today,
        yesterday=before[0],
        usual=_mean(before[: max(usual_days, 0)]),
        usual_days=max(usual_days, 0),
        whole_yesterday=whole_yesterday,
    )


# Whole quarters of an hour, and the minutes since the last of them: of the
# minutes alone there would be fifteen times as many. Uses the indexes
# quarter_hour_count_period and minute_count_minute.
OUTCOMES_OF_SPANS = """
    SELECT span.place, outcome, sum(count)::bigint
    FROM unnest(%s::timestamptz[], %s::timestamptz[])
         WITH ORDINALITY AS span (begins, ends, place)
    CROSS JOIN LATERAL (
        SELECT outcome, count FROM quarter_hour_count
        WHERE dimension = 'reason' AND period >= begins AND period < {quarter}
        UNION ALL
        SELECT outcome, count FROM minute_count
        WHERE minute >= {quarter} AND minute < ends
    ) AS counted
    WHERE outcome = ANY(%s)
    GROUP BY place, outcome
"""


def _outcomes_of(spans: Sequence[tuple[datetime, datetime]]) -> list[Counts]:
    """Of each span, which begins with a quarter of an hour."""
    counts: list[Counts] = [dict.fromkeys(TERMINAL, 0) for _ in spans]
    with connection.cursor() as cursor:
        starts, ends = zip(*spans, strict=True)
        cursor.execute(
            OUTCOMES_OF_SPANS.format(quarter=QUARTER_HOUR.format(moment="ends")),
            [list(starts), list(ends), list(TERMINAL)],
        )
        for place, outcome, count in cursor.fetchall():
            counts[place - 1][outcome] = count
    return counts


def _mean(days: Sequence[Counts]) -> Counts:
    return {
        outcome: round(sum(day[outcome] for day in days) / len(days)) if days else 0
        for outcome in TERMINAL
    }


def mailings_under_way() -> QuerySet[Mailing]:
    under_way = Mailing.objects.filter(status__in=[*SENDING, MailingStatus.PAUSED])
    return under_way.select_related("gateway__health").order_by("-id")


def mailings_to_start() -> QuerySet[Mailing]:
    """The next to start, first."""
    scheduled = Mailing.objects.filter(status=MailingStatus.SCHEDULED)
    return scheduled.select_related("gateway").order_by("start_time", "id")


def clusters_alive() -> int:
    """How many clusters have said so lately."""
    return Heartbeat.objects.filter(
        name__startswith="cluster:", at__gte=Now() - CLUSTER_SILENT_AFTER
    ).count()


def mailings_paused_by_themselves() -> QuerySet[Mailing]:
    """Those that nobody paused: a person gives no reason."""
    paused = Mailing.objects.filter(status=MailingStatus.PAUSED)
    return paused.exclude(pause_reason="").order_by("-id")


# Uses the primary key of quarter_hour_count; every mailing has few rows by reason.
MAILINGS_WITH_FAILED = """
    SELECT mailing.*, failed
    FROM mailing
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(count), 0) AS failed FROM quarter_hour_count
        WHERE mailing_id = mailing.id AND dimension = 'reason' AND outcome = 'failed'
    ) AS counted
    WHERE status = 'finished' AND finished_at >= %s AND failed > 0
    ORDER BY mailing.id DESC LIMIT %s
"""


def mailings_with_failed(*, since: datetime, most: int) -> list[Mailing]:
    """The newest that have finished since then with failed messages, how many as ``failed``.

    These can be sent again, unless their clients have opted out or were deleted meanwhile.
    """
    return list(Mailing.objects.raw(MAILINGS_WITH_FAILED, [since, most]))


def imports_waiting_for_a_person() -> QuerySet[ClientImport]:
    """Files that somebody has begun to import, and that nothing becomes of without a person."""
    waiting = [ImportStatus.UPLOADED, ImportStatus.CHECKED]
    return ClientImport.objects.filter(status__in=waiting).order_by("-id")
