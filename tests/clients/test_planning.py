"""Whatever became of the clients before, joins with them are planned for as many as there are."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifier.clients.models import Client
from notifier.clients.planning import mend_belief_in_few_clients
from notifier.clients.upserting import upsert_clients
from tests.clients.imports.importing import checked, imported

pytestmark = pytest.mark.django_db

ADDED = 2_000


def add_clients() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO client (phone, operator, tag, timezone, attributes, updated_at)"
            " SELECT (79010000000 + n)::text, 901, '', 'UTC', '{}', now()"
            " FROM generate_series(1, %s) AS n",
            [ADDED],
        )


def look_at_clients() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE client")


def planned_for() -> int:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT json) SELECT FROM client")
        plan = cursor.fetchone()[0]
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"]


@pytest.fixture
def taken_for_none():
    """Many clients, of whom the planner knows nothing yet: all had been deleted before."""
    add_clients()
    Client.objects.all().delete()
    look_at_clients()
    add_clients()
    assert planned_for() < ADDED / 100


FILE = "phone\n79020000001\n"


@pytest.mark.parametrize(
    "join",
    [
        lambda: imported(FILE),
        lambda: checked(FILE),
        lambda: upsert_clients([{"phone": "79020000001"}], known="update"),
    ],
    ids=["import", "dry run", "bulk"],
)
def test_who_joins_many_clients_plans_for_many(taken_for_none, join):
    join()

    assert planned_for() >= ADDED


def test_what_is_right_is_not_looked_at_again():
    look_at_clients()
    add_clients()
    look_at_clients()

    with CaptureQueriesContext(connection) as asked:
        mend_belief_in_few_clients()

    assert len(asked) == 1
    assert planned_for() == ADDED
