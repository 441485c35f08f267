"""What PostgreSQL's planner believes about the table of clients."""

from django.db import connection

# The planner scales the density of the last ANALYZE to the pages that there are now.
BELIEVED_AND_COUNTED = """
    SELECT CASE WHEN relpages > 0 THEN
               reltuples * pg_relation_size(oid)
               / current_setting('block_size')::int / relpages END,
           pg_stat_get_live_tuples(oid) + pg_stat_get_xact_tuples_inserted(oid)
    FROM pg_class WHERE oid = 'client'::regclass
"""


def mend_belief_in_few_clients() -> None:
    """Have the table looked at again, where it has ten times as many clients as planned for.

    So it is for up to a minute, until autovacuum has come by, after most of
    many were deleted and others were added. A join with a chunk of an import
    would then compare every client with every row: for minutes, where it takes
    half a second.
    """
    with connection.cursor() as cursor:
        cursor.execute(BELIEVED_AND_COUNTED)
        believed, counted = cursor.fetchone()
        # None: never looked at, and estimated from the size alone, which is good enough.
        if believed is not None and believed * 10 < counted:
            cursor.execute("ANALYZE client (phone)")
