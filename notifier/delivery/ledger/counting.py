"""The minute counters, kept in step with every row that changes."""

from django.db import connection

# The counters at the end of a statement whose rows are in "changed":
# (mailing_id, outcome). Sorted, so that two writers lock rows in one order.
COUNT_CHANGED = """
    INSERT INTO minute_count AS counted (mailing_id, minute, outcome, count)
    SELECT mailing_id, date_trunc('minute', now()), outcome, count(*)
    FROM changed GROUP BY mailing_id, outcome ORDER BY mailing_id, outcome
    ON CONFLICT (mailing_id, minute, outcome)
    DO UPDATE SET count = counted.count + excluded.count
"""


def count_one(mailing_id: int, outcome: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH changed AS (SELECT %s::bigint AS mailing_id, %s::text AS outcome)"
            + COUNT_CHANGED,
            [mailing_id, outcome],
        )
