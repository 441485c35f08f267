"""Who must be woken, and when: starts, ends and senders.

A wake-up that lies ahead is a delayed row in the queue. Rows are armed only
for the near future, by whoever changes a mailing and by every sweep, so that
rescheduling leaves no litter and a lost queue mends itself.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from notifier.delivery.queue import enqueue
from notifier.delivery.slots import wake_slots
from notifier.mailings.models import Mailing, MailingStatus

ARM_AHEAD_SECONDS = 30.0


def arm_start(mailing: Mailing) -> None:
    """Queue the start of a scheduled mailing, where it is near or past."""
    if mailing.status == MailingStatus.SCHEDULED and is_near(mailing.start_time):
        enqueue("start", mailing.pk, due_at=max(mailing.start_time, timezone.now()))


def arm_end(mailing: Mailing) -> None:
    """Queue the closing of what is left at the end of a mailing that has started."""
    if not (mailing.is_editable or mailing.has_ended) and is_near(mailing.end_time):
        enqueue("close", mailing.pk, due_at=max(mailing.end_time, timezone.now()))


def wake_after_resume(mailing: Mailing) -> None:
    """Go on where a paused mailing stopped: at choosing recipients, at sending, or at its end."""
    if mailing.status == MailingStatus.PREPARING:
        enqueue("start", mailing.pk)
    wake_slots()
    close_soon(mailing)
    arm_end(mailing)


def close_soon(mailing: Mailing) -> None:
    """Close whoever may not be sent to any more, and the mailing when nothing is left."""
    enqueue("close", mailing.pk)


def wake_senders_at(moment: datetime) -> None:
    """Look for due messages at that moment: some wait for their next attempt."""
    enqueue("wake", due_at=moment)


def is_near(moment: datetime) -> bool:
    return moment - timezone.now() <= timedelta(seconds=ARM_AHEAD_SECONDS)
