import pytest

from notifier.clients.attribute_names import note_names
from notifier.clients.models import Client
from notifier.clients.search import clients_by_phone, clients_by_words

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


@pytest.mark.parametrize("typed", ["vip", "VIP", "Vip", "нижний новгород", "НИЖНИЙ НОВГОРОД"])
def test_words_are_found_in_large_and_small_letters(typed: str) -> None:
    note_names(["city"])
    wanted = Client.objects.create(
        phone="79991234567", operator=999, tag="VIP", attributes={"city": "Нижний Новгород"}
    )
    Client.objects.create(phone="79991234568", operator=999, tag="v", attributes={"city": "vip."})

    assert list(clients_by_words(Client.objects.all(), typed)) == [wanted]
