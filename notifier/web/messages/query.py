"""What the address of a list of messages asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.http import urlencode

from notifier.clients.phones import PUNCTUATION
from notifier.clients.search import read_id
from notifier.delivery.models import MessageStatus
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.breakdown import By
from notifier.statistics.counts import REASONS_IN_WORDS, reason_in_words
from notifier.statistics.messages import NONE, MessageSearch
from notifier.statistics.periods import BadPeriod, parse_period
from notifier.statistics.words import NOTHING, name_of
from notifier.web.badges import MESSAGE_BADGES

WORDS = {
    "q": "Phone",
    "client": "Client",
    "mailing": "Mailing",
    "status": "Status",
    "reason": "Reason",
    "from": "From",
    "to": "To",
    "operator": "Operator",
    "tag": "Tag",
    "timezone": "Time zone",
    "gateway": "Gateway",
    "attempts": "Attempts",
    "hour": "Hour of day",
    "weekday": "Day of week",
}
FIELDS = ("q", "status", "reason", "gateway", "from", "to")
NUMBERS = ("client", "mailing", "gateway", "attempts", "hour", "weekday")
TEXTS = ("operator", "tag", "timezone")
LARGEST = {"attempts": 32_767, "hour": 23, "weekday": 7}


@dataclass(frozen=True)
class Chip:
    """Something that is asked, in words, and the address without it."""

    name: str
    word: str
    value: str
    address: str


@dataclass(frozen=True)
class Asked:
    """``problems`` says by field what could not be read: nothing is searched for then."""

    search: MessageSearch
    typed: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> str:
        return urlencode(self.typed)

    @property
    def kept_fields(self) -> list[tuple[str, str]]:
        """What the form has no field for."""
        return [(name, value) for name, value in self.typed.items() if name not in FIELDS]

    @property
    def is_whole_outcome(self) -> bool:
        """Whether it is all of a mailing's failed, or unknown, messages."""
        return set(self.typed) == {"mailing", "status"}

    def chips(self) -> list[Chip]:
        return [
            Chip(name, WORDS[name], _in_words(name, value), self._without(name))
            for name, value in self.typed.items()
        ]

    def _without(self, dropped: str) -> str:
        return f"?{urlencode({n: v for n, v in self.typed.items() if n != dropped})}"


def read_query(query: Mapping[str, str]) -> Asked:
    """What is typed wrongly is said, and not guessed at."""
    typed = {name: query[name].strip() for name in WORDS if query.get(name, "").strip()}
    problems: dict[str, str] = {}
    values: dict[str, Any] = {
        name: _number(name, typed[name], problems) for name in NUMBERS if name in typed
    }
    values |= {name: _text(name, typed[name], problems) for name in TEXTS if name in typed}
    values |= _days(typed, problems)
    values["phone"] = _phone(typed.get("q", ""), problems)
    values["status"] = _one_of(MessageStatus.values, "status", typed, problems)
    values["reason"] = _one_of([NONE, *REASONS_IN_WORDS], "reason", typed, problems)
    return Asked(MessageSearch(**values), typed, problems)


def read_cursor(query: Mapping[str, str]) -> int | None:
    """Before which id the page begins; None for the first page."""
    return read_id(query.get("before", ""))


def _number(name: str, typed: str, problems: dict[str, str]) -> int | None:
    number = read_id(typed)
    if number is None or number > LARGEST.get(name, number):
        problems[name] = f'{WORDS[name]} "{typed}" is no such number.'
        return None
    return number


def _text(name: str, typed: str, problems: dict[str, str]) -> str:
    """No text of the database has a NUL in it, nor can it be asked for one."""
    if "\x00" not in typed:
        return typed
    problems[name] = f"{WORDS[name]} has a character that no client has in it."
    return ""


def _days(typed: Mapping[str, str], problems: dict[str, str]) -> dict[str, date]:
    given = {name: typed[name] for name in ("from", "to") if name in typed}
    if not given:
        return {}
    try:
        period = parse_period(given)
    except BadPeriod as bad:
        problems[bad.field] = str(bad)
        return {}
    days = {"first": period.first, "last": period.last}
    # Where only one end is typed, the other is open.
    return {name: days[name] for name, end in (("first", "from"), ("last", "to")) if end in given}


def _phone(typed: str, problems: dict[str, str]) -> str:
    digits = PUNCTUATION.sub("", typed).removeprefix("+")
    if typed and not (digits.isascii() and digits.isdigit()):
        problems["q"] = f'"{typed}" is no phone: type how it begins, or its last digits.'
        return ""
    return typed


def _one_of(known: list[str], name: str, typed: Mapping[str, str], problems: dict[str, str]) -> str:
    value = typed.get(name, "")
    if value and value not in known:
        problems[name] = f'There is no {WORDS[name].lower()} "{value}".'
        return ""
    return value


def _status_in_words(status: str) -> str:
    return MESSAGE_BADGES[status].word if status in MESSAGE_BADGES else status


def _in_words(name: str, value: str) -> str:
    if name in ("mailing", "gateway"):
        rows: Any = Mailing.objects if name == "mailing" else Gateway.objects
        row = rows.filter(pk=read_id(value) or 0).first()
        return str(row) if row else f"{value}, which is not there"
    if name in ("operator", "tag", "timezone", "reason") and value == NONE:
        return NOTHING[By(name)]
    in_words: dict[str, Callable[[str], str]] = {
        "status": _status_in_words,
        "reason": reason_in_words,
        "hour": lambda hour: name_of(By.HOUR, hour),
        "weekday": lambda weekday: name_of(By.WEEKDAY, weekday),
    }
    return in_words.get(name, str)(value)
