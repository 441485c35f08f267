"""Time zones by their IANA names."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones


class BadTimezone(ValueError):
    """Not an IANA time zone; the text says what is expected."""


@cache
def known_timezones() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if name != "localtime")


def check_timezone(value: object) -> str:
    """The IANA name as given, checked. Raises BadTimezone."""
    name = str(value).strip()
    if name not in known_timezones():
        raise BadTimezone(
            f'Time zone "{name}" is not an IANA name: use, for example, Europe/Moscow or UTC.'
        )
    ZoneInfo(name)
    return name
