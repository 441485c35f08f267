import pytest
from django.db import transaction
from django.utils import timezone

from notifier.clients.cleaning import clean_client
from notifier.clients.imports import chunk, lifecycle, report
from notifier.clients.imports.steps import run_step
from notifier.clients.models import AttributeName, Client, SuppressedPhone
from notifier.clients.saving import add_client
from tests.clients.imports.importing import (
    checked,
    counts,
    imported,
    options,
    received,
    worked,
)
from tests.delivery.beside import Beside

pytestmark = pytest.mark.django_db

FIELDS = ("phone", "operator", "tag", "timezone", "attributes")
FILE = (
    "phone,operator,tag,timezone,city,note\n"
    "79991234561,914,vip,Asia/Omsk,Omsk,new to us\n"
    "79991234562,915,vip,Asia/Omsk,Omsk,\n"
    "+7 999 123-45-62,,second,,,the same again\n"
    "79991234563,,,,,\n"
    "7921,,,,,too short\n"
)


def stored() -> dict[str, tuple]:
    return {row[0]: row[1:] for row in Client.objects.order_by("phone").values_list(*FIELDS)}


@pytest.fixture(params=[50_000, 1], ids=["one chunk", "a chunk for each row"])
def chunks(request, monkeypatch):
    monkeypatch.setattr(chunk.take_chunk, "__kwdefaults__", {"most": request.param})


@pytest.fixture
def known():
    Client.objects.create(
        phone="79991234562", operator=901, tag="old", attributes={"city": "Perm", "age": "30"}
    )
    Client.objects.create(phone="79991234563", operator=999)


@pytest.mark.parametrize(
    ("policy", "expected", "second"),
    [
        ("keep", {"new": 1, "unchanged": 2, "duplicates": 1, "rejected": 1},
         (901, "old", "UTC", {"city": "Perm", "age": "30"})),
        ("update", {"new": 1, "changed": 1, "unchanged": 1, "duplicates": 1, "rejected": 1},
         (915, "vip", "Asia/Omsk", {"city": "Omsk", "age": "30"})),
        ("fill", {"new": 1, "unchanged": 2, "duplicates": 1, "rejected": 1},
         (901, "old", "UTC", {"city": "Perm", "age": "30"})),
    ],
)  # fmt: skip
def test_known_clients_become_what_the_policy_says(known, chunks, policy, expected, second):
    done = imported(FILE, known_clients=policy)

    assert (done.status, counts(done), done.rows) == ("finished", expected, 5)
    assert stored() == {
        "79991234561": (914, "vip", "Asia/Omsk", {"city": "Omsk", "note": "new to us"}),
        "79991234562": second,
        "79991234563": (999, "", "UTC", {}),
    }


def test_clients_stand_as_in_the_file_or_where_it_is_large_as_in_an_index(monkeypatch):
    imported("phone\n79991234532\n79991234511\n79991234523\n")
    monkeypatch.setattr("notifier.clients.imports.merging.CHUNK_ROWS", 2)
    imported("phone\n79991234632\n79991234611\n79991234623\n")

    ends = [phone[-3:] for phone in Client.objects.order_by("id").values_list("phone", flat=True)]
    assert ends == ["532", "511", "523", "611", "632", "623"]


@pytest.mark.parametrize("policy", ["keep", "update", "fill"])
def test_the_dry_run_foresees_what_comes_and_changes_nothing(known, chunks, policy):
    before = stored()

    foreseen = checked(FILE, known_clients=policy)

    assert (foreseen.status, stored()) == ("checked", before)
    assert counts(foreseen) == counts(imported(FILE, known_clients=policy))


def test_filling_in_touches_only_what_is_empty():
    Client.objects.create(phone="79991234561", operator=901, attributes={"city": "", "age": "30"})

    done = imported("phone,operator,tag,city,age\n79991234561,914,vip,Omsk,31\n",
                    known_clients="fill")  # fmt: skip

    assert counts(done) == {"changed": 1}
    assert stored() == {"79991234561": (901, "vip", "UTC", {"city": "Omsk", "age": "30"})}


def test_defaults_stand_where_cells_are_blank():
    done = imported(
        "phone,tag\n79991234561,vip\n79991234562,\n",
        default_operator="914", default_tag="autumn", default_timezone="Asia/Omsk",
    )  # fmt: skip

    assert counts(done) == {"new": 2}
    assert stored() == {
        "79991234561": (914, "vip", "Asia/Omsk", {}),
        "79991234562": (914, "autumn", "Asia/Omsk", {}),
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("policy", "tag"), [("keep", ""), ("update", "vip"), ("fill", "vip")])
def test_who_is_added_at_that_moment_is_a_known_client(policy, tag):
    client_import = received("phone,tag\n79991234561,vip\n")
    said = options(client_import, known_clients=policy, waits_for_review=False)
    lifecycle.begin_check(client_import, said)
    with transaction.atomic():
        add_client(clean_client(phone="79991234561"))
        beside = Beside(run_step, client_import.pk)
        beside.wait_until_it_waits()
    beside.finish()

    client_import.refresh_from_db()
    assert counts(client_import) == {"changed" if tag else "unchanged": 1}
    assert stored()["79991234561"][1] == tag


@pytest.mark.parametrize("policy", ["keep", "update", "fill"])
def test_a_known_client_takes_no_default(policy):
    Client.objects.create(phone="79991234561", operator=999)

    done = imported("phone,tag\n79991234561,\n", known_clients=policy, default_tag="autumn")

    assert counts(done) == {"unchanged": 1}
    assert stored() == {"79991234561": (999, "", "UTC", {})}


@pytest.mark.parametrize("policy", ["keep", "update", "fill"])
def test_an_opt_out_in_the_file_counts_whatever_the_policy(chunks, policy):
    since = timezone.now()
    Client.objects.create(phone="79991234561", operator=999)
    Client.objects.create(phone="79991234562", operator=999, opted_out_at=since)
    withdrawn: list[int] = []

    done = imported(
        "phone,opted out\n79991234561,yes\n79991234562,no\n79991234563,да\n79991234564,\n",
        known_clients=policy,
    )

    assert (counts(done), done.opted_out) == ({"new": 2, "changed": 1, "unchanged": 1}, 2)
    out = Client.objects.exclude(opted_out_at=None).order_by("phone")
    assert [each.phone for each in out] == ["79991234561", "79991234562", "79991234563"]
    assert out[1].opted_out_at == since
    assert set(SuppressedPhone.objects.values_list("phone", "source")) == {
        ("79991234561", "import"), ("79991234563", "import"),
    }  # fmt: skip
    assert withdrawn == []


@pytest.mark.parametrize("policy", ["keep", "update", "fill"])
def test_an_opt_out_counts_in_whichever_row_of_a_phone_it_stands(chunks, policy):
    Client.objects.create(phone="79991234561", operator=999)
    rows = "79991234561,\n79991234561,yes\n79991234562,no\n79991234562,yes\n79991234563,\n"

    foreseen = checked(f"phone,opted out\n{rows}", known_clients=policy)
    done = imported(f"phone,opted out\n{rows}", known_clients=policy)

    assert counts(foreseen) == counts(done) == {"new": 2, "changed": 1, "duplicates": 2}
    assert (foreseen.opted_out, done.opted_out) == (2, 2)
    out = Client.objects.exclude(opted_out_at=None).order_by("phone")
    assert [each.phone for each in out] == ["79991234561", "79991234562"]


def test_whoever_opted_out_once_comes_back_as_opted_out():
    listed = SuppressedPhone.objects.create(phone="79991234561")

    done = imported("phone\n79991234561\n79991234562\n")

    assert (counts(done), done.opted_out) == ({"new": 2}, 0)
    assert dict(Client.objects.values_list("phone", "opted_out_at")) == {
        "79991234561": listed.suppressed_at,
        "79991234562": None,
    }


def test_a_dry_run_shows_examples(known):
    shown = report.examples(checked(FILE, known_clients="update"))

    assert [each["phone"] for each in shown.new] == ["79991234561"]
    assert [(each.phone, each.differences) for each in shown.changed] == [
        ("79991234562", [
            ("operator", 901, 915), ("tag", "old", "vip"), ("timezone", "UTC", "Asia/Omsk"),
            ("city", "Perm", "Omsk"),
        ])
    ]  # fmt: skip
    assert shown.duplicates == [("79991234562", 4, 3)]


def test_rejected_rows_come_back_as_they_were_and_can_be_imported_once_mended():
    done = imported('phone;name\n7921;"Anna;\nMaria"\n79991234561;=1+1\n12;-5\n')

    text = "".join(report.rejected_csv(done))

    assert text == (
        "\ufeffline;reason;phone;name\r\n"
        '2;"Phone number ""7921"" has 4 digits; 11 expected.";7921;"Anna;\nMaria"\r\n'
        '5;"Phone number ""12"" has 2 digits; 11 expected.";12;\'-5\r\n'
    )
    mended = text.replace(";7921;", ";79991234562;").replace(";12;", ";79991234563;")
    again = imported(mended)
    assert counts(again) == {"new": 2}
    assert stored()["79991234563"][3] == {"name": "-5"}
    assert [(each.code, each.count) for each in report.reasons(done)] == [("phone_digits", 2)]


def test_a_rejected_cell_that_a_spreadsheet_quoted_is_not_quoted_twice():
    rejected = imported("phone,note\n'+7 999,'=1+1\n")

    text = "".join(report.rejected_csv(rejected))
    again = imported(text.replace(",'+7 999,", ",'+7 999 123-45-61,"))

    assert text.endswith(",'+7 999,'=1+1\r\n")
    assert counts(again) == {"new": 1}
    assert stored() == {"79991234561": (999, "", "UTC", {"note": "=1+1"})}


def test_names_of_attributes_are_noted():
    imported("phone,city,age\n79991234561,Omsk,30\n")

    assert list(AttributeName.objects.values_list("name", flat=True)) == ["age", "city"]


def test_an_import_of_a_file_without_good_rows_ends_too():
    done = imported("phone\n12\n")

    assert (done.status, counts(done)) == ("finished", {"rejected": 1})


def test_nothing_of_the_file_is_kept_once_it_is_imported():
    done = imported(FILE)

    assert (done.pieces.count(), worked(done).bytes_read) == (0, done.bytes_total)


def test_no_character_of_a_cell_is_taken_for_something_else():
    note = 'a\tb\nc\rd\\e\\n"f", \\N {} é'
    quoted = note.replace('"', '""')

    done = imported(f'phone,tag,note\n79991234561,"x\ty\\z","{quoted}"\n79991234562,\\.,\\N\n')

    assert counts(done) == {"new": 2}
    assert stored() == {
        "79991234561": (999, "x\ty\\z", "UTC", {"note": note}),
        "79991234562": (999, "\\.", "UTC", {"note": "\\N"}),
    }
