"""The start of a mailing: every client who matches gets a message row."""

import time

from notifier.delivery.ledger import open_messages
from notifier.delivery.queue import enqueue
from notifier.delivery.slots import wake_slots
from notifier.delivery.wakeups import arm_end
from notifier.failpoints import reach
from notifier.mailings import lifecycle
from notifier.mailings.models import Mailing, MailingStatus

# The first chunk is small, so that the first request leaves at once; the
# others are large enough that their commits do not count.
FIRST_CHUNK = 1_000
RECIPIENT_CHUNK = 10_000
# Then another task has its turn: large audiences take many seconds, and a
# cluster has two workers for all starts, ends and sweeps.
TURN_SECONDS = 0.5


def start_mailing(mailing_id: int, *, after_client: int | None = None) -> None:
    """Choose the recipients of a due mailing and wake the senders, for a turn; queue the next.

    Safe to call twice and too early, and goes on where a lost worker stopped.
    Commits every chunk, so the first request leaves before a large audience
    is complete. The next turn follows upon the last client of this one:
    ``after_client``. If another task has come further by then, that one's next
    turn counts, so that however many were queued, one goes on.
    """
    lifecycle.start_preparing(mailing_id)
    turn_ends = time.monotonic() + TURN_SECONDS
    most = FIRST_CHUNK if after_client is None else RECIPIENT_CHUNK
    while is_preparing(mailing_id, after_client=after_client):
        chunk = open_messages(mailing_id, most=most)
        if chunk is None:
            return  # whoever chooses them just now goes on
        if not chunk.recipients:
            lifecycle.mark_prepared(mailing_id)
            break
        reach("recipients_chosen")
        # Every time: a slice may have come to the end of the chunk before and gone to sleep.
        wake_slots()
        if time.monotonic() >= turn_ends:
            enqueue("start", mailing_id, chunk.last_client)
            return
        most, after_client = RECIPIENT_CHUNK, None
    for mailing in Mailing.objects.filter(pk=mailing_id):  # none, where it was deleted
        arm_end(mailing)


def is_preparing(mailing_id: int, *, after_client: int | None = None) -> bool:
    """False once it is prepared, or was paused or cancelled in the middle.

    With ``after_client`` also where its recipients are chosen further than to that client.
    """
    preparing = Mailing.objects.filter(pk=mailing_id, status=MailingStatus.PREPARING)
    if after_client is not None:
        preparing = preparing.filter(last_client_id=after_client)
    return preparing.exists()
