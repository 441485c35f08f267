from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from notifier.clients.imports import chunk, lifecycle, staging, steps
from notifier.clients.imports.lifecycle import WrongImportStatus
from notifier.clients.imports.models import ClientImport
from notifier.clients.imports.steps import Outcome, run_step
from notifier.clients.models import Client
from tests.clients.imports.importing import (
    checked,
    counts,
    imported,
    options,
    received,
    undone,
    worked,
)

pytestmark = pytest.mark.django_db

FILE = "phone\n" + "".join(f"7999123450{number}\n" for number in range(9)) + "12\n79991234500\n"


@pytest.fixture(autouse=True)
def a_chunk_for_each_row(monkeypatch):
    monkeypatch.setattr(chunk.take_chunk, "__kwdefaults__", {"most": 1})


@pytest.fixture
def under_way():
    """An import three of whose nine clients are in."""
    client_import = received(FILE)
    lifecycle.begin_check(client_import, options(client_import, waits_for_review=False))
    stops = iter([False] * 3 + [True])
    assert run_step(client_import.pk, is_stopping=lambda: next(stops)) is Outcome.TURN_OVER
    client_import.refresh_from_db()
    assert (client_import.status, Client.objects.count()) == ("importing", 3)
    return client_import


def test_it_goes_on_where_a_turn_ended(under_way):
    worked(under_way)

    assert counts(under_way) == {"new": 9, "duplicates": 1, "rejected": 1}
    assert Client.objects.count() == 9


def test_it_begins_to_read_anew_where_the_stage_was_lost(under_way):
    with connection.cursor() as cursor:  # as a crash of the server leaves it
        cursor.execute(f"TRUNCATE {staging.table_of(under_way.pk)}")

    worked(under_way)

    assert (under_way.status, counts(under_way)) == (
        "finished", {"new": 9, "duplicates": 1, "rejected": 1},
    )  # fmt: skip


def test_nobody_else_works_on_one_that_is_being_worked_on(under_way):
    ClientImport.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=30))

    assert run_step(under_way.pk) is Outcome.NOTHING_TO_DO
    assert Client.objects.count() == 3


def test_a_worker_that_was_thought_dead_commits_nothing_more(under_way, monkeypatch):
    def taken_over():
        ClientImport.objects.update(generation=99)
        return False

    assert run_step(under_way.pk, is_stopping=taken_over) is Outcome.NOTHING_TO_DO
    assert Client.objects.count() == 4


def test_a_cancelled_import_stops_and_says_where(under_way):
    lifecycle.cancel(under_way)

    assert run_step(under_way.pk) is Outcome.NOTHING_TO_DO
    under_way.refresh_from_db()
    assert (under_way.status, counts(under_way)) == (
        "cancelled",
        {"new": 3, "rejected": 1} | ({"duplicates": 1}),
    )
    assert (under_way.merged, under_way.staged) == (4, 10)
    assert not staging.holds_rows(under_way.pk)
    assert undone(under_way).removed == 3
    assert not Client.objects.exists()


def test_cancelling_in_the_middle_of_a_turn_stops_it_there(under_way):
    def cancelled():
        lifecycle.cancel(under_way)
        return False

    assert run_step(under_way.pk, is_stopping=cancelled) is Outcome.NOTHING_TO_DO
    assert Client.objects.count() == 4


def test_a_cancelled_dry_run_has_done_nothing():
    client_import = received(FILE)
    lifecycle.begin_check(client_import, options(client_import))
    stops = iter([False] * 3 + [True])
    run_step(client_import.pk, is_stopping=lambda: next(stops))

    client_import.refresh_from_db()
    assert client_import.new == 3
    lifecycle.cancel(client_import)

    assert not lifecycle.has_done_anything(client_import)
    lifecycle.discard(client_import)
    assert not ClientImport.objects.exists()


def test_imports_take_turns():
    first, second = received(FILE), received(FILE)
    for each in (first, second):
        lifecycle.begin_check(each, options(each, waits_for_review=False))

    order = []
    while (import_id := steps.next_in_work()) is not None:
        order.append(import_id)
        run_step(import_id, turn_seconds=0)

    assert order[:4] == [first.pk, second.pk, first.pk, second.pk]
    assert Client.objects.count() == 9


def test_a_file_that_was_checked_may_be_checked_again_with_other_options():
    client_import = checked(FILE)

    lifecycle.begin_check(client_import, options(client_import, default_tag="vip"))
    worked(client_import)
    lifecycle.start(client_import)
    worked(client_import)

    assert counts(client_import) == {"new": 9, "duplicates": 1, "rejected": 1}
    assert set(Client.objects.values_list("tag", flat=True)) == {"vip"}


def test_what_the_status_does_not_allow_is_refused():
    done = imported(FILE)

    for refused in (lifecycle.start, lifecycle.cancel, lifecycle.discard, lifecycle.begin_again):
        with pytest.raises(WrongImportStatus):
            refused(done)


def test_one_that_was_started_meanwhile_is_not_discarded():
    seen_by_another = checked(FILE)
    lifecycle.start(ClientImport.objects.get(pk=seen_by_another.pk))

    with pytest.raises(WrongImportStatus, match="cancel it first"):
        lifecycle.discard(seen_by_another)
    worked(seen_by_another)

    assert counts(seen_by_another) == {"new": 9, "duplicates": 1, "rejected": 1}


def test_one_that_was_discarded_meanwhile_is_gone():
    client_import = checked(FILE)
    lifecycle.discard(ClientImport.objects.get(pk=client_import.pk))

    with pytest.raises(WrongImportStatus, match="not under way any more"):
        lifecycle.cancel(client_import)
    lifecycle.discard(client_import)

    assert not ClientImport.objects.exists()


def test_a_cancelled_file_may_be_taken_up_again(under_way):
    lifecycle.cancel(under_way)

    again = lifecycle.begin_again(under_way)
    lifecycle.begin_check(again, options(again, waits_for_review=False))
    worked(again)

    assert counts(again) == {"new": 6, "unchanged": 3, "duplicates": 1, "rejected": 1}


def test_a_fault_of_ours_ends_it_in_words(monkeypatch):
    client_import = received(FILE)
    lifecycle.begin_check(client_import, options(client_import))
    monkeypatch.setattr(steps, "clean_rows", lambda *a, **k: 1 / 0)

    assert run_step(client_import.pk) is Outcome.ENDED
    client_import.refresh_from_db()
    assert (client_import.status, client_import.problem[:12]) == ("failed", "It broke off")


def test_a_database_that_breaks_off_in_the_middle_of_the_rows_is_no_fault_of_ours(monkeypatch):
    client_import = received(FILE)
    lifecycle.begin_check(client_import, options(client_import))
    with monkeypatch.context() as patch:
        # As good as any other trouble of the database with them.
        patch.setattr(staging, "create", lambda _id: None)
        with pytest.raises(DatabaseError):
            run_step(client_import.pk)

    worked(client_import)

    assert (client_import.status, client_import.rows_read) == ("checked", 11)


@pytest.fixture
def taken(monkeypatch):
    """The good and rejected rows of each batch."""
    batches = []
    store = staging.store

    def noted_store(*arguments, **more):
        batches.append(store(*arguments, **more))
        return batches[-1]

    monkeypatch.setattr(staging, "store", noted_store)
    return batches


def test_rows_that_take_long_to_read_are_stored_before_the_lease_ends(taken, monkeypatch):
    monkeypatch.setattr(staging, "SECONDS_A_BATCH", 0)

    done = imported("phone\n12\n13\n14\n79991234500\n79991234501\n")

    assert counts(done) == {"new": 2, "rejected": 3}
    assert taken == [(0, 1), (0, 1), (0, 1), (2, 0), (0, 0)]


def test_long_rows_are_taken_few_at_a_time(taken, monkeypatch):
    monkeypatch.setattr(staging, "CHARACTERS_A_PIECE", 1_000)
    monkeypatch.setattr(staging, "CHARACTERS_A_BATCH", 1_900)
    good = [f"7999123450{number},{'x' * 900}\n" for number in range(5)]
    rejected = [f"12,{'x' * 900}\n"] * 5

    done = imported("phone,name\n" + "".join(good + rejected))

    assert (counts(done), done.rows_read) == ({"new": 5, "rejected": 5}, 10)
    assert taken == [(4, 0), (1, 3), (0, 2), (0, 0)]
