"""What a person decides about messages that failed, or of which nobody knows what became.

Sending again works while a mailing is under way and after it has finished; it
is running again then. Each chunk holds the mailing's row, so that the mailing
cannot finish or be cancelled between a look at it and its messages.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from notifier.delivery import ledger, wakeups
from notifier.delivery.ledger import Choice, Reopened
from notifier.delivery.slots import wake_slots
from notifier.mailings import lifecycle
from notifier.mailings.checking import MailingProblems, check_window, moment_in_words
from notifier.mailings.models import Mailing

CHUNK_IDS = 10_000


@dataclass(frozen=True)
class SentAgain:
    """The mailing as it is then, and what became of the chosen messages."""

    mailing: Mailing
    messages: Reopened


@dataclass(frozen=True)
class CountedAsSent:
    mailing: Mailing
    messages: int


def send_again(
    mailing_id: int,
    *,
    statuses: Collection[str],
    reason: str | None = None,
    message_id: int | None = None,
    end_time: datetime | None = None,
) -> SentAgain:
    """Send those of a mailing's messages again that are failed or unknown now, and nobody else's.

    ``statuses`` is failed, unknown or both, ``message_id`` one of them alone.
    ``end_time`` is needed where the mailing's end has passed. Commits chunk by
    chunk, so the first leave before the last of a million wait, and a second
    call does what a broken one left.
    Raises WrongStatus and MailingProblems.
    """
    asked = _as_asked(mailing_id)
    asked_at = asked.asked_at  # type: ignore[attr-defined]
    choice = Choice(mailing_id, statuses, asked_at, reason, message_id)
    with transaction.atomic():
        _hold(mailing_id, end_time)
    spans = _spans_of_ids(asked, message_id)
    reopened = sum((_reopen_chunk(choice, span, end_time) for span in spans), Reopened())
    return SentAgain(Mailing.objects.get(pk=mailing_id), reopened)


def count_as_sent(
    mailing_id: int, *, reason: str | None = None, message_id: int | None = None
) -> CountedAsSent:
    """Decide for the unknown messages of a mailing that they were sent; nothing is sent.

    For good: they stay unknown, as nothing was proven, but nobody is asked about them again.
    """
    asked = _as_asked(mailing_id)
    asked_at = asked.asked_at  # type: ignore[attr-defined]
    choice = Choice(mailing_id, ["unknown"], asked_at, reason, message_id)
    counted = sum(
        ledger.count_as_sent(choice, first=first, last=last)
        for first, last in _spans_of_ids(asked, message_id)
    )
    return CountedAsSent(asked, counted)


def _as_asked(mailing_id: int) -> Mailing:
    """The mailing, with the present by the database's clock, which writes all outcomes."""
    return Mailing.objects.annotate(asked_at=Now()).get(pk=mailing_id)


def _spans_of_ids(mailing: Mailing, message_id: int | None) -> Iterator[tuple[int, int]]:
    """The stretches of ids, first and last, in which the mailing's messages lie, or the one."""
    if message_id is not None:
        yield message_id, message_id
        return
    if mailing.first_message_id is None or mailing.last_message_id is None:
        return
    for first in range(mailing.first_message_id, mailing.last_message_id + 1, CHUNK_IDS):
        yield first, min(first + CHUNK_IDS - 1, mailing.last_message_id)


def _reopen_chunk(choice: Choice, span: tuple[int, int], end_time: datetime | None) -> Reopened:
    with transaction.atomic():
        mailing = _hold(choice.mailing_id, end_time)
        reopened = ledger.reopen_messages(choice, first=span[0], last=span[1])
        if reopened.waiting:
            lifecycle.reopen(mailing, end_time=end_time or mailing.end_time)
            wakeups.arm_end(mailing)
            wake_slots()
    return reopened


def _hold(mailing_id: int, end_time: datetime | None) -> Mailing:
    """The mailing, held until the transaction ends, of which messages may be sent again."""
    mailing = lifecycle.lock_for_sending_again(mailing_id)
    now = timezone.now()
    if end_time is None and mailing.end_time <= now:
        raise MailingProblems(
            {"end_time": f"The mailing's end, {moment_in_words(mailing.end_time)}, has passed: "
             "give a new one, until which they may be sent."}
        )  # fmt: skip
    check_window(start_time=mailing.start_time, end_time=end_time or mailing.end_time, now=now)
    return mailing
