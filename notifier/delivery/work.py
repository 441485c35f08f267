"""What there is to send at this moment: the running mailings and their gateways."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from notifier.mailings.models import Gateway

RUNNING_WORK = """
    SELECT mailing.id, mailing.gateway_id, mailing.text, mailing.rate_per_second,
           extract(epoch FROM mailing.end_time - now())::float,
           coalesce(frontier.next_id <= mailing.last_message_id, false)
           OR EXISTS (SELECT FROM message WHERE message.mailing_id = mailing.id
                      AND message.due_at <= now())
    FROM mailing LEFT JOIN frontier ON frontier.mailing_id = mailing.id
    WHERE status IN ('preparing', 'running') AND start_time <= now() AND now() < end_time
    ORDER BY mailing.id
"""


@dataclass(frozen=True)
class RunningMailing:
    """A mailing that may send now, for ``seconds_left``; ``is_due`` if messages wait for us."""

    id: int
    gateway_id: int
    text: str
    rate_per_second: float | None
    seconds_left: float
    is_due: bool


def running_mailings() -> list[RunningMailing]:
    """Every mailing whose messages may leave now. Uses mailing_open and message_due."""
    with connection.cursor() as cursor:
        cursor.execute(RUNNING_WORK)
        return [RunningMailing(*row) for row in cursor.fetchall()]


def gateways() -> dict[int, Gateway]:
    return Gateway.objects.in_bulk()


EARLIEST_DUE = """
    SELECT min(greatest(first.due_at, health.retry_at, health.probe_lease_until))
    FROM mailing
    LEFT JOIN gateway_health AS health USING (gateway_id)
    CROSS JOIN LATERAL (
        SELECT now() AS due_at FROM frontier
        WHERE frontier.mailing_id = mailing.id AND next_id <= mailing.last_message_id
        UNION ALL
        (SELECT due_at FROM message
         WHERE message.mailing_id = mailing.id AND due_at IS NOT NULL
         ORDER BY due_at LIMIT 1)
    ) AS first
    WHERE mailing.status IN ('preparing', 'running') AND now() < mailing.end_time
      AND coalesce(health.state, 'closed') <> 'held'
"""


def earliest_due() -> datetime | None:
    """When the next message of a running mailing may be claimed, by its gateway's health too."""
    with connection.cursor() as cursor:
        cursor.execute(EARLIEST_DUE)
        return cursor.fetchone()[0]
