from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.sandbox.wire_client import WireClient
from tests.sandbox import SandboxProcess


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    ledger: Path = tmp_path_factory.mktemp("sandbox") / "ledger"
    with SandboxProcess(ledger=ledger) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess) -> SandboxProcess:
    """A running sandbox gateway as if just started: one process serves all tests."""
    assert running_sandbox.ledger_path
    running_sandbox.ledger_path.write_bytes(b"")
    running_sandbox.reset(counts=True)
    running_sandbox.set_faults(seed=None)
    return running_sandbox


@pytest.fixture
def client(sandbox: SandboxProcess) -> Iterator[WireClient]:
    with WireClient(sandbox.port) as client:
        yield client
