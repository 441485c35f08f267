"""The one vocabulary of statuses: icon, word and colour of each."""

from dataclasses import dataclass

from notifier.clients.imports.models import ImportStatus
from notifier.delivery.models import BulkAction, GatewayHealth, MessageStatus
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

IMPORT_BADGES: dict[str, Badge] = {
    "uploaded": Badge("Uploaded", "pencil", "secondary", "Waits for you to say how it is read."),
    "checking": Badge("Checking", "search", "azure", "The file is read; nothing changes yet."),
    "checked": Badge("Checked", "clock", "blue", "Waits for you to import it."),
    "importing": Badge("Importing", "file-import", "azure", "Clients are added and changed."),
    "finished": Badge("Imported", "circle-check", "green", "Every row came to an outcome."),
    "cancelled": Badge("Cancelled", "ban", "secondary", "Stopped; what was imported stays."),
    "failed": Badge("Failed", "circle-x", "red", "It could not be gone on with."),
    "undoing": Badge("Undoing", "arrow-back-up", "azure", "Its changes are taken back."),
    "undone": Badge("Undone", "arrow-back-up", "secondary", "Its changes were taken back."),
}

# What becomes of the rows of a file, in the order in which they are listed.
ROW_BADGES: dict[str, Badge] = {
    "new": Badge("New", "plus", "green", "Clients you did not have."),
    "changed": Badge("Changed", "pencil", "azure", "Clients you have, with other details."),
    "unchanged": Badge("Unchanged", "check", "secondary", "Clients you have, left as they are."),
    "duplicates": Badge(
        "Duplicate", "users", "secondary", "The phone stands further up in the file already."
    ),
    "rejected": Badge("Rejected", "circle-x", "red", "Cannot be imported as it stands."),
    "not_reached": Badge("Not reached", "clock-x", "yellow", "It stopped before them."),
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

# An attempt that was not the last one of its message.
RETRIED_BADGE = Badge("Put back to wait", "arrow-back-up", "orange", "Tried again later.")

# Of what is done to many clients at once.
BULK_ACTION_BADGES: dict[str, Badge] = {
    "running": Badge("Under way", "player-play", "azure", "One client after the other is changed."),
    "cancelling": Badge("Cancelling", "player-stop", "yellow", "What is begun is finished."),
    "done": Badge("Done", "circle-check", "green", "All clients were gone through."),
    "cancelled": Badge("Cancelled", "ban", "secondary", "Stopped; what was done stays."),
}

GATEWAY_BADGES: dict[str, Badge] = {
    "closed": Badge("Working", "circle-check", "green", "Messages leave at the full pace."),
    "open": Badge("Resting", "clock", "yellow", "Left alone for a while, then tried again."),
    "ramping": Badge("Recovering", "send", "azure", "It answers again; the pace rises."),
    "held": Badge("On hold", "alert-triangle", "red", "Nothing is sent until it is released."),
}

assert set(BULK_ACTION_BADGES) == set(BulkAction.State.values)  # noqa: S101
assert set(GATEWAY_BADGES) == set(GatewayHealth.State.values)  # noqa: S101
assert set(IMPORT_BADGES) == set(ImportStatus.values)  # noqa: S101
assert set(MAILING_BADGES) == set(MailingStatus.values)  # noqa: S101 - found at start, not by a user
assert set(MESSAGE_BADGES) == set(MessageStatus.values)  # noqa: S101
