"""→ pending, or skipped: the recipients of a mailing get their rows."""

from dataclasses import dataclass

from django.db import connection, transaction

from notifier.clients.conditions import ask_for_messages, matching_clients
from notifier.clients.planning import (
    CHANGES,
    CLIENTS,
    MESSAGES,
    mend_belief_in_few,
    whole_tables_joined,
)
from notifier.delivery.ledger.counting import COUNT_CHANGED
from notifier.delivery.models import Frontier
from notifier.mailings.models import Mailing


@dataclass(frozen=True)
class OpenedChunk:
    """How many recipients a chunk gave their message rows; 0 when there are no more."""

    recipients: int
    waiting: int
    last_client: int


OPEN_MESSAGES = """
    WITH chosen AS ({clients}),
    -- Another mailing may add the same at this moment: what is written over is returned, too.
    new_traits AS (
        INSERT INTO traits (operator, tag, timezone)
        SELECT DISTINCT operator, tag, timezone FROM chosen
        WHERE NOT EXISTS (
            SELECT FROM traits WHERE traits.operator = chosen.operator
              AND traits.tag = chosen.tag AND traits.timezone = chosen.timezone
        )
        ORDER BY operator, tag, timezone
        ON CONFLICT (operator, tag, timezone) DO UPDATE SET operator = excluded.operator
        RETURNING id, operator, tag, timezone
    ),
    known_traits AS (SELECT * FROM new_traits UNION ALL SELECT * FROM traits),
    opened AS (
        INSERT INTO message (mailing_id, client_id, phone, traits_id, status, reason,
                             due_at, finished_at, attempts, maybe_sent)
        SELECT %s, chosen.id, phone, known_traits.id,
               CASE WHEN opted_out_at IS NULL THEN 'pending' ELSE 'skipped' END,
               CASE WHEN opted_out_at IS NOT NULL THEN 'opted_out' END,
               NULL,
               CASE WHEN opted_out_at IS NOT NULL THEN now() END,
               0, false
        FROM chosen LEFT JOIN known_traits USING (operator, tag, timezone)
        ORDER BY chosen.id
        RETURNING id, client_id, status
    )
    SELECT count(*), count(*) FILTER (WHERE status = 'pending'),
           min(id), max(id), max(client_id)
    FROM opened
"""


# A statement of its own, which sees the traits that were added.
COUNT_SKIPPED = f"""
    WITH changed AS (
        SELECT mailing_id, status AS outcome, traits_id, reason, attempts, duration_ms
        FROM message WHERE id BETWEEN %s AND %s AND mailing_id = %s AND status = 'skipped'
    ),
    {COUNT_CHANGED}
    SELECT count(*) FROM changed
"""


# With a mailing's id. Not waited for: a worker that waits does nothing else.
_LOCK = 7_015_434


def open_messages(mailing_id: int, *, most: int) -> OpenedChunk | None:
    """Give the next ``most`` recipients their rows, by client id; None: another does just now.

    Which clients these are is decided by the mailing's conditions and how far
    earlier chunks came. Whoever has opted out gets a row that is skipped.
    Uses the clients' primary key, or the index of the field that is asked for.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK, mailing_id])
        if not cursor.fetchone()[0]:
            return None
        # Not for its key: who writes the first counter of a minute refers to it,
        # and would wait for this while this waits for the counter.
        held = Mailing.objects.select_for_update(of=("self",), no_key=True)
        mailing = held.get(pk=mailing_id)
        if mailing.prepared_at is not None:
            return OpenedChunk(recipients=0, waiting=0, last_client=mailing.last_client_id)
        mend_belief_in_few(CLIENTS, CHANGES, MESSAGES)
        clients = (
            matching_clients(mailing.conditions)
            .filter(id__gt=mailing.last_client_id, id__lte=mailing.newest_client_id)
            .order_by("id")
            .values("id", "phone", "opted_out_at", "operator", "tag", "timezone")[:most]
        )
        sql, parameters = clients.query.sql_with_params()
        with whole_tables_joined(where=ask_for_messages(mailing.conditions)):
            cursor.execute(OPEN_MESSAGES.format(clients=sql), (*parameters, mailing_id))
        recipients, waiting, first, last, last_client = cursor.fetchone()
        if waiting < recipients:
            cursor.execute(COUNT_SKIPPED, (first, last, mailing_id))
        if recipients:
            mailing.audience += recipients
            mailing.last_client_id = last_client
            mailing.first_message_id = mailing.first_message_id or first
            mailing.last_message_id = last
            Frontier.objects.get_or_create(mailing=mailing, defaults={"next_id": first})
            mailing.save(
                update_fields=[
                    "audience", "last_client_id", "first_message_id", "last_message_id",
                ]
            )  # fmt: skip
    return OpenedChunk(recipients=recipients, waiting=waiting, last_client=mailing.last_client_id)
