"""The statuses of messages: the only place that changes them.

A module for each change. Every function is one statement or one transaction,
keeps the minute counters and the claims' open counts in step with the rows it
changes, and is safe to run twice and against others.

    pending → sending → accepted | failed | unknown | pending (retry)
    pending → expired | cancelled | skipped
    failed | unknown → pending, when a person sends again

A message that some attempt may have delivered (``maybe_sent``) can end only as
accepted or unknown, whatever else was wished for it.
"""

from notifier.delivery.ledger.claiming import (
    ClaimedBatch,
    ClaimedMessage,
    claim_messages,
    renew_claims,
    return_unsent,
)
from notifier.delivery.ledger.closing import (
    close_waiting,
    close_waiting_of_clients,
    delete_messages,
    has_open_messages,
    is_anything_waiting,
)
from notifier.delivery.ledger.opening import OpenedChunk, open_messages
from notifier.delivery.ledger.recording import Result, record_results
from notifier.delivery.ledger.reopening import Choice, Reopened, count_as_sent, reopen_messages
from notifier.delivery.ledger.rescuing import rescue_expired_claim
from notifier.delivery.ledger.withdrawing import await_chunks, await_results

__all__ = [
    "Choice",
    "ClaimedBatch",
    "ClaimedMessage",
    "OpenedChunk",
    "Reopened",
    "Result",
    "await_chunks",
    "await_results",
    "claim_messages",
    "close_waiting",
    "close_waiting_of_clients",
    "count_as_sent",
    "delete_messages",
    "has_open_messages",
    "is_anything_waiting",
    "open_messages",
    "record_results",
    "renew_claims",
    "reopen_messages",
    "rescue_expired_claim",
    "return_unsent",
]
