"""Rates that hold over all processes and machines: token buckets in the database.

Tokens are taken when messages are claimed. A bucket holds what flows into it
in a quarter of a second, but at least one token, so that a rate is never
exceeded by more than that.
"""

from dataclasses import dataclass
from typing import Literal

from django.db import connection

BURST_SECONDS = 0.25

Scope = Literal["gateway", "mailing"]

# By the clock, not by the transaction's beginning: two senders that wait for
# the row one after the other would else count the same time twice.
TAKE = """
    INSERT INTO rate_tokens AS bucket (scope, owner_id, tokens, refilled_at)
    VALUES (%(scope)s, %(owner)s, %(burst)s, clock_timestamp())
    ON CONFLICT (scope, owner_id) DO UPDATE SET
        tokens = least(
            %(burst)s,
            bucket.tokens + %(rate)s * greatest(
                0, extract(epoch FROM clock_timestamp() - bucket.refilled_at)
            )
        ),
        refilled_at = greatest(clock_timestamp(), bucket.refilled_at)
    RETURNING tokens
"""
SPEND = """
    UPDATE rate_tokens SET tokens = tokens - %(count)s
    WHERE scope = %(scope)s AND owner_id = %(owner)s
"""


@dataclass(frozen=True)
class Rate:
    """How many messages a second a gateway or a mailing may send; None: as many as it likes."""

    scope: Scope
    owner_id: int
    per_second: float | None

    @property
    def is_set(self) -> bool:
        return self.per_second is not None

    def take(self, most: int) -> int:
        """Up to ``most`` tokens, at once: 0 when there are none yet. Belongs into a transaction."""
        if self.per_second is None:
            return most
        with connection.cursor() as cursor:
            cursor.execute(TAKE, self._values())
            count = min(most, int(cursor.fetchone()[0]))
        self._spend(count)
        return count

    def give_back(self, count: int) -> None:
        """Tokens that were taken and not used."""
        if self.per_second is not None and count:
            self._spend(-count)

    def _spend(self, count: int) -> None:
        if count:
            with connection.cursor() as cursor:
                cursor.execute(SPEND, {**self._values(), "count": count})

    def _values(self) -> dict[str, str | float]:
        rate = self.per_second or 0.0
        return {
            "scope": self.scope,
            "owner": self.owner_id,
            "rate": rate,
            "burst": max(1.0, rate * BURST_SECONDS),
        }


def take_from_both(gateway: Rate, mailing: Rate, most: int) -> int:
    """As many tokens as both have; what only the gateway had stays with it."""
    of_gateway = gateway.take(most)
    of_both = mailing.take(of_gateway) if of_gateway else 0
    gateway.give_back(of_gateway - of_both)
    return of_both
