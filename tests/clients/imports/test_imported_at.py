"""When an import last added or changed a client, as conditions ask for it."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from notifier.clients.conditions import check_conditions, matching_clients
from notifier.clients.deciding import Decision, deciding_rule
from notifier.clients.imports.models import ClientImport, ImportChange
from notifier.clients.models import Client
from tests.clients.imports.importing import checked, imported, undone

pytestmark = pytest.mark.django_db


def phones(op: str, value: object = None) -> str:
    """The last digits of those who match."""
    asked = {} if value is None else {"value": value}
    found = matching_clients(check_conditions({"field": "imported_at", "op": op, **asked}))
    return "".join(phone[-1] for phone in found.order_by("phone").values_list("phone", flat=True))


def file_of(digits: str, tag: str) -> str:
    return "phone,tag\n" + "".join(f"7999123450{digit},{tag}\n" for digit in digits)


def ago(days: int) -> str:
    return (timezone.localdate() - timedelta(days=days)).isoformat()


@pytest.fixture
def by_hand():
    """1 and 2, whom nobody imported."""
    for digit in "12":
        Client.objects.create(phone=f"7999123450{digit}", operator=999)


def long_ago(client_import: ClientImport, *, days: int) -> ClientImport:
    """The import as if it had been then."""
    back = timedelta(days=days)
    added = Client.objects.filter(created_by_import=client_import)
    added.update(created_at=F("created_at") - back, updated_at=F("updated_at") - back)
    ImportChange.objects.filter(client_import=client_import).update(
        changed_at=F("changed_at") - back
    )
    ClientImport.objects.filter(pk=client_import.pk).update(finished_at=F("finished_at") - back)
    return client_import


def test_it_is_the_last_time_that_counts(by_hand):
    long_ago(imported(file_of("234", "old"), known_clients="update"), days=30)
    imported(file_of("345", "new"), known_clients="update")

    assert (phones("is_set"), phones("is_not_set")) == ("2345", "1")
    assert (phones("in_last_days", 7), phones("not_in_last_days", 7)) == ("345", "12")
    assert (phones("before", ago(7)), phones("before", ago(30))) == ("2", "")
    assert (phones("after", ago(7)), phones("after", ago(31))) == ("345", "2345")


def test_clients_that_a_file_left_as_they_were_were_not_imported(by_hand):
    imported(file_of("12", ""), known_clients="update")
    imported(file_of("12", "vip"), known_clients="keep")
    checked(file_of("12", "vip"), known_clients="update")

    assert phones("is_set") == ""


def test_imports_that_were_undone_do_not_count(by_hand):
    long_ago(imported(file_of("23", "old"), known_clients="update"), days=30)
    second = imported(file_of("1234", "new"), known_clients="update")
    Client.objects.filter(phone__endswith="3").update(tag="edited", updated_at=timezone.now())
    Client.objects.filter(phone__endswith="4").update(tag="edited", updated_at=timezone.now())

    assert undone(second).kept == 2

    assert (phones("is_set"), phones("in_last_days", 7)) == ("23", "")


def test_the_rule_that_decided_says_when(by_hand):
    imported(file_of("2", "old"), known_clients="update")
    first, second = Client.objects.order_by("phone")
    conditions = check_conditions({"field": "imported_at", "op": "in_last_days", "value": 7})

    words = "last import is within the last 7 days"
    assert deciding_rule(conditions, first) == Decision(False, (words,))
    assert deciding_rule(conditions, second) == Decision(True, (words,))
    never = check_conditions({"field": "imported_at", "op": "is_not_set"})
    assert deciding_rule(never, first).rules == ("has never been imported",)
