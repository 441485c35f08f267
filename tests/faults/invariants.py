"""What must hold whatever happened: read from the gateway's ledger and the database."""

from collections import Counter, defaultdict

from notifier.gateway.sandbox.ledger import LedgerEntry
from tests.running import RunningNotifier

COLUMNS = ("id", "client_id", "phone", "status", "maybe_sent")


def check_invariants(notifier: RunningNotifier, mailing_id: int) -> Counter[str]:
    """Fails with what is violated; how many messages came to what, once all has settled."""
    mailing = notifier.mailing(mailing_id)
    with notifier.database().cursor() as cursor:
        cursor.execute(
            "SELECT id, client_id, phone, status, maybe_sent FROM message WHERE mailing_id = %s",
            [mailing_id],
        )
        messages = {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()}
    sent: dict[int, list[LedgerEntry]] = defaultdict(list)
    for entry in notifier.ledger():
        if entry.id in messages:
            sent[entry.id].append(entry)
    statuses = Counter(message["status"] for message in messages.values())
    _one_row_per_recipient(mailing, messages, statuses)
    for message in messages.values():
        _agrees_with_ledger(message, sent[message["id"]])
    return statuses


def _one_row_per_recipient(mailing: dict, messages: dict[int, dict], statuses: Counter) -> None:
    assert len({message["client_id"] for message in messages.values()}) == len(messages), "I1"
    assert sum(statuses.values()) == mailing["audience"], "I1"
    counts = {status: count for status, count in mailing["counts"].items() if count}
    assert counts == statuses, "I8"


def _agrees_with_ledger(message: dict, sent: list[LedgerEntry]) -> None:
    accepted = sum(bool(entry.accepted) for entry in sent)
    if message["status"] == "accepted":
        assert accepted, f"I2: {message} is accepted, and the gateway never took it"
    if accepted:
        assert message["status"] in ("accepted", "unknown"), f"I2: {message}, yet it was taken"
    if accepted > 1:
        assert message["maybe_sent"], f"I3: {message} was taken {accepted} times"
    assert {entry.phone for entry in sent} <= {int(message["phone"])}, f"I3: {message}"
    assert len({entry.text for entry in sent}) <= 1, f"I3: {message}"
