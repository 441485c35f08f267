from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import Count

from notifier.clients.cleaning import clean_client
from notifier.clients.models import Client
from notifier.clients.sample import add_sample_clients

pytestmark = pytest.mark.django_db


def test_made_up_clients_pass_the_checks_of_real_ones():
    add_sample_clients(500)

    for client in Client.objects.all():
        clean = clean_client(
            phone=client.phone,
            operator=client.operator,
            tag=client.tag,
            timezone=client.timezone,
            attributes=client.attributes,
        )
        assert clean.phone == client.phone
        assert str(client.operator) == client.phone[1:4]
        assert client.attributes.keys() == {"name", "city"}


def test_exactly_as_many_are_added_as_asked_for_beside_those_who_exist():
    Client.objects.create(phone="79991234567", operator=999, tag="mine")
    first = add_sample_clients(300)
    # The same seed meets only known numbers at first.
    second = add_sample_clients(300)

    assert (first, second) == (300, 300)
    assert Client.objects.count() == 601
    assert Client.objects.get(phone="79991234567").tag == "mine"


def test_a_seed_makes_the_same_clients_again():
    add_sample_clients(200, seed=7)
    first = set(Client.objects.values_list("phone", "tag", "timezone"))
    Client.objects.all().delete()

    add_sample_clients(200, seed=7)
    assert set(Client.objects.values_list("phone", "tag", "timezone")) == first


def test_they_differ_in_what_filters_choose_by():
    add_sample_clients(3000)

    distinct = Client.objects.aggregate(
        operators=Count("operator", distinct=True),
        timezones=Count("timezone", distinct=True),
        tags=Count("tag", distinct=True),
        opted_out=Count("opted_out_at"),
    )
    assert distinct["operators"] > 50
    assert distinct["timezones"] > 15
    assert distinct["tags"] == 6
    assert 0 < distinct["opted_out"] < 150


def test_the_command_says_how_many_it_added():
    out = StringIO()

    call_command("sample_data", "--clients", "1200", stdout=out)

    assert out.getvalue() == "Added 1,200 made-up clients.\n"
