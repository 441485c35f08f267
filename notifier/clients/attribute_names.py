"""Which names attributes have had, kept beside the clients so that nobody reads them all."""

from collections.abc import Iterable

from notifier.clients.models import AttributeName

LONGEST_NAME = 100


# More than anyone looks through.
MOST_OFFERED = 500


def offered_names() -> list[str]:
    return known_names()[:MOST_OFFERED]


def known_names() -> list[str]:
    return list(AttributeName.objects.values_list("name", flat=True))


def note_names(names: Iterable[str]) -> None:
    """Whoever writes attributes calls this, in the same transaction."""
    wanted = [AttributeName(name=name) for name in sorted(set(names))]
    if wanted:
        AttributeName.objects.bulk_create(wanted, ignore_conflicts=True)
