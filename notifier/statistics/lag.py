"""How late work is taken up: what would have been done by now, were all well."""

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True)
class Lag:
    """All by the database's clock; ``sweep_silence_seconds`` is None where none ever ran."""

    tasks: int
    task_seconds: float
    message_seconds: float
    sweep_silence_seconds: float | None


# A task that is locked till later is not due, or a worker has it. Of messages
# counts since when a mailing stands still though nothing forbids it: it should have
# started, or has some that are due, its gateway is neither shut nor without a token,
# and no sender has claimed any. Minutes are the last that its counters know.
QUEUE_LAG = """
    SELECT count(*), coalesce(extract(epoch FROM now() - min(lock)), 0)::float,
           greatest(extract(epoch FROM now() - (
               SELECT min(greatest(
                   first.due_at, start_time, started_at, resumed_at, health.since,
                   own.refilled_at + (1 - own.tokens) / mailing.rate_per_second
                                     * interval '1 second',
                   common.refilled_at + (1 - common.tokens) / gateway.rate_per_second
                                        * interval '1 second',
                   (SELECT max(minute) + interval '1 minute' FROM minute_count
                    WHERE mailing_id = mailing.id)
               ))
               FROM mailing
               JOIN gateway ON gateway.id = gateway_id
               LEFT JOIN gateway_health AS health ON health.gateway_id = gateway.id
               LEFT JOIN rate_tokens AS own
                   ON own.scope = 'mailing' AND own.owner_id = mailing.id
               LEFT JOIN rate_tokens AS common
                   ON common.scope = 'gateway' AND common.owner_id = gateway.id
               CROSS JOIN LATERAL (
                   SELECT start_time AS due_at WHERE status = 'scheduled'
                   UNION ALL
                   SELECT start_time FROM frontier
                   WHERE frontier.mailing_id = mailing.id AND next_id <= last_message_id
                   UNION ALL
                   (SELECT due_at FROM message
                    WHERE message.mailing_id = mailing.id AND due_at <= now()
                    ORDER BY due_at LIMIT 1)
               ) AS first
               WHERE status IN ('scheduled', 'preparing', 'running')
                 AND start_time <= now() AND now() < end_time
                 AND coalesce(health.state, 'closed') NOT IN ('open', 'held')
                 AND NOT EXISTS (SELECT FROM claim WHERE claim.mailing_id = mailing.id)
           )), 0)::float,
           (SELECT extract(epoch FROM now() - at)::float FROM heartbeat WHERE name = 'sweep')
    FROM django_q_ormq WHERE lock <= now()
"""


def queue_lag() -> Lag:
    """One query, over what is due and what runs. Uses mailing_open and message_due."""
    with connection.cursor() as cursor:
        cursor.execute(QUEUE_LAG)
        return Lag(*cursor.fetchone())
