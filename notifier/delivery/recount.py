"""The counters, compared with the messages themselves, and put right where they differ.

Each comparison is one statement, so that it sees one moment, also while
messages are sent. What differs is put right by adding the difference, which
holds whatever is counted meanwhile. Attempts that put a message back
(``retried``) leave no row that tells when they were counted: not compared.
"""

from collections.abc import Iterator
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from notifier.delivery.ledger.counting import (
    QUARTER_HOUR,
    by_dimension,
    keep_rollup_away,
    with_traits,
)


class Difference(NamedTuple):
    """A counter that says ``counted`` where there are ``actual`` messages."""

    counter: str
    what: str
    counted: int
    actual: int

    def __str__(self) -> str:
        return f"{self.counter}, {self.what}: says {self.counted:,}, there are {self.actual:,}"


# S608: they are made of constants only.
_ENDED = "(SELECT *, status AS outcome FROM message WHERE finished_at IS NOT NULL)"

MINUTES = f"""
    SELECT mailing_id, minute, outcome,
           coalesce(counter.count, 0) AS counted, coalesce(ended.count, 0) AS actual
    FROM (SELECT * FROM minute_count WHERE outcome <> 'retried') AS counter
    FULL JOIN (
        SELECT mailing_id, date_trunc('minute', finished_at) AS minute, outcome, count(*)
        FROM {_ENDED} AS ended_message GROUP BY 1, 2, 3
    ) AS ended USING (mailing_id, minute, outcome)
    WHERE coalesce(counter.count, 0) <> coalesce(ended.count, 0)
"""  # noqa: S608

_OF_QUARTERS = with_traits(rows=_ENDED, period=QUARTER_HOUR.format(moment="finished_at"), times="1")
QUARTERS = f"""
    WITH ended_message AS MATERIALIZED ({_OF_QUARTERS})
    SELECT mailing_id, period, outcome, dimension, value,
           coalesce(counter.count, 0) AS counted, coalesce(ended.count, 0) AS actual
    FROM (SELECT * FROM quarter_hour_count WHERE outcome <> 'retried') AS counter
    FULL JOIN (
        {by_dimension(rows="ended_message")}
    ) AS ended USING (mailing_id, period, outcome, dimension, value)
    WHERE coalesce(counter.count, 0) <> coalesce(ended.count, 0)
"""  # noqa: S608

# What is rolled up, against the quarters of an hour. By reason, mailing and hour it
# comes from the same rows, so that one of them is enough.
DAYS = """
    SELECT day, gateway_id, dimension, value, outcome,
           coalesce(counter.count, 0) AS counted, coalesce(quarters.count, 0) AS actual
    FROM (
        SELECT day_count.* FROM day_count JOIN rolled_day USING (day)
        WHERE timezone = %(zone)s AND dimension NOT IN ('mailing', 'hour')
    ) AS counter
    FULL JOIN (
        SELECT (period AT TIME ZONE %(zone)s)::date AS day, gateway_id, dimension, value, outcome,
               sum(count) AS count
        FROM quarter_hour_count JOIN mailing ON mailing.id = mailing_id
        GROUP BY 1, 2, 3, 4, 5
    ) AS quarters USING (day, gateway_id, dimension, value, outcome)
    WHERE coalesce(counter.count, 0) <> coalesce(quarters.count, 0)
      AND day IN (SELECT day FROM rolled_day WHERE timezone = %(zone)s)
"""

AUDIENCES = """
    SELECT mailing.id, audience AS counted, coalesce(actual, 0) AS actual
    FROM mailing LEFT JOIN (
        SELECT mailing_id, count(*) AS actual FROM message GROUP BY 1
    ) AS recipients ON mailing_id = mailing.id
    WHERE audience <> coalesce(actual, 0)
"""


def differences() -> Iterator[Difference]:
    """All counters that do not say what is there. Reads every message."""
    for mailing, *numbers in _rows(AUDIENCES):
        yield Difference("audience", f"mailing {mailing}", *numbers)
    for mailing, minute, outcome, *numbers in _rows(MINUTES):
        yield Difference("minute", f"mailing {mailing}, {minute}, {outcome}", *numbers)
    for mailing, period, outcome, dimension, value, *numbers in _rows(QUARTERS):
        what = f"mailing {mailing}, {period}, {outcome}, {dimension} {value!r}"
        yield Difference("quarter of an hour", what, *numbers)
    for day, gateway, dimension, value, outcome, *numbers in _rows(DAYS):
        what = f"{day}, gateway {gateway}, {outcome}, {dimension} {value!r}"
        yield Difference("day", what, *numbers)


MEND_MINUTES = f"""
    INSERT INTO minute_count AS counter (mailing_id, minute, outcome, count)
    SELECT mailing_id, minute, outcome, actual - counted FROM ({MINUTES}) AS differing
    ORDER BY 1, 2, 3
    ON CONFLICT (mailing_id, minute, outcome)
    DO UPDATE SET count = counter.count + excluded.count
"""  # noqa: S608

MEND_QUARTERS = f"""
    INSERT INTO quarter_hour_count AS counter
        (mailing_id, period, outcome, dimension, value, count)
    SELECT mailing_id, period, outcome, dimension, value, actual - counted
    FROM ({QUARTERS}) AS differing ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (mailing_id, period, dimension, value, outcome)
    DO UPDATE SET count = counter.count + excluded.count
"""  # noqa: S608


def mend() -> None:
    """Make all counters say what is there; days are rolled up anew by the next sweeps.

    An audience is no counter, but says which messages there are to be: it is left alone.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        keep_rollup_away()
        cursor.execute(MEND_MINUTES)
        cursor.execute(MEND_QUARTERS)
        cursor.execute("DELETE FROM rolled_day")


def _rows(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"zone": settings.TIME_ZONE})
        return cursor.fetchall()
