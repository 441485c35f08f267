"""What people and integrators do to a mailing: create, change, pause, resume, cancel, delete.

Raises ``MailingProblems`` for what was filled in wrongly and ``WrongStatus``
for what the mailing's status no longer allows.
"""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from notifier.clients.counting import TooSlow, count_clients
from notifier.clients.models import ClientFilter
from notifier.delivery import wakeups
from notifier.delivery.ledger import delete_messages
from notifier.mailings import lifecycle
from notifier.mailings.checking import (
    MailingProblems,
    check_content,
    check_window,
    default_end,
)
from notifier.mailings.lifecycle import WrongStatus
from notifier.mailings.models import Gateway, Mailing

# What may still change once the recipients are being chosen.
CHANGEABLE_WHILE_SENDING = {"name", "end_time", "rate_per_second"}


def create_mailing(
    *,
    text: str,
    conditions: object,
    start_time: datetime | None = None,
    end_time: datetime | None = None,
    name: str = "",
    gateway: Gateway | None = None,
    rate_per_second: float | None = None,
    client_filter: ClientFilter | None = None,
    created_by: User | None = None,
) -> Mailing:
    """Accept a mailing; one whose window is open starts at once.

    ``start_time`` None means now, ``end_time`` None the default limit. The
    answer carries ``matched``, the clients it would reach now, and ``warning``.
    """
    now = timezone.now()
    fields = check_content({"text": text, "conditions": conditions, "name": name})
    start_time = start_time or now
    end_time = end_time or default_end(start_time)
    check_window(start_time=start_time, end_time=end_time, now=now)
    mailing = Mailing(
        **fields, start_time=start_time, end_time=end_time, created_by=created_by,
        rate_per_second=rate_per_second, client_filter=client_filter,
        **({"gateway": gateway} if gateway else {}),
    )  # fmt: skip
    _judge_audience(mailing, starts_now=start_time <= now)
    with transaction.atomic():
        mailing.save()
        wakeups.arm_start(mailing)
    return mailing


def change_mailing(mailing: Mailing, **fields: object) -> Mailing:
    """Change the given fields; a scheduled mailing is rescheduled.

    Fields: name, text, conditions, start_time, end_time, gateway,
    rate_per_second. Once it has started only name, end_time and rate may
    differ, once it has ended nothing may.
    """
    now = timezone.now()
    fields = check_content(fields)
    with transaction.atomic():
        locked = lifecycle.lock_for_change(mailing.pk)
        changes = {name: new for name, new in fields.items() if getattr(locked, name) != new}
        _refuse_frozen(locked, changes)
        for name, new in changes.items():
            setattr(locked, name, new)
        if changes.keys() & {"start_time", "end_time"}:
            check_window(start_time=locked.start_time, end_time=locked.end_time, now=now)
        if locked.is_editable:
            _judge_audience(locked, starts_now=locked.start_time <= now)
        locked.save()
        wakeups.arm_start(locked)
        wakeups.arm_end(locked)
    return locked


def pause_mailing(mailing_id: int, *, reason: str = "") -> Mailing:
    """Nothing more is claimed; what is already on its way may finish."""
    return lifecycle.pause(mailing_id, reason=reason)


def resume_mailing(mailing_id: int) -> Mailing:
    with transaction.atomic():
        mailing = lifecycle.resume(mailing_id)
        wakeups.wake_after_resume(mailing)
    return mailing


def cancel_mailing(mailing_id: int) -> Mailing:
    """For good: whoever still waits is not sent anything."""
    with transaction.atomic():
        mailing = lifecycle.cancel(mailing_id)
        wakeups.close_soon(mailing)
    return mailing


def delete_mailing(mailing_id: int) -> None:
    """Remove a mailing with all its messages; one that is under way must be cancelled first."""
    with transaction.atomic():
        mailing = lifecycle.lock_for_change(mailing_id)
        if not (mailing.is_editable or mailing.has_ended):
            raise WrongStatus(mailing, "deleted before it ends or is cancelled")
        delete_messages(mailing)
        mailing.delete()


def _refuse_frozen(mailing: Mailing, changes: dict[str, object]) -> None:
    if mailing.is_editable or not changes:
        return
    if mailing.has_ended or changes.keys() - CHANGEABLE_WHILE_SENDING:
        raise WrongStatus(mailing, "changed")


def _judge_audience(mailing: Mailing, *, starts_now: bool) -> None:
    try:
        audience = count_clients(mailing.conditions)
    except TooSlow as slow:
        raise MailingProblems({"clients": str(slow)}) from slow
    mailing.matched = audience.reachable
    mailing.warning = ""
    if audience.reachable:
        return
    problem = (
        f"All {audience.matching} matching clients have opted out."
        if audience.matching
        else "No client matches."
    )
    if starts_now:
        raise MailingProblems({"clients": f"{problem} There is nobody to send to."})
    mailing.warning = f"{problem} Unless that changes by the start, nobody is sent anything."
