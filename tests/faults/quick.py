"""A running Notifier whose patience is short, for faults that would else take minutes."""

from contextlib import suppress
from typing import Any

import psutil
import psycopg2

from tests.faults.facts import Facts, read_facts
from tests.faults.invariants import find_violations, summary
from tests.faults.story import Story
from tests.running import RunningNotifier, wait_for
from tests.sandbox import SandboxProcess

LEASE_SECONDS, SWEEP_SECONDS, RAMP_SECONDS = 6.0, 2.0, 4.0
LONGEST_RETRY_AFTER_SECONDS = 3.0
MANY = 1_600
TOTAL_TIMEOUT_SECONDS = 2.0
PATIENCE = {
    "BREAKER_FIRST_REST_SECONDS": "1",
    "BREAKER_LONGEST_REST_SECONDS": "2",
    "BREAKER_RAMP_SECONDS": f"{RAMP_SECONDS}",
    "BREAKER_WINDOW_SECONDS": "5",
    "FIRST_RETRY_SECONDS": "0.2",
    "LONGEST_RETRY_SECONDS": "1",
    "LONGEST_RETRY_AFTER_SECONDS": f"{LONGEST_RETRY_AFTER_SECONDS}",
    "LEASE_SECONDS": f"{LEASE_SECONDS}",
    "SWEEP_SECONDS": f"{SWEEP_SECONDS}",
    "SLICE_SECONDS": "20",
}
SETTLED_SECONDS = 90

ADD_CLIENTS = """
    INSERT INTO client (phone, operator, tag, timezone, attributes, updated_at)
    SELECT 79990000000 + coalesce((SELECT max(id) FROM client), 0) + number, 999, %s, 'UTC', '{}',
           now()
    FROM generate_series(1, %s) AS number
"""
ADD_GATEWAY = """
    INSERT INTO gateway (name, url, concurrency, connect_timeout_seconds, total_timeout_seconds,
                         unknown_outcome)
    SELECT %s, %s, concurrency, connect_timeout_seconds, total_timeout_seconds, unknown_outcome
    FROM gateway ORDER BY id LIMIT 1 RETURNING id
"""


class QuickNotifier(RunningNotifier):
    """Also with a connection to its database, and with what the tests of faults do to it."""

    def start(self) -> None:
        super().start()
        self.rows = self.database()
        self._address = self.rows.get_dsn_parameters()

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Also after the database was away: waits for it."""
        return wait_for(
            lambda: self._sql(statement, values), seconds=60, what="the database", every=0.2
        )[0]

    def _sql(self, statement: str, values: tuple[object, ...]) -> list[list[tuple[Any, ...]]]:
        """The rows in a list of one; nothing where the database did not answer."""
        try:
            if self.rows.closed:
                self.rows = psycopg2.connect(**self._address)
                self.rows.autocommit = True
            with self.rows.cursor() as cursor:
                cursor.execute(statement, values)
                return [cursor.fetchall() if cursor.description else []]
        except psycopg2.Error as error:
            # Where the server has died, the error may be of no particular kind.
            away = (psycopg2.OperationalError, psycopg2.InterfaceError)
            if type(error) is not psycopg2.DatabaseError and not isinstance(error, away):
                raise
            self.rows.close()
            return []

    def add_clients(self, tag: str, count: int) -> None:
        self.sql(ADD_CLIENTS, tag, count)

    def add_gateway(self, name: str, url: str) -> int:
        """A copy of the first one with another address."""
        (row,) = self.sql(ADD_GATEWAY, name, url)
        return int(row[0])

    def calm(self) -> None:
        """All senders sleep; the first gateway has no faults, and no memory of any."""
        wait_for(
            lambda: not self.sql("SELECT FROM slot WHERE state <> 'idle'"),
            seconds=30,
            what="senders that sleep",
        )
        self.session.post(f"{self.sandbox_url}/control/reset", json={}, timeout=10)
        self.sql("DELETE FROM gateway_calls")
        self.sql("DELETE FROM gateway_health")

    def send(self, tag: str, text: str, **fields: object) -> int:
        fields = {"clients": {"tag": tag}, "text": text, **fields}
        return int(self.post("mailing/", fields)["id"])

    def settle(
        self,
        mailing_id: int,
        *,
        story: Story | None = None,
        gateway: SandboxProcess | None = None,
        status: str = "finished",
    ) -> Facts:
        """Everything about the mailing once it has ended, when all invariants hold."""
        self.wait_for_mailing(mailing_id, status=status, seconds=SETTLED_SECONDS)
        ledger = gateway.ledger() if gateway else None
        facts = read_facts(self, mailing_id, story or Story(), ledger)
        violations = find_violations(facts)
        assert not violations, "\n" + summary(violations)
        return facts

    def health(self, gateway_id: int = 1) -> str:
        rows = self.sql("SELECT state FROM gateway_health WHERE gateway_id = %s", gateway_id)
        return str(rows[0][0]) if rows else "closed"

    def reasons(self, mailing_id: int) -> set[str]:
        """Why attempts of the mailing came to nothing."""
        rows = self.sql(
            "SELECT DISTINCT attempt.reason FROM attempt JOIN message ON message.id = message_id"
            " WHERE mailing_id = %s",
            mailing_id,
        )
        return {row[0] for row in rows}

    def senders(self) -> list[psutil.Process]:
        """The worker processes that send: those whose slots are taken."""
        rows = self.sql("SELECT worker FROM slot WHERE state = 'running'")
        senders = []
        for (worker,) in rows:
            # One that has just died still has its slot.
            with suppress(psutil.NoSuchProcess):
                senders.append(psutil.Process(int(worker.rpartition(":")[2])))
        return senders
