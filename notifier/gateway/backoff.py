"""How long a message waits before it is tried again."""

import random

FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 300.0
LONGEST_RETRY_AFTER_SECONDS = 900.0


def backoff_seconds(attempt: int, *, draw: float | None = None) -> float:
    """2 s × 2ⁿ after attempt n (from 1), at most 5 min, between half and all of it.

    The jitter keeps a thousand messages that failed together from coming
    back together. ``draw`` (0 to 1) stands in for chance in tests.
    """
    longest = min(FIRST_WAIT_SECONDS * 2.0 ** min(attempt - 1, 20), LONGEST_WAIT_SECONDS)
    draw = random.random() if draw is None else draw  # noqa: S311 - no secret hangs on it
    return longest * (0.5 + draw / 2)


def wait_seconds(attempt: int, *, retry_after_seconds: float | None) -> float:
    """The backoff, or what the gateway asked for where that is longer, at most 15 min."""
    asked = min(retry_after_seconds or 0.0, LONGEST_RETRY_AFTER_SECONDS)
    return max(backoff_seconds(attempt), asked)
