"""Keeps Notifier sending at full speed while something else is measured."""

import threading
import time
from types import TracebackType
from typing import Self

import requests

from tests.bench.mailing_run import TEXT
from tests.bench.rig import Rig, connection_of
from tests.running import wait_for

OPEN = "status NOT IN ('finished', 'cancelled')"
# The next mailing is there before the last message of the one before has left.
MAILINGS_AT_ONCE = 2


class FullSpeed:
    """Big mailings, one after the other, from entering until leaving. A thread sees to it."""

    def __init__(self, rig: Rig, *, messages: int) -> None:
        self._rig = rig
        self._clients = rig.clients(messages)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_going, daemon=True)
        self._numbers: list[int] = []
        self._url = rig.notifier.url
        # Of its own: a session belongs to one thread.
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(rig.notifier.session.headers)
        self.error: BaseException | None = None

    @property
    def mailing(self) -> int:
        """The oldest that is under way; between two of them the newest."""
        under_way = f"SELECT min(id) FROM mailing WHERE id = ANY(%s) AND {OPEN}"
        return int(self._rig.query(under_way, self._numbers)[0] or self._numbers[-1])

    @property
    def per_second(self) -> float:
        """What the gateway has received each second since entering."""
        return (self._rig.received() - self._received) / (time.monotonic() - self._begun)

    def __enter__(self) -> Self:
        self._rig.settle()
        self._received, self._begun = self._rig.received(), time.monotonic()
        self._launch()
        self._thread.start()
        wait_for(lambda: self._rig.received() > self._received, seconds=30, what="full speed")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        for number in self._numbers:
            # One that has finished meanwhile refuses: that is as good.
            self._session.post(f"{self._url}/api/mailing/{number}/cancel/", timeout=60)
        wait_until_ended(self._rig, self._numbers)
        if self.error:
            raise self.error

    def _keep_going(self) -> None:
        try:
            with connection_of(self._rig) as database, database.cursor() as cursor:
                while not self._stop.wait(0.1):
                    cursor.execute(
                        f"SELECT count(*) FROM mailing WHERE id = ANY(%s) AND {OPEN}",
                        [self._numbers],
                    )
                    if cursor.fetchone()[0] < MAILINGS_AT_ONCE:
                        self._launch()
        except BaseException as error:
            self.error = error

    def _launch(self) -> None:
        content = {"clients": self._clients, "text": TEXT}
        reply = self._session.post(f"{self._url}/api/mailing/", json=content, timeout=60)
        assert reply.status_code == 201, reply.text
        self._numbers.append(reply.json()["id"])


def wait_until_ended(rig: Rig, numbers: list[int]) -> None:
    """Finished or cancelled, and no message of theirs open."""
    ended = (
        f"SELECT NOT EXISTS (SELECT FROM mailing WHERE id = ANY(%s) AND {OPEN})"
        " AND NOT EXISTS (SELECT FROM message JOIN mailing ON mailing.id = message.mailing_id"
        " WHERE mailing.id = ANY(%s)"
        " AND message.id BETWEEN mailing.first_message_id AND mailing.last_message_id"
        " AND message.status IN ('pending', 'sending'))"
    )
    wait_for(
        lambda: rig.query(ended, numbers, numbers)[0],
        seconds=300, what="the mailings ended", every=1.0,
    )  # fmt: skip
