"""What narrows the list of clients, kept in its address."""

from dataclasses import dataclass

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from notifier.clients.models import Client
from notifier.clients.operators import BadOperator, check_operator
from notifier.clients.search import clients_by_phone

FIELD_WORDS = {"q": "Phone", "tag": "Tag", "operator": "Operator", "timezone": "Time zone"}


class ClientFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(method="by_phone")
    tag = django_filters.CharFilter(field_name="tag")
    operator = django_filters.CharFilter(method="by_operator")
    timezone = django_filters.CharFilter(field_name="timezone")

    class Meta:
        model = Client
        fields: list[str] = []
        form = forms.Form

    def by_phone(self, clients: QuerySet[Client], _name: str, typed: str) -> QuerySet[Client]:
        return clients_by_phone(clients, typed)

    def by_operator(self, clients: QuerySet[Client], _name: str, typed: str) -> QuerySet[Client]:
        try:
            return clients.filter(operator=check_operator(typed))
        except BadOperator:
            return clients.none()


@dataclass(frozen=True)
class Chip:
    """One condition that holds, and the address without it."""

    name: str
    word: str
    value: str
    address: str


def chips_of(query: QueryDict) -> list[Chip]:
    return [
        Chip(name, word, str(query[name]), _address_without(query, name))
        for name, word in FIELD_WORDS.items()
        if query.get(name)
    ]


def _address_without(query: QueryDict, name: str) -> str:
    rest = query.copy()
    for dropped in (name, "page"):
        rest.pop(dropped, None)
    return f"?{rest.urlencode()}"
