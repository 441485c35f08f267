"""A hundred thousand clients through everything: ledger and database agree to the last one."""

from tests.running import RunningNotifier

CLIENTS = 100_000


def test_a_hundred_thousand_clients_are_reached_once_each(notifier: RunningNotifier):
    notifier.manage("sample_data", "--clients", str(CLIENTS - 3_000))

    mailing = notifier.post("mailing/", {"clients": {}, "text": "To all"})
    done = notifier.wait_for_mailing(mailing["id"], status="finished", seconds=180)

    counts = {status: count for status, count in done["counts"].items() if count}
    assert counts.keys() == {"accepted", "skipped"}
    assert sum(counts.values()) == done["audience"] == CLIENTS
    assert counts["accepted"] == mailing["matched"]
    received = {entry.id: entry.phone for entry in notifier.ledger() if entry.accepted}
    assert len(received) == len(notifier.ledger())
    listed = notifier.messages(mailing=mailing["id"], status="accepted", page_size=1000)
    assert received == {message["id"]: int(message["phone_number"]) for message in listed}
