from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client as Browser
from django.utils import timezone

from notifier.delivery.models import Heartbeat


def beat(*, seconds_ago: float, name: str = "cluster:one") -> None:
    at = timezone.now() - timedelta(seconds=seconds_ago)
    Heartbeat.objects.update_or_create(name=name, defaults={"at": at})


def test_healthz_answers_without_a_database(client: Browser) -> None:
    # Without the django_db mark any query would fail the test.
    response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok")


def test_healthz_answers_a_browser_that_is_signed_in_without_a_database(
    browser: Browser, outage: None
) -> None:
    response = browser.get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.django_db
def test_ready_with_a_database_its_migrations_and_a_cluster(client: Browser) -> None:
    beat(seconds_ago=5)

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ready", "missing": {}}


@pytest.mark.django_db
def test_not_ready_without_a_cluster(client: Browser) -> None:
    beat(seconds_ago=31)
    beat(seconds_ago=1, name="sweep")

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "missing": {"cluster": "No cluster has been heard of for 30 seconds."},
    }


@pytest.mark.django_db
def test_not_ready_while_a_migration_waits(client: Browser) -> None:
    beat(seconds_ago=1)
    MigrationRecorder(connection).record_unapplied("notifier", "0001_initial")

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["missing"] == {
        "migrations": "Migrations not applied: 1, beginning with notifier.0001_initial."
    }


def test_not_ready_without_a_database(client: Browser, outage: None) -> None:
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["missing"] == {"database": "The database cannot be reached."}
