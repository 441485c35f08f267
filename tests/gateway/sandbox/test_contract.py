"""The wire contract, over real sockets."""

import json

import pytest

from notifier.gateway.sandbox.ledger import LedgerEntry
from tests.gateway.sandbox.wire_client import WireClient, post, send_request
from tests.sandbox import SandboxProcess

MESSAGE = b'{"id": 1, "phone": 79991234567, "text": "Hello"}'


def test_a_message_is_accepted_and_recorded(sandbox: SandboxProcess, client: WireClient) -> None:
    response = client.ask(send_request(7, text='Привет, "Анна"\n😀'))

    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    assert response.body == b'{"code": 0, "message": "OK"}'
    [entry] = sandbox.ledger()
    assert entry == LedgerEntry(
        entry.at, 7, 79991234567, 'Привет, "Анна"\n😀', "ok", 200, accepted=True
    )


@pytest.mark.parametrize("message_id", [0, -(2**63), 2**63 - 1])
def test_an_id_may_be_any_64_bit_integer(client: WireClient, message_id: int) -> None:
    assert client.ask(send_request(message_id)).status == 200


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/send/1", b"", 102),
        ("/v1/send/1", b"{", 102),
        ("/v1/send/1", b"[1]", 102),
        ("/v1/send/1", b"[" * 60_000, 102),
        ("/v1/send/1", b'{"phone": 79991234567, "text": "Hello"}', 104),
        ("/v1/send/1", MESSAGE.replace(b"1,", b'"1",'), 104),
        ("/v1/send/1", MESSAGE.replace(b"1,", b"true,", 1), 104),
        ("/v1/send/1", MESSAGE.replace(b"1,", b"1.0,", 1), 104),
        (f"/v1/send/{2**63}", MESSAGE.replace(b"1,", b"%d," % 2**63, 1), 104),
        ("/v1/send/2", MESSAGE, 105),
        ("/v1/send/01", MESSAGE, 105),
        ("/v1/send/", MESSAGE, 105),
        ("/v1/send/1", MESSAGE.replace(b"79991234567", b'"79991234567"'), 106),
        ("/v1/send/1", MESSAGE.replace(b"79991234567", b"-7"), 106),
        ("/v1/send/1", MESSAGE.replace(b"Hello", b""), 107),
        ("/v1/send/1", MESSAGE.replace(b'"Hello"', b"null"), 107),
    ],
)
def test_a_message_that_breaks_the_contract_is_refused(
    sandbox: SandboxProcess, client: WireClient, path: str, body: bytes, code: int
) -> None:
    response = client.ask(post(path, body))

    assert (response.status, json.loads(response.body)["code"]) == (400, code)
    [entry] = sandbox.ledger()
    assert (entry.reply, entry.status, entry.accepted) == ("bad request", 400, False)
    assert client.ask(send_request()).status == 200


def test_a_wrong_address_is_answered_404_and_recorded(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    response = client.ask(post("/api/v1/send/1", MESSAGE))

    assert (response.status, json.loads(response.body)["code"]) == (404, 103)
    assert [entry.reply for entry in sandbox.ledger()] == ["no such address"]


@pytest.mark.parametrize("authorization", ["", "Authorization: Bearer \r\n", "X: Bearer y\r\n"])
def test_a_message_without_a_bearer_is_answered_401(
    sandbox: SandboxProcess, client: WireClient, authorization: str
) -> None:
    response = client.ask(post("/v1/send/1", MESSAGE, bearer="", headers=authorization))

    assert (response.status, json.loads(response.body)["code"]) == (401, 101)
    [entry] = sandbox.ledger()
    assert entry == LedgerEntry(
        entry.at, 1, 79991234567, "Hello", "unauthorized", 401, accepted=False
    )


def test_only_the_given_token_is_let_in() -> None:
    with SandboxProcess(token="right") as sandbox, WireClient(sandbox.port) as client:
        answers = [
            client.ask(post("/v1/send/1", MESSAGE, bearer=bearer)).status
            for bearer in ("wrong", "right", "Right")
        ]

    assert answers == [401, 200, 401]


def test_counts_tell_accepted_refused_and_duplicates_apart(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    for message_id in (1, 2, 1, 1):
        client.ask(send_request(message_id))
    client.ask(post("/v1/send/3", b"nonsense"))

    assert sandbox.state()["counts"] == {
        "total": 5,
        "accepted": 4,
        "refused": 1,
        "duplicates": 2,
        "unreadable": 0,
        "resets_before": 0,
        "replies": {"ok": 4, "bad request": 1},
    }
