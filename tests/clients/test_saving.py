import pytest
from django.utils import timezone

from notifier.clients.cleaning import CleanClient, clean_client
from notifier.clients.models import AttributeName, Client, SuppressedPhone
from notifier.clients.saving import PhoneTaken, add_client, store_changes

pytestmark = pytest.mark.django_db

PHONE, OTHER = "79990000001", "79990000002"


def suppressed() -> dict:
    return dict(SuppressedPhone.objects.values_list("phone", "suppressed_at"))


def test_a_client_is_added_and_the_names_of_its_attributes_are_noted():
    clean = clean_client(phone=PHONE, tag="vip", attributes={"city": "Omsk", "age": 30})

    add_client(clean)

    client = Client.objects.get()
    assert CleanClient(client.phone, client.operator, client.tag, client.timezone,
                       client.attributes) == clean  # fmt: skip
    assert (client.opted_out_at, suppressed()) == (None, {})
    assert set(AttributeName.objects.values_list("name", flat=True)) == {"city", "age"}


@pytest.mark.parametrize("opted_out", [False, True])
def test_whoever_is_added_with_a_suppressed_phone_is_opted_out_since_then(opted_out):
    listed = SuppressedPhone.objects.create(phone=PHONE, suppressed_at=timezone.now())

    client = add_client(clean_client(phone=PHONE), opted_out=opted_out, source="api")

    assert client.opted_out_at == listed.suppressed_at
    assert suppressed() == {PHONE: listed.suppressed_at}


def test_whoever_is_added_as_opted_out_is_on_the_list():
    client = add_client(clean_client(phone=PHONE), opted_out=True, source="api")

    listed = SuppressedPhone.objects.get()
    assert (listed.phone, listed.source) == (PHONE, "api")
    assert listed.suppressed_at == client.opted_out_at


def test_a_phone_belongs_to_one_client():
    owner = add_client(clean_client(phone=PHONE))
    other = add_client(clean_client(phone=OTHER))
    words = f'Phone number "{PHONE}" belongs to client {owner.pk} already.'

    with pytest.raises(PhoneTaken, match=words):
        add_client(clean_client(phone=PHONE), opted_out=True)
    with pytest.raises(PhoneTaken, match=words):
        store_changes(other, clean_client(phone=PHONE))

    assert (Client.objects.count(), suppressed()) == (2, {})


def test_an_opt_out_goes_with_the_client_to_another_phone_and_stays_with_the_first():
    client = add_client(clean_client(phone=PHONE), opted_out=True)

    assert store_changes(client, clean_client(phone=OTHER)) is False

    assert Client.objects.get().opted_out_at == client.opted_out_at
    assert suppressed() == dict.fromkeys([PHONE, OTHER], client.opted_out_at)


def test_only_what_differs_is_stored_and_names_are_noted():
    client = add_client(clean_client(phone=PHONE, tag="a"))
    Client.objects.update(timezone="Asia/Omsk")
    before = client.updated_at

    assert store_changes(client, clean_client(phone=PHONE, tag="b", attributes={"x": 1})) is False
    changed = Client.objects.get()
    assert (changed.tag, changed.timezone, changed.attributes) == ("b", "Asia/Omsk", {"x": 1})
    assert changed.updated_at > before
    assert AttributeName.objects.get().name == "x"


def test_nothing_is_stored_where_nothing_differs():
    client = add_client(clean_client(phone=PHONE))
    before = client.updated_at

    store_changes(client, clean_client(phone=PHONE))

    assert Client.objects.get().updated_at == before


def test_what_was_deleted_meanwhile_is_not_changed():
    client = add_client(clean_client(phone="79991234567"))
    Client.objects.filter(pk=client.pk).delete()

    with pytest.raises(Client.DoesNotExist):
        store_changes(client, clean_client(phone="79991234567", tag="vip"))

    assert not Client.objects.exists()
