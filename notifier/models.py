"""All models in one place, where Django looks for them."""

from notifier.accounts.models import ApiToken, DailyEmail, SetupLink
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
    DayCount,
    Frontier,
    GatewayCalls,
    GatewayHealth,
    GatewayIncident,
    Heartbeat,
    Message,
    MinuteCount,
    QuarterHourCount,
    RateTokens,
    RolledDay,
    Slot,
    Traits,
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
    "DailyEmail",
    "DayCount",
    "Frontier",
    "Gateway",
    "GatewayCalls",
    "GatewayHealth",
    "GatewayIncident",
    "Heartbeat",
    "ImportChange",
    "ImportPiece",
    "ImportRejection",
    "Mailing",
    "Message",
    "MinuteCount",
    "QuarterHourCount",
    "RateTokens",
    "RolledDay",
    "SetupLink",
    "Slot",
    "SuppressedPhone",
    "Traits",
]
