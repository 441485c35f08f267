"""The ledger: written before the reply leaves, readable after any end."""

from pathlib import Path
from time import time

import pytest

from notifier.gateway.sandbox.ledger import Ledger, LedgerEntry, LedgerError, read_ledger
from tests.gateway.sandbox.wire_client import WireClient, send_request
from tests.sandbox import SandboxProcess

ENTRY = LedgerEntry(1700000000.123456, 5, 79991234567, "Привет\n\ud800", "ok", 200, accepted=True)
UNREADABLE = LedgerEntry(1700000001.5, None, None, None, "bad request", None, accepted=False)


@pytest.mark.parametrize("ledger_sync", [False, True])
def test_a_message_that_was_answered_is_in_the_ledger_after_a_kill(
    tmp_path: Path, ledger_sync: bool
) -> None:
    before = time()
    ledger = tmp_path / "ledger"
    with SandboxProcess(ledger=ledger, ledger_sync=ledger_sync) as sandbox:
        with WireClient(sandbox.port) as client:
            client.send(b"".join(send_request(number) for number in range(50)))
            client.read_response()
            sandbox.process.kill()
            answered = 1 + client_responses_left(client)

        entries = sandbox.ledger()
    assert len(entries) >= answered
    assert [entry.id for entry in entries] == list(range(len(entries)))
    assert all(before <= entry.at <= time() for entry in entries)


def client_responses_left(client: WireClient) -> int:
    count = 0
    try:
        while client.read_response().status == 200:
            count += 1
    except (EOFError, ConnectionResetError):
        pass
    return count


def test_the_ledger_is_written_when_the_message_arrives_not_when_it_is_answered(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    sandbox.set_faults(latency=60)
    client.send(send_request())
    assert client.stays_silent(0.1)

    assert [entry.reply for entry in sandbox.ledger()] == ["ok"]


def test_entries_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger = Ledger(path)
    ledger.add(ENTRY)
    ledger.add(UNREADABLE)
    ledger.write()

    assert list(read_ledger(path)) == [ENTRY, UNREADABLE]


def test_a_torn_last_line_is_left_out_and_dropped_by_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    add_to_ledger(path, ENTRY)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole + whole[:length])
        assert list(read_ledger(path)) == [ENTRY]

    add_to_ledger(path, UNREADABLE)

    assert list(read_ledger(path)) == [ENTRY, UNREADABLE]


def test_a_ledger_of_nothing_but_a_torn_line_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(b'{"a')
    assert list(read_ledger(path)) == []

    add_to_ledger(path, ENTRY)

    assert list(read_ledger(path)) == [ENTRY]


def add_to_ledger(path: Path, entry: LedgerEntry) -> None:
    ledger = Ledger(path)
    ledger.add(entry)
    ledger.write()
    ledger.close()


def test_a_bad_line_before_the_end_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(b'{"at":1\n{"at":2}\n')

    with pytest.raises(ValueError, match="line 1 is not a ledger entry"):
        list(read_ledger(path))


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "diary"
    path.write_bytes(b"Dear diary")

    with pytest.raises(LedgerError, match="is not a sandbox ledger"):
        Ledger(path)
    assert path.read_bytes() == b"Dear diary"


def test_nothing_is_answered_when_the_ledger_cannot_be_written() -> None:
    with SandboxProcess(ledger=Path("/dev/full")) as sandbox:
        with WireClient(sandbox.port) as client:
            client.send(send_request())
            with pytest.raises((ConnectionResetError, EOFError)):
                client.read_response()

        assert sandbox.process.wait(10) == 1
