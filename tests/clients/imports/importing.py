"""Imports from beginning to end, in the test's own process."""

from io import BytesIO

from notifier.clients.imports import lifecycle, steps
from notifier.clients.imports.columns import Column
from notifier.clients.imports.lifecycle import ImportOptions
from notifier.clients.imports.models import ClientImport
from notifier.clients.imports.receive import receive_file

COUNTS = ("new", "changed", "unchanged", "duplicates", "rejected")


def received(content: str | bytes, *, name: str = "clients.csv") -> ClientImport:
    data = content.encode() if isinstance(content, str) else content
    return receive_file(BytesIO(data), name=name, created_by=None)


def options(client_import: ClientImport, **said: object) -> ImportOptions:
    """What the file's columns are guessed to be, and what the test says."""
    columns = [Column.from_json(each) for each in client_import.columns]
    return ImportOptions(**{"columns": columns, **said})


def checked(content: str | bytes, **said: object) -> ClientImport:
    client_import = received(content)
    lifecycle.begin_check(client_import, options(client_import, **said))
    return worked(client_import)


def imported(content: str | bytes, **said: object) -> ClientImport:
    client_import = received(content)
    lifecycle.begin_check(client_import, options(client_import, waits_for_review=False, **said))
    return worked(client_import)


def undone(client_import: ClientImport) -> ClientImport:
    lifecycle.begin_undo(client_import)
    return worked(client_import)


def worked(client_import: ClientImport) -> ClientImport:
    """Turn after turn, until it waits for a person or is over."""
    client_import.refresh_from_db()
    while client_import.is_in_work:
        assert steps.run_step(client_import.pk) is not steps.Outcome.NOTHING_TO_DO
        client_import.refresh_from_db()
    return client_import


def counts(client_import: ClientImport) -> dict[str, int]:
    """Those that are not 0."""
    found = {name: getattr(client_import, name) for name in COUNTS}
    return {name: count for name, count in found.items() if count}
