"""A page of clients out of a million, in any order, whatever is searched for.

The database's planner takes values for spread evenly. For ``ORDER BY id LIMIT
26`` it walks along the key and expects to meet the wanted soon; where they are
rare, or all old, that is a walk along the whole table. So it is told how:

- few match: all of them are found first, by the indexes of what is searched
  for, and then put in order;
- many match: a stretch of the order's index is walked, within which there are
  nearly always enough; else as above.
"""

from collections.abc import Collection, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import (  # type: ignore[import-untyped,unused-ignore]
    Tuple,
    TupleGreaterThanOrEqual,
    TupleLessThanOrEqual,
)

from notifier.clients.models import Client

# Clients that are looked at in their order before another way is taken.
STRETCH = 20_000
STRETCH_FOR_EACH_BEFORE = 5

# Without "materialized" the planner would look through it, and walk nevertheless.
# Only what the order needs is sorted; then the rows of one page are read.
SORTED_AFTERWARDS = """
    WITH found AS MATERIALIZED ({clients}),
    page AS (SELECT id FROM found ORDER BY {order} LIMIT %s OFFSET %s)
    SELECT client.* FROM client JOIN page USING (id) ORDER BY {order}
"""


class FoundClients:
    """Clients to be read by the slice; like a query set as far as a table cares."""

    model = Client

    def __init__(
        self,
        clients: QuerySet[Client],
        *,
        are_all: bool,
        are_many: bool,
        same: Collection[str] = (),
        order: Sequence[str] = ("-id",),
    ) -> None:
        """``same``: the columns in which they do not differ."""
        self._clients = clients
        self._are_all = are_all
        self._are_many = are_many
        self._same = same
        # By what they differ in alone: an index may have just that in order.
        self._order = [name for name in order if name.removeprefix("-") not in same]

    def count(self) -> int:
        return self._clients.count()

    def order_by(self, *order: str) -> "FoundClients":
        return FoundClients(
            self._clients,
            are_all=self._are_all,
            are_many=self._are_many,
            same=self._same,
            order=order,
        )

    def __getitem__(self, wanted: slice) -> list[Client]:
        first, last = wanted.start or 0, wanted.stop
        if self._are_all:
            return list(self._clients.order_by(*self._order)[first:last])
        if self._are_many:
            near = list(self._stretch(first).order_by(*self._order)[first:last])
            # A short answer may be the end of the stretch only.
            if len(near) == last - first:
                return near
        return self._sorted_afterwards(first, last)

    def _stretch(self, before: int) -> QuerySet[Client]:
        """Those who match among the first in the order, by its index alone."""
        length = STRETCH + STRETCH_FOR_EACH_BEFORE * before
        names = [name.removeprefix("-") for name in self._order]
        ordered = Client.objects.order_by(*self._order).values_list(*names)
        boundary = ordered[length : length + 1].first()
        if boundary is None:
            return self._clients
        within = TupleGreaterThanOrEqual if self._order[0].startswith("-") else TupleLessThanOrEqual
        return self._clients.filter(within(Tuple(*map(F, names)), boundary))

    def _sorted_afterwards(self, first: int, last: int) -> list[Client]:
        names = [name.removeprefix("-") for name in self._order]
        sought = self._clients.order_by().values(*{"id": None, **dict.fromkeys(names)})
        try:
            sql, parameters = sought.query.sql_with_params()
        except EmptyResultSet:  # nobody can match
            return []
        order = ", ".join(_in_sql(name) for name in self._order)
        statement = SORTED_AFTERWARDS.format(clients=sql, order=order)
        values: Any = (*parameters, last - first, first)
        return list(Client.objects.raw(statement, values))


def _in_sql(name: str) -> str:
    """The fields of a client that lists are ordered by are named as their columns."""
    return f"{name[1:]} DESC" if name.startswith("-") else name
