"""A mailing that the gateway rejects too often is paused, and says why.

A wrong text or a wrong list should not burn a million messages before
somebody looks.
"""

from collections.abc import Iterable
from contextlib import suppress

from django.conf import settings
from django.db import connection

from notifier.mailings import lifecycle
from notifier.mailings.lifecycle import WrongStatus

# What was counted in the minute of a resume may have led to the pause before
# it, so a resumed mailing is judged by the minutes after that one.
TOO_OFTEN = """
    SELECT mailing.id, sum(count) FILTER (WHERE outcome = 'failed') AS failed, sum(count)
    FROM mailing JOIN minute_count ON minute_count.mailing_id = mailing.id
    WHERE mailing.id = ANY(%(mailings)s) AND mailing.status IN ('preparing', 'running')
      AND outcome IN ('accepted', 'failed', 'unknown')
      AND (mailing.resumed_at IS NULL OR minute > mailing.resumed_at)
    GROUP BY mailing.id
    HAVING sum(count) >= %(fewest)s
       AND sum(count) FILTER (WHERE outcome = 'failed') >= %(share)s * sum(count)
"""


def pause_if_rejected(mailing_ids: Iterable[int]) -> None:
    """Pause those of the mailings whose share of rejections is above the setting."""
    with connection.cursor() as cursor:
        cursor.execute(
            TOO_OFTEN,
            {
                "mailings": list(mailing_ids),
                "fewest": settings.PAUSE_AFTER_RESULTS,
                "share": settings.PAUSE_AT_REJECTED_SHARE,
            },
        )
        rows = cursor.fetchall()
    for mailing_id, failed, total in rows:
        _pause(mailing_id, f"The gateway rejected {failed:,} of {total:,} messages")


def _pause(mailing_id: int, reason: str) -> None:
    # It may have ended meanwhile.
    with suppress(WrongStatus):
        lifecycle.pause(mailing_id, reason=reason)
