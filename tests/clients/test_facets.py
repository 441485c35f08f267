import pytest

from notifier.clients import facets
from notifier.clients.facets import FacetValue
from notifier.clients.models import Client

pytestmark = pytest.mark.django_db


def add_clients(*rows: tuple[str, int, str]) -> None:
    Client.objects.bulk_create(
        Client(phone=str(79990000000 + index), tag=tag, operator=operator, timezone=timezone)
        for index, (tag, operator, timezone) in enumerate(rows)
    )


def test_values_come_in_order_with_their_counts() -> None:
    add_clients(("b", 912, "UTC"), ("a", 999, "UTC"), ("", 999, "Asia/Omsk"), ("b", 999, "UTC"))

    assert facets.tag_values() == [FacetValue("a", 1, False), FacetValue("b", 2, False)]
    assert facets.operator_values() == [FacetValue("912", 1, False), FacetValue("999", 3, False)]
    assert facets.timezone_values() == [
        FacetValue("Asia/Omsk", 1, False),
        FacetValue("UTC", 3, False),
    ]


def test_no_clients_have_no_values() -> None:
    assert facets.tag_values() == facets.operator_values() == facets.timezone_values() == []


def test_counts_and_values_are_cut_where_they_would_take_long(monkeypatch) -> None:
    monkeypatch.setattr(facets, "COUNT_LIMIT", 2)
    add_clients(("a", 901, "UTC"), ("a", 902, "UTC"), ("a", 903, "UTC"), ("b", 904, "UTC"))

    assert facets.tag_values() == [FacetValue("a", 2, True), FacetValue("b", 1, False)]
    assert [value.value for value in facets.operator_values(most=3)] == ["901", "902", "903"]
    assert facets.count_some(Client.objects.all()) == (2, True)
    assert facets.count_some(Client.objects.filter(tag="b")) == (1, False)


def test_of_many_values_each_is_counted_less_far(monkeypatch) -> None:
    monkeypatch.setattr(facets, "COUNT_LIMIT", 2_000)
    monkeypatch.setattr(facets, "COUNT_LIMIT_OF_ALL", 5_000)
    operators = [901] * 1_001 + [902] * 1_000 + [903, 904]
    add_clients(*[("one", operator, "UTC") for operator in operators])

    assert facets.tag_values() == [FacetValue("one", 2_000, True)]
    assert facets.operator_values() == [
        FacetValue("901", 1_000, True),
        FacetValue("902", 1_000, False),
        FacetValue("903", 1, False),
        FacetValue("904", 1, False),
    ]
