"""``manage.py up``: everything that Notifier consists of, started, watched and stopped.

1. alone on this data folder, what a killed run left is ended, the ports are free
2. database, tables, static files
3. parts (web, cluster, sandbox gateway), each restarted when it dies
4. on a signal: web and cluster, then the sandbox, then the database
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from django.conf import settings
from django.db import connection

from notifier.accounts.first_admin import first_admin_link
from notifier.launch.environment import Environment
from notifier.launch.errors import CannotStart
from notifier.launch.external_database import ExternalDatabase
from notifier.launch.leftovers import end_leftovers, kill_all
from notifier.launch.locks import FileLock
from notifier.launch.output import Output
from notifier.launch.part_process import PartProcess, Restarts
from notifier.launch.parts import part_variables, parts_of
from notifier.launch.ports import check_ports
from notifier.launch.postgres import EmbeddedPostgres
from notifier.launch.preparation import collect_static_files, migrate
from notifier.launch.readiness import address_of, web_answers
from notifier.launch.stop_signals import StopRequested, StopSignals

# A web that has not answered by then has a trouble that often asking only adds to.
EARLY_SECONDS = 10
STOP_POLL_SECONDS = 0.05


class Database(Protocol):
    def start(self) -> None: ...
    def is_running(self) -> bool: ...
    def stop(self, *, in_a_hurry: Callable[[], bool]) -> None: ...


class Supervisor:
    def __init__(
        self, environment: Environment, output: Output, *, ends_with_parent: bool = False
    ) -> None:
        self._environment = environment
        self._data_dir = environment.data_dir.resolve()
        self._address = address_of(environment)
        self._admin_link: str | None = None
        self._output = output
        self._parent = os.getppid() if ends_with_parent else None
        self._lock = FileLock(self._data_dir / "up.lock")
        self._signals = StopSignals()
        self._database = self._choose_database()
        self._database_restarts = Restarts()
        self._parts: list[PartProcess] = []
        self._begun = time.monotonic()
        self._is_ready = False

    def run(self) -> None:
        """Until a signal asks to stop. Raises CannotStart; whatever runs by then is stopped."""
        self._be_the_only_one()
        with suppress(StopRequested), self._signals:
            with self._signals.interrupting():
                end_leftovers(self._data_dir, say=self._output.say)
                check_ports(self._environment)
            try:
                with self._signals.interrupting():
                    self._prepare()
                self._start_parts()
                self._watch()
            finally:
                self._stop_everything()

    def _choose_database(self) -> Database:
        if self._environment.uses_embedded_database:
            return EmbeddedPostgres(self._data_dir, say=self._output.say)
        return ExternalDatabase()

    def _be_the_only_one(self) -> None:
        try:
            is_first = self._lock.take()
        except OSError as error:
            raise CannotStart(f"{self._lock.path} cannot be written: {error.strerror}.") from error
        if not is_first:
            number = self._lock.path.read_text().strip()
            raise CannotStart(
                f"Notifier is already running on {self._data_dir} (process {number}): "
                "stop that one first."
            )
        os.truncate(self._lock.fileno(), 0)
        os.write(self._lock.fileno(), str(os.getpid()).encode())

    def _prepare(self) -> None:
        self._database.start()
        migrate(self._output)
        collect_static_files(self._output)
        self._admin_link = first_admin_link(f"http://{self._address}")
        connection.close()

    def _start_parts(self) -> None:
        variables = part_variables(self._data_dir)
        for part in parts_of(self._environment):
            process = PartProcess(part, self._output, variables)
            self._parts.append(process)
            process.start()

    def _watch(self) -> None:
        while not self._is_stop_asked():
            self._look_after_everything()
            is_early = time.monotonic() - self._begun < EARLY_SECONDS
            self._signals.wait(0.1 if is_early and not self._is_ready else 1.0)

    def _is_stop_asked(self) -> bool:
        is_orphan = self._parent is not None and os.getppid() != self._parent
        return is_orphan or self._signals.is_stop_asked or self._signals.is_terminal_gone

    def _look_after_everything(self) -> None:
        self._look_after_database()
        for part in self._parts:
            part.look_after()
        if not self._is_ready:
            self._announce_when_ready()

    def _look_after_database(self) -> None:
        if self._database.is_running() and not self._database_restarts.is_planned:
            return
        if not self._database_restarts.is_planned:
            seconds = self._database_restarts.plan()
            self._output.say(f"The database stopped; starting it again in {seconds:g} s.")
        if self._database_restarts.is_due:
            self._start_database_again()

    def _start_database_again(self) -> None:
        self._database_restarts.begin()
        try:
            with self._signals.interrupting():
                self._database.start()
        except CannotStart as error:
            seconds = self._database_restarts.plan()
            self._output.say(f"{error} Trying again in {seconds:g} s.")
        else:
            self._output.say("The database runs again.")

    def _announce_when_ready(self) -> None:
        if not web_answers(self._address, allowed_hosts=settings.ALLOWED_HOSTS):
            return
        self._is_ready = True
        self._output.announce(f"Notifier is ready at http://{self._address}")
        if self._admin_link:
            self._output.announce(f"Create the first administrator: {self._admin_link}")

    def _stop_everything(self) -> None:
        if self._parts:
            self._output.say("Stopping…")
        # The sandbox goes last: the cluster ends by finishing what it is sending.
        self._stop_parts([part for part in self._parts if part.part.name != "sandbox"])
        self._stop_parts([part for part in self._parts if part.part.name == "sandbox"])
        kill_all(self._data_dir)
        self._database.stop(in_a_hurry=lambda: self._signals.is_hurry_asked)
        if self._parts:
            self._output.say("Stopped.")

    def _stop_parts(self, parts: list[PartProcess]) -> None:
        begun = time.monotonic()
        for process in parts:
            process.terminate()
        for process in sorted(parts, key=lambda process: process.part.stop_seconds):
            deadline = begun + process.part.stop_seconds
            while process.is_alive and time.monotonic() < deadline:
                if self._signals.is_hurry_asked:
                    break
                self._signals.wait(STOP_POLL_SECONDS)
            process.kill_rest()
