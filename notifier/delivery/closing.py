"""The end of a mailing: whoever still waits is closed, then the mailing is finished."""

from django.db import transaction
from django.utils import timezone

from notifier.delivery.ledger import close_waiting, has_open_messages
from notifier.delivery.queue import enqueue
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
    is_over = mailing.end_time <= timezone.now()
    if is_over and mailing.status == MailingStatus.PAUSED:
        mailing = _let_come_to_its_end(mailing)
    if mailing.status == MailingStatus.CANCELLED:
        _close_all(mailing_id, status="cancelled", reason="cancelled")
    elif is_over and mailing.prepared_at:
        _close_all(mailing_id, status="expired", reason="end_passed")
    if mailing.status == MailingStatus.RUNNING:
        _finish_if_done(mailing)


def _let_come_to_its_end(mailing: Mailing) -> Mailing:
    """A paused mailing whose end has passed has nothing left to wait for.

    Nothing is sent after the end, so going on only completes its recipients,
    for whom the end came first.
    """
    with transaction.atomic():
        held = lifecycle.lock_for_change(mailing.pk)
        # A person may have cancelled it meanwhile, or moved its end.
        if held.status != MailingStatus.PAUSED or held.end_time > timezone.now():
            return held
        held = lifecycle.resume(mailing.pk)
        if held.status == MailingStatus.PREPARING:
            enqueue("start", mailing.pk)
    return held


def _finish_if_done(mailing: Mailing) -> None:
    if has_open_messages(mailing):
        return
    with transaction.atomic():
        # A person may have sent messages again since that look: they do so
        # while they hold the mailing, so this look cannot be outrun.
        held = lifecycle.lock_for_change(mailing.pk)
        if not has_open_messages(held):
            lifecycle.mark_finished(mailing.pk)


def _close_all(mailing_id: int, *, status: str, reason: str) -> None:
    while close_waiting(mailing_id, status=status, reason=reason, most=CLOSE_CHUNK):
        pass
