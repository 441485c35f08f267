"""Counters of past days, rolled up to one row for a day where a year had thousands.

A day is rolled up once it is surely over. Nothing is taken from the quarters of
an hour: what is rolled up is a copy that counts while its RolledDay is there,
and whoever changes a counter of such a day removes that; see delivery.ledger.counting.
"""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from notifier.delivery.ledger.counting import ROLLUP_LOCK
from notifier.delivery.models import Dimension, QuarterHourCount, RolledDay

# Whoever records a result at midnight has committed it by then.
AFTER_MIDNIGHT = timedelta(hours=1)
# So many days in one go: others wait for the sweep, too.
MOST_DAYS = 20

ROLL_UP = """
    WITH counted AS (
        SELECT mailing_id, period, dimension, value, outcome, count
        FROM quarter_hour_count
        WHERE dimension IN ('reason', 'operator', 'tag', 'timezone', 'attempts', 'latency')
          AND period >= %(start)s AND period < %(end)s
    ),
    of_mailings AS (
        SELECT counted.*, gateway_id FROM counted JOIN mailing ON mailing.id = mailing_id
    )
    INSERT INTO day_count (dimension, day, gateway_id, value, outcome, count)
    SELECT dimension, %(day)s, gateway_id, value, outcome, sum(count)
    FROM of_mailings GROUP BY dimension, gateway_id, value, outcome HAVING sum(count) <> 0
    UNION ALL
    -- Every outcome has a reason, if only an empty one: so those are all.
    SELECT 'mailing', %(day)s, gateway_id, mailing_id::text, outcome, sum(count)
    FROM of_mailings WHERE dimension = 'reason'
    GROUP BY gateway_id, mailing_id, outcome HAVING sum(count) <> 0
    UNION ALL
    SELECT 'hour', %(day)s, gateway_id,
           extract(hour FROM period AT TIME ZONE %(zone)s)::text, outcome, sum(count)
    FROM of_mailings WHERE dimension = 'reason'
    GROUP BY gateway_id, 4, outcome HAVING sum(count) <> 0
    -- As they are read: what belongs together then lies in few pages.
    ORDER BY 1, 3, 4, 5
"""


def roll_up(*, most: int = MOST_DAYS) -> int:
    """Roll up some of the days that are over and are not yet; how many were."""
    return sum(roll_up_day(day) for day in days_to_roll_up()[:most])


def days_to_roll_up() -> list[date]:
    """Past days that are not rolled up by the site's present zone, the newest first."""
    counted = QuarterHourCount.objects.filter(dimension=Dimension.REASON)
    first = counted.aggregate(first=Min("period"))["first"]
    if first is None:
        return []
    last = local_day(timezone.now() - AFTER_MIDNIGHT) - timedelta(days=1)
    rolled = set(
        RolledDay.objects.filter(timezone=settings.TIME_ZONE).values_list("day", flat=True)
    )
    number = (last - local_day(first)).days + 1
    days = (last - timedelta(days=back) for back in range(number))
    return [day for day in days if day not in rolled]


def roll_up_day(day: date) -> bool:
    """False where somebody changes past counters just now: it is for another time then."""
    start, end = bounds_of(day)
    values: dict[str, Any] = {"day": day, "start": start, "end": end, "zone": settings.TIME_ZONE}
    with transaction.atomic(), connection.cursor() as cursor:
        # Not waited for: who wants to share it would wait behind this.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ROLLUP_LOCK])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute("DELETE FROM day_count WHERE day = %(day)s", values)
        cursor.execute(ROLL_UP, values)
        RolledDay.objects.update_or_create(day=day, defaults={"timezone": settings.TIME_ZONE})
    return True


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """When a day of the site begins, and when the next one does."""
    return midnight_of(day), midnight_of(day + timedelta(days=1))


def midnight_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(settings.TIME_ZONE))


def local_day(moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
