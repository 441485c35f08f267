"""Listens, and stops cleanly: the process around the sandbox gateway."""

import asyncio
import errno
import gc
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from notifier.gateway.sandbox.conditions import Conditions
from notifier.gateway.sandbox.connection import Connection
from notifier.gateway.sandbox.control import read_change
from notifier.gateway.sandbox.gateway import SandboxGateway
from notifier.gateway.sandbox.ledger import Ledger, LedgerError

BACKLOG = 4096
GRACE_SECONDS = 0.2  # for replies that are on their way when the gateway is stopped
RETRY_LISTENING_SECONDS = 0.2


class SandboxError(Exception):
    """The gateway cannot run; the text is one line for the administrator."""


@dataclass(frozen=True)
class SandboxOptions:
    """``settings`` is in the form of ``POST /control``; port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = 0
    ledger: Path | None = None
    ledger_sync: bool = False
    token: str = ""
    settings: dict[str, object] = field(default_factory=dict)


def run(options: SandboxOptions, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``announce`` gets the address when it can be used.

    Raises SandboxError, LedgerError and control.BadSetting, all with a text of one line.
    """
    _raise_file_limit()
    ledger = _open_ledger(options)
    try:
        uvloop.run(_Server(options, ledger).serve(announce))
    finally:
        if ledger:
            ledger.close()


def _open_ledger(options: SandboxOptions) -> Ledger | None:
    return Ledger(options.ledger, sync=options.ledger_sync) if options.ledger else None


def _raise_file_limit() -> None:
    """Every connection is an open file, and many systems allow 1,024 at first."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Server:
    def __init__(self, options: SandboxOptions, ledger: Ledger | None) -> None:
        self._options = options
        self._ledger = ledger
        self._port = options.port
        self._failure: Exception | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def serve(self, announce: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stopping.set)
        self._gateway = self._make_gateway()
        self._listener = await self._listen()
        self._port = self._listener.sockets[0].getsockname()[1]
        # Nothing that was made for the start becomes garbage later: spare the collector.
        gc.freeze()
        host = self._options.host
        announce(f"http://{f'[{host}]' if ':' in host else host}:{self._port}")
        await self._stopping.wait()
        await self._stop()
        if self._failure:
            raise self._failure

    def _make_gateway(self) -> SandboxGateway:
        gateway = SandboxGateway(
            loop=self._loop,
            ledger=self._ledger,
            token=self._options.token,
            refuse=self._refuse,
            fail=self._fail,
        )
        change = read_change(self._options.settings, current=Conditions(), now=self._loop.time())
        gateway.apply(change)
        gateway.end_second()
        return gateway

    async def _listen(self) -> asyncio.Server:
        host, port = self._options.host, self._port
        try:
            return await self._loop.create_server(
                lambda: Connection(self._gateway), host, port, backlog=BACKLOG, reuse_address=True
            )
        except OSError as error:
            raise SandboxError(_explain(error, host=host, port=port)) from error

    def _refuse(self, seconds: float) -> None:
        self._listener.close()
        self._reopening = self._loop.create_task(self._reopen_after(seconds))

    async def _reopen_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        while True:
            try:
                self._gateway.is_open = True
                self._listener = await self._listen()
                return
            except SandboxError:
                # Somebody else sits on the port for the moment.
                await asyncio.sleep(RETRY_LISTENING_SECONDS)

    def _fail(self, error: LedgerError) -> None:
        self._failure = error
        self._stopping.set()

    async def _stop(self) -> None:
        if self._reopening:
            self._reopening.cancel()
        self._listener.close()
        for connection in list(self._gateway.connections):
            connection.close()
        if self._gateway.connections:
            await asyncio.sleep(GRACE_SECONDS)


def _explain(error: OSError, *, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken: stop what uses it, or give another --port."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} is not allowed for this user: use one above 1023."
    return f"The sandbox gateway cannot listen on {host}, port {port}: {error.strerror or error}."
