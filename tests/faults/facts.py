"""What is known of a mailing afterwards: from the gateway's ledger, the rows and the pages."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from notifier.gateway.sandbox.ledger import LedgerEntry
from tests.faults.pages import Pages
from tests.faults.story import End, Story
from tests.running import RunningNotifier

OUTCOME_LINE = re.compile(r'status=(\w+)".*?<td class="text-end">([\d,.\s\u00a0]+)</td>', re.S)


class MessageRow(NamedTuple):
    id: int
    client_id: int
    phone: str
    status: str
    maybe_sent: bool
    attempts: int
    sent_at: float | None


class AttemptRow(NamedTuple):
    message_id: int
    number: int
    outcome: str
    reason: str
    started_at: float


@dataclass
class Facts:
    """``mailing`` is as the API shows it; ``sent`` is the ledger by message, in its order.

    ``strays`` are entries with the mailing's text and an id that is none of its
    messages'. ``shown`` are the counts by status on each screen that shows them.
    ``miscounted`` are the counters that do not say what is there.
    ``most_claimed`` is how much all senders together may have claimed at once.
    """

    mailing: dict[str, Any]
    messages: dict[int, MessageRow]
    attempts: Mapping[int, list[AttemptRow]]
    sent: Mapping[int, list[LedgerEntry]]
    strays: list[LedgerEntry] = field(default_factory=list)
    shown: dict[str, Mapping[str, int]] = field(default_factory=dict)
    miscounted: list[str] = field(default_factory=list)
    retried: int = 0
    claims: int = 0
    holds_unknown: bool = False
    most_claimed: int = 1_000
    story: Story = field(default_factory=Story)

    @cached_property
    def statuses(self) -> Counter[str]:
        return Counter(message.status for message in self.messages.values())

    @cached_property
    def times(self) -> list[float]:
        """When the gateway received each request of the mailing."""
        return sorted(entry.at for entries in self.sent.values() for entry in entries)

    def times_of(self, phone: int) -> list[float]:
        entries = (entry for entries in self.sent.values() for entry in entries)
        return sorted(entry.at for entry in entries if entry.phone == phone)

    @cached_property
    def start(self) -> float:
        return datetime.fromisoformat(self.mailing["start_time"]).timestamp()

    @cached_property
    def ends(self) -> list[End]:
        """The end that the mailing was created with, then those it was moved to."""
        if self.story.ends:
            return self.story.ends
        return [End(-math.inf, datetime.fromisoformat(self.mailing["end_time"]).timestamp())]


def read_facts(
    notifier: RunningNotifier,
    mailing_id: int,
    story: Story,
    ledger: Iterable[LedgerEntry] | None = None,
) -> Facts:
    """Everything about one mailing; ``ledger`` where another gateway than the usual sent it."""
    mailing = notifier.mailing(mailing_id)
    with closing(notifier.database()) as database:
        messages = {row.id: row for row in _messages(database, mailing_id)}
        attempts = _by_message(_attempts(database, mailing_id))
        sent, strays = _sort(database, ledger or notifier.ledger(), messages, mailing["text"])
        return Facts(
            mailing, messages, attempts, sent, strays,
            shown=_shown(notifier, mailing_id, mailing),
            miscounted=_miscounted(database),
            retried=_number(database, RETRIED, mailing_id),
            claims=_number(database, CLAIMED, mailing_id),
            holds_unknown=bool(_number(database, HOLDS, mailing_id)),
            most_claimed=2 * _number(database, CONCURRENCY, mailing_id) + 1_000,
            story=story,
        )  # fmt: skip


MESSAGES = """
    SELECT id, client_id, phone, status, maybe_sent, attempts, extract(epoch FROM sent_at)::float
    FROM message WHERE mailing_id = %s ORDER BY id
"""
ATTEMPTS = """
    SELECT message_id, number, outcome, attempt.reason, extract(epoch FROM started_at)::float
    FROM attempt JOIN message ON message.id = message_id
    WHERE mailing_id = %s ORDER BY message_id, number, attempt.id
"""
RETRIED = """
    SELECT coalesce(sum(count), 0) FROM minute_count WHERE mailing_id = %s AND outcome = 'retried'
"""
CLAIMED = "SELECT coalesce(sum(open), 0) FROM claim WHERE mailing_id = %s AND open > 0"
HOLDS = """
    SELECT count(*) FROM gateway JOIN mailing ON gateway.id = gateway_id
    WHERE mailing.id = %s AND unknown_outcome = 'hold'
"""
CONCURRENCY = """
    SELECT concurrency FROM gateway JOIN mailing ON gateway.id = gateway_id WHERE mailing.id = %s
"""

WITH_TEXT = """
    SELECT message.id FROM message JOIN mailing ON mailing.id = mailing_id WHERE text = %s
"""


def _miscounted(database: Any) -> list[str]:
    """The counters of all mailings that do not say what is there, in words."""
    from notifier.delivery import recount  # only where Django has been set up

    return [
        f"{row[:-2]}: says {row[-2]}, there are {row[-1]}"
        for comparison in (recount.MINUTES, recount.QUARTERS, recount.AUDIENCES)
        for row in _rows(database, comparison)
    ]


def _messages(database: Any, mailing_id: int) -> list[MessageRow]:
    return [MessageRow(*row) for row in _rows(database, MESSAGES, mailing_id)]


def _attempts(database: Any, mailing_id: int) -> list[AttemptRow]:
    return [AttemptRow(*row) for row in _rows(database, ATTEMPTS, mailing_id)]


def _number(database: Any, sql: str, mailing_id: int) -> int:
    return int(_rows(database, sql, mailing_id)[0][0])


def _rows(database: Any, sql: str, value: int | str | None = None) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(sql, [value] if value is not None else None)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _by_message(rows: Iterable[AttemptRow]) -> dict[int, list[AttemptRow]]:
    attempts: dict[int, list[AttemptRow]] = defaultdict(list)
    for row in rows:
        attempts[row.message_id].append(row)
    return attempts


def _sort(
    database: Any, ledger: Iterable[LedgerEntry], messages: Mapping[int, MessageRow], text: str
) -> tuple[dict[int, list[LedgerEntry]], list[LedgerEntry]]:
    """The ledger by message; and what has our text though no mailing with it has such a message."""
    sent: dict[int, list[LedgerEntry]] = defaultdict(list)
    others = []
    for entry in ledger:
        if entry.id in messages:
            sent[entry.id].append(entry)
        elif entry.text == text:
            others.append(entry)
    known = {row[0] for row in _rows(database, WITH_TEXT, text)} if others else set()
    return sent, [entry for entry in others if entry.id not in known]


def _shown(
    notifier: RunningNotifier, mailing_id: int, mailing: dict[str, Any]
) -> dict[str, Mapping[str, int]]:
    """The counts by status wherever they are shown: API, statistics, page, messages' list."""
    statistics = notifier.get(f"mailing/{mailing_id}/statistics/")
    listed = {
        status: notifier.get("message/", mailing=mailing_id, status=status, page_size=1)["count"]
        for status in statistics["counts"]
    }
    shown = {
        "the API": mailing["counts"],
        "the API's statistics": statistics["counts"],
        "the mailing's page": _on_page(notifier, mailing_id),
    }
    # Long lists are not counted.
    if None not in listed.values():
        shown["the API's list of messages"] = listed
    return shown


def _on_page(notifier: RunningNotifier, mailing_id: int) -> dict[str, int]:
    reply = Pages(notifier).get(f"/mailings/{mailing_id}/")
    found = OUTCOME_LINE.findall(reply.text)
    return {status: int(re.sub(r"\D", "", number)) for status, number in found}
