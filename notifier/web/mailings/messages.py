"""One page of a mailing's messages, found without counting or skipping any."""

from dataclasses import dataclass

from notifier.clients.models import Client
from notifier.delivery.models import Message, MessageStatus
from notifier.mailings.models import Mailing
from notifier.statistics.messages import with_status

PER_PAGE = 50


@dataclass(frozen=True)
class MessagePage:
    """``next_after`` is the id after which the next page begins, empty on the last."""

    messages: list[Message]
    is_first: bool
    next_after: str


def message_page(mailing: Mailing, *, status: str, after: str) -> MessagePage:
    """Messages after the id ``after``, of one status where a known one is given.

    Within the stretch of ids that holds the mailing's.
    """
    first = mailing.first_message_id or 0
    begin = max(first, int(after) + 1) if after.isascii() and after.isdigit() else first
    found = Message.objects.filter(
        mailing=mailing, id__range=(begin, mailing.last_message_id or -1)
    ).order_by("id")
    if status in MessageStatus.values:
        found = with_status(found, status)
    messages = list(found[: PER_PAGE + 1])
    shown = messages[:PER_PAGE]
    _mark_clients(shown)
    return MessagePage(
        messages=shown,
        is_first=begin == first,
        next_after=str(shown[-1].pk) if len(messages) > PER_PAGE else "",
    )


def _mark_clients(messages: list[Message]) -> None:
    ids = [message.client_id for message in messages]
    present = set(Client.objects.filter(pk__in=ids).values_list("pk", flat=True))
    for message in messages:
        message.has_client = message.client_id in present  # type: ignore[attr-defined]
