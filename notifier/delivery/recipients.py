"""The start of a mailing: every client who matches gets a message row."""

from notifier.delivery.ledger import open_messages
from notifier.delivery.slots import wake_slots
from notifier.delivery.wakeups import arm_end
from notifier.failpoints import reach
from notifier.mailings import lifecycle
from notifier.mailings.models import Mailing, MailingStatus

# The first chunk is small, so that the first request leaves at once; the
# others are large enough that their commits do not count.
FIRST_CHUNK = 1_000
RECIPIENT_CHUNK = 10_000


def start_mailing(mailing_id: int) -> None:
    """Choose the recipients of a due mailing and wake the senders.

    Safe to call twice and too early, and goes on where a lost worker stopped.
    Commits every chunk, so the first request leaves before a large audience
    is complete.
    """
    lifecycle.start_preparing(mailing_id)
    most = FIRST_CHUNK
    while is_preparing(mailing_id):
        chunk = open_messages(mailing_id, most=most)
        if not chunk.recipients:
            lifecycle.mark_prepared(mailing_id)
            break
        reach("recipients_chosen")
        # Every time: a slice may have come to the end of the chunk before and gone to sleep.
        wake_slots()
        most = RECIPIENT_CHUNK
    for mailing in Mailing.objects.filter(pk=mailing_id):  # none, where it was deleted
        arm_end(mailing)


def is_preparing(mailing_id: int) -> bool:
    """False once it is prepared, or was paused or cancelled in the middle."""
    return Mailing.objects.filter(pk=mailing_id, status=MailingStatus.PREPARING).exists()
