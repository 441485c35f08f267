"""The end of a mailing: whoever still waits is closed, then the mailing is finished."""

from django.utils import timezone

from notifier.delivery.ledger import close_waiting, has_open_messages
from notifier.mailings import lifecycle
from notifier.mailings.models import Mailing, MailingStatus

CLOSE_CHUNK = 10_000


def close_mailing(mailing_id: int) -> None:
    """Expire or cancel who waits where the mailing's time is over; finish it where all is done.

    Safe to call at any time: a mailing that may still send is left alone.
    """
    mailing = Mailing.objects.filter(pk=mailing_id).first()
    if mailing is None:
        return
    if mailing.status == MailingStatus.CANCELLED:
        _close_all(mailing_id, status="cancelled", reason="cancelled")
    elif mailing.prepared_at and mailing.end_time <= timezone.now():
        _close_all(mailing_id, status="expired", reason="end_passed")
    if mailing.status == MailingStatus.PAUSED and mailing.prepared_at:
        _finish_paused(mailing)
    elif mailing.status == MailingStatus.RUNNING and not has_open_messages(mailing):
        lifecycle.mark_finished(mailing_id)


def _close_all(mailing_id: int, *, status: str, reason: str) -> None:
    while close_waiting(mailing_id, status=status, reason=reason, most=CLOSE_CHUNK):
        pass


def _finish_paused(mailing: Mailing) -> None:
    """A paused mailing whose end has passed has nothing left to resume."""
    if mailing.end_time <= timezone.now() and not has_open_messages(mailing):
        lifecycle.resume(mailing.pk)
        lifecycle.mark_finished(mailing.pk)
