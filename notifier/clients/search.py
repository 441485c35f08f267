"""Find clients by what a person remembers of them, and by what a list is narrowed to."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Reverse
from django.db.models.lookups import StartsWith

from notifier.clients.attribute_names import known_names
from notifier.clients.conditions import (
    BadConditions,
    check_conditions,
    conditions_to_q,
)
from notifier.clients.conditions.fields import LARGEST_ID, is_whole
from notifier.clients.models import Client, ClientFilter
from notifier.clients.operators import BadOperator, check_operator
from notifier.clients.phones import PUNCTUATION

# Each name costs one look into an index for each spelling.
MOST_ATTRIBUTE_NAMES = 50


def find_clients(search: Mapping[str, str]) -> QuerySet[Client]:
    """Those to whom all that is given applies; names and values are those of a list's address.

    A value that cannot be read matches nobody, a name that is not known narrows nothing.
    """
    clients = Client.objects.all()
    for name, narrow in NARROWINGS.items():
        if value := search.get(name):
            clients = narrow(clients, value)
    return clients


def only_search(given: Mapping[str, Any]) -> dict[str, str]:
    """What of an address narrows the list, without its order and page."""
    return {name: str(given[name]) for name in NARROWINGS if given.get(name)}


def settled(search: Mapping[str, str]) -> dict[str, str]:
    """The same search, but not changed any more by a change of the saved filter in it."""
    kept = dict(search)
    if chosen := kept.pop("filter", ""):
        conditions = _saved_conditions(chosen)
        kept["conditions"] = "" if conditions is None else json.dumps(conditions)
        if conditions is None:
            kept["clients"] = "none"
    return kept


def clients_by_words(clients: QuerySet[Client], typed: str) -> QuerySet[Client]:
    """Those with such a phone, tag or value of an attribute."""
    text = typed.strip()
    if not text or "\x00" in text:
        return clients.none()
    return clients.filter(phone_like(text) | _tag_is(text) | _some_attribute_is(text))


def clients_by_phone(clients: QuerySet[Client], typed: str) -> QuerySet[Client]:
    """Those whose phone begins or ends with the digits typed; nobody where there are none."""
    return clients.filter(phone_like(typed))


def phone_like(typed: str) -> Q:
    """The phone begins or ends with the digits typed; nothing where there are none.

    The beginning may be written ``+7 999…``, ``8 999…`` or ``999…``.
    """
    digits = PUNCTUATION.sub("", typed).removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return Q(pk__in=[])
    begins = Q(phone__startswith=digits)
    if digits[0] == "8":
        begins |= Q(phone__startswith=f"7{digits[1:]}")
    if digits[0] == "9":
        begins |= Q(phone__startswith=f"7{digits}")
    # Both sides reversed, as an index can only follow a beginning.
    return begins | Q(StartsWith(Reverse("phone"), Value(digits[::-1])))


def _tag_is(text: str) -> Q:
    return Q(tag__in=[spelling for spelling in _spellings(text) if isinstance(spelling, str)])


def _some_attribute_is(text: str) -> Q:
    """By the index client_attributes, which finds whole values only."""
    matches = Q(pk__in=[])
    for name in known_names()[:MOST_ATTRIBUTE_NAMES]:
        for value in _spellings(text):
            matches |= Q(attributes__contains={name: value})
    return matches


def _spellings(text: str) -> list[object]:
    """As files write it, whose letters are large or small as it pleases."""
    spellings: set[object] = {
        text, text.lower(), text.upper(), text.capitalize(), text.title(),
    }  # fmt: skip
    if text.isascii() and text.isdigit() and len(text) < 16:
        spellings.add(int(text))
    return sorted(spellings, key=str)


def _by_tag(clients: QuerySet[Client], tag: str) -> QuerySet[Client]:
    return clients.none() if "\x00" in tag else clients.filter(tag=tag)


def _by_operator(clients: QuerySet[Client], typed: str) -> QuerySet[Client]:
    try:
        return clients.filter(operator=check_operator(typed))
    except BadOperator:
        return clients.none()


def _by_timezone(clients: QuerySet[Client], name: str) -> QuerySet[Client]:
    return clients.none() if "\x00" in name else clients.filter(timezone=name)


def _by_opt_out(clients: QuerySet[Client], answer: str) -> QuerySet[Client]:
    if answer not in ("yes", "no"):
        return clients.none()
    return clients.filter(opted_out_at__isnull=answer == "no")


def _by_import(clients: QuerySet[Client], typed: str) -> QuerySet[Client]:
    """Those that the import added; a client that it changed was there before."""
    import_id = read_id(typed)
    return clients.none() if import_id is None else clients.filter(created_by_import=import_id)


def _by_saved_filter(clients: QuerySet[Client], typed: str) -> QuerySet[Client]:
    conditions = _saved_conditions(typed)
    return clients.none() if conditions is None else clients.filter(conditions_to_q(conditions))


def _by_conditions(clients: QuerySet[Client], text: str) -> QuerySet[Client]:
    try:
        conditions = check_conditions(json.loads(text))
    except (BadConditions, ValueError, RecursionError):
        return clients.none()
    return clients.filter(conditions_to_q(conditions))


def _by_ids(clients: QuerySet[Client], typed: str) -> QuerySet[Client]:
    """The rows that a person ticked: ``17,18,25``."""
    ids = [found for part in typed.split(",") if (found := read_id(part)) is not None]
    return clients.filter(pk__in=ids)


def _saved_conditions(typed: str) -> Any:
    filter_id = read_id(typed)
    saved = ClientFilter.objects.filter(pk=filter_id) if filter_id is not None else None
    return saved.values_list("conditions", flat=True).first() if saved is not None else None


def read_id(typed: str) -> int | None:
    """A key as an address has it; None where it can be nobody's."""
    return min(int(typed), LARGEST_ID) if is_whole(typed) else None


Narrow = Callable[[QuerySet[Client], str], QuerySet[Client]]
NARROWINGS: dict[str, Narrow] = {
    "q": clients_by_words,
    "tag": _by_tag,
    "operator": _by_operator,
    "timezone": _by_timezone,
    "opted_out": _by_opt_out,
    "import": _by_import,
    "filter": _by_saved_filter,
    "conditions": _by_conditions,
    "clients": _by_ids,
}
