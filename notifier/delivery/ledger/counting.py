"""The counters, kept in step with every row that changes.

Those of a minute are what live pages read; those of a quarter of an hour are
by dimensions, for statistics, and are rolled up to days: see delivery.rollup.
"""

from typing import Any

from django.db import connection

from notifier.mailings.models import Mailing

# How long an acceptance took is counted in steps, of at most a tenth from 10 ms
# on: rounded up to the next of these, in milliseconds. Rounding keeps the order,
# so a percentile of the rounded is the percentile, rounded.
LATENCIES = (
    *range(20),
    *(
        digits * 10**decade
        for decade in range(6)
        for digits in (*range(20, 50, 2), *range(50, 100, 5), *range(100, 200, 10))
    ),
    20_000_000,
)
_STEPS = "'{" + ",".join(map(str, LATENCIES)) + "}'::int[]"
LATENCY = f"({_STEPS})[width_bucket(duration_ms - 1, {_STEPS}) + 1]"

# When the quarter of an hour began in which a moment lies.
QUARTER_HOUR = "date_bin('15 minutes', {moment}, '2000-01-01 00:00+00')"


def with_traits(*, rows: str, period: str, times: str) -> str:
    """Rows with COUNT_CHANGED's columns, as ``by_dimension`` groups them."""
    return f"""
    SELECT mailing_id, outcome, attempts, {period} AS period, {times} AS times, operator, timezone,
           coalesce(tag, '') AS tag, coalesce(reason, '') AS reason,
           CASE WHEN outcome = 'accepted' THEN {LATENCY} END AS latency
    FROM {rows} AS counted_row LEFT JOIN traits ON traits.id = counted_row.traits_id
"""


def by_dimension(*, rows: str) -> str:
    """A row for each value of each dimension of rows ``with_traits``.

    Those should stand in a materialized CTE: what their columns are made of
    would be repeated in every set, and planned at length.
    """
    # grouping() has a bit for each column that is not the one that is grouped by.
    return f"""
    SELECT mailing_id, period, outcome,
           CASE grouping(operator, tag, timezone, reason, attempts, latency)
               WHEN 31 THEN 'operator' WHEN 47 THEN 'tag' WHEN 55 THEN 'timezone'
               WHEN 59 THEN 'reason' WHEN 61 THEN 'attempts' ELSE 'latency'
           END COLLATE "C" AS dimension,
           coalesce(operator::text, tag, timezone, reason, attempts::text, latency::text, '')
               COLLATE "C" AS value,
           sum(times) AS count
    FROM {rows}
    GROUP BY mailing_id, period, outcome, GROUPING SETS (
        (operator), (tag), (timezone), (reason), (attempts), (latency)
    )
    HAVING CASE grouping(reason, latency)
               WHEN 2 THEN latency IS NOT NULL   -- by latency
               WHEN 3 THEN outcome <> 'retried'  -- by neither of the two
               ELSE true END
"""


# Two writers must lock counters in one order: the minutes first, both sorted.
_COUNT = """
    counted AS (
        INSERT INTO minute_count AS counted (mailing_id, minute, outcome, count)
        SELECT mailing_id, {minute}, outcome, sum({times})
        FROM changed GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (mailing_id, minute, outcome)
        DO UPDATE SET count = counted.count + excluded.count
        RETURNING 1
    ),
    counted_row AS MATERIALIZED ({with_traits}),
    counted_by_dimension AS (
        INSERT INTO quarter_hour_count AS counted
            (mailing_id, period, outcome, dimension, value, count)
        SELECT * FROM ({by_dimension}) AS grouped
        WHERE (SELECT count(*) FROM counted) > 0
        ORDER BY mailing_id, period, outcome, dimension, value
        ON CONFLICT (mailing_id, period, dimension, value, outcome)
        DO UPDATE SET count = counted.count + excluded.count
    )
"""


def _count(*, moment: str, times: str) -> str:
    period = QUARTER_HOUR.format(moment=moment)
    return _COUNT.format(
        minute=f"date_trunc('minute', {moment})",
        times=times,
        with_traits=with_traits(rows="changed", period=period, times=times),
        by_dimension=by_dimension(rows="counted_row"),
    )


# The counters at the end of a statement whose rows are in "changed": (mailing_id,
# outcome, traits_id, reason, attempts, duration_ms).
COUNT_CHANGED = _count(moment="now()", times="1")

# The same for rows that were counted before, at another time or otherwise. In
# "changed" they have two columns more: "at", and "times", which is -1 to take
# one back. What is rolled up of their days no longer holds.
COUNT_MOVED = f"""
    {_count(moment="at", times="times")},
    unrolled AS (
        DELETE FROM rolled_day
        USING (SELECT DISTINCT {QUARTER_HOUR.format(moment="at")} AS period FROM changed) AS moved
        WHERE day = (period AT TIME ZONE timezone)::date
    )
"""

# Held by whoever rolls days up, and shared by those who change what may be rolled up.
ROLLUP_LOCK = 4_716_021


def keep_rollup_away() -> None:
    """Let no day be rolled up until the transaction ends: before COUNT_MOVED."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [ROLLUP_LOCK])


MOVE_ONE = f"""
    WITH changed AS (
        SELECT mailing_id, status AS outcome, traits_id, reason, attempts, duration_ms,
               finished_at AS at, %(times)s AS times
        FROM message WHERE id = %(message)s AND finished_at IS NOT NULL
    ),
    {COUNT_MOVED}
    SELECT count(*) FROM changed
"""


def count_one(message_id: int, *, times: int) -> None:
    """Count an ended message as its row says, or take it back with -1."""
    values: dict[str, Any] = {"message": message_id, "times": times}
    with connection.cursor() as cursor:
        cursor.execute(MOVE_ONE, values)


FORGET_COUNTS = """
    WITH forgotten AS (
        DELETE FROM quarter_hour_count WHERE mailing_id = %(mailing)s RETURNING period
    ),
    unrolled AS (
        DELETE FROM rolled_day USING (SELECT DISTINCT period FROM forgotten) AS touched
        WHERE day = (period AT TIME ZONE timezone)::date
    )
    DELETE FROM minute_count WHERE mailing_id = %(mailing)s
"""


def forget_counts(mailing: Mailing) -> None:
    """Of a mailing that is deleted with all its messages. Belongs into the same transaction."""
    keep_rollup_away()
    with connection.cursor() as cursor:
        cursor.execute(FORGET_COUNTS, {"mailing": mailing.pk})
