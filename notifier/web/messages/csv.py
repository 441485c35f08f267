"""Messages for spreadsheets, as many as there are."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.utils import timezone

from notifier.clients.spreadsheet import quote_cell
from notifier.delivery.models import Message, Traits
from notifier.downloads import BYTE_ORDER_MARK, csv_line, in_portions
from notifier.mailings.models import Mailing
from notifier.statistics.counts import reason_in_words

HEADS = (
    "message", "mailing", "mailing name", "client", "phone", "operator", "tag", "timezone",
    "status", "reason", "reason in words", "attempts", "maybe sent", "created", "sent", "finished",
    "milliseconds", "HTTP status", "gateway code",
)  # fmt: skip


def messages_csv(messages: Iterable[Message]) -> Iterator[str]:
    """A line for each; what they have in common is read once."""
    yield BYTE_ORDER_MARK + csv_line(list(HEADS))
    names = {mailing.pk: mailing.title for mailing in Mailing.objects.only("name", "text")}
    traits = Traits.objects.in_bulk()
    yield from in_portions(
        _line(message, names.get(message.mailing_id, ""), traits.get(message.traits_id))
        for message in messages
    )


def _line(message: Message, name: str, traits: Traits | None) -> str:
    return csv_line(
        [
            message.pk,
            message.mailing_id,
            quote_cell(name),
            message.client_id,
            message.phone,
            traits.operator if traits else "",
            quote_cell(traits.tag) if traits else "",
            traits.timezone if traits else "",
            message.status,
            message.reason or "",
            reason_in_words(message.reason),
            message.attempts,
            "yes" if message.maybe_sent else "no",
            *(_moment(each) for each in (message.created_at, message.sent_at, message.finished_at)),
            message.duration_ms,
            message.http_status,
            message.gateway_code,
        ]
    )


def _moment(moment: datetime | None) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else ""
