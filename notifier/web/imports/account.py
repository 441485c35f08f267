"""What became of the rows of a file, so that the lines add up to them."""

from dataclasses import dataclass

from django.urls import reverse

from notifier.clients.imports.models import UNDOABLE, ClientImport
from notifier.web.badges import ROW_BADGES, Badge


@dataclass(frozen=True)
class AccountLine:
    """``address`` of the clients, where there is one."""

    badge: Badge
    count: int
    address: str


@dataclass(frozen=True)
class Account:
    """``rows`` of the file is the sum of the lines."""

    lines: list[AccountLine]
    rows: int
    not_reached: int


def account_of(client_import: ClientImport) -> Account:
    """Lines without rows are left out but for those one looks for."""
    not_reached = max(0, client_import.rows_read - client_import.rows)
    counts = {
        "new": client_import.new,
        "changed": client_import.changed,
        "unchanged": client_import.unchanged,
        "duplicates": client_import.duplicates,
        "rejected": client_import.rejected,
        "not_reached": not_reached,
    }
    return Account(
        lines=[
            AccountLine(ROW_BADGES[name], count, _address_of(client_import, name) if count else "")
            for name, count in counts.items()
            if count or name != "not_reached"
        ],
        rows=sum(counts.values()),
        not_reached=not_reached,
    )


def _address_of(client_import: ClientImport, name: str) -> str:
    if name == "new" and client_import.status in UNDOABLE:
        return f"{reverse('clients')}?import={client_import.pk}"
    return ""
