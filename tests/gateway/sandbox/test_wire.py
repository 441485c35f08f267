"""HTTP/1.1 on the wire: split, pipelined, kept, refused."""

import json
import socket

import pytest

from notifier.gateway.sandbox.wire import MAX_BODY_BYTES, Request, RequestReader
from tests.gateway.sandbox.wire_client import WireClient, post, send_request
from tests.sandbox import SandboxProcess


def test_a_request_may_be_split_at_any_byte() -> None:
    data = send_request(1) + b"\r\n" + send_request(2, text="2") + send_request(3)
    whole = read_all([data])

    assert [request.target for request in whole] == [b"/v1/send/1", b"/v1/send/2", b"/v1/send/3"]
    for place in range(len(data)):
        assert read_all([data[:place], data[place:]]) == whole
    assert read_all([data[place : place + 1] for place in range(len(data))]) == whole


def read_all(pieces: list[bytes]) -> list[Request]:
    reader = RequestReader()
    requests = []
    for piece in pieces:
        reader.feed(piece)
        while request := reader.next_request():
            requests.append(request)
    assert reader.waiting_bytes == 0
    return requests


def test_a_request_that_arrives_byte_by_byte_is_answered_once(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    for byte in send_request():
        client.send(bytes((byte,)))

    assert client.read_response().status == 200
    assert len(sandbox.ledger()) == 1


def test_pipelined_requests_are_answered_in_their_order(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    requests = [send_request(number) for number in range(100)]
    requests[50] = post("/v1/send/50", b"nonsense")
    client.send(b"".join(requests))

    statuses = [client.read_response().status for _ in requests]

    assert statuses == [200] * 50 + [400] + [200] * 49
    assert len(sandbox.ledger()) == 100


def test_pipelined_requests_wait_for_a_slow_reply_before_them(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    sandbox.set_faults(latency=0.05)
    client.send(send_request(1) + post("/v1/send/2", b"nonsense") + send_request(3))

    assert [client.read_response().status for _ in range(3)] == [200, 400, 200]


def test_a_client_that_reads_nothing_is_not_read_further(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    sandbox.set_faults({"html": 1})
    flood = send_request() * 400_000
    client._socket.settimeout(0.5)

    with pytest.raises(TimeoutError):
        client.send(flood)


def test_a_connection_is_closed_when_the_client_asks_so(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    response = client.ask(send_request(headers="Connection: close\r\n"))

    assert (response.status, response.headers["connection"]) == (200, "close")
    assert client.read(1) == b""
    assert len(sandbox.ledger()) == 1


def test_a_faulty_reply_also_closes_when_the_client_asks_so(
    sandbox: SandboxProcess, client: WireClient
) -> None:
    sandbox.set_faults({"500": 1}, latency=0.01)

    assert client.ask(send_request(headers="Connection: close\r\n")).status == 500
    assert client.read(1) == b""


def test_an_older_client_is_answered_and_closed(client: WireClient) -> None:
    assert client.ask(send_request().replace(b"HTTP/1.1", b"HTTP/1.0")).status == 200
    assert client.read(1) == b""


def test_a_client_that_waits_for_100_continue_gets_it_once(client: WireClient) -> None:
    head, _, body = send_request(headers="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    client.send(head + b"\r\n\r\n")

    assert client.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(body[:5])
    assert client.stays_silent(0.05)
    client.send(body[5:])
    assert client.read_response().status == 200


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /v1/send/1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST /v1/send/1 HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413),
        (b"POST /v1/send/1 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /v1/send/1 HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /v1/send/1 HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST /v1/send/1 HTTP/2.0\r\n\r\n", 400),
        (b"POST\r\n\r\n", 400),
        (b"POST /v1/send/1 HTTP/1.1\r\nX: " + b"x" * 20_000, 431),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    ],
)
def test_an_unreadable_request_is_answered_and_ends_the_connection(
    sandbox: SandboxProcess, client: WireClient, request_bytes: bytes, status: int
) -> None:
    response = client.ask(request_bytes)

    assert (response.status, json.loads(response.body)["code"]) == (status, 100)
    assert client.read(1) == b""
    assert (sandbox.state()["counts"]["unreadable"], sandbox.ledger()) == (1, [])


def test_a_refused_body_that_still_arrives_does_not_cost_the_client_the_reply(
    client: WireClient,
) -> None:
    client.send(b"POST /v1/send/1 HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
    client.send(b"x" * 1_000_000)

    assert client.read_response().status == 413


def test_a_client_that_vanishes_with_a_reply_under_way_harms_nobody(
    sandbox: SandboxProcess,
) -> None:
    sandbox.set_faults(latency=0.2)
    with WireClient(sandbox.port) as vanishing:
        vanishing.send(send_request(1))
        vanishing._socket.shutdown(socket.SHUT_RDWR)
    sandbox.set_faults(latency=None)

    with WireClient(sandbox.port) as client:
        assert client.ask(send_request(2)).status == 200
    assert [entry.id for entry in sandbox.ledger()] == [1, 2]
