"""Whatever became of rows before, joins with them are planned for as many as there are."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifier.clients.counting import count_clients, example_clients
from notifier.clients.imports.models import ClientImport, ImportChange
from notifier.clients.imports.report import MOST_KEPT, kept_clients
from notifier.clients.models import Client, SuppressedPhone
from notifier.clients.planning import (
    CHANGES,
    CLIENTS,
    MESSAGES,
    SUPPRESSED_PHONES,
    mend_belief_in_few,
)
from notifier.clients.upserting import upsert_clients
from notifier.delivery.ledger import close_waiting_of_clients, open_messages
from notifier.delivery.ledger.withdrawing import withdraw_unreachable
from notifier.delivery.models import Message
from notifier.mailings.models import Gateway, Mailing
from tests.clients.imports.importing import checked, imported

pytestmark = pytest.mark.django_db

TABLES = ("client", "message", "suppressed_phone", "import_change")
ADDED = 2_000
IMPORT = 999


def add_clients() -> None:
    run(
        "INSERT INTO client (phone, operator, tag, timezone, attributes, updated_at)"
        " SELECT (79010000000 + n)::text, 901, '', 'UTC', '{}', now()"
        " FROM generate_series(1, %s) AS n",
        ADDED,
    )


def add_rows() -> None:
    """Clients, what each was and a message that waits for it, and as many suppressed phones."""
    add_clients()
    run(
        "INSERT INTO message (mailing_id, client_id, phone, status, attempts, maybe_sent)"
        " SELECT 1, id, phone, 'pending', 0, false FROM client"
    )
    run(
        "INSERT INTO import_change (client_import_id, client_id, operator, tag, timezone,"
        " attributes, updated_at, changed_at, is_kept)"
        " SELECT %s, id, 901, '', 'UTC', '{}', now(), now(), true FROM client",
        IMPORT,
    )
    run(
        "INSERT INTO suppressed_phone (phone, source)"
        " SELECT (79030000000 + n)::text, 'hand' FROM generate_series(1, %s) AS n",
        ADDED,
    )


def run(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def look_at(*tables: str) -> None:
    for table in tables:
        run(f"ANALYZE {table}")


def connection_setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return cursor.fetchone()[0]


def planned_for(table: str = "client") -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT json) SELECT FROM {table}")
        plan = cursor.fetchone()[0]
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"]


READ = """
    SELECT sum(pg_stat_get_xact_tuples_returned(oid))::bigint FROM pg_class
    WHERE oid = ANY(%(tables)s::regclass[])
       OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY(%(tables)s::regclass[]))
"""


@contextmanager
def few_rows_read() -> Iterator[None]:
    """Each table and index a few times at most, and not once for every row of another."""
    with connection.cursor() as cursor:
        cursor.execute(READ, {"tables": list(TABLES)})
        before = cursor.fetchone()[0]
        yield
        cursor.execute(READ, {"tables": list(TABLES)})
        read = cursor.fetchone()[0] - before
    assert 0 < read < 50 * ADDED


@pytest.fixture
def left_alone() -> Iterator[None]:
    """No autovacuum comes by, and holds or mends what is tried here."""
    if not connection.in_atomic_block:
        # The next counts no rows that were rolled back lately.
        connection.close()
    for table in TABLES:
        run(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    yield
    for table in () if connection.in_atomic_block else TABLES:
        run(f"ALTER TABLE {table} RESET (autovacuum_enabled)")


@pytest.fixture
def taken_for_none(left_alone):
    """Many rows, of which the planner knows nothing yet: all had been deleted before."""
    now = timezone.now()
    # Flushing the tables between tests takes it away.
    Gateway.objects.get_or_create(name="Default gateway")
    Mailing.objects.create(
        pk=1, name="Autumn sale", text="x", status="running", start_time=now,
        end_time=now + timedelta(days=1),
    )  # fmt: skip
    ClientImport.objects.create(
        pk=IMPORT, file_name="may.csv", file_size=1, file_kind="csv", encoding="utf-8",
        delimiter=",", status="undone",
    )  # fmt: skip
    add_rows()
    for model in (Message, Client, SuppressedPhone, ImportChange):
        model.objects.all()._raw_delete("default")
    look_at(*TABLES)
    add_rows()
    ids = Message.objects.order_by("id").values_list("id", flat=True)
    Mailing.objects.update(first_message_id=ids.first(), last_message_id=ids.last())
    assert all(planned_for(table) < ADDED / 100 for table in TABLES)


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

    assert planned_for("client") >= ADDED
    assert planned_for("suppressed_phone") >= ADDED


def withdraw() -> None:
    Client.objects.update(opted_out_at=timezone.now())
    ids = list(Client.objects.values_list("id", flat=True))
    assert close_waiting_of_clients(ids, reason="opted_out") == ADDED


def put_back() -> None:
    withdraw_unreachable(list(Message.objects.values_list("id", flat=True)))


def report_kept() -> None:
    kept = kept_clients(ClientImport.objects.get(pk=IMPORT))
    assert [each.why for each in kept] == ["was edited since"] * MOST_KEPT


NOT_RECEIVED = {"field": "mailing", "op": "not_received", "value": 1}
NOT_CONTACTED = {"field": "last_contacted", "op": "not_in_last_days", "value": 3}


def count() -> None:
    assert count_clients(NOT_RECEIVED).matching == ADDED


def choose_recipients(conditions=NOT_RECEIVED, expected=ADDED) -> None:
    now = timezone.now()
    Mailing.objects.create(
        pk=2, name="Once more", text="x", status="preparing", start_time=now,
        end_time=now + timedelta(days=1), conditions=conditions,
        newest_client_id=Client.objects.latest("id").pk,
    )  # fmt: skip
    assert open_messages(2, most=ADDED).recipients == expected


@pytest.mark.parametrize("work", [withdraw, put_back, report_kept, count, choose_recipients])
def test_nothing_compares_each_with_each(taken_for_none, work):
    with few_rows_read():
        work()


def plan_first(execute, sql, params, many, context):
    """Refuses what would go through the messages of a mailing for every client."""
    if "client" in sql and "message" in sql and not sql.startswith("EXPLAIN"):
        execute(f"EXPLAIN {sql}", params, many, context)
        plan = "\n".join(row[0] for row in context["cursor"].fetchall())
        assert "Nested Loop Anti Join" not in plan, plan
    return execute(sql, params, many, context)


@pytest.mark.parametrize("condition", [NOT_RECEIVED, NOT_CONTACTED], ids=["mailing", "days"])
def test_messages_newer_than_the_last_look_are_not_compared_with_each_client(
    taken_for_none, condition
):
    """As those of a mailing are among many older ones, until a tenth of them are new."""
    run(
        "UPDATE message SET mailing_id = 3, status = 'accepted',"
        " sent_at = now() - interval '20 days', finished_at = now() - interval '20 days'"
    )
    look_at(*TABLES)
    run(
        "INSERT INTO message (mailing_id, client_id, phone, status, attempts, maybe_sent,"
        " sent_at, finished_at)"
        " SELECT 1, id, phone, 'accepted', 1, false, now(), now() FROM client"
    )
    Mailing.objects.update(last_message_id=Message.objects.latest("id").pk)

    with connection.execute_wrapper(plan_first):
        assert count_clients(condition).matching == 0
        assert example_clients(condition) == []
        choose_recipients(condition, expected=0)
    assert connection_setting("enable_nestloop") == "on"


@pytest.mark.django_db(transaction=True)
def test_what_is_right_is_not_looked_at_again(taken_for_none):
    tables = (CLIENTS, MESSAGES, SUPPRESSED_PHONES, CHANGES)
    mend_belief_in_few(*tables)

    with CaptureQueriesContext(connection) as asked:
        mend_belief_in_few(*tables)

    assert [each["sql"] for each in asked][1:] == []
    assert [planned_for(table) for table in TABLES] == [ADDED] * 4


@pytest.mark.django_db(transaction=True)
def test_whoever_cleans_or_indexes_a_table_is_not_waited_for(taken_for_none):
    beside = connection.copy()
    beside.set_autocommit(False)
    # As VACUUM, ANALYZE and CREATE INDEX CONCURRENTLY do.
    with beside.cursor() as cursor:
        cursor.execute("LOCK TABLE client, message IN SHARE UPDATE EXCLUSIVE MODE")
    try:
        with transaction.atomic(), few_rows_read():
            run("SET LOCAL lock_timeout = '5s'")
            count()
    finally:
        beside.rollback()
        beside.close()

    assert planned_for() < ADDED / 100
