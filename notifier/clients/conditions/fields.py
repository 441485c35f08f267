"""What may be asked of a client: fields, the ops of each, and the values that these take."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from notifier.clients.cleaning import check_tag
from notifier.clients.operators import check_operator
from notifier.clients.phones import PUNCTUATION, normalise_phone
from notifier.clients.timezones import check_timezone

Check = Callable[[object], object]

OPS: Mapping[str, str] = {
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "contains": "contains",
    "is_set": "is filled in",
    "is_not_set": "is not filled in",
    "lt": "is less than",
    "lte": "is at most",
    "gt": "is more than",
    "gte": "is at least",
    "before": "is before",
    "after": "is after",
    "in_last_days": "is within the last days:",
    "not_in_last_days": "is not within the last days:",
    "received": "was received:",
    "not_received": "was not received:",
    "chosen": "chose the client:",
    "not_chosen": "did not choose the client:",
}
VALUELESS_OPS = frozenset({"is_set", "is_not_set"})
ATTRIBUTE_PREFIX = "attributes."
LONGEST_TEXT = 1_000
MOST_DAYS = 36_500
YEARS = range(1900, 2201)
LARGEST_ID = (1 << 63) - 1


@dataclass(frozen=True)
class Field:
    """``checks`` maps each op to what its value must be; to None where it takes none.

    Of the op ``in`` it is the check of each value of the list. ``column`` is
    the client's, where it is about just one. ``words_of_ops`` are those that
    go with the field better than OPS.
    """

    words: str
    checks: Mapping[str, Check | None]
    column: str = ""
    words_of_ops: Mapping[str, str] = field(default_factory=dict)

    @property
    def ops(self) -> tuple[str, ...]:
        return tuple(self.checks)

    def words_of(self, op: str) -> str:
        return self.words_of_ops.get(op, OPS[op])


def _check_prefix(value: object) -> str:
    return _check_digits(value, "beginning")


def _check_suffix(value: object) -> str:
    return _check_digits(value, "end")


def _check_digits(value: object, part: str) -> str:
    digits = PUNCTUATION.sub("", str(value)).removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise ValueError(f'"{value}" is not the {part} of a phone number: use digits.')
    return digits


def _check_text(value: object) -> str | int | float:
    """Numbers stay numbers: an attribute is found whichever of both it is."""
    if isinstance(value, int | float):
        return _check_number(value)
    text = str(value).strip()
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"The text has {len(text):,} characters; at most {LONGEST_TEXT:,}.")
    if "\x00" in text:
        raise ValueError("The text has an invisible NUL character in it.")
    return text


def _check_content(value: object) -> str | int | float:
    """What an attribute may be; true and false are found as the texts that say so are."""
    return str(value).lower() if isinstance(value, bool) else _check_text(value)


def _check_part(value: object) -> str:
    text = str(_check_text(value))
    if not text:
        raise ValueError("The text is empty: every text contains it.")
    return text


def _check_number(value: object) -> int | float:
    text = str(value).strip().replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f'"{value}" is not a number.') from None
    if not -1e15 < number < 1e15:
        raise ValueError(f'"{value}" is not a number that can be compared.')
    return int(number) if number.is_integer() else number


def _check_date(value: object) -> str:
    try:
        day = date.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f'"{value}" is not a date such as 2026-09-01.') from None
    if day.year not in YEARS:
        raise ValueError(f'"{value}" is not between the years {YEARS[0]} and {YEARS[-1]}.')
    return day.isoformat()


def is_whole(text: str) -> bool:
    # Of thousands of digits Python makes no number.
    return text.isascii() and text.isdigit() and len(text) < 20


def _check_days(value: object) -> int:
    text = str(value).strip()
    if not (is_whole(text) and 1 <= int(text) <= MOST_DAYS):
        raise ValueError(f'"{value}" is not a number of days from 1 to {MOST_DAYS:,}.')
    return int(text)


def _check_id(value: object) -> int:
    text = str(value).strip()
    if not (is_whole(text) and 1 <= int(text) <= LARGEST_ID):
        raise ValueError(f'"{value}" is not an id: use its number.')
    return int(text)


TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _check_truth(value: object) -> bool:
    truth = TRUTHS.get(str(value).strip().lower())
    if truth is None:
        raise ValueError(f'"{value}" is neither true nor false.')
    return truth


def _equal(check: Check) -> dict[str, Check | None]:
    return {"is": check, "is_not": check, "in": check}


FILLED: Mapping[str, Check | None] = {"is_set": None, "is_not_set": None}
DATES: Mapping[str, Check | None] = {"before": _check_date, "after": _check_date}
RECENT: Mapping[str, Check | None] = {
    "in_last_days": _check_days,
    "not_in_last_days": _check_days,
}
# Of what may never have happened, or more than once.
LAST_TIME: Mapping[str, Check | None] = {**DATES, **RECENT, **FILLED}
WORDS_OF_LAST_TIME = {"is_set": "was at some time", "is_not_set": "is never"}

FIELDS: Mapping[str, Field] = {
    "tag": Field("tag", {**_equal(check_tag), "starts_with": _check_part, **FILLED}, "tag"),
    "operator": Field("operator", _equal(check_operator), "operator"),
    "timezone": Field("time zone", _equal(check_timezone), "timezone"),
    "phone_number": Field(
        "phone number",
        {**_equal(normalise_phone), "starts_with": _check_prefix, "ends_with": _check_suffix},
        "phone",
    ),
    "opted_out": Field("opted out", {"is": _check_truth}),
    "created_at": Field("added", {**DATES, **RECENT}),
    "imported_at": Field("last import", LAST_TIME, words_of_ops=WORDS_OF_LAST_TIME),
    "last_contacted": Field("last message", LAST_TIME, words_of_ops=WORDS_OF_LAST_TIME),
    "import": Field("import", {"is": _check_id, "is_not": _check_id}),
    "mailing": Field(
        "mailing",
        dict.fromkeys(("received", "not_received", "chosen", "not_chosen"), _check_id),
    ),
}
_ATTRIBUTE: Mapping[str, Check | None] = {
    **_equal(_check_content),
    "contains": _check_part,
    "starts_with": _check_part,
    **FILLED,
    **dict.fromkeys(("lt", "lte", "gt", "gte"), _check_number),
    **DATES,
}


# Of these checks true and false are values like others.
TAKING_TRUTHS = frozenset({_check_truth, _check_content})


def attribute_field(name: str) -> Field:
    """The field of the attribute of that name."""
    return Field(f'attribute "{name}"', _ATTRIBUTE)
