import pytest
from django.db import connection

from notifier.clients.imports import report, undoing
from notifier.clients.imports.lifecycle import WrongImportStatus, begin_undo
from notifier.clients.imports.undoing import UndoProspect
from notifier.clients.models import Client, SuppressedPhone
from notifier.mailings.models import Mailing
from tests.clients.imports.importing import imported, undone

pytestmark = pytest.mark.django_db


def everything() -> list[tuple]:
    return list(Client.objects.order_by("id").values_list())


@pytest.fixture
def known():
    """Twenty clients, ids and phones in step."""
    return [
        Client.objects.create(
            phone=f"799912345{number:02}", operator=901, tag="old", attributes={"n": str(number)}
        )
        for number in range(20)
    ]


def file_of(numbers: range) -> str:
    rows = [f"799912345{number:02},914,new,Asia/Omsk,{number}0\n" for number in numbers]
    return "phone,operator,tag,timezone,n\n" + "".join(rows)


def test_it_restores_exactly_what_was(known, monkeypatch):
    monkeypatch.setattr(undoing, "CHUNK_CLIENTS", 3)
    before = everything()
    done = imported(file_of(range(10, 40)), known_clients="update")
    assert (done.new, done.changed) == (20, 10)

    back = undone(done)

    assert everything() == before
    assert (back.status, back.removed, back.restored, back.kept) == ("undone", 20, 10, 0)


def test_what_was_edited_or_messaged_since_stays_and_is_listed(known, monkeypatch):
    monkeypatch.setattr(undoing, "CHUNK_CLIENTS", 3)
    before = dict(Client.objects.values_list("phone", "tag"))
    done = imported(file_of(range(10, 40)), known_clients="update")
    for number in (12, 25):
        Client.objects.get(phone=f"799912345{number}").save()
    messaged = Client.objects.get(phone="79991234530")
    _message_to(messaged)

    prospect = report.undo_prospect(done)
    back = undone(done)

    assert prospect == UndoProspect(removed=18, restored=9, edited=2, messaged=1, opted_out=0)
    assert (back.removed, back.restored, back.kept) == (18, 9, 3)
    kept = {f"799912345{number}": "new" for number in (12, 25, 30)}
    assert dict(Client.objects.values_list("phone", "tag")) == before | kept
    assert {(each.client.phone, each.why) for each in report.kept_clients(back)} == {
        ("79991234512", "was edited since"),
        ("79991234525", "was edited since"),
        ("79991234530", "has messages"),
    }


def test_a_hundred_thousand_rows_are_taken_back_exactly():
    """Ten thousand of them had changed a client, of whom some were edited since."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO client (phone, operator, tag, timezone, attributes, updated_at)"
            " SELECT '7901' || lpad(n::text, 7, '0'), 901, 'old', 'UTC',"
            " jsonb_build_object('n', n), now() - n * interval '1 second'"
            " FROM generate_series(1, 20000) AS n"
        )
        before = as_before(cursor)
        rows = (f"7901{n:07},new,{n}0\n" for n in range(10_001, 110_001) if n % 1_000_000)
        done = imported("phone,tag,n\n" + "".join(rows), known_clients="update")
        assert (done.new, done.changed) == (90_000, 10_000)
        edited = ["79010010001", "79010020000"]
        for phone in edited:
            Client.objects.get(phone=phone).save()

        back = undone(done)

        assert (back.removed, back.restored, back.kept) == (90_000, 9_998, 2)
        assert [each.client.phone for each in report.kept_clients(back)] == edited
        assert Client.objects.filter(phone__in=edited, tag="new").count() == 2
        Client.objects.filter(phone__in=edited).delete()
        assert as_before(cursor) == before - 2


def as_before(cursor) -> int:
    """How many clients there are, all of whose rows are as they were at the first call."""
    cursor.execute("CREATE TEMP TABLE IF NOT EXISTS was AS SELECT * FROM client")
    cursor.execute("SELECT count(*) FROM (TABLE client INTERSECT TABLE was) AS same")
    same = cursor.fetchone()[0]
    assert same == Client.objects.count()
    return same


def test_of_two_imports_the_later_goes_first(known):
    before = everything()
    first = imported(file_of(range(10, 30)), known_clients="update")
    between = everything()
    second = imported(file_of(range(10, 30)).replace("new", "newer"), known_clients="update")

    undone(second)
    assert everything() == between
    undone(first)

    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_of_two_imports_the_earlier_leaves_what_the_later_changed(known):
    before = {row[1]: row for row in everything()}
    first = imported(file_of(range(5, 25)), known_clients="update")
    between = {row[1]: row for row in everything()}
    second = imported(file_of(range(15, 30)).replace("new", "newer"), known_clients="update")

    back = undone(first)
    assert (back.restored, back.removed, back.kept) == (10, 0, 10)
    back = undone(second)
    assert (back.restored, back.removed, back.kept) == (10, 5, 0)

    by_both = {f"799912345{number}" for number in range(15, 25)}
    left = {phone: between[phone] for phone in by_both}
    assert {row[1]: row for row in everything()} == before | left
    again = imported(file_of(range(5, 25)), known_clients="update")
    assert (again.changed, again.unchanged, again.new) == (10, 10, 0)


def test_opt_outs_that_came_with_the_file_stay():
    Client.objects.create(phone="79991234501", operator=999)
    done = imported("phone,opted out\n79991234501,yes\n79991234502,yes\n")

    undone(done)

    assert [(each.phone, each.is_opted_out) for each in Client.objects.all()] == [
        ("79991234501", True)
    ]
    assert SuppressedPhone.objects.count() == 2


def test_it_is_undone_once():
    back = undone(imported(file_of(range(5))))

    with pytest.raises(WrongImportStatus):
        begin_undo(back)


def test_an_import_that_did_nothing_cannot_be_undone():
    with pytest.raises(WrongImportStatus, match="nothing to undo"):
        begin_undo(imported("phone\n12\n"))


def _message_to(client: Client) -> None:
    mailing = Mailing.objects.create(
        text="x", start_time="2026-01-01T00:00Z", end_time="2126-01-01T00:00Z"
    )
    client.messages.create(mailing=mailing, phone=client.phone, status="pending")
