"""The story of one client: what every mailing that had begun did with it, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from notifier.clients.deciding import Decision, deciding_rules
from notifier.clients.models import Client
from notifier.delivery.models import Message
from notifier.mailings.models import Mailing, MailingStatus


@dataclass(frozen=True)
class Chapter:
    """One mailing: its message to the client, or why there is none.

    ``is_by_present_data``: the client was changed since, so that it may have been otherwise.
    """

    mailing: Mailing
    message: Message | None
    why_not: str = ""
    is_by_present_data: bool = False


def mailings_of(client: Client) -> QuerySet[Mailing]:
    """Those that chose the client, or had the choice, the newest first."""
    own = Message.objects.filter(client_id=client.pk, mailing_id=OuterRef("pk"))
    begun_since = Q(started_at__gte=client.created_at)
    return Mailing.objects.filter(begun_since | Exists(own)).order_by("-id")


def tell(mailings: Sequence[Mailing], client: Client) -> list[Chapter]:
    """What became of each, in two queries for all of them."""
    found = Message.objects.filter(client_id=client.pk, mailing_id__in=[m.pk for m in mailings])
    messages = {message.mailing_id: message for message in found}
    missed = [mailing for mailing in mailings if mailing.pk not in messages]
    decisions = dict(
        zip(
            [mailing.pk for mailing in missed],
            deciding_rules([mailing.conditions for mailing in missed], client),
            strict=True,
        )
    )
    return [
        Chapter(mailing, messages[mailing.pk])
        if mailing.pk in messages
        else _missed(mailing, client, decisions[mailing.pk])
        for mailing in mailings
    ]


def _missed(mailing: Mailing, client: Client, decision: Decision) -> Chapter:
    if client.pk > mailing.newest_client_id:
        return Chapter(mailing, None, "The client was added after it had started.")
    changed_since = mailing.started_at is not None and client.updated_at > mailing.started_at
    if not decision.matches:
        return Chapter(mailing, None, _rules_in_words(decision), is_by_present_data=changed_since)
    if mailing.prepared_at is None:
        return Chapter(mailing, None, _not_come_to(mailing))
    return Chapter(
        mailing,
        None,
        "Its clients were chosen when this client did not match; now it would.",
        is_by_present_data=True,
    )


def _not_come_to(mailing: Mailing) -> str:
    if mailing.status == MailingStatus.CANCELLED:
        return "It was cancelled before it came to this client."
    return "It is still choosing its clients and has not come to this one."


def _rules_in_words(decision: Decision, *, most: int = 3) -> str:
    rules = "; ".join(decision.rules[:most])
    more = len(decision.rules) - most
    if len(decision.rules) == 1:
        return f"Not chosen: it is for clients where {rules}."
    return f"Not chosen, as none of these holds: {rules}{f'; and {more} more' if more > 0 else ''}."
