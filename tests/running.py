"""The whole of Notifier as ``manage.py up`` starts it, for tests that use it from outside.

with RunningNotifier(tmp_path) as notifier:
    notifier.post("client", {...})
    notifier.wait_for_mailing(1, status="finished")
"""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import psutil
import psycopg2
import requests

from notifier.gateway.sandbox.ledger import LedgerEntry, read_ledger

CHECKOUT = Path(__file__).resolve().parents[1]
START_SECONDS = 120.0
STOP_SECONDS = 40.0
READY = "Notifier is ready at "

Value = TypeVar("Value")


def wait_for(
    condition: Callable[[], Value], *, seconds: float, what: str, every: float = 0.05
) -> Value:
    """The condition's first true value; fails when none came in time."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s."
        time.sleep(every)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningNotifier:
    """Starts on entering, in its own data folder and on free ports; stops on leaving."""

    def __init__(self, folder: Path, *, echo: bool = True, **variables: str) -> None:
        self.echo = echo
        self.data_dir = folder / "data"
        self.port, self.sandbox_port = free_port(), free_port()
        self.variables = {
            **{name: text for name, text in os.environ.items() if name != "DATABASE_URL"},
            "NOTIFIER_DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            **variables,
        }
        self.output: list[str] = []
        self.session = requests.Session()
        # Straight to it, whatever proxy the environment names.
        self.session.trust_env = False
        # A kept connection may be closed just as a request goes out on it, and then
        # nobody knows whether it was heard.
        self.session.headers["Connection"] = "close"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    # --- the processes ----------------------------------------------------------------

    def start(self) -> None:
        """Start, and wait until it says that it is ready."""
        self.process = subprocess.Popen(
            [sys.executable, str(CHECKOUT / "manage.py"), "up"],
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self.process.poll() is None, "".join(self.output)
            assert time.monotonic() < deadline, "".join(self.output)
            try:
                if lines.get(timeout=0.2).startswith(READY):
                    return
            except queue.Empty:
                continue

    def stop(self) -> int:
        """As an administrator would; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def processes(self) -> list[psutil.Process]:
        """``up`` and all below it, and the database, which need not be below it; each once."""
        up = psutil.Process(self.process.pid)
        found = [up, *up.children(recursive=True), *self._database_processes()]
        return list(dict.fromkeys(found))

    def kill_everything(self) -> list[psutil.Process]:
        """kill -9 of the whole tree, the parents first, so that none is restarted."""
        processes = self.processes()
        for process in processes:
            # Some end by themselves when those above them do.
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)
        self.process.wait(10)
        return processes

    def manage(self, *arguments: str) -> str:
        """Run a management command beside it; its output."""
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / "manage.py"), *arguments],
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def database(self) -> "psycopg2.extensions.connection":
        """A connection of the test's own to the database that it uses."""
        words = self.manage(
            "shell", "-v0", "-c",
            "import json; from django.db import connection as c; p = c.get_connection_params();"
            "print(json.dumps({k: str(p[k]) for k in ('dbname','user','host','port')"
            " if p.get(k)}))",
        )  # fmt: skip
        connection = psycopg2.connect(**json.loads(words))
        connection.autocommit = True
        return connection

    def sign_in(self) -> None:
        """Make an administrator and use a token of theirs from now on."""
        self.variables |= {
            "DJANGO_SUPERUSER_USERNAME": "admin",
            "DJANGO_SUPERUSER_PASSWORD": "a long and winding password",
            "DJANGO_SUPERUSER_EMAIL": "admin@example.com",
        }
        self.manage("createsuperuser", "--noinput")
        self.session.headers["Authorization"] = f"Bearer {self.manage('api_token', 'admin')}"

    def _database_processes(self) -> list[psutil.Process]:
        found = []
        for pid_file in self.data_dir.rglob("postmaster.pid"):
            try:
                postmaster = psutil.Process(int(pid_file.read_text().split()[0]))
                found += [postmaster, *postmaster.children(recursive=True)]
            except (psutil.NoSuchProcess, ValueError, IndexError):
                continue
        return found

    def _read(self, lines: "queue.Queue[str]") -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if self.echo:
                sys.stdout.write(line)
            lines.put(line)

    def __enter__(self) -> Self:
        try:
            self.start()
            self.sign_in()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill_everything()

    # --- what a user does -------------------------------------------------------------

    def get(self, path: str, **query: object) -> Any:
        reply = self.session.get(f"{self.url}/api/{path}", params=query, timeout=30)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def post(self, path: str, content: object = None) -> Any:
        reply = self.session.post(f"{self.url}/api/{path}", json=content, timeout=60)
        assert reply.status_code in (200, 201), reply.text
        return reply.json()

    def mailing(self, number: int) -> Any:
        return self.get(f"mailing/{number}")

    def wait_for_mailing(self, number: int, *, status: str, seconds: float = 60) -> Any:
        """Also through an outage of the database, while the API says that there is one."""

        def found() -> Any:
            reply = self.session.get(f"{self.url}/api/mailing/{number}", timeout=30)
            if reply.status_code == 503:
                return None
            assert reply.status_code == 200, reply.text
            return reply.json() if reply.json()["status"] == status else None

        return wait_for(found, seconds=seconds, what=f"mailing {number} {status}", every=0.2)

    def wait_until_ready(self, *, seconds: float = 60) -> None:
        wait_for(
            lambda: self.session.get(f"{self.url}/readyz", timeout=30).status_code == 200,
            seconds=seconds,
            what="Notifier ready",
            every=0.2,
        )

    def messages(self, **query: object) -> Iterator[Any]:
        """All messages that the API lists, page by page."""
        page = self.get("message/", **query)
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            page = self.session.get(page["next"], timeout=30).json()

    # --- what the gateway saw ---------------------------------------------------------

    def set_faults(self, **settings: object) -> None:
        reply = self.session.post(f"{self.sandbox_url}/control", json=settings, timeout=10)
        assert reply.ok, reply.text

    def ledger(self) -> list[LedgerEntry]:
        return list(read_ledger(self.data_dir / "sandbox-ledger.jsonl"))

    def accepted(self) -> Counter[int]:
        """How often the gateway took each message id."""
        return Counter(entry.id for entry in self.ledger() if entry.accepted)
