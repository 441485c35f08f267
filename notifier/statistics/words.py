"""What the values of a group are called."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime

from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.breakdown import By
from notifier.statistics.counts import reason_in_words

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NOTHING = {
    By.OPERATOR: "Not known",
    By.TIMEZONE: "Not known",
    By.TAG: "No tag",
    By.REASON: "No reason: all went well",
}


def names_of(by: By, values: Collection[str]) -> dict[str, str]:
    """A name for each value, in one query at most; what was deleted is called by its number."""
    if by is By.MAILING:
        return _names(Mailing.objects.only("name", "text").in_bulk(map(int, values)), by, values)
    if by is By.GATEWAY:
        return _names(Gateway.objects.in_bulk(map(int, values)), by, values)
    return {value: _name(by, value) for value in values}


def deleted_name(by: By, value: str) -> str:
    """What a mailing or gateway is called that is not there any more."""
    return f"Deleted {by} {value}"


def _names(
    rows: Mapping[int, Mailing | Gateway], by: By, values: Collection[str]
) -> dict[str, str]:
    return {
        value: str(rows[int(value)]) if int(value) in rows else deleted_name(by, value)
        for value in values
    }


def _name(by: By, value: str) -> str:
    if value in ("", "0") and by in NOTHING:
        return NOTHING[by]
    return NAMES[by](value) if by in NAMES else value


def _time(value: str) -> str:
    return f"{datetime.fromisoformat(value):%-d %b, %H:%M}"


def _hour(value: str) -> str:
    return f"{int(value):02}:00 to {int(value) + 1:02}:00"


def _attempts(value: str) -> str:
    return {"0": "None", "1": "1 attempt"}.get(value, f"{value} attempts")


# Of a tag, an operator and a time zone, the value is the name.
NAMES: dict[By, Callable[[str], str]] = {
    By.QUARTER: _time,
    By.HOURLY: _time,
    By.DAY: lambda value: f"{date.fromisoformat(value):%a %-d %b %Y}",
    By.WEEK: lambda value: f"Week from {date.fromisoformat(value):%-d %b %Y}",
    By.MONTH: lambda value: f"{date.fromisoformat(value):%B %Y}",
    By.HOUR: _hour,
    By.WEEKDAY: lambda value: WEEKDAYS[int(value) - 1],
    By.REASON: reason_in_words,
    By.ATTEMPTS: _attempts,
}
