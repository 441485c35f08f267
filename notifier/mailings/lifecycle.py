"""The statuses of a mailing: the only module that changes them.

Every change is one UPDATE guarded by the status it starts from, so that two
clicks, two workers or a click and a worker cannot both win.

    draft → scheduled → preparing → running ⇄ paused → finished | cancelled
    finished → running, when messages are sent again
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from notifier.clients.models import Client
from notifier.mailings.models import SENDING, Mailing, MailingStatus

# What a person may do, and from which statuses.
ALLOWED = {
    "pause": SENDING,
    "resume": (MailingStatus.PAUSED,),
    "cancel": (
        MailingStatus.DRAFT,
        MailingStatus.SCHEDULED,
        MailingStatus.PREPARING,
        MailingStatus.RUNNING,
        MailingStatus.PAUSED,
    ),
    "send_again": (*SENDING, MailingStatus.PAUSED, MailingStatus.FINISHED),
}
FULFILLED = {
    "pause": (MailingStatus.PAUSED,),
    "resume": SENDING,
    "cancel": (MailingStatus.CANCELLED,),
    "send_again": (),
}
CONDITION_IN_WORDS = {
    MailingStatus.DRAFT: "is a draft",
    MailingStatus.SCHEDULED: "has not started yet",
    MailingStatus.PREPARING: "is running",
    MailingStatus.RUNNING: "is running",
    MailingStatus.PAUSED: "is paused",
    MailingStatus.FINISHED: "has finished",
    MailingStatus.CANCELLED: "was cancelled",
}


class WrongStatus(Exception):
    """The mailing's status does not allow the wish; the text is for the person who had it."""

    def __init__(self, mailing: Mailing, wish: str) -> None:
        condition = CONDITION_IN_WORDS[MailingStatus(mailing.status)]
        super().__init__(f"Mailing {mailing.pk} {condition}: it cannot be {wish}.")
        self.mailing = mailing


def start_preparing(mailing_id: int) -> bool:
    """Scheduled and due → preparing; False for whoever comes too early or second.

    From here on text, conditions and gateway are frozen, and clients added
    later are not recipients.
    """
    newest = Client.objects.order_by("-id").values("id")[:1]
    return bool(
        Mailing.objects.filter(
            pk=mailing_id, status=MailingStatus.SCHEDULED, start_time__lte=Now()
        ).update(
            status=MailingStatus.PREPARING,
            started_at=Now(),
            updated_at=Now(),
            newest_client_id=Coalesce(newest, Value(0)),
        )
    )


def mark_prepared(mailing_id: int) -> None:
    """All recipients have their rows; a mailing paused meanwhile stays paused."""
    mailing = Mailing.objects.filter(pk=mailing_id, prepared_at=None)
    mailing.filter(status=MailingStatus.PREPARING).update(
        status=MailingStatus.RUNNING, prepared_at=Now(), updated_at=Now()
    )
    mailing.filter(status=MailingStatus.PAUSED).update(prepared_at=Now(), updated_at=Now())


def mark_finished(mailing_id: int) -> bool:
    """Running → finished; the caller has made sure that no message is open."""
    return bool(
        Mailing.objects.filter(pk=mailing_id, status=MailingStatus.RUNNING).update(
            status=MailingStatus.FINISHED, finished_at=Now(), updated_at=Now()
        )
    )


def pause(mailing_id: int, *, reason: str = "") -> Mailing:
    """Preparing or running → paused. Pausing a paused mailing changes nothing."""
    with transaction.atomic():
        mailing = _lock_for(mailing_id, "pause", "paused")
        if mailing.status not in FULFILLED["pause"]:
            _save(mailing, status=MailingStatus.PAUSED, pause_reason=reason)
    return mailing


def resume(mailing_id: int) -> Mailing:
    """Paused → running, or preparing where the recipients were not complete."""
    with transaction.atomic():
        mailing = _lock_for(mailing_id, "resume", "resumed")
        if mailing.status not in FULFILLED["resume"]:
            status = MailingStatus.RUNNING if mailing.prepared_at else MailingStatus.PREPARING
            _save(mailing, status=status, pause_reason="", resumed_at=timezone.now())
    return mailing


def cancel(mailing_id: int) -> Mailing:
    """Anything that has not ended → cancelled. Who waits is closed by the sweep."""
    with transaction.atomic():
        mailing = _lock_for(mailing_id, "cancel", "cancelled")
        if mailing.status not in FULFILLED["cancel"]:
            _save(mailing, status=MailingStatus.CANCELLED, finished_at=timezone.now())
    return mailing


def lock_for_sending_again(mailing_id: int) -> Mailing:
    """The mailing, held until the transaction ends, if it has begun and was not cancelled."""
    return _lock_for(mailing_id, "send_again", "sent again")


def reopen(mailing: Mailing, *, end_time: datetime) -> None:
    """Finished → running, for a mailing that the caller holds and whose messages wait again.

    One that is under way stays as it is, but for its end. As after a pause,
    only the rejections that come from now on are judged.
    """
    changes: dict[str, object] = {"end_time": end_time}
    if mailing.status == MailingStatus.FINISHED:
        changes |= {"status": MailingStatus.RUNNING, "finished_at": None}
        changes |= {"resumed_at": timezone.now()}
    _save(mailing, **changes)


def lock_for_change(mailing_id: int) -> Mailing:
    """The mailing, held until the transaction ends: it cannot start or end meanwhile.

    Its key is not held: senders write new counters of the mailing all the while.
    """
    return Mailing.objects.select_for_update(of=("self",), no_key=True).get(pk=mailing_id)


def _lock_for(mailing_id: int, action: str, wish: str) -> Mailing:
    mailing = lock_for_change(mailing_id)
    if mailing.status not in (*ALLOWED[action], *FULFILLED[action]):
        raise WrongStatus(mailing, wish)
    return mailing


def _save(mailing: Mailing, **changes: object) -> None:
    for name, value in changes.items():
        setattr(mailing, name, value)
    mailing.save(update_fields=[*changes, "updated_at"])
