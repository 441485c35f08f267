"""How long a message waits before it is tried again."""

import random

from django.conf import settings


def backoff_seconds(attempt: int, *, draw: float | None = None) -> float:
    """FIRST_RETRY_SECONDS, doubled with each attempt (from 1), between half and all of it.

    The jitter keeps a thousand messages that failed together from coming
    back together. ``draw`` (0 to 1) stands in for chance in tests.
    """
    longest = min(
        settings.FIRST_RETRY_SECONDS * 2.0 ** min(attempt - 1, 20), settings.LONGEST_RETRY_SECONDS
    )
    draw = random.random() if draw is None else draw  # noqa: S311 - no secret hangs on it
    return longest * (0.5 + draw / 2)


def wait_seconds(attempt: int, *, retry_after_seconds: float | None) -> float:
    """The backoff, or what the gateway asked for where that is longer, within bounds."""
    asked = min(retry_after_seconds or 0.0, settings.LONGEST_RETRY_AFTER_SECONDS)
    return max(backoff_seconds(attempt), asked)
