"""All models in one place, where Django looks for them."""

from notifier.accounts.models import ApiToken, SetupLink
from notifier.clients.models import Client, ClientFilter
from notifier.delivery.models import (
    Attempt,
    Claim,
    Frontier,
    GatewayCalls,
    GatewayHealth,
    Heartbeat,
    Message,
    MinuteCount,
    RateTokens,
    Slot,
)
from notifier.mailings.models import Gateway, Mailing

__all__ = [
    "ApiToken",
    "Attempt",
    "Claim",
    "Client",
    "ClientFilter",
    "Frontier",
    "Gateway",
    "GatewayCalls",
    "GatewayHealth",
    "Heartbeat",
    "Mailing",
    "Message",
    "MinuteCount",
    "RateTokens",
    "SetupLink",
    "Slot",
]
