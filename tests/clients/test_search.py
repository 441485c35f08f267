import pytest

from notifier.clients.models import Client
from notifier.clients.search import clients_by_phone

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("7999", {"79991234567"}),
        ("+7 (999) 123", {"79991234567"}),
        ("8 999", {"79991234567"}),
        ("999", {"79991234567"}),
        ("4567", {"79991234567", "380501234567"}),
        ("38050", {"380501234567"}),
        ("123", set()),
        ("", set()),
        ("+", set()),
        ("x", set()),
        ("7%", set()),
    ],
)
def test_clients_are_found_by_how_their_phone_begins_or_ends(typed: str, found: set[str]) -> None:
    for phone in ("79991234567", "380501234567"):
        Client.objects.create(phone=phone, operator=999)

    assert set(clients_by_phone(Client.objects.all(), typed).values_list("phone", flat=True)) == (
        found
    )
