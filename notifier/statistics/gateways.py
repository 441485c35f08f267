"""How the gateways do, in words."""

from dataclasses import dataclass
from datetime import datetime

from notifier.delivery.models import GatewayHealth
from notifier.mailings.models import Gateway
from notifier.statistics.counts import reason_in_words

State = GatewayHealth.State


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
