"""Finding messages among millions: every search is quick, whatever is asked.

What is asked narrows the search to stretches of ids: a mailing's ids lie
together, few clients have few messages, and the counters say which mailings
have anything to show. Within these the messages are looked through from the
newest on, for a fraction of a second at most; then the search says how far it
came, and goes on from there when asked to.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F, Func, Min, Q, QuerySet
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay
from django.utils import timezone

from notifier.clients.models import Client, FormerPhone
from notifier.clients.search import phone_like
from notifier.delivery.models import (
    TERMINAL,
    Claim,
    Dimension,
    Frontier,
    Message,
    MessageStatus,
    Traits,
)
from notifier.delivery.rollup import bounds_of
from notifier.mailings.models import ENDED, Mailing, MailingStatus
from notifier.statistics.counts import mailing_counts, total_counts

Span = tuple[int, int]

# What statistics call it where there is none: no tag, no reason, traits not known.
NONE = "-"
LARGEST_ID = (1 << 63) - 1
# Messages of so many clients are gone to directly; those of more are come across soon.
FEW_CLIENTS = 200
# Ids looked through at once: few at first, as most pages are full at once.
FIRST_PORTION = 2_000
LARGEST_PORTION = 50_000
SECONDS = 0.12
# A cancelled mailing's last messages are closed a little after it.
AFTER_CANCEL = timedelta(hours=1)


@dataclass(frozen=True)
class MessageSearch:
    """What is asked of messages; nothing of a field that is None or empty.

    ``phone`` is how it begins, or its last digits. ``first`` and ``last`` are
    days of the site, both included, on which a message came to its outcome;
    ``hour`` and ``weekday`` (1 to 7) are the site's, too. ``tag``, ``operator``
    and ``timezone`` are those of the client when it was chosen, ``-`` is none.
    """

    phone: str = ""
    mailing: int | None = None
    client: int | None = None
    gateway: int | None = None
    status: str = ""
    reason: str = ""
    first: date | None = None
    last: date | None = None
    operator: str = ""
    tag: str = ""
    timezone: str = ""
    attempts: int | None = None
    hour: int | None = None
    weekday: int | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) not in ("", None) for field in fields(self))

    @property
    def by_outcome(self) -> bool:
        """Whether only messages that have ended can be meant."""
        asked = (self.first, self.last, self.hour, self.weekday)
        return self.status in TERMINAL or any(each is not None for each in asked)

    @property
    def dimensions(self) -> dict[Dimension, str]:
        """What is counted by dimension, as the counters have it."""
        asked = {
            Dimension.OPERATOR: self.operator,
            Dimension.TAG: self.tag,
            Dimension.TIMEZONE: self.timezone,
            Dimension.REASON: self.reason,
            Dimension.ATTEMPTS: "" if self.attempts is None else str(self.attempts),
        }
        return {
            dimension: "" if value == NONE else value for dimension, value in asked.items() if value
        }


@dataclass(frozen=True)
class FoundMessages:
    """The newest that were found. ``older`` continues the search before that id.

    ``searched_to`` is set where time ran out before the page was full: how far
    back all was looked through.
    """

    messages: list[Message]
    older: int | None = None
    searched_to: datetime | None = None


def search_messages(
    search: MessageSearch, *, before: int | None = None, most: int = 50
) -> FoundMessages:
    """The newest messages to which all that is asked applies, of ids below ``before``."""
    before = min(before or LARGEST_ID, LARGEST_ID)
    found = matching(search)
    direct = _few(search, found)
    if direct is not None:
        newest = list(direct.filter(id__lt=before).order_by("-id")[: most + 1])
        return _page(newest, most)
    return _walk(found, spans_of(search), before=before, most=most)


def count_messages(search: MessageSearch) -> int | None:
    """How many there are, where the counters know: of a mailing, a status, or both, or at all."""
    if search != MessageSearch(mailing=search.mailing, status=search.status):
        return None
    if search.mailing is None:
        counts = total_counts()
    else:
        mailing = Mailing.objects.filter(pk=search.mailing).first()
        counts = mailing_counts(mailing) if mailing else {}
    return counts.get(search.status, 0) if search.status else sum(counts.values())


def every_message(search: MessageSearch, *, portion: int = 2_000) -> Iterator[Message]:
    """All of them, the newest first, some at a time; for files, which take as long as it takes."""
    found = matching(search)
    direct = _few(search, found)
    if direct is not None:
        yield from direct.order_by("-id").iterator(chunk_size=portion)
        return
    for first, last in spans_of(search):
        for low, high in _portions(first, last, size=LARGEST_PORTION):
            yield from found.filter(id__range=(low, high)).order_by("-id").iterator(portion)


def matching(search: MessageSearch) -> QuerySet[Message]:
    """By the rows alone: right, but not quick without a stretch of ids."""
    messages = Message.objects.filter(**_columns(search))
    if search.phone:
        messages = messages.filter(phone_like(search.phone))
    if search.status:
        messages = with_status(messages, search.status)
    if search.gateway is not None:
        of_gateway = Mailing.objects.filter(gateway=search.gateway).values("id")
        messages = messages.filter(mailing_id__in=of_gateway)
    if search.operator or search.tag or search.timezone:
        messages = messages.filter(_traits(search))
    if search.hour is not None or search.weekday is not None:
        messages = _at_times(messages, search)
    return messages


def _columns(search: MessageSearch) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "mailing_id": search.mailing,
        "client_id": search.client,
        "attempts": search.attempts,
        "finished_at__gte": search.first and bounds_of(search.first)[0],
        "finished_at__lt": search.last and bounds_of(search.last)[1],
    }
    columns = {name: value for name, value in columns.items() if value is not None}
    if search.reason == NONE:
        return columns | {"reason__isnull": True}
    return columns | ({"reason": search.reason} if search.reason else {})


def _traits(search: MessageSearch) -> Q:
    """Of those traits; and of none at all, where what is not known is asked for."""
    asked = {"operator": search.operator, "tag": search.tag, "timezone": search.timezone}
    asked = {name: value for name, value in asked.items() if value}
    is_none = all(value == NONE for value in asked.values())
    known = {name: "" if value == NONE else value for name, value in asked.items()}
    operator = known.get("operator", "0")
    # "²" is a digit to Python, and no number.
    if not (operator.isascii() and operator.isdigit()):
        return Q(traits__isnull=True) if is_none else Q(pk__in=[])
    ids = Traits.objects.filter(**known).values_list("id", flat=True)
    chosen = Q(traits__in=ids)
    return chosen | Q(traits__isnull=True) if is_none else chosen


def _at_times(messages: QuerySet[Message], search: MessageSearch) -> QuerySet[Message]:
    zone = timezone.get_default_timezone()
    if search.hour is not None:
        hour = ExtractHour("finished_at", tzinfo=zone)
        messages = messages.alias(hour=hour).filter(hour=search.hour)
    if search.weekday is not None:
        weekday = ExtractIsoWeekDay("finished_at", tzinfo=zone)
        messages = messages.alias(weekday=weekday).filter(weekday=search.weekday)
    return messages


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


# --- Where to look ----------------------------------------------------------------------


def _few(search: MessageSearch, found: QuerySet[Message]) -> QuerySet[Message] | None:
    """The found ones of few clients, by message_one_per_recipient; None where there are many."""
    if search.client is not None:
        return found
    if search.status == MessageStatus.SENDING:
        return found
    if not search.phone:
        return None
    clients = _clients_with(search.phone)
    if len(clients) > FEW_CLIENTS:
        return None
    # A list of its own rather than a condition of the query: the index is then sure to be used.
    return found.filter(client_id__in=clients)


def _clients_with(phone: str) -> list[int]:
    """Who has such a phone or had it, more than few where not all were looked at.

    Whoever had it twice is there twice: thrown together before they are
    counted, a cut-off list would pass for a whole one.
    """
    like, most = phone_like(phone), FEW_CLIENTS + 1
    now = Client.objects.filter(like).order_by().values_list("id", flat=True)[:most]
    before = FormerPhone.objects.filter(like).order_by().values_list("client_id", flat=True)
    return [*now, *before[:most]]


def spans_of(search: MessageSearch) -> list[Span]:
    """The stretches of ids in which there may be any, the newest first."""
    mailings = Mailing.objects.filter(first_message_id__isnull=False)
    if search.mailing is not None:
        mailings = mailings.filter(pk=search.mailing)
    if search.gateway is not None:
        mailings = mailings.filter(gateway=search.gateway)
    if search.status == MessageStatus.PENDING:
        mailings = mailings.filter(_not_done())
    elif (counted := _mailings_with_any(search)) is not None:
        still_open = Q() if search.by_outcome else _not_done()
        chosen = Q(pk__in=counted)
        mailings = mailings.filter(chosen | still_open if still_open else chosen)
    spans = mailings.order_by().values_list("first_message_id", "last_message_id")
    return _merged(spans)


def _not_done() -> Q:
    lately = timezone.now() - AFTER_CANCEL
    return ~Q(status__in=ENDED) | Q(status=MailingStatus.CANCELLED, finished_at__gte=lately)


# Uses quarter_hour_count_period, or the primary key for one mailing.
MAILINGS_WITH_ANY = """
    SELECT mailing_id FROM quarter_hour_count
    WHERE dimension = %(dimension)s {conditions}
    GROUP BY mailing_id HAVING sum(count) > 0
"""


def _mailings_with_any(search: MessageSearch) -> set[int] | None:
    """Mailings with any ended message of what is asked, by the counters; None for all of them."""
    dimensions = search.dimensions
    if search.by_outcome and not dimensions:
        dimensions = {Dimension.REASON: None}  # type: ignore[dict-item]
    found: set[int] | None = None
    for dimension, value in dimensions.items():
        counted = _counted(search, dimension, value)
        found = counted if found is None else found & counted
    return found


def _counted(search: MessageSearch, dimension: Dimension, value: str | None) -> set[int]:
    conditions = {
        "AND value = %(value)s": value,
        "AND outcome = %(status)s": search.status if search.status in TERMINAL else None,
        "AND mailing_id = %(mailing)s": search.mailing,
        "AND period >= %(start)s": search.first and bounds_of(search.first)[0],
        "AND period < %(end)s": search.last and bounds_of(search.last)[1],
    }
    values = {
        "dimension": dimension.value,
        "value": value,
        "status": search.status,
        "mailing": search.mailing,
        "start": search.first and bounds_of(search.first)[0],
        "end": search.last and bounds_of(search.last)[1],
    }
    asked = " ".join(words for words, given in conditions.items() if given is not None)
    with connection.cursor() as cursor:
        cursor.execute(MAILINGS_WITH_ANY.format(conditions=asked), values)
        return {row[0] for row in cursor.fetchall()}


def _merged(spans: Sequence[Span] | QuerySet[Mailing, Any]) -> list[Span]:
    """The same stretches without overlaps, the newest first."""
    merged: list[Span] = []
    for first, last in sorted(spans, key=lambda span: span[1], reverse=True):
        if merged and last >= merged[-1][0] - 1:
            newer_first, newer_last = merged.pop()
            merged.append((min(first, newer_first), newer_last))
        else:
            merged.append((first, last))
    return merged


# --- Looking through --------------------------------------------------------------------


def _walk(
    found: QuerySet[Message], spans: Sequence[Span], *, before: int, most: int
) -> FoundMessages:
    begun = time.monotonic()
    # One portion at least is looked through each time, or a search would never come on.
    deadline = float("inf")
    newest: list[Message] = []
    size = FIRST_PORTION
    for first, last in spans:
        if first >= before:
            continue
        for low, high in _portions(first, min(last, before - 1), size=size):
            if time.monotonic() > deadline:
                return _page(newest, most, searched_to=high)
            within = found.filter(id__range=(low, high)).order_by("-id")
            newest += within[: most + 1 - len(newest)]
            if len(newest) > most:
                return _page(newest, most)
            size = min(2 * size, LARGEST_PORTION)
            deadline = min(deadline, begun + SECONDS)
    return _page(newest, most)


def _portions(first: int, last: int, *, size: int) -> Iterator[Span]:
    """From the newest on, each twice as large as the one before."""
    high = last
    while high >= first:
        low = max(first, high - size + 1)
        yield low, high
        high, size = low - 1, min(2 * size, LARGEST_PORTION)


def _page(newest: list[Message], most: int, *, searched_to: int | None = None) -> FoundMessages:
    """``searched_to`` is the newest id that was not looked at."""
    if len(newest) > most:
        shown = newest[:most]
        return FoundMessages(shown, older=shown[-1].pk)
    if searched_to is None:
        return FoundMessages(newest)
    return FoundMessages(newest, older=searched_to + 1, searched_to=_moment_of(searched_to))


def _moment_of(message_id: int) -> datetime | None:
    """About when messages of such an id were made."""
    older = Message.objects.filter(id__lte=message_id).order_by("-id")
    return older.values_list("created_at", flat=True).first()


def _first_frontier() -> int:
    """No message before this one waits for its first attempt."""
    ahead = Frontier.objects.filter(next_id__lte=F("mailing__last_message_id"))
    return ahead.aggregate(first=Min("next_id"))["first"] or 2**63 - 1


def _claimed_ids() -> QuerySet[Claim, Any]:
    ids = Func(F("message_ids"), function="unnest")
    return Claim.objects.annotate(claimed=ids).values("claimed")
