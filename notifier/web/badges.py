"""The one vocabulary of statuses: icon, word and colour of each."""

from dataclasses import dataclass

from notifier.delivery.models import GatewayHealth, MessageStatus
from notifier.mailings.models import MailingStatus


@dataclass(frozen=True)
class Badge:
    word: str
    icon: str
    colour: str
    meaning: str


MAILING_BADGES: dict[str, Badge] = {
    "draft": Badge("Draft", "pencil", "secondary", "Not scheduled yet."),
    "scheduled": Badge("Scheduled", "clock", "blue", "Starts by itself at its start time."),
    "preparing": Badge("Preparing", "users", "azure", "Recipients are chosen, the first are sent."),
    "running": Badge("Running", "send", "azure", "Messages are leaving."),
    "paused": Badge("Paused", "player-pause", "yellow", "Nothing is sent until it is resumed."),
    "finished": Badge("Finished", "circle-check", "green", "Every message came to an outcome."),
    "cancelled": Badge("Cancelled", "ban", "secondary", "Stopped; what was left is not sent."),
}

# In the order in which a ledger lists them.
MESSAGE_BADGES: dict[str, Badge] = {
    "accepted": Badge("Accepted", "circle-check", "green", "The gateway took the message."),
    "failed": Badge("Failed", "circle-x", "red", "The gateway refused it."),
    "unknown": Badge(
        "Unknown", "help-circle", "purple", "It may have been sent: no clear answer came."
    ),
    "expired": Badge("Expired", "clock-x", "yellow", "The mailing ended before it could be sent."),
    "cancelled": Badge("Cancelled", "ban", "secondary", "The mailing or the message was stopped."),
    "skipped": Badge("Skipped", "bell-off", "secondary", "The client does not want messages."),
    "sending": Badge("Sending", "send", "azure", "On the way to the gateway."),
    "pending": Badge("Waiting", "clock", "blue", "Not sent yet."),
}

GATEWAY_BADGES: dict[str, Badge] = {
    "closed": Badge("Working", "circle-check", "green", "Messages leave at the full pace."),
    "open": Badge("Resting", "clock", "yellow", "Left alone for a while, then tried again."),
    "ramping": Badge("Recovering", "send", "azure", "It answers again; the pace rises."),
    "held": Badge("On hold", "alert-triangle", "red", "Nothing is sent until it is released."),
}

assert set(GATEWAY_BADGES) == set(GatewayHealth.State.values)  # noqa: S101
assert set(MAILING_BADGES) == set(MailingStatus.values)  # noqa: S101 - found at start, not by a user
assert set(MESSAGE_BADGES) == set(MessageStatus.values)  # noqa: S101
