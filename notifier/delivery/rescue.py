"""The sweep: every few seconds, whatever was lost on the way is found and put right.

The queue is only a means; the truth is in our tables. Whatever the queue was
meant to do (start, close, send, wake) is found undone here and done again.
Short statements, safe to run twice and at the same time.
"""

from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from notifier.delivery import wakeups
from notifier.delivery.breaker import close_ramped, forget_old_calls
from notifier.delivery.bulk_actions import restart_bulk_actions
from notifier.delivery.client_imports import forget_old_uploads, wake_imports
from notifier.delivery.daily_emails import queue_daily_email
from notifier.delivery.ledger import rescue_expired_claim
from notifier.delivery.models import Heartbeat
from notifier.delivery.queue import enqueue
from notifier.delivery.rollup import roll_up
from notifier.delivery.slots import revive_dead_slots, wake_slots
from notifier.delivery.work import earliest_due
from notifier.mailings.models import Mailing, MailingStatus

# A cancelled mailing may have had requests under way: look after it so long.
AFTER_CANCEL = timedelta(hours=1)


def sweep() -> None:
    """Starts, claims, slots, ends, wake-ups, imports, e-mails, past days: all that is due."""
    note_sweep()
    arm_starts()
    restart_preparations()
    rescue_claims()
    close_mailings()
    revive_dead_slots()
    wake_for_due_messages()
    wake_imports()
    restart_bulk_actions()
    close_ramped()
    forget_old_uploads()
    forget_old_heartbeats()
    forget_old_calls()
    queue_daily_email()
    roll_up()


def take_turn() -> bool:
    """Whether a sweep is to be queued now; of several clusters one gets the turn."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO heartbeat (name, at) VALUES ('sweep', now()) ON CONFLICT (name)"
            " DO UPDATE SET at = now()"
            " WHERE heartbeat.at < now() - %s * interval '1 second' RETURNING name",
            [settings.SWEEP_SECONDS],
        )
        return cursor.fetchone() is not None


def note_sweep() -> None:
    Heartbeat.objects.update_or_create(name="sweep", defaults={"at": Now()})


def arm_starts() -> None:
    """Queue the starts that are near, and those that were missed while nothing ran."""
    soon = timezone.now() + timedelta(seconds=wakeups.ARM_AHEAD_SECONDS)
    for mailing in Mailing.objects.filter(status=MailingStatus.SCHEDULED, start_time__lte=soon):
        wakeups.arm_start(mailing)


def restart_preparations() -> None:
    """A worker may have died while it chose recipients; another goes on where it stopped."""
    for mailing in Mailing.objects.filter(status=MailingStatus.PREPARING):
        enqueue("start", mailing.pk)


def rescue_claims() -> None:
    """Take back what dead senders held."""
    rescued = 0
    while (messages := rescue_expired_claim()) is not None:
        rescued += messages
    if rescued:
        wake_slots()


def close_mailings() -> None:
    """Whose time is over, who is done, and who was cancelled lately."""
    lately = timezone.now() - AFTER_CANCEL
    mailings = Mailing.objects.filter(
        status__in=[MailingStatus.RUNNING, MailingStatus.PAUSED]
    ) | Mailing.objects.filter(status=MailingStatus.CANCELLED, finished_at__gte=lately)
    for mailing in mailings:
        enqueue("close", mailing.pk)
        wakeups.arm_end(mailing)


def wake_for_due_messages() -> None:
    """Senders sleep when nothing is due: wake them for what is, and for what will be soon."""
    moment = earliest_due()
    if moment is None:
        return
    if moment <= timezone.now():
        wake_slots()
    elif wakeups.is_near(moment):
        wakeups.wake_senders_at(moment)


def forget_old_heartbeats() -> None:
    """A cluster that was killed never says that it is gone."""
    long_ago = Now() - timedelta(days=1)
    Heartbeat.objects.filter(name__startswith="cluster:", at__lt=long_ago).delete()
