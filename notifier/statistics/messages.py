"""Finding messages among millions: every search begins at an index."""

from typing import Any

from django.db.models import F, Func, Min, Q, QuerySet

from notifier.delivery.models import Claim, Frontier, Message, MessageStatus
from notifier.mailings.models import Mailing


def find_messages(
    *, mailing: int | None = None, client: int | None = None, status: str | None = None
) -> QuerySet[Message]:
    """The messages to which all that is given applies.

    The table has no index on the mailing or the status alone, so each is
    narrowed down by what has: a mailing's ids lie together, and most statuses
    imply something that an index holds.
    """
    messages = Message.objects.all()
    if client is not None:
        messages = messages.filter(client_id=client)
    if mailing is not None:
        messages = _of_mailing(messages, mailing)
    return messages if status is None else with_status(messages, status)


def with_status(messages: QuerySet[Message], status: str) -> QuerySet[Message]:
    """Those of the messages that are in a status, by the index that it implies."""
    if status == MessageStatus.SENDING:
        messages = messages.filter(id__in=_claimed_ids())
    if status == MessageStatus.PENDING:
        messages = messages.filter(Q(due_at__isnull=False) | Q(id__gte=_first_frontier()))
    return messages.filter(status=status, **IMPLIED.get(status, {}))


# What a status says about the indexed columns: message_reason.
IMPLIED: dict[str, dict[str, Any]] = {
    MessageStatus.FAILED: {"reason__isnull": False},
    MessageStatus.UNKNOWN: {"reason__isnull": False},
    MessageStatus.EXPIRED: {"reason__isnull": False},
    MessageStatus.CANCELLED: {"reason__isnull": False},
    MessageStatus.SKIPPED: {"reason__isnull": False},
}


def _of_mailing(messages: QuerySet[Message], mailing_id: int) -> QuerySet[Message]:
    known = Mailing.objects.filter(pk=mailing_id, first_message_id__isnull=False)
    span = known.values_list("first_message_id", "last_message_id").first()
    return messages.filter(mailing_id=mailing_id, id__range=span) if span else messages.none()


def _first_frontier() -> int:
    """No message before this one waits for its first attempt."""
    ahead = Frontier.objects.filter(next_id__lte=F("mailing__last_message_id"))
    return ahead.aggregate(first=Min("next_id"))["first"] or 2**63 - 1


def _claimed_ids() -> QuerySet[Claim, Any]:
    ids = Func(F("message_ids"), function="unnest")
    return Claim.objects.annotate(claimed=ids).values("claimed")
