"""The embedded PostgreSQL server, used where DATABASE_URL is unset.

Any number of commands may use one server. ``up`` owns it: it starts it, or
adopts the one that runs, and stops it. Every other command joins the server
that runs, or starts one that ends with the last of its users. Who is last,
a shared lock tells, which no kill can leave behind:

- postgres-change.lock: held by whoever starts or stops the server, meanwhile;
- postgres-use.lock: shared by all who use it.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil

from notifier.launch.errors import CannotStart
from notifier.launch.locks import FileLock
from notifier.launch.postgres_binaries import binaries_for
from notifier.launch.postgres_cluster import (
    DATABASE,
    SUPERUSER,
    Cluster,
    find_cluster,
    make_cluster,
    write_options,
)
from notifier.launch.postgres_options import options_text
from notifier.launch.postgres_process import (
    Postmaster,
    clear_remains,
    find_postmaster,
    has_ended,
    last_complaint,
    start_postmaster,
    stop_postmaster,
)
from notifier.launch.postgres_socket import (
    check_socket_folder,
    prepare_socket_folder,
    socket_folder,
)

# After a crash the server first replays what it had written: minutes, at worst.
START_SECONDS = 900
QUIET_SECONDS = 5
STOP_WAIT_SECONDS = 30
POLL_SECONDS = 0.03


def connection_settings(data_dir: Path) -> dict[str, object]:
    """Django's settings for the server of ``data_dir``, whether it runs or not."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE,
        "USER": SUPERUSER,
        "PASSWORD": "",
        "HOST": str(socket_folder(data_dir)),
        "PORT": "5432",
    }


def _say_on_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class EmbeddedPostgres:
    """The server of one data folder; ``say`` is told what takes long."""

    def __init__(self, data_dir: Path, *, say: Callable[[str], None] = _say_on_stderr) -> None:
        self.data_dir = data_dir.resolve()
        self.socket_folder = socket_folder(data_dir)
        self._say = say
        self._change = FileLock(self.data_dir / "postgres-change.lock")
        self._use = FileLock(self.data_dir / "postgres-use.lock")
        self._cluster: Cluster | None = None
        self._started: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once the server answers, ours or one that runs already. Safe to repeat."""
        try:
            with self._changing(wait_seconds=START_SECONDS):
                self._use.take(shared=True)
                self._start()
        except OSError as error:
            raise CannotStart(f"The embedded database cannot start: {error}.") from error

    def stop(self, *, in_a_hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop the server, whoever uses it: for its owner."""
        with self._changing(wait_seconds=STOP_WAIT_SECONDS):
            self._stop(in_a_hurry)
            self._use.let_go()

    def leave(self) -> None:
        """Stop the server unless somebody else uses it."""
        # Whoever holds the first lock for longer is about to use the server.
        if self._change.take(wait_seconds=QUIET_SECONDS):
            if self._use.take():
                self._stop(lambda: False)
            self._change.let_go()
        self._use.let_go()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Join the server that runs, or start one for as long as it is needed."""
        try:
            self.start()
            yield
        finally:
            self.leave()

    def is_running(self) -> bool:
        return self._process() is not None

    @contextmanager
    def _changing(self, *, wait_seconds: float) -> Iterator[None]:
        if not self._change.take(wait_seconds=QUIET_SECONDS):
            self._say("Waiting for another start or stop of the embedded database…")
            if not self._change.take(wait_seconds=wait_seconds):
                raise CannotStart(
                    f"The embedded database in {self.data_dir} is being started or stopped "
                    "by another command, which does not come to an end."
                )
        try:
            yield
        finally:
            self._change.let_go()

    def _start(self) -> None:
        cluster = find_cluster(self.data_dir)
        self._cluster = cluster
        running = find_postmaster(cluster.folder)
        if running and running.is_stopping:
            has_ended(running.process, seconds=STOP_WAIT_SECONDS)
            running = None
        if running:
            self._check_it_is_ours(running)
            check_socket_folder(self.socket_folder, cluster.account)
        else:
            self._start_new(cluster)
        self._wait_until_ready(cluster)

    def _start_new(self, cluster: Cluster) -> None:
        prepare_socket_folder(self.socket_folder, cluster.account)
        copies = (cluster.folder.parent, self.socket_folder)
        binaries = binaries_for(cluster.account, cluster.binaries, copies=copies)
        cluster = replace(cluster, binaries=binaries)
        if not cluster.exists:
            self._say("Making the database…")
            make_cluster(cluster, lock=self._change)
        clear_remains(cluster, self.socket_folder)
        write_options(cluster, options_text(self.socket_folder))
        self._started = start_postmaster(cluster)

    def _wait_until_ready(self, cluster: Cluster) -> None:
        begun = time.monotonic()
        is_told = False
        while not self._is_ready(cluster):
            waited = time.monotonic() - begun
            if not self.is_running() or waited > START_SECONDS:
                complaint = last_complaint(cluster.folder)
                raise CannotStart(f"The embedded database does not start: {complaint}")
            if waited > QUIET_SECONDS and not is_told:
                self._say("The database is recovering from a crash; this may take minutes…")
                is_told = True
            time.sleep(POLL_SECONDS)

    def _is_ready(self, cluster: Cluster) -> bool:
        running = find_postmaster(cluster.folder)
        if not running:
            return False
        self._check_it_is_ours(running)
        return running.is_ready

    def _check_it_is_ours(self, running: Postmaster) -> None:
        if running.socket_folder not in ("", str(self.socket_folder)):
            raise CannotStart(
                f"The database of {self.data_dir} is in use under another data folder: "
                "stop that one first."
            )

    def _process(self) -> psutil.Process | None:
        """The running server. Our own child counts before it has written its number down."""
        if self._started and self._started.poll() is None:
            return psutil.Process(self._started.pid)
        running = find_postmaster(self._cluster.folder) if self._cluster else None
        return running.process if running else None

    def _stop(self, in_a_hurry: Callable[[], bool]) -> None:
        if process := self._process():
            stop_postmaster(process, in_a_hurry=in_a_hurry)
        with suppress(OSError):  # it may hold a copy of the programs, or never have been made
            self.socket_folder.rmdir()
        if self._started:
            self._started.poll()
            self._started = None
