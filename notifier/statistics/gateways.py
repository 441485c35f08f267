"""How the gateways do, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Now

from notifier.delivery.ledger.counting import QUARTER_HOUR
from notifier.delivery.models import GatewayCalls, GatewayHealth
from notifier.mailings.models import Gateway
from notifier.statistics.counts import reason_in_words

State = GatewayHealth.State

# The breaker keeps the calls of so long at least.
CALLS_OF = timedelta(minutes=10)


@dataclass(frozen=True)
class GatewayState:
    """A gateway and what its breaker says; ``retry_at`` while it rests."""

    gateway: Gateway
    state: str
    reason: str
    since: datetime | None
    retry_at: datetime | None

    @property
    def is_working(self) -> bool:
        return self.state == State.CLOSED

    @property
    def is_shut(self) -> bool:
        """Nothing leaves through it now, but for a probe."""
        return self.state in (State.OPEN, State.HELD)

    @property
    def is_held(self) -> bool:
        return self.state == State.HELD


def gateway_states() -> list[GatewayState]:
    """Every gateway, the oldest first, in one query."""
    gateways = Gateway.objects.select_related("health").order_by("id")
    return [gateway_state(gateway) for gateway in gateways]


def gateway_state(gateway: Gateway) -> GatewayState:
    """One that never was in trouble has no health to look at, and works."""
    health = getattr(gateway, "health", None)
    if health is None:
        return GatewayState(gateway, State.CLOSED, "", None, None)
    reason = reason_in_words(health.reason)
    return GatewayState(gateway, health.state, reason, health.since, health.retry_at)


@dataclass(frozen=True)
class Lately:
    """``troubles`` of ``calls`` in ten minutes came to nothing.

    ``median_ms`` is within what half of the messages of the last hour were
    accepted: None where none was.
    """

    calls: int = 0
    troubles: int = 0
    median_ms: int | None = None


def lately_by_gateway() -> dict[int, Lately]:
    """Of the gateways that were used lately, in two queries for all."""
    calls = _calls_by_gateway()
    medians = _medians_by_gateway()
    return {
        gateway_id: Lately(*calls.get(gateway_id, (0, 0)), medians.get(gateway_id))
        for gateway_id in calls.keys() | medians.keys()
    }


def _calls_by_gateway() -> Mapping[int, tuple[int, int]]:
    lately = GatewayCalls.objects.filter(began_at__gt=Now() - CALLS_OF).values_list("gateway_id")
    sums = lately.annotate(calls=Sum("calls"), troubles=Sum("troubles"))
    return {gateway_id: (calls, troubles) for gateway_id, calls, troubles in sums}


# The present quarter of an hour and the three before it. A counter of latencies
# has a row for each step in which there is something. Uses quarter_hour_count_period.
MEDIANS = """
    SELECT gateway_id, min(milliseconds)
    FROM (
        SELECT gateway_id, value::int AS milliseconds,
               sum(sum(count)) OVER (PARTITION BY gateway_id ORDER BY value::int) AS passed,
               sum(sum(count)) OVER (PARTITION BY gateway_id) AS messages
        FROM quarter_hour_count JOIN mailing ON mailing.id = mailing_id
        WHERE dimension = 'latency' AND period >= {quarter} - interval '45 minutes'
        GROUP BY gateway_id, value::int HAVING sum(count) > 0
    ) AS steps
    WHERE passed >= 0.5 * messages
    GROUP BY gateway_id
"""


def _medians_by_gateway() -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(MEDIANS.format(quarter=QUARTER_HOUR.format(moment="now()")))
        return dict(cursor.fetchall())
