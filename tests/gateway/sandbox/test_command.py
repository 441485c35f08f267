"""``manage.py sandbox_gateway`` as an administrator meets it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from tests.gateway.sandbox.wire_client import WireClient, send_request
from tests.sandbox import CHECKOUT, SandboxProcess


def test_a_taken_port_is_one_clear_line(sandbox: SandboxProcess) -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "sandbox_gateway", f"--port={sandbox.port}"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=20,
        check=False,
    )

    assert (run.returncode, run.stdout) == (
        1,
        f"CommandError: Port {sandbox.port} on 127.0.0.1 is taken: "
        "stop what uses it, or give another --port.\n",
    )


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--fault=500"], '--fault "500" is not NAME=RATE, for example 500=0.1.'),
        (["--fault=500=often"], '--fault "500=often": "often" is not a number.'),
        (["--fault=500=2"], 'The rate of "500" is 2; use 0 to 1.'),
        (["--latency=odd:1"], '--latency "odd:1" is not SECONDS, uniform:LOW:HIGH or '),
        (["--ledger-sync"], "--ledger-sync needs --ledger FILE."),
        (["--port=70000"], "--port 70000 is not a port: use 0 to 65535."),
        (["--ledger=/nowhere/ledger"], "The ledger /nowhere/ledger cannot be written: No such"),
        (["--host=203.0.113.1"], "The sandbox gateway cannot listen on 203.0.113.1, port 0: "),
    ],
)
def test_a_bad_flag_is_one_clear_line(flags: list[str], line: str) -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "sandbox_gateway", "--port=0", *flags],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert run.stderr.startswith(f"CommandError: {line}")
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_a_second_with_silent_connections_open(
    number: signal.Signals, tmp_path: Path
) -> None:
    with SandboxProcess(faults={"silence": 1}, ledger=tmp_path / "ledger") as sandbox:
        clients = [WireClient(sandbox.port) for _ in range(5)]
        for client in clients:
            client.send(send_request())
        assert clients[0].stays_silent(0.1)
        told_at = monotonic()
        os.kill(sandbox.process.pid, number)

        assert sandbox.process.wait(5) == 0
        assert monotonic() - told_at < 1
        for client in clients:
            client.__exit__(None, None, None)


def test_it_stops_while_connections_are_refused_and_starts_again_on_its_port(
    tmp_path: Path,
) -> None:
    with SandboxProcess(ledger=tmp_path / "ledger") as sandbox:
        with WireClient(sandbox.port) as client:
            client.ask(send_request(1))
        sandbox.set_faults(refuse_seconds=600)
        assert sandbox.stop() == 0
        sandbox.start()
        with WireClient(sandbox.port) as client:
            client.ask(send_request(2))

        assert [entry.id for entry in sandbox.ledger()] == [1, 2]


def test_the_flags_set_what_the_control_endpoint_sets() -> None:
    with SandboxProcess(
        seed=4, latency="tail:0.1:2", faults={"500": 0.1, "code": "0.2@100+30"}
    ) as sandbox:
        settings = sandbox.state()["settings"]

    code = settings["faults"].pop("code")
    assert 90 < code.pop("after_seconds") <= 100
    assert code == {"rate": 0.2, "for_seconds": 30}
    assert settings == {
        "faults": {"500": {"rate": 0.1}},
        "latency": {"kind": "tail", "median": 0.1, "p99": 2},
        "retry_after": {"kind": "seconds", "seconds": 2},
        "redirect_to": "http://gateway.invalid",
        "seed": 4,
    }
