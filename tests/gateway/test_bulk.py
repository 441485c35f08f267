"""The bulk transport against a gateway that misbehaves in every way it can."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from notifier.gateway.bulk import POOL_SIZE, BulkTransport, Lane
from notifier.gateway.classify import Kind, classify
from notifier.gateway.sender import Sender
from notifier.gateway.wire import (
    Reply,
    Request,
    message_body,
    message_url,
    request_headers,
    text_as_json,
)
from tests.running import free_port, wait_for
from tests.sandbox import SandboxProcess


@pytest.fixture(scope="module")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    path: Path = tmp_path_factory.mktemp("sandbox") / "ledger.jsonl"
    with SandboxProcess(ledger=path) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess) -> Iterator[SandboxProcess]:
    sandbox_process.reset(counts=True)
    yield sandbox_process
    sandbox_process.reset()


def lane(total_timeout_seconds: float = 1.0) -> Lane:
    return Lane(
        headers=request_headers("secret"),
        connect_timeout_seconds=0.5,
        total_timeout_seconds=total_timeout_seconds,
    )


def request(base_url: str, number: int = 1, **fields: object) -> Request:
    body = message_body(number, "79991234567", text_as_json("Hello"))
    return Request(url=message_url(base_url, number), body=body, key=number, **fields)


def replies_of(transport: BulkTransport, count: int, *, seconds: float = 20.0) -> list[Reply]:
    replies: list[Reply] = []
    deadline = time.monotonic() + seconds
    while len(replies) < count:
        assert time.monotonic() < deadline, f"{len(replies)} of {count} replies in {seconds:g} s."
        replies += transport.wait(0.1)
    return replies


def reply_to_one(base_url: str, **lane_settings: float) -> Reply:
    transport = BulkTransport()
    transport.start(lane(**lane_settings), request(base_url))
    return replies_of(transport, 1)[0]


def test_two_thousand_requests_at_once_are_all_answered(sandbox):
    sandbox.set_faults(latency={"kind": "fixed", "seconds": 0.3})
    transport, to_gateway = BulkTransport(), lane(total_timeout_seconds=20)

    for number in range(2000):
        transport.start(to_gateway, request(sandbox.url, number))
    replies = replies_of(transport, 2000)

    assert sorted(reply.key for reply in replies) == list(range(2000))
    assert {classify(reply).kind for reply in replies} == {Kind.ACCEPTED}
    assert (transport.in_flight, to_gateway.in_flight) == (0, 0)
    transport.close(to_gateway)


def test_a_connection_is_found_again_among_many(sandbox):
    """They are kept in pools: a request must come to one whose connection is free."""
    transport, to_gateway, count = BulkTransport(), lane(), 3 * POOL_SIZE + 1

    for _ in range(2):
        for number in range(count):
            transport.start(to_gateway, request(sandbox.url, number))
        assert len(replies_of(transport, count)) == count

    assert len(to_gateway.idle) == count
    assert {each.curl.getinfo(_num_connects()) for each in to_gateway.idle} == {0}
    transport.close(to_gateway)


def test_connections_are_kept_from_one_request_to_the_next(sandbox):
    transport, to_gateway = BulkTransport(), lane()
    for number in range(20):
        transport.start(to_gateway, request(sandbox.url, number))
        replies_of(transport, 1)

    assert len(to_gateway.idle) == 1
    assert to_gateway.idle[0].curl.getinfo(_num_connects()) == 0


@pytest.mark.parametrize("fault", ["silence", "drip_body", "drip_headers", "drip_continue"])
def test_the_deadline_covers_the_whole_request(sandbox, fault):
    sandbox.set_faults({fault: 1})
    begun = time.monotonic()

    reply = reply_to_one(sandbox.url)

    assert time.monotonic() - begun < 3
    assert (classify(reply).kind, classify(reply).reason) == (Kind.UNKNOWN, "timed_out")


@pytest.mark.parametrize("fault", ["huge_body", "gzip_bomb"])
def test_a_huge_reply_is_neither_kept_nor_unpacked(sandbox, fault):
    sandbox.set_faults({fault: 1})

    reply = reply_to_one(sandbox.url, total_timeout_seconds=10.0)

    assert classify(reply).kind is Kind.UNKNOWN
    assert len(reply.body) <= 64 * 1024


def test_a_redirect_is_not_followed(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.3)
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
        sandbox.set_faults({"redirect": 1}, redirect_to=address)

        reply = reply_to_one(sandbox.url)

        assert classify(reply).reason == "redirected"
        with pytest.raises(TimeoutError):
            elsewhere.accept()


def test_a_gateway_that_cannot_be_reached_was_certainly_not_sent_to():
    closed = f"http://127.0.0.1:{free_port()}"

    assert classify(reply_to_one(closed)).reason == "no_connection"
    assert classify(reply_to_one("http://no-such-host.invalid")).reason == "no_name"


def test_a_certificate_that_is_not_trusted_stops_the_request(sandbox):
    with _tls_server_without_certificate() as port:
        reply = reply_to_one(f"https://localhost:{port}")

    assert (classify(reply).kind, classify(reply).reason) == (Kind.NOT_SENT, "no_tls")


def test_other_protocols_are_refused(sandbox):
    reply = reply_to_one("file:///etc")

    assert classify(reply).kind is Kind.NOT_SENT


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [("seconds", 1.0), ("date", 0.5), ("nonsense", None)]
)
def test_what_the_gateway_asks_to_wait_is_understood(sandbox, retry_after, seconds):
    sandbox.set_faults({"503": 1}, retry_after=retry_after)

    reply = reply_to_one(sandbox.url)

    assert classify(reply).kind is Kind.BUSY
    assert (reply.retry_after_seconds or 0) >= (seconds or 0)
    if seconds is None:
        assert reply.retry_after_seconds is None


def test_a_request_that_may_not_begin_any_more_never_leaves(sandbox):
    transport = BulkTransport(may_begin=lambda _request: False)
    transport.start(lane(), request(sandbox.url))

    reply = replies_of(transport, 1)[0]

    assert classify(reply).kind is Kind.HELD_BACK
    assert sandbox.state()["counts"]["total"] == 0


def test_what_is_broken_off_says_whether_it_had_left(sandbox):
    sandbox.set_faults({"silence": 1})
    transport = BulkTransport()
    transport.start(lane(total_timeout_seconds=20), request(sandbox.url))
    deadline = time.monotonic() + 10
    while not sandbox.state()["counts"]["total"]:
        assert time.monotonic() < deadline
        transport.wait(0.05)

    replies = transport.abort_all()

    assert [classify(reply).kind for reply in replies] == [Kind.UNKNOWN]
    assert transport.in_flight == 0


def test_a_sender_takes_turns_between_its_sources(sandbox):
    sandbox.set_faults(latency={"kind": "fixed", "seconds": 0.02})
    sender = Sender()
    sender.open_lane("gateway", lane(20.0), concurrency=1)
    large = [request(sandbox.url, n, source="large") for n in range(100, 130)]
    small = [request(sandbox.url, n, source="small") for n in range(3)]
    sender.submit("gateway", [*large, *small])
    sender.lease(time.monotonic() + 60)

    order = _keys_of(sender, 33)

    assert [key for key in order[:6] if key < 100] == [0, 1, 2]


def test_a_sender_begins_nothing_without_a_lease_or_after_the_end(sandbox):
    sender = Sender()
    sender.open_lane("gateway", lane(), concurrency=10)
    sender.submit("gateway", [request(sandbox.url, 1)])
    late = request(sandbox.url, 2, begin_before=time.monotonic() - 1)
    assert sender.take_replies(0.3) == []

    sender.lease(time.monotonic() + 60)
    sender.submit("gateway", [late])
    kinds = {}
    while len(kinds) < 2:
        kinds |= {reply.key: classify(reply).kind for reply in sender.take_replies(5)}

    assert kinds == {1: Kind.ACCEPTED, 2: Kind.HELD_BACK}
    assert sandbox.state()["counts"]["total"] == 1


def test_what_a_sender_has_not_begun_can_be_taken_back():
    sender = Sender()
    sender.open_lane("gateway", lane(), concurrency=10)
    requests = [request("http://127.0.0.1:9", n, source=n % 2) for n in range(4)]
    sender.submit("gateway", requests)

    assert sender.take_back(1) == [requests[1], requests[3]]
    assert sender.take_back() == [requests[0], requests[2]]
    assert sender.take_back() == []


def test_connections_that_are_no_longer_used_are_closed(sandbox):
    """As when a gateway's settings change, and when there is no such gateway any more."""
    sender, others = Sender(), _connections_to(sandbox)
    sender.lease(time.monotonic() + 60)
    for name in ("changed", "changed", "gone"):
        sender.open_lane(name, lane(), concurrency=10)
        sender.submit(name, [request(sandbox.url, number) for number in range(5)])
        _keys_of(sender, 5)
        assert 1 <= _connections_to(sandbox) - others <= 10

    sender.keep_lanes([])

    wait_for(
        lambda: _connections_to(sandbox) == others, seconds=10, what="the last connection's end"
    )


def _connections_to(sandbox: SandboxProcess) -> int:
    port = urlsplit(sandbox.url).port
    ours = psutil.Process().net_connections("tcp")
    open_ones = [each for each in ours if each.status == psutil.CONN_ESTABLISHED]
    return sum(bool(each.raddr) and each.raddr.port == port for each in open_ones)


def _keys_of(sender: Sender, count: int) -> list[int]:
    keys: list[int] = []
    deadline = time.monotonic() + 20
    while len(keys) < count:
        assert time.monotonic() < deadline
        keys += [reply.key for reply in sender.take_replies(0.5)]
    return keys


def _num_connects() -> int:
    import pycurl

    return pycurl.NUM_CONNECTS


class _tls_server_without_certificate:
    """Speaks TLS but has nothing to prove who it is."""

    def __enter__(self) -> int:
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self.listener.getsockname()[1]

    def __exit__(self, *_exception: object) -> None:
        self.listener.close()

    def _serve(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            while True:
                connection, _ = self.listener.accept()
                try:
                    context.wrap_socket(connection, server_side=True)
                except (ssl.SSLError, OSError):
                    connection.close()
        except OSError:
            return
