"""→ pending, or skipped: the recipients of a mailing get their rows."""

from dataclasses import dataclass

from django.db import connection, transaction

from notifier.clients.conditions import matching_clients
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
    opened AS (
        INSERT INTO message (mailing_id, client_id, phone, status, reason,
                             due_at, finished_at, attempts, maybe_sent)
        SELECT %s, id, phone,
               CASE WHEN opted_out_at IS NULL THEN 'pending' ELSE 'skipped' END,
               CASE WHEN opted_out_at IS NOT NULL THEN 'opted_out' END,
               NULL,
               CASE WHEN opted_out_at IS NOT NULL THEN now() END,
               0, false
        FROM chosen ORDER BY chosen.id
        RETURNING id, client_id, mailing_id, status
    ),
    changed AS (SELECT mailing_id, status AS outcome FROM opened WHERE status = 'skipped'),
    counted AS ({count_changed} RETURNING 1)
    SELECT count(*), count(*) FILTER (WHERE status = 'pending'),
           min(id), max(id), max(client_id)
    FROM opened
"""


def open_messages(mailing_id: int, *, most: int) -> OpenedChunk:
    """Give the next ``most`` recipients their rows, by client id.

    Which clients these are is decided by the mailing's conditions and how far
    earlier chunks came. Whoever has opted out gets a row that is skipped.
    Uses the clients' primary key, or the index of the field that is asked for.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # Not for its key: who writes the first counter of a minute refers to it,
        # and would wait for this while this waits for the counter.
        held = Mailing.objects.select_for_update(of=("self",), no_key=True)
        mailing = held.get(pk=mailing_id)
        if mailing.prepared_at is not None:
            return OpenedChunk(recipients=0, waiting=0, last_client=mailing.last_client_id)
        clients = (
            matching_clients(mailing.conditions)
            .filter(id__gt=mailing.last_client_id, id__lte=mailing.newest_client_id)
            .order_by("id")
            .values("id", "phone", "opted_out_at")[:most]
        )
        sql, parameters = clients.query.sql_with_params()
        cursor.execute(
            OPEN_MESSAGES.format(clients=sql, count_changed=COUNT_CHANGED),
            (*parameters, mailing_id),
        )
        recipients, waiting, first, last, last_client = cursor.fetchone()
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
