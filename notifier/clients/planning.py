"""What PostgreSQL's planner believes about tables: that they are empty, at worst, and are not."""

from contextlib import AbstractContextManager, nullcontext

from django.db import connection

from notifier.clients.local_settings import set_locally

# Each with the column that others are joined by.
CLIENTS = ("client", "phone")
SUPPRESSED_PHONES = ("suppressed_phone", "phone")
CHANGES = ("import_change", "client_id")
MESSAGES = ("message", "client_id")

# Of fewer rows each may be compared with each.
FEW = 1_000
# The planner scales the density of the last ANALYZE to the pages that there are now.
# No pages then: it goes by the size alone, which is good enough.
BELIEVED_IN_FEW = """
    SELECT relname FROM pg_class
    CROSS JOIN LATERAL (
        SELECT reltuples * pg_relation_size(oid)
               / current_setting('block_size')::int / NULLIF(relpages, 0) AS believed,
               pg_stat_get_live_tuples(oid)
               + pg_stat_get_xact_tuples_inserted(oid) - pg_stat_get_xact_tuples_deleted(oid)
               AS counted
    ) AS rows
    WHERE oid = ANY(%s::regclass[]) AND counted > %s AND counted > 10 * believed
"""


def mend_belief_in_few(*tables: tuple[str, str]) -> None:
    """Have those looked at again that have ten times as many rows as planned for.

    So it is for up to a minute, until autovacuum has come by, after most of
    many rows were deleted and others were added. A join would then compare
    every row of a table with every row of another: for minutes, where it takes
    half a second. Where it is called within a transaction, it does for all of
    that.
    """
    columns = dict(tables)
    with connection.cursor() as cursor:
        cursor.execute(BELIEVED_IN_FEW, [list(columns), FEW])
        if not (mistaken := cursor.fetchall()):
            return
        for (table,) in mistaken:
            # Not waited for: whoever cleans or indexes the table just now may take long, and
            # may wait for this transaction himself.
            cursor.execute(f"ANALYZE (SKIP_LOCKED) {table} ({columns[table]})")
        cursor.execute(BELIEVED_IN_FEW, [list(columns), FEW])
        if cursor.fetchall():
            cursor.execute("SET LOCAL enable_nestloop = off")


def whole_tables_joined(*, where: bool) -> AbstractContextManager[None]:
    """Within a transaction: no join compares each row with each other one.

    Of a mailing whose messages are newer than the last ANALYZE the planner
    expects one, and would compare all of them with every client.
    """
    return set_locally("enable_nestloop", "off") if where else nullcontext()
