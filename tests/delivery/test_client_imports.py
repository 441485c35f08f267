"""Imports on the clusters: their turns in the queue, and the messages of clients who leave."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from notifier.clients.imports.models import ClientImport
from notifier.clients.models import Client
from notifier.delivery import client_imports, rescue
from notifier.mailings.models import Mailing
from tests.clients.imports.importing import counts, options, received

pytestmark = pytest.mark.django_db

FILE = "phone,opted out\n79991234501,\n79991234502,yes\n"


def queued() -> list[tuple]:
    """The arguments of what waits in the queue."""
    return [row.task["args"] for row in OrmQ.objects.all()]


def begin(content: str = FILE, **said: object) -> ClientImport:
    client_import = received(content)
    client_imports.check(client_import, options(client_import, **said))
    return client_import


def test_checking_and_starting_are_queued():
    client_import = begin()
    assert queued() == [(client_import.pk,)]

    client_imports.work_on_import(client_import.pk)
    client_import.refresh_from_db()
    client_imports.start(client_import)
    client_imports.work_on_import(client_import.pk)

    client_import.refresh_from_db()
    assert (client_import.status, counts(client_import)) == ("finished", {"new": 2})


def test_whoever_has_waited_longest_has_the_next_turn():
    first, second = begin(waits_for_review=False), begin(waits_for_review=False)
    OrmQ.objects.all().delete()

    client_imports.work_on_import(first.pk)

    assert queued() == [(second.pk,)]


def test_the_sweep_finds_an_import_whose_worker_died():
    client_import = begin(waits_for_review=False)
    OrmQ.objects.all().delete()
    alive = timezone.now() + timedelta(seconds=5)
    ClientImport.objects.update(lease_expires_at=alive)
    rescue.wake_imports()
    assert queued() == []

    ClientImport.objects.update(lease_expires_at=timezone.now())
    rescue.wake_imports()

    assert queued() == [(client_import.pk,)]


def test_messages_that_wait_for_a_client_whom_the_file_opts_out_are_skipped():
    mailing = Mailing.objects.create(
        text="x",
        start_time=timezone.now(),
        end_time=timezone.now() + timedelta(hours=1),
        status="running",
    )
    for last in (1, 2):
        client = Client.objects.create(phone=f"7999123450{last}", operator=999)
        client.messages.create(mailing=mailing, phone=client.phone, status="pending")

    client_imports.work_on_import(begin(waits_for_review=False).pk)

    assert dict(mailing.messages.values_list("phone", "status")) == {
        "79991234501": "pending",
        "79991234502": "skipped",
    }


def test_files_that_were_left_lying_are_forgotten():
    old, new = received(FILE), received(FILE)
    long_ago = timezone.now() - client_imports.KEEP_UPLOADS
    ClientImport.objects.filter(pk=old.pk).update(created_at=long_ago)

    client_imports.forget_old_uploads()

    assert list(ClientImport.objects.all()) == [new]
