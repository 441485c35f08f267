"""What each fault does on the wire, and what the ledger says about it."""

import json
import zlib
from email.utils import parsedate_to_datetime
from time import monotonic, time

import pytest

from notifier.gateway.sandbox.faults import BOMB_BYTES, FAULTS, HUGE_BYTES
from tests.gateway.sandbox.wire_client import Response, WireClient, send_request
from tests.sandbox import SandboxProcess

UNCLEAR = sorted(name for name in FAULTS if f"{name}_taken" in FAULTS)


def meet(sandbox: SandboxProcess, client: WireClient, fault: str) -> Response:
    sandbox.set_faults({fault: 1})
    return client.ask(send_request())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503, 504])
def test_a_status_is_answered_in_the_gateways_own_form(
    sandbox: SandboxProcess, client: WireClient, status: int
) -> None:
    response = meet(sandbox, client, str(status))

    assert response.status == status
    assert json.loads(response.body)["code"] == status
    assert [(entry.reply, entry.status, entry.accepted) for entry in sandbox.ledger()] == [
        (str(status), status, False)
    ]


def test_502_comes_as_the_page_of_a_proxy(sandbox: SandboxProcess, client: WireClient) -> None:
    response = meet(sandbox, client, "502")

    assert (response.status, response.headers["content-type"]) == (502, "text/html; charset=utf-8")


def test_code_answers_200_with_a_code_that_is_not_0(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    response = meet(sandbox, client, "code")

    assert (response.status, json.loads(response.body)["code"]) == (200, 7)


@pytest.mark.parametrize("fault", ["garbage", "truncated", "html", "empty"])
def test_an_unreadable_200_is_whole_http_but_no_json(
    sandbox: SandboxProcess, client: WireClient, fault: str
) -> None:
    response = meet(sandbox, client, fault)

    assert response.status == 200
    with pytest.raises(json.JSONDecodeError if fault != "garbage" else UnicodeDecodeError):
        json.loads(response.body)
    assert meet(sandbox, client, "500").status == 500  # over the same connection


def test_wrong_type_says_ok_under_another_name(sandbox: SandboxProcess, client: WireClient) -> None:
    response = meet(sandbox, client, "wrong_type")

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert json.loads(response.body) == {"code": 0, "message": "OK"}
    assert [entry.accepted for entry in sandbox.ledger()] == [True]


def test_cut_ends_in_the_middle_of_the_body(sandbox: SandboxProcess, client: WireClient) -> None:
    response = meet(sandbox, client, "cut")

    assert (response.headers["content-length"], response.body) == ("28", b'{"code": 0, ')
    assert client.read(1) == b""


def test_silence_says_nothing_and_keeps_the_connection(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    sandbox.set_faults({"silence": 1})
    client.send(send_request(1) + send_request(2))

    assert client.stays_silent(0.2)
    assert [(entry.id, entry.status, entry.accepted) for entry in sandbox.ledger()] == [
        (1, None, False)
    ]


def test_reset_reads_the_request_and_resets(sandbox: SandboxProcess, client: WireClient) -> None:
    with pytest.raises(ConnectionResetError):
        meet(sandbox, client, "reset")

    assert [entry.reply for entry in sandbox.ledger()] == ["reset"]


def test_reset_before_takes_nothing_in_on_new_and_kept_connections(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    client.ask(send_request(1))
    sandbox.set_faults({"reset_before": 1})
    with WireClient(sandbox.port) as another:
        for connection in (client, another):
            connection.send(send_request(2))
            with pytest.raises(ConnectionResetError):
                connection.read_response()

    assert [entry.id for entry in sandbox.ledger()] == [1]
    assert sandbox.state()["counts"]["resets_before"] == 2


def test_drip_body_sends_the_headers_at_once_and_then_a_byte_a_second(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    sandbox.set_faults({"drip_body": 1})
    client.send(send_request())
    assert client.read_until(b"\r\n\r\n").endswith(b"Content-Length: 28\r\n\r\n")
    first_at = monotonic()

    assert client.read(1) == b"{"
    assert 0.9 < monotonic() - first_at < 2
    assert client.stays_silent(0.2)
    assert [entry.accepted for entry in sandbox.ledger()] == [True]


def test_drip_headers_sends_a_byte_a_second_from_the_first(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    sandbox.set_faults({"drip_headers": 1})
    client.send(send_request())
    assert client.read(1) == b"H"
    first_at = monotonic()

    assert client.read(1) == b"T"
    assert 0.9 < monotonic() - first_at < 2
    assert client.stays_silent(0.2)


def test_drip_continue_repeats_100_continue(sandbox: SandboxProcess, client: WireClient) -> None:
    sandbox.set_faults({"drip_continue_taken": 1})
    client.send(send_request())

    for _ in range(2):
        assert client.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_redirect_points_to_another_host(sandbox: SandboxProcess, client: WireClient) -> None:
    response = meet(sandbox, client, "redirect")
    assert (response.status, response.headers["location"]) == (
        302,
        "http://gateway.invalid/v1/send/1",
    )

    sandbox.set_faults(redirect_to="https://example.com:1/x/")
    assert client.ask(send_request()).headers["location"] == "https://example.com:1/x/v1/send/1"


@pytest.mark.parametrize(
    ("setting", "header"),
    [
        ("none", None),
        (7, "7"),
        ("seconds", "2"),
        ("nonsense", "soon, perhaps"),
        ("huge", "1000000000000"),
    ],
)
@pytest.mark.parametrize("fault", ["429", "503"])
def test_retry_after_comes_in_the_form_that_was_set(
    sandbox: SandboxProcess,
    client: WireClient,
    fault: str,
    setting: str | int,
    header: str | None,
) -> None:
    sandbox.set_faults(retry_after=setting)

    assert meet(sandbox, client, fault).headers.get("retry-after") == header


def test_retry_after_may_be_a_date(sandbox: SandboxProcess, client: WireClient) -> None:
    sandbox.set_faults(retry_after={"kind": "date", "seconds": 60})
    date = meet(sandbox, client, "503").headers["retry-after"]

    assert date.endswith(" GMT")
    assert 55 < parsedate_to_datetime(date).timestamp() - time() <= 60


def test_gzip_bomb_is_small_on_the_wire(sandbox: SandboxProcess, client: WireClient) -> None:
    response = meet(sandbox, client, "gzip_bomb")

    assert response.headers["content-encoding"] == "gzip"
    assert len(response.body) < 64 * 1024
    unpacked = zlib.decompressobj(wbits=31)
    length = sum(len(unpacked.decompress(piece)) for piece in in_pieces(response.body))
    assert (length, unpacked.eof) == (BOMB_BYTES, True)


def in_pieces(data: bytes) -> list[bytes]:
    return [data[place : place + 1024] for place in range(0, len(data), 1024)]


def test_huge_body_is_100_mb_streamed_as_fast_as_it_is_read(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    before = memory_of(sandbox)
    sandbox.set_faults({"huge_body": 1})
    client.send(send_request())
    headers = client.read_until(b"\r\n\r\n")
    assert headers.endswith(b"Content-Length: %d\r\n\r\n" % HUGE_BYTES)

    # A client that does not read: what it leaves must not pile up in the gateway.
    with WireClient(sandbox.port) as other:
        other.ask(b"GET /control HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert memory_of(sandbox) - before < 10_000_000

    left = HUGE_BYTES
    while left:
        read = client.read(min(left, 1024 * 1024))
        assert read
        left -= len(read)
    assert meet(sandbox, client, "500").status == 500


def memory_of(sandbox: SandboxProcess) -> int:
    with open(f"/proc/{sandbox.process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.parametrize("fault", UNCLEAR)
def test_an_unclear_fault_comes_with_the_message_taken_or_not(
    sandbox: SandboxProcess, fault: str
) -> None:
    for name in (fault, f"{fault}_taken"):
        sandbox.set_faults({name: 1})
        with WireClient(sandbox.port) as client:
            client.send(send_request())
            wait_for_entries(sandbox, 1 if name == fault else 2)

    assert [(entry.reply, entry.accepted) for entry in sandbox.ledger()] == [
        (fault, False),
        (f"{fault}_taken", True),
    ]
    counts = sandbox.state()["counts"]
    assert (counts["accepted"], counts["refused"]) == (1, 1)


def wait_for_entries(sandbox: SandboxProcess, count: int) -> None:
    deadline = monotonic() + 5
    while len(sandbox.ledger()) < count:
        assert monotonic() < deadline, "The message did not reach the ledger."


def test_the_port_is_refused_for_a_time_and_comes_back(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    client.ask(send_request(1))
    sandbox.set_faults(refuse_seconds=0.5)
    asked_at = monotonic()

    with pytest.raises((ConnectionResetError, EOFError)):
        client.read_response()
    with pytest.raises(ConnectionRefusedError):
        WireClient(sandbox.port)
    with wait_for_port(sandbox) as again:
        assert again.ask(send_request(2)).status == 200
    assert 0.4 < monotonic() - asked_at < 2
    assert [entry.id for entry in sandbox.ledger()] == [1, 2]


def wait_for_port(sandbox: SandboxProcess) -> WireClient:
    deadline = monotonic() + 5
    while monotonic() < deadline:
        try:
            return WireClient(sandbox.port)
        except ConnectionRefusedError:
            continue
    raise AssertionError("The port did not come back.")


@pytest.mark.parametrize(
    ("latency", "least", "most"),
    [
        (0.2, 0.2, 0.2),
        ({"kind": "uniform", "low": 0.1, "high": 0.3}, 0.1, 0.3),
        ({"kind": "tail", "median": 0.1, "p99": 0.3}, 0.02, 1),
    ],
)
def test_latency_keeps_the_reply_back(
    sandbox: SandboxProcess, client: WireClient, latency: object, least: float, most: float
) -> None:
    sandbox.set_faults({"500": 1}, latency=latency, seed=1)
    asked_at = monotonic()

    assert client.ask(send_request()).status == 500
    assert least - 0.01 < monotonic() - asked_at < most + 0.3
