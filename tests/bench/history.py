"""A year's history in one database: ``python -m tests.bench.history --messages 10000000``.

Fills the empty database that NOTIFIER_DATA_DIR or DATABASE_URL names, set by set:
clients of many operators, tags and zones, mailings of the 365 days before today of
skewed sizes (one of a tenth of all), three gateways, every outcome and reason, up to
four attempts, and the counters as the ledger would have written them.
"""

import argparse
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifier.settings")
django.setup()

from django.db import connection  # noqa: E402 - only after the set-up

from notifier.delivery.recount import mend  # noqa: E402
from notifier.delivery.rollup import roll_up  # noqa: E402

SEED = 0.42
PER_SECOND = 40.0

CLIENTS = """
    INSERT INTO client (phone, operator, tag, timezone, attributes, updated_at, opted_out_at)
    SELECT (79000000000 + g * 37)::text,
           900 + floor(60 * power(random(), 2))::int,
           CASE floor(25 * power(random(), 2))::int
               WHEN 0 THEN '' ELSE 'tag ' || floor(25 * power(random(), 2))::int END,
           (ARRAY['Europe/Moscow', 'Asia/Yekaterinburg', 'Europe/Samara', 'Asia/Novosibirsk',
                  'Asia/Omsk', 'Asia/Krasnoyarsk', 'Asia/Irkutsk', 'Europe/Kaliningrad',
                  'Asia/Vladivostok', 'Asia/Yakutsk', 'Asia/Magadan', 'UTC']
           )[1 + floor(12 * power(random(), 2))::int],
           '{}', now(), CASE WHEN random() < 0.02 THEN now() END
    FROM generate_series(1, %(clients)s) AS g
"""
GATEWAYS = """
    INSERT INTO gateway (name, url, concurrency, connect_timeout_seconds, total_timeout_seconds,
                         unknown_outcome)
    VALUES ('Second', '', 256, 5, 30, 'retry'), ('Slow', '', 256, 5, 30, 'hold')
"""
TRAITS = """
    INSERT INTO traits (operator, tag, timezone)
    SELECT DISTINCT operator, tag, timezone FROM client ORDER BY 1, 2, 3
"""
# One mailing of a tenth of all, but for as many clients as there are; the rest log-normal.
MAILINGS = """
    WITH drawn AS (
        SELECT m, exp(1.5 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())) AS weight
        FROM generate_series(1, %(mailings)s) AS m
    ),
    largest AS (SELECT least(%(messages)s / 10, %(clients)s) AS size),
    sized AS (
        SELECT m, CASE WHEN m = %(mailings)s - 20 THEN largest.size
                  ELSE greatest(3, least(%(clients)s,
                       (weight / sum(weight) OVER () * (%(messages)s - largest.size))::int)) END
                  AS size,
               date_trunc('day', now()) - interval '365 days'
               + (m - 1) * (interval '365 days' / %(mailings)s) + interval '6 hours' * random()
               AS start,
               (ARRAY(SELECT id FROM gateway ORDER BY id))[1 + m %% 3] AS gateway_id
        FROM drawn, largest
    )
    INSERT INTO mailing (name, text, conditions, start_time, end_time, gateway_id, status,
                         pause_reason, created_at, updated_at, started_at, prepared_at,
                         finished_at, audience, last_client_id, newest_client_id,
                         first_message_id, last_message_id)
    SELECT 'Mailing ' || m, 'Hello number ' || m, '{}', start, start + interval '1 day', gateway_id,
           'finished', '', start, now(), start, start + interval '1 minute',
           start + interval '1 day', size, %(clients)s, %(clients)s,
           1 + coalesce(sum(size) OVER (ORDER BY m ROWS UNBOUNDED PRECEDING) - size, 0),
           sum(size) OVER (ORDER BY m ROWS UNBOUNDED PRECEDING)
    FROM sized ORDER BY m
"""
KNOWN = """
    CREATE TEMP TABLE known AS
    SELECT row_number() OVER (ORDER BY client.id) AS place, client.id AS client_id, phone,
           traits.id AS traits_id
    FROM client JOIN traits USING (operator, tag, timezone);
    CREATE UNIQUE INDEX ON known (place);
    ANALYZE known; ANALYZE mailing;
"""
# Indexes are made once the rows are there: in half the time.
DROP = """
    ALTER TABLE message DROP CONSTRAINT message_one_per_recipient;
    ALTER TABLE message DROP CONSTRAINT message_pkey;
    DROP INDEX message_due; DROP INDEX message_reason; DROP INDEX message_reason_newest;
"""
MESSAGES = """
    WITH drawn AS (
        SELECT mailing.id AS mailing_id, gateway_id, audience, started_at, end_time, k,
               random() AS fate, random() AS tries, random() AS pace
        FROM mailing, generate_series(0, audience - 1) AS k
    ),
    fated AS (
        SELECT drawn.*,
               CASE WHEN fate < 0.93 THEN 'accepted' WHEN fate < 0.955 THEN 'failed'
                    WHEN fate < 0.965 THEN 'unknown' WHEN fate < 0.98 THEN 'expired'
                    WHEN fate < 0.995 THEN 'skipped' ELSE 'cancelled' END AS status,
               started_at + interval '1 second' * (1 + k / %(pace)s) AS ended
        FROM drawn
    )
    INSERT INTO message (mailing_id, client_id, phone, status, reason, attempts, maybe_sent,
                         created_at, sent_at, finished_at, duration_ms, http_status, gateway_code,
                         traits_id)
    SELECT mailing_id, client_id, phone, status,
           CASE status WHEN 'failed' THEN 'rejected' WHEN 'expired' THEN 'end_passed'
                       WHEN 'skipped' THEN 'opted_out' WHEN 'cancelled' THEN 'cancelled'
                       WHEN 'unknown' THEN (ARRAY['counted_as_sent', 'timed_out',
                            'unreadable_reply'])[1 + floor(3 * tries)::int] END,
           CASE WHEN fate < 0.965 THEN 1 + (tries > 0.95)::int + (tries > 0.99)::int
                                         + (tries > 0.998)::int ELSE 0 END,
           status = 'unknown', started_at, CASE WHEN fate < 0.965 THEN ended END,
           CASE status WHEN 'skipped' THEN started_at WHEN 'expired' THEN end_time ELSE ended END,
           CASE WHEN fate < 0.965 THEN
               least(30000, exp(4.5 + 0.7 * (gateway_id %% 3)
                     + 0.6 * sqrt(-2 * ln(1 - pace)) * cos(2 * pi() * tries)))::int END,
           CASE WHEN fate < 0.955 THEN 200 END,
           CASE status WHEN 'accepted' THEN 0 WHEN 'failed' THEN 17 END, traits_id
    FROM fated JOIN known ON place = 1 + (mailing_id * 7919 + k) %% %(clients)s
    ORDER BY mailing_id, k
"""
INDEXES = """
    ALTER TABLE message ADD PRIMARY KEY (id);
    ALTER TABLE message ADD CONSTRAINT message_one_per_recipient UNIQUE (client_id, mailing_id);
    CREATE INDEX message_due ON message (mailing_id, due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX message_reason ON message (mailing_id, reason) WHERE reason IS NOT NULL;
    CREATE INDEX message_reason_newest ON message (reason, id) WHERE reason IS NOT NULL;
"""
ATTEMPTS = """
    INSERT INTO attempt (message_id, number, started_at, duration_ms, outcome, reason, phase,
                         http_status, error, reply)
    SELECT id, n, sent_at, duration_ms, 'busy', 'unavailable', 'reply', 503, '', ''
    FROM message, generate_series(1, attempts) AS n
    WHERE status <> 'accepted' OR n < attempts
"""


def main() -> None:
    sizes = read_options()
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM client) OR EXISTS (SELECT FROM mailing)")
        if cursor.fetchone()[0]:
            sys.exit("There are clients or mailings in this database: an empty one is filled.")
        cursor.execute("SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'")
        cursor.execute("SELECT setseed(%s)", [SEED])
        for name, sql in (
            ("clients", CLIENTS), ("gateways", GATEWAYS), ("traits", TRAITS),
            ("mailings", MAILINGS), ("what is known of clients", KNOWN), ("fewer indexes", DROP),
            ("messages", MESSAGES), ("indexes", INDEXES), ("attempts", ATTEMPTS),
        ):  # fmt: skip
            begun = time.monotonic()
            cursor.execute(sql, sizes)
            print(f"{name}: {time.monotonic() - begun:.1f} s", flush=True)
        begun = time.monotonic()
        mend()
        print(f"counters: {time.monotonic() - begun:.1f} s", flush=True)
        cursor.execute("VACUUM ANALYZE")
    while roll_up():
        pass
    print("Days are rolled up.")


def read_options() -> dict[str, float]:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.history",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--mailings", type=int, default=100)
    parser.add_argument("--clients", type=int, default=50_000)
    return {**vars(parser.parse_args()), "pace": PER_SECOND}


if __name__ == "__main__":
    main()
