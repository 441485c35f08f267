"""Putting work for the clusters into django-q2's queue, also for a later moment.

Tasks carry a dotted name and whole numbers only. Enqueuing inside a
transaction joins it: what is rolled back was never queued.
"""

import logging
import time
from datetime import datetime

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.tasks import async_task

from notifier.delivery.pulse import Pulses

log = logging.getLogger(__name__)

TASKS = "notifier.delivery.tasks"
DATABASE_RETRY_SECONDS = 1.0


class ClusterBroker(ORM):
    """What a cluster takes its tasks from: the queue's table, and the pulse."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._pulses = Pulses()

    def dequeue(self) -> list[tuple[int | None, str]] | None:
        if pulse := self._pulses.next():
            # Nothing is acknowledged under this number.
            return [(None, pulse)]
        try:
            return super().dequeue()
        except (OperationalError, InterfaceError) as error:
            # django-q2 would leave the queue alone for 10 s, and start a new process.
            log.warning("The queue cannot be read, trying again: %s", str(error).strip())
            connection.close()
            time.sleep(DATABASE_RETRY_SECONDS)
            return None


class DelayedBroker(ORM):
    """The queue's own broker, but a task waits in it until ``due_at``.

    django-q2 hands out rows whose lock lies in the past, so a row locked until
    a mailing's start is handed out at that start: within about 0.1 s, where
    its scheduler, which looks every 30 s, would be half a minute late.
    """

    def __init__(self, due_at: datetime) -> None:
        super().__init__()
        self.due_at = due_at

    def enqueue(self, task: str) -> int:
        return self.get_connection().create(key=self.list_key, payload=task, lock=self.due_at).pk


def enqueue(
    task: str,
    *numbers: int,
    due_at: datetime | None = None,
    timeout_seconds: int | None = None,
) -> None:
    """Queue ``notifier.delivery.tasks.<task>(*numbers)`` for now or for ``due_at``.

    A task of another layer is called by its full dotted name. A worker whose
    task outlasts ``timeout_seconds`` is killed; without it, the cluster's own
    time counts.
    """
    limits = {} if timeout_seconds is None else {"timeout": timeout_seconds}
    broker = DelayedBroker(due_at or timezone.now())
    name = task if "." in task else f"{TASKS}.{task}"
    async_task(name, *numbers, broker=broker, **limits)
