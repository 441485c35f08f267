"""Having the daily e-mails sent one by one, by a task that this layer knows by name only."""

from django.conf import settings

from notifier.accounts.daily_email import due_daily_emails
from notifier.accounts.daily_email_claims import is_one_under_way
from notifier.delivery.queue import enqueue

TASK = "notifier.statistics.tasks.daily_email"
# For its figures; on top of it the mail server has EMAIL_TIMEOUT.
TASK_SECONDS = 60


def queue_daily_email() -> None:
    """Queue the next that is due, unless one is under way.

    One at a time: a mail server that hangs holds one worker, however many
    people wait, and the others go on sending messages.
    """
    if not settings.EMAIL_HOST or is_one_under_way():
        return
    for daily in due_daily_emails()[:1]:
        enqueue(TASK, daily.pk, timeout_seconds=TASK_SECONDS + settings.EMAIL_TIMEOUT)
