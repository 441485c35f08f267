"""Sending each day's e-mail: once for each person and day, as far as a mail server lets one know.

What is certainly not sent is tried again until the person's day is over; what
may have been sent is not. Of days that were missed only the newest is told.
"""

import logging

from django.conf import settings
from django.utils import timezone

from notifier.accounts.daily_email import yesterday_of
from notifier.accounts.daily_email_claims import (
    ClaimLost,
    ask_for_one_now,
    claim_daily_email,
    give_back,
    note_failure,
    note_maybe_sent,
    note_nothing_to_tell,
    note_sent,
    note_that_it_leaves,
)
from notifier.accounts.models import DailyEmail
from notifier.delivery.daily_emails import TASK_SECONDS
from notifier.statistics.daily.letter import email_of, letter_about
from notifier.statistics.daily.mail_server import (
    MailError,
    MaybeTaken,
    NotTaken,
    can_send,
    hand_over,
)

log = logging.getLogger(__name__)


class AskedTooSoon(MailError):
    """One was asked for a moment ago."""


def send_daily_email(daily_id: int) -> None:
    """Send the e-mail of one person, if it is due and nobody else does; safe to call twice."""
    if not can_send():
        return
    # Its task is killed before the lease is over.
    daily = claim_daily_email(daily_id, lease_seconds=TASK_SECONDS + settings.EMAIL_TIMEOUT + 5)
    if daily is None:
        return
    try:
        _send(daily)
    except Exception:
        # Else its lease would hold up everybody else's.
        give_back(daily, "An error of Notifier's own: its log tells an administrator more.")
        raise


def _send(daily: DailyEmail) -> None:
    letter = letter_about(daily.day or yesterday_of(daily, timezone.now()), daily)
    if letter.is_empty and daily.skips_empty_days:
        note_nothing_to_tell(daily)
        return
    try:
        hand_over(email_of(letter, daily), before_it_leaves=lambda: note_that_it_leaves(daily))
    except ClaimLost:
        give_back(daily)
    except NotTaken as error:
        log.warning("Daily e-mail %s was not sent: %s", daily.pk, error)
        note_failure(daily, str(error))
    except MaybeTaken as error:
        log.warning("Daily e-mail %s may have been sent: %s", daily.pk, error)
        note_maybe_sent(daily, str(error))
    else:
        note_sent(daily)


def send_one_now(daily: DailyEmail) -> None:
    """Send yesterday's at once, beside the one that is due. Raises MailError."""
    if not can_send():
        raise NotTaken("An administrator has to name the mail server first: EMAIL_HOST.")
    if not ask_for_one_now(daily):
        raise AskedTooSoon("One was asked for a moment ago: wait half a minute, and look for it.")
    letter = letter_about(yesterday_of(daily, timezone.now()), daily)
    hand_over(email_of(letter, daily))
