"""Sending each day's e-mail once: who may, and what came of it.

Whoever sends holds the row by a lease and by its number, ``claim``. Right
before the e-mail itself leaves, the row says that it may have been sent; so
whoever dies after that leaves the truth behind, and nobody sends it again.
"""

from datetime import timedelta

from django.db.models import Exists, F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from notifier.accounts.daily_email import is_due, yesterday_of
from notifier.accounts.models import DailyEmail

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
Outcome = DailyEmail.Outcome


class ClaimLost(Exception):
    """Another has taken it over, or it is not wished any more: nothing may be sent."""


def is_one_under_way() -> bool:
    """Whether some cluster sends one: they leave one after the other, and hold one worker."""
    return DailyEmail.objects.filter(lease_until__gt=Now()).exists()


def claim_daily_email(daily_id: int, *, lease_seconds: float) -> DailyEmail | None:
    """The e-mail, held by the caller; None where it is not due, or another is under way.

    The next attempt is set already: whatever becomes of this one, a pause follows.
    """
    now = timezone.now()
    seen = DailyEmail.objects.filter(pk=daily_id, user__is_active=True).first()
    if seen is None or not is_due(seen, now):
        return None
    yesterday = yesterday_of(seen, now)
    attempts = seen.attempts + 1 if seen.day == yesterday else 1
    # Of several that saw the same row, the number lets one through.
    held = DailyEmail.objects.filter(
        ~Exists(DailyEmail.objects.filter(lease_until__gt=Now())),
        pk=daily_id,
        claim=seen.claim,
        is_on=True,
    ).update(
        claim=F("claim") + 1,
        lease_until=Now() + timedelta(seconds=lease_seconds),
        day=yesterday,
        outcome=Outcome.WAITING,
        attempts=attempts,
        tried_at=now,
        next_attempt_at=now + pause_after(attempts),
        last_error="",
    )
    if not held:
        return None
    return DailyEmail.objects.select_related("user").get(pk=daily_id, claim=seen.claim + 1)


def pause_after(attempts: int) -> timedelta:
    """1, 2, 4, … minutes, an hour at most."""
    return min(FIRST_PAUSE * 2 ** min(attempts - 1, 10), LONGEST_PAUSE)


def note_that_it_leaves(daily: DailyEmail) -> None:
    """From here on it may have been sent. Raises ClaimLost."""
    held = _held(daily).filter(lease_until__gt=Now(), is_on=True)
    if not held.update(outcome=Outcome.MAYBE_SENT):
        raise ClaimLost


def note_sent(daily: DailyEmail) -> None:
    _held(daily).update(outcome=Outcome.SENT, sent_at=Now(), lease_until=None)


def note_maybe_sent(daily: DailyEmail, words: str) -> None:
    _held(daily).update(outcome=Outcome.MAYBE_SENT, last_error=words[:300], lease_until=None)


def note_failure(daily: DailyEmail, words: str) -> None:
    """It was certainly not sent: it is tried again after the pause."""
    _held(daily).update(outcome=Outcome.WAITING, last_error=words[:300], lease_until=None)


def note_nothing_to_tell(daily: DailyEmail) -> None:
    _held(daily).update(outcome=Outcome.NOTHING_TO_TELL, lease_until=None)


def give_back(daily: DailyEmail, words: str = "") -> None:
    """Nothing came of it, or an error of our own did: the outcome stays as it was."""
    _held(daily).update(last_error=words[:300], lease_until=None)


def _held(daily: DailyEmail) -> QuerySet[DailyEmail]:
    return DailyEmail.objects.filter(pk=daily.pk, claim=daily.claim)


# --- One at once, for whoever wants to see it -----------------------------------------

ASK_AGAIN_AFTER = timedelta(seconds=30)


def ask_for_one_now(daily: DailyEmail) -> bool:
    """Whether one may be sent at once: not many in a row."""
    lately = DailyEmail.objects.filter(pk=daily.pk, asked_at__gt=Now() - ASK_AGAIN_AFTER)
    free = DailyEmail.objects.filter(~Exists(lately), pk=daily.pk)
    return bool(free.update(asked_at=Now()))
