"""All pages together are everybody once, in every order, whichever way they are found."""

from itertools import product

import pytest

from notifier.clients import listing
from notifier.clients.listing import FoundClients
from notifier.clients.models import Client
from notifier.clients.search import find_clients

pytestmark = pytest.mark.django_db

PAGE = 7
ORDERS = [("phone",), ("operator", "id"), ("tag", "id"), ("timezone", "id"), ("id",)]
SEARCHES: list[dict[str, str]] = [
    {}, {"tag": "b"}, {"operator": "914"}, {"tag": "a", "operator": "999"}, {"timezone": "UTC"},
    {"q": "99"}, {"q": "none"}, {"operator": "none"}, {"opted_out": "yes"},
]  # fmt: skip


@pytest.fixture(autouse=True)
def clients(monkeypatch):
    monkeypatch.setattr(listing, "STRETCH", 10)
    monkeypatch.setattr(listing, "STRETCH_FOR_EACH_BEFORE", 1)
    Client.objects.bulk_create(
        Client(
            # Neither by phone nor by the rest are they in the order of their ids.
            phone=f"7999{number * 7_919 % 10_000:07}",
            operator=(914, 999, 100)[number % 3],
            tag=("a", "", "b", "a", "a")[number % 5],
            timezone=("UTC", "Asia/Omsk")[number // 30],
        )
        for number in range(60)
    )


@pytest.mark.parametrize(
    "way", [{"are_all": False, "are_many": True}, {"are_all": False, "are_many": False}],
    ids=["many", "few"],
)  # fmt: skip
@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_pages_add_up_to_the_whole_in_every_order(search, way):
    found = find_clients(search)
    same = {"tag", "operator", "timezone"} & search.keys()
    for names, sign in product(ORDERS, ("", "-")):
        order = [f"{sign}{name}" for name in names]
        shown = FoundClients(found, **way, same=same).order_by(*order)

        pages = [shown[first : first + PAGE] for first in range(0, 60 + PAGE, PAGE)]

        expected = list(found.order_by(*order))
        assert [client for page in pages for client in page] == expected, order
        assert {len(page) for page in pages[: len(expected) // PAGE]} <= {PAGE}


def test_everybody_is_read_by_the_index_of_the_order():
    shown = FoundClients(find_clients({}), are_all=True, are_many=True)

    assert shown.order_by("-phone")[7:14] == list(Client.objects.order_by("-phone")[7:14])
