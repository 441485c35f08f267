"""The sandbox gateway as a process, for tests that send to it.

with SandboxProcess(ledger=tmp_path / "ledger", faults={"500": 0.1}, seed=1) as sandbox:
    send_to(sandbox.url)
    sandbox.set_faults({"silence": 1}, for_seconds=2)
    assert sandbox.ledger() == [...]
"""

import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from notifier.gateway.sandbox.ledger import LedgerEntry, read_ledger

CHECKOUT = Path(__file__).resolve().parents[1]
READY = "Sandbox gateway is ready at "
START_SECONDS = 30.0
STOP_SECONDS = 10.0


class SandboxProcess:
    """Starts ``manage.py sandbox_gateway`` on entering, and ends it on leaving.

    Port 0 takes a free one, which a later ``start`` keeps. ``latency`` is
    seconds or in the form of the command's flag; other settings: ``set_faults``.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        ledger: Path | None = None,
        ledger_sync: bool = False,
        token: str = "",
        seed: int | None = None,
        latency: float | str | None = None,
        faults: Mapping[str, float | str] | None = None,
    ) -> None:
        self.port = port
        self.ledger_path = ledger
        self._flags = [f"--fault={name}={rate}" for name, rate in (faults or {}).items()]
        self._flags += [f"--host={host}"]
        self._flags += [f"--ledger={ledger}"] if ledger else []
        self._flags += ["--ledger-sync"] if ledger_sync else []
        self._flags += [f"--token={token}"] if token else []
        self._flags += [f"--seed={seed}"] if seed is not None else []
        self._flags += [f"--latency={latency}"] if latency is not None else []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, also again after ``stop`` or ``kill``, on the same port and ledger."""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "sandbox_gateway", f"--port={self.port}", *self._flags],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
        )
        try:
            self.port = int(self._read_address().rpartition(":")[2])
        except BaseException:
            self.kill()
            raise

    def stop(self) -> int:
        """End it as an administrator would; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def set_faults(
        self, faults: Mapping[str, object] | None = None, **settings: object
    ) -> dict[str, Any]:
        """Put faults and further settings of ``POST /control`` in force; returns the state.

        ``faults`` replaces all faults; None leaves them as they are.
        """
        if faults is not None:
            settings["faults"] = dict(faults)
        return self._post("/control", settings)

    def reset(self, *, counts: bool = False) -> dict[str, Any]:
        """Back to normal; ``counts`` also forgets what was received (never the ledger)."""
        return self._post("/control/reset", {"counts": counts})

    def state(self) -> dict[str, Any]:
        reply = requests.get(f"{self.url}/control", timeout=10)
        reply.raise_for_status()
        state: dict[str, Any] = reply.json()
        return state

    def ledger(self) -> list[LedgerEntry]:
        assert self.ledger_path, "This sandbox was started without a ledger."
        return list(read_ledger(self.ledger_path))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdout
        self.process.stdout.close()

    def _post(self, path: str, content: Mapping[str, object]) -> dict[str, Any]:
        reply = requests.post(f"{self.url}{path}", json=content, timeout=10)
        assert reply.ok, reply.text
        state: dict[str, Any] = reply.json()
        return state

    def _read_address(self) -> str:
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        assert ready, f"The sandbox gateway said nothing within {START_SECONDS} s."
        line = self.process.stdout.readline().decode().strip()
        assert line.startswith(READY), f"The sandbox gateway did not start: {line!r}"
        return line.removeprefix(READY)
