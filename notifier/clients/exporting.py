"""Clients as a CSV file that spreadsheets open safely, and that an import reads as the same."""

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import F, Func, QuerySet, TextField

from notifier.clients.models import Client, SuppressedPhone
from notifier.clients.spreadsheet import quote_cell
from notifier.downloads import BYTE_ORDER_MARK, csv_line, in_portions

FIELDS = ("phone", "operator", "tag", "timezone", "opted_out")
# Rows that are in memory at a time.
CHUNK = 2_000


def clients_csv(clients: QuerySet[Client]) -> Iterator[str]:
    """The lines of the file, some at a time; the database keeps the rest of the rows.

    Fields first, then every attribute that one of the clients has: all names
    that there ever were may be more than an import takes.
    """
    names = _attribute_names(clients)
    yield BYTE_ORDER_MARK + csv_line([*FIELDS, *map(quote_cell, names)])
    columns = ("phone", "operator", "tag", "timezone", "opted_out_at", "attributes")
    # By the order in which they were added: an import makes them in the same.
    rows = clients.order_by("id").values_list(*columns).iterator(chunk_size=CHUNK)
    yield from in_portions(_client_line(row, names) for row in rows)


def _attribute_names(clients: QuerySet[Client]) -> list[str]:
    name = Func(F("attributes"), function="jsonb_object_keys", output_field=TextField())
    return sorted(clients.order_by().values_list(name, flat=True).distinct())


def suppressed_csv(phones: QuerySet[SuppressedPhone]) -> Iterator[str]:
    """The suppression list, which an import of clients reads as opted out."""
    yield BYTE_ORDER_MARK + csv_line(["phone", "opted_out", "since", "source"])
    rows = phones.values_list("phone", "suppressed_at", "source").iterator(chunk_size=CHUNK)
    yield from in_portions(
        csv_line([phone, "yes", since.isoformat(timespec="seconds"), source])
        for phone, since, source in rows
    )


def _client_line(row: tuple[Any, ...], names: list[str]) -> str:
    phone, operator, tag, timezone, opted_out_at, attributes = row
    values = (attributes.get(name) for name in names)
    return csv_line(
        [
            phone,
            operator,
            quote_cell(tag),
            timezone,
            "no" if opted_out_at is None else "yes",
            *(quote_cell(attribute_in_words(value)) for value in values),
        ]
    )


def attribute_in_words(value: object) -> str:
    """Texts as they are, numbers with a point, true and false; nothing where there is none."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
