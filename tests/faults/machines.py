"""More of what an installation may have: further clusters, a database of its own, other hosts."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg2

from notifier.launch.part_process import session_of
from notifier.launch.postgres_account import account_for_new_server
from notifier.launch.postgres_binaries import binaries_for, newest_binaries
from tests.running import CHECKOUT, RunningNotifier, free_port, wait_for

START_SECONDS = 60


class Postgres:
    """A PostgreSQL that listens on TCP, which the test starts and stops as it likes."""

    def __init__(self, folder: Path, *, addresses: str = "127.0.0.1") -> None:
        self.folder = folder / "postgres"
        self.addresses = addresses
        self.port = free_port()
        self.account = account_for_new_server()
        self.binaries = binaries_for(self.account, newest_binaries(), copies=(folder,))

    @property
    def url(self) -> str:
        host = self.addresses.rpartition(",")[2]
        return f"postgres://notifier@{host}:{self.port}/postgres"

    def make(self) -> None:
        self.folder.mkdir(mode=0o700)
        self.account.own(self.folder)
        command = [self.binaries.initdb, "-D", str(self.folder), "-U", "notifier", "--no-sync"]
        options = ["--encoding=UTF8", "--locale=C", "--auth=trust"]
        subprocess.run(
            [*command, *options], check=True, capture_output=True, **self.account.process_options()
        )
        with (self.folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/8 trust\n")

    def start(self) -> None:
        settings = {
            "listen_addresses": self.addresses,
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        self.process = subprocess.Popen(
            [self.binaries.postgres, "-D", str(self.folder), *options],
            stderr=subprocess.DEVNULL,
            **self.account.process_options(),
        )
        wait_for(self.answers, seconds=START_SECONDS, what="PostgreSQL")

    def stop(self) -> None:
        """At once, as ``pg_ctl stop -m immediate`` does: every connection breaks."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)

    def answers(self) -> bool:
        assert self.process.poll() is None, "PostgreSQL ended"
        try:
            psycopg2.connect(self.url).close()
        except psycopg2.OperationalError:
            return False
        return True

    def __enter__(self) -> Self:
        self.make()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class RunningCluster:
    """``manage.py qcluster`` as a further machine runs it, against the same database."""

    def __init__(self, notifier: RunningNotifier, *, host: "Host | None" = None) -> None:
        self.notifier = notifier
        self.prefix = host.prefix if host else ()

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [*self.prefix, sys.executable, str(CHECKOUT / "manage.py"), "qcluster"],
            env=self.notifier.variables,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """kill -9 of all its processes."""
        for process in session_of(self.process.pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(10)

    def stop(self, *, seconds: float = 40) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def pids(self) -> set[int]:
        return {process.pid for process in session_of(self.process.pid)}


class Host:
    """A machine of its own as far as the network goes: a namespace behind a cable.

    Needs root and iproute2; ``10.x.y.1`` is this machine, ``10.x.y.2`` that one.
    """

    def __init__(self) -> None:
        number = os.getpid() % 65_000
        self.name = f"ntf{number}"
        self.net = f"10.{200 + number // 255 % 50}.{number % 255}"
        self.prefix = ("ip", "netns", "exec", self.name)

    @property
    def address_of_this_machine(self) -> str:
        return f"{self.net}.1"

    def __enter__(self) -> Self:
        here, there = f"{self.name}a", f"{self.name}b"
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", self.name)
            _ip("address", "add", f"{self.net}.1/24", "dev", here)
            _ip("link", "set", here, "up")
            self._inside("address", "add", f"{self.net}.2/24", "dev", there)
            self._inside("link", "set", there, "up")
            self._inside("link", "set", "lo", "up")
        except BaseException:
            _ip("netns", "delete", self.name)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _ip("netns", "delete", self.name)  # and the cable with it

    def cut(self) -> None:
        _ip("link", "set", f"{self.name}a", "down")

    def mend(self) -> None:
        _ip("link", "set", f"{self.name}a", "up")

    def _inside(self, *arguments: str) -> None:
        _ip("-n", self.name, *arguments)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise NoNetwork(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class NoNetwork(Exception):
    """This machine does not let us make another network."""
