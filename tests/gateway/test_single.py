"""The single transport and ``manage.py send_test``, against a gateway that misbehaves."""

import re
import socket
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from notifier.gateway.classify import Kind, Verdict, classify
from notifier.gateway.single import FIRST_TEST_ID, fresh_test_id, send_one
from notifier.gateway.wire import (
    LONGEST_REPLY,
    Reply,
    Request,
    message_body,
    message_url,
    request_headers,
    text_as_json,
)
from notifier.mailings.models import Gateway
from tests.running import free_port
from tests.sandbox import SandboxProcess


@pytest.fixture(scope="module")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    path: Path = tmp_path_factory.mktemp("sandbox") / "ledger.jsonl"
    with SandboxProcess(ledger=path, token="secret") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess) -> Iterator[SandboxProcess]:
    sandbox_process.reset(counts=True)
    yield sandbox_process
    sandbox_process.reset()


def send(base_url: str, *, token: str = "secret", seconds: float = 5.0) -> Reply:
    number = fresh_test_id()
    request = Request(
        url=message_url(base_url, number),
        body=message_body(number, "79991234567", text_as_json("Привет")),
        key=number,
    )
    return send_one(
        request,
        headers=request_headers(token),
        connect_timeout_seconds=0.5,
        total_timeout_seconds=seconds,
    )


def test_what_the_gateway_takes_is_accepted(sandbox: SandboxProcess) -> None:
    reply = send(sandbox.url)

    assert classify(reply) == Verdict(Kind.ACCEPTED, None, code=0)
    received = sandbox.ledger()[-1]
    assert (received.id, received.phone, received.text, received.accepted) == (
        reply.key,
        79991234567,
        "Привет",
        True,
    )


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ("code", Kind.REJECTED, "rejected"),
        ("400", Kind.REJECTED, "rejected"),
        ("404", Kind.MISCONFIGURED, "not_found"),
        ("503", Kind.BUSY, "unavailable"),
        ("500", Kind.UNKNOWN, "server_error"),
        ("empty", Kind.UNKNOWN, "unreadable_reply"),
        ("reset", Kind.UNKNOWN, "broken_connection"),
        ("reset_before", Kind.UNKNOWN, "broken_connection"),
        ("cut", Kind.UNKNOWN, "broken_connection"),
    ],
)
def test_every_reply_is_judged_as_in_bulk(
    sandbox: SandboxProcess, fault: str, kind: Kind, reason: str
) -> None:
    sandbox.set_faults({fault: 1})

    verdict = classify(send(sandbox.url))

    assert (verdict.kind, verdict.reason) == (kind, reason)


def test_a_wrong_token_is_a_matter_of_configuration(sandbox: SandboxProcess) -> None:
    verdict = classify(send(sandbox.url, token="another"))

    assert (verdict.kind, verdict.reason) == (Kind.MISCONFIGURED, "unauthorised")


def test_a_gateway_that_cannot_be_reached_was_certainly_not_sent_to(
    sandbox: SandboxProcess,
) -> None:
    refused = classify(send(f"http://127.0.0.1:{free_port()}"))
    unnamed = classify(send("http://no-such-host.invalid"))
    without_tls = classify(send(sandbox.url.replace("http:", "https:")))

    assert refused == Verdict(Kind.NOT_SENT, "no_connection", words="Connection refused")
    assert (unnamed.kind, unnamed.reason) == (Kind.NOT_SENT, "no_name")
    assert (without_tls.kind, without_tls.reason) == (Kind.NOT_SENT, "no_tls")


@pytest.mark.parametrize("fault", ["silence", "drip_headers", "drip_body", "drip_continue"])
def test_the_deadline_covers_the_whole_request(sandbox: SandboxProcess, fault: str) -> None:
    sandbox.set_faults({fault: 1})
    begun = time.monotonic()

    verdict = classify(send(sandbox.url, seconds=1.5))

    assert time.monotonic() - begun < 4
    assert (verdict.kind, verdict.reason) == (Kind.UNKNOWN, "timed_out")


def test_a_redirect_is_not_followed(sandbox: SandboxProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.3)
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        sandbox.set_faults({"redirect": 1}, redirect_to=address)

        assert classify(send(sandbox.url)).reason == "redirected"
        with pytest.raises(TimeoutError):
            elsewhere.accept()


@pytest.mark.parametrize("fault", ["huge_body", "gzip_bomb"])
def test_a_huge_reply_is_neither_kept_nor_unpacked(sandbox: SandboxProcess, fault: str) -> None:
    sandbox.set_faults({fault: 1})

    reply = send(sandbox.url)

    assert len(reply.body) <= LONGEST_REPLY
    assert classify(reply).reason == "unreadable_reply"


def test_no_proxy_is_taken_from_the_environment(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as environment:
        environment.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
        environment.setenv("no_proxy", "")
        reply = send(sandbox.url)

    assert classify(reply).kind is Kind.ACCEPTED


def test_an_id_is_new_each_time_and_never_a_messages() -> None:
    ids = {fresh_test_id() for _ in range(100)}

    assert len(ids) == 100
    assert min(ids) > FIRST_TEST_ID
    assert max(ids) < 2**63


# --- manage.py send_test --------------------------------------------------------------


@pytest.fixture
def gateway(db: None, settings: Any, sandbox: SandboxProcess) -> Gateway:
    settings.GATEWAY_URL, settings.GATEWAY_TOKEN = sandbox.url, "secret"
    Gateway.objects.all().delete()
    return Gateway.objects.create(name="Gateway", total_timeout_seconds=1.0)


def send_test(*arguments: str) -> tuple[int, str]:
    """The exit code and the line that is printed."""
    out = StringIO()
    try:
        call_command("send_test", *arguments, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue().strip()
    return 0, out.getvalue().strip()


def shorten(line: str, address: str) -> str:
    """What differs each time as words: the gateway's address, and the message's id."""
    return re.sub(rf"{re.escape(address)}/v1/send/\d+", "GATEWAY/v1/send/ID", line)


def test_the_command_sends_one_message_and_says_so(
    gateway: Gateway, sandbox: SandboxProcess
) -> None:
    code, line = send_test("8 (999) 123-45-67", "Hello")

    assert (code, line.rpartition(" in ")[0]) == (0, "Accepted: the gateway took the message")
    received = sandbox.ledger()[-1]
    assert (received.phone, received.text) == (79991234567, "Hello")


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (
            "422",
            "Rejected: the gateway refused the message (HTTP 422, code 422). "
            'It said: {"code": 422, "message": "The text is not allowed."}',
        ),
        (
            "401",
            "Not taken: the gateway refused the token (401) at GATEWAY/v1/send/ID. "
            'It said: {"code": 401, "message": "The token is not valid."} Check GATEWAY_TOKEN.',
        ),
        (
            "silence",
            "Unknown: the gateway did not answer in time at GATEWAY/v1/send/ID "
            "(the deadline passed). The message may have been sent all the same.",
        ),
        (
            "404",
            "Not taken: the gateway's address is wrong (404) at GATEWAY/v1/send/ID. "
            'It said: {"code": 404, "message": "Nothing is here."} '
            "Check the gateway's address (GATEWAY_URL).",
        ),
    ],
)
def test_the_command_fails_unless_the_message_is_accepted(
    gateway: Gateway, sandbox: SandboxProcess, fault: str, line: str
) -> None:
    sandbox.set_faults({fault: 1})

    code, printed = send_test("+79991234567", "Hello")
    assert (code, shorten(printed, sandbox.url)) == (1, line)


def test_the_command_names_the_address_of_a_gateway_that_is_not_there(
    gateway: Gateway, settings: Any
) -> None:
    address = f"127.0.0.1:{free_port()}"
    settings.GATEWAY_URL = f"http://user:password@{address}"

    code, printed = send_test("+79991234567", "Hello")

    assert (code, shorten(printed, f"http://{address}")) == (
        1,
        "Not sent: the gateway could not be reached at GATEWAY/v1/send/ID (Connection refused). "
        "Check the gateway's address (GATEWAY_URL), and that it runs.",
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("7921", "Hello"), 'Phone number "7921" has 4 digits; 11 expected.'),
        (("+79991234567", " "), "The text is empty: there is nothing to send."),
        (("+79991234567", "\udcff"), "The text is not UTF-8."),
    ],
)
def test_the_command_refuses_what_cannot_be_sent(
    gateway: Gateway, sandbox: SandboxProcess, arguments: tuple[str, str], problem: str
) -> None:
    with pytest.raises(CommandError, match=r"\.$") as caught:
        call_command("send_test", *arguments)

    assert str(caught.value) == problem
    assert sandbox.state()["counts"]["total"] == 0
