"""What narrows the list of clients, kept in its address."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from django.http import QueryDict

from notifier.clients.conditions import BadConditions, check_conditions, describe_conditions
from notifier.clients.imports.models import ClientImport
from notifier.clients.models import ClientFilter
from notifier.clients.search import read_id

FIELD_WORDS = {
    "q": "Search",
    "tag": "Tag",
    "operator": "Operator",
    "timezone": "Time zone",
    "opted_out": "Opted out",
    "import": "Added by import",
    "filter": "Filter",
    "conditions": "Conditions",
    "clients": "Chosen one by one",
}
# Those without a field of their own in the list's form.
WITHOUT_FIELD = ("import", "filter", "conditions", "clients")


@dataclass(frozen=True)
class Chip:
    """One condition that holds, and the address without it."""

    name: str
    word: str
    value: str
    address: str


def chips_of(query: QueryDict) -> list[Chip]:
    in_words: dict[str, Callable[[str], str]] = {
        "import": _import_in_words,
        "filter": _filter_in_words,
        "conditions": _conditions_in_words,
        "clients": lambda ids: f"{ids.count(',') + 1:,}",
    }
    return [
        Chip(name, word, in_words.get(name, str)(str(query[name])), _address_without(query, name))
        for name, word in FIELD_WORDS.items()
        if query.get(name)
    ]


def kept_fields(query: QueryDict) -> list[tuple[str, str]]:
    """What a new search keeps though the form shows no field for it."""
    names = (*WITHOUT_FIELD, "sort")
    return [(name, str(query[name])) for name in names if query.get(name)]


def _import_in_words(typed: str) -> str:
    found = ClientImport.objects.filter(pk=read_id(typed) or 0).first()
    return found.title if found else "not there any more"


def _filter_in_words(typed: str) -> str:
    names = ClientFilter.objects.filter(pk=read_id(typed) or 0).values_list("name", flat=True)
    return names.first() or "not there any more"


def _conditions_in_words(text: str) -> str:
    try:
        return describe_conditions(check_conditions(json.loads(text)))
    except (BadConditions, ValueError, RecursionError):
        return "cannot be read"


def _address_without(query: QueryDict, name: str) -> str:
    rest = query.copy()
    for dropped in (name, "page"):
        rest.pop(dropped, None)
    return f"?{rest.urlencode()}"
