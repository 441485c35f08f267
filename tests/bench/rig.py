"""The running Notifier that all parts measure, used from outside only: API, SQL, control endpoint.

What one part has measured and another needs as well is kept here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg2.extensions

from tests.bench.mailing_run import Sent, measure_mailing
from tests.running import RunningNotifier, wait_for

# sample_data in portions: each call ends within the patience of whoever waits for it.
CLIENTS_AT_ONCE = 250_000
WARM_UP_MESSAGES = 1_000
SENDERS = 2  # as Notifier comes


@dataclass(frozen=True)
class Scale:
    """How much is measured. ``messages`` is a main run's; all other sizes follow from it."""

    messages: int = 100_000
    runs: int = 3
    seconds: float = 2.0
    full: bool = False

    @property
    def sizes(self) -> list[int]:
        """Mailings of growing size."""
        return [self.messages // 10, self.messages, *([self.messages * 10] if self.full else [])]

    @property
    def biggest(self) -> int:
        return self.sizes[-1]


class Rig:
    """``senders`` is how many sender processes work at present."""

    def __init__(self, notifier: RunningNotifier, scale: Scale) -> None:
        self.notifier = notifier
        self.scale = scale
        self.senders = SENDERS
        self.database = notifier.database()
        self._clients_of: dict[int, str] = {}
        self._runs: dict[tuple[int, int], list[Sent]] = {}
        self._warm_up()

    def runs(self, *, messages: int, senders: int) -> list[Sent]:
        """Mailings at instant replies, measured once: parts that ask for the same share them."""
        self.run_in_turn([messages], senders=senders)
        return self._runs[messages, senders]

    def run_in_turn(self, sizes: list[int], *, senders: int) -> None:
        """Measure what has not been yet, so that a disturbance does not fall on one size alone."""
        missing = [size for size in sizes if (size, senders) not in self._runs]
        if missing:
            self.use_senders(senders)
        for turn in range(self.scale.runs):
            for size in missing:
                # Ten times the usual size says as much in one run as the usual size in ten.
                if turn == 0 or size <= self.scale.messages:
                    run = measure_mailing(self, messages=size)
                    self._runs.setdefault((size, senders), []).append(run)

    def use_senders(self, number: int) -> None:
        """Restart with so many senders, as an administrator would."""
        if number == self.senders:
            return
        self.database.close()
        assert self.notifier.stop() == 0, "".join(self.notifier.output)
        self.notifier.variables["SENDER_SLOTS"] = str(number)
        self.notifier.start()
        self.senders, self.database = number, self.notifier.database()
        self._warm_up()

    def clients(self, number: int) -> dict[str, str]:
        """Conditions that exactly so many clients match, none of whom has opted out."""
        if number not in self._clients_of:
            self._clients_of[number] = self._add_clients(number)
        return {"tag": self._clients_of[number]}

    def settle(self) -> None:
        """Wait until nothing is under way, and begin each run at the same distance from
        a checkpoint: pages written for the first time after one cost more WAL.
        """
        asleep = "SELECT count(*) = 0 FROM slot WHERE state <> 'idle'"
        wait_for(lambda: self.query(asleep)[0], seconds=90, what="senders asleep")
        self.execute("CHECKPOINT")

    @contextmanager
    def gateway(self, *, concurrency: int, latency: dict[str, object]) -> Iterator[None]:
        """A gateway that takes its time and so many requests at once; as it was, afterwards."""
        usual = self.query("SELECT concurrency FROM gateway ORDER BY id LIMIT 1")[0]
        self.settle()
        self.notifier.set_faults(latency=latency)
        self.execute("UPDATE gateway SET concurrency = %s", concurrency)
        try:
            yield
        finally:
            self.notifier.set_faults(latency=0)
            self.execute("UPDATE gateway SET concurrency = %s", usual)

    def query(self, sql: str, *values: object) -> tuple:
        """The first row."""
        with self.database.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone()

    def execute(self, sql: str, *values: object) -> None:
        with self.database.cursor() as cursor:
            cursor.execute(sql, values)

    def received(self) -> int:
        """How many messages the gateway has received so far."""
        reply = self.notifier.session.get(f"{self.notifier.sandbox_url}/control", timeout=30)
        return int(reply.json()["counts"]["total"])

    def _add_clients(self, number: int) -> str:
        tag = f"bench-{number}"
        for seed, start in enumerate(range(0, number, CLIENTS_AT_ONCE)):
            portion = min(CLIENTS_AT_ONCE, number - start)
            self.notifier.manage(
                "sample_data", "--clients", str(portion), "--seed", str(number + seed)
            )
        self.execute(
            "UPDATE client SET tag = %s, opted_out_at = NULL WHERE tag NOT LIKE 'bench-%%'", tag
        )
        self.execute("VACUUM ANALYZE client")
        return tag

    def _warm_up(self) -> None:
        """So that no run pays for what processes do once: imports, connections, plans."""
        self.notifier.wait_until_ready()
        measure_mailing(self, messages=min(WARM_UP_MESSAGES, self.scale.messages))


def connection_of(rig: Rig) -> psycopg2.extensions.connection:
    """Another connection with the parameters of the rig's, for another thread."""
    connection = psycopg2.connect(**rig.database.get_dsn_parameters())
    connection.autocommit = True
    return connection
