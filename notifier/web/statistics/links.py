"""From a number of the statistics to the messages that it counts."""

from collections.abc import Mapping
from urllib.parse import urlencode

from notifier.delivery.models import TERMINAL
from notifier.statistics.breakdown import By
from notifier.statistics.periods import Period

MESSAGES = "/messages/"
# Groups that the list of messages knows by the same name, and what it calls "none".
SEARCHED = (
    By.MAILING,
    By.GATEWAY,
    By.OPERATOR,
    By.TAG,
    By.TIMEZONE,
    By.REASON,
    By.ATTEMPTS,
    By.HOUR,
    By.WEEKDAY,
)
NONE = "-"


def messages_address(
    period: Period,
    *,
    status: str = "",
    by: By | None = None,
    value: str = "",
    narrowed: Mapping[str, object] | None = None,
) -> str:
    """The list of the messages that came to ``status`` within the period, of a group; or ''.

    ``narrowed`` is the gateway or mailing whose they are, as the address names them.
    Attempts that were put back to wait are no messages that have ended: there is no list of them.
    """
    is_listed = (not status or status in TERMINAL) and (by is None or by in SEARCHED)
    if not is_listed:
        return ""
    query: dict[str, object] = {"from": period.first.isoformat(), "to": period.last.isoformat()}
    query |= narrowed or {}
    if by is not None:
        query[by.value] = value or NONE
    if status:
        query["status"] = status
    return f"{MESSAGES}?{urlencode(query)}"
