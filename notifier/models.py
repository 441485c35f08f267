"""All models in one place, where Django looks for them."""

from notifier.accounts.models import ApiToken, SetupLink
from notifier.clients.imports.models import (
    ClientImport,
    ImportChange,
    ImportPiece,
    ImportRejection,
)
from notifier.clients.models import AttributeName, Client, ClientFilter, SuppressedPhone
from notifier.delivery.models import (
    Attempt,
    BulkAction,
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
    "AttributeName",
    "BulkAction",
    "Claim",
    "Client",
    "ClientFilter",
    "ClientImport",
    "Frontier",
    "Gateway",
    "GatewayCalls",
    "GatewayHealth",
    "Heartbeat",
    "ImportChange",
    "ImportPiece",
    "ImportRejection",
    "Mailing",
    "Message",
    "MinuteCount",
    "RateTokens",
    "SetupLink",
    "Slot",
    "SuppressedPhone",
]
