"""How many clients may have got one message more than once."""

from django.db import connection

from notifier.mailings.models import Mailing

# Begins with the attempts, of which only those that were not accepted have rows: where
# little went wrong it costs little. Uses the index on their messages.
MAYBE_TWICE = """
    SELECT count(*)
    FROM (
        SELECT message_id, count(*) AS unclear FROM attempt
        WHERE outcome = 'unknown' AND message_id BETWEEN %(first)s AND %(last)s
        GROUP BY message_id
    ) AS doubtful
    JOIN message ON message.id = message_id
    WHERE mailing_id = %(mailing)s AND (status = 'accepted' OR unclear > 1)
"""


def maybe_received_twice(mailing: Mailing) -> int:
    """At most so many: accepted after an unknown outcome, or with more than one of those."""
    span = {"first": mailing.first_message_id, "last": mailing.last_message_id}
    with connection.cursor() as cursor:
        cursor.execute(MAYBE_TWICE, {"mailing": mailing.pk, **span})
        return cursor.fetchone()[0]
