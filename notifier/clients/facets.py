"""The values that a client's fields take, with how many clients have each."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

# Counting stops here, so that a list of values costs the same at a million clients.
COUNT_LIMIT = 10_000
# Of all values together; where there are many of them, each is counted less far.
COUNT_LIMIT_OF_ALL = 100_000
MOST_VALUES = 100


@dataclass(frozen=True)
class FacetValue:
    """``is_capped``: at least ``count`` clients have the value."""

    value: str
    count: int
    is_capped: bool


# Reads one index entry for each value ("loose index scan") by client_tag,
# client_operator or client_timezone, then counts on the same index.
VALUES = """
WITH RECURSIVE found AS (
    (SELECT {column} AS value FROM client ORDER BY {column} LIMIT 1)
    UNION ALL
    SELECT (
        SELECT {column} FROM client WHERE {column} > found.value ORDER BY {column} LIMIT 1
    )
    FROM found WHERE found.value IS NOT NULL
), few AS (
    SELECT value FROM found WHERE value IS NOT NULL LIMIT %(most)s
), counting AS (
    -- In thousands, for whoever reads it.
    SELECT LEAST(%(limit)s, trunc(%(limit_of_all)s / GREATEST(count(*), 1), -3)::int) AS most
    FROM few
)
SELECT few.value::text, LEAST(counted.clients, counting.most), counted.clients > counting.most
FROM counting CROSS JOIN few CROSS JOIN LATERAL (
    SELECT count(*) AS clients
    FROM (SELECT 1 FROM client WHERE {column} = few.value LIMIT counting.most + 1) AS few_clients
) AS counted
ORDER BY few.value
"""


def tag_values(*, most: int = MOST_VALUES) -> list[FacetValue]:
    """Tags in order, without the empty one."""
    return [facet for facet in _values_of("tag", most + 1) if facet.value][:most]


def operator_values(*, most: int = MOST_VALUES) -> list[FacetValue]:
    return _values_of("operator", most)


def timezone_values(*, most: int = MOST_VALUES) -> list[FacetValue]:
    return _values_of("timezone", most)


def count_some(found: QuerySet[Any]) -> tuple[int, bool]:
    """How many there are, counted up to COUNT_LIMIT, and whether there are more."""
    count = found.order_by()[: COUNT_LIMIT + 1].count()
    return min(count, COUNT_LIMIT), count > COUNT_LIMIT


def _values_of(column: str, most: int) -> list[FacetValue]:
    with connection.cursor() as cursor:
        cursor.execute(
            VALUES.format(column=column),
            {"most": most, "limit": COUNT_LIMIT, "limit_of_all": COUNT_LIMIT_OF_ALL},
        )
        return [FacetValue(*row) for row in cursor.fetchall()]
