"""django-q2's cluster, with what Notifier needs around it: a prompt stop, and the sweeps."""

import logging
import os
import signal
import socket
import sys
import time
from contextlib import suppress

from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now
from django_q.cluster import Cluster
from django_q.management.commands.qcluster import Command as DjangoQCommand

from notifier.delivery.models import Heartbeat
from notifier.delivery.queue import enqueue
from notifier.delivery.rescue import take_turn
from notifier.delivery.stopping import ask_to_stop, is_stopping
from notifier.delivery.watchdog import (
    LOOK_SECONDS,
    Watchdog,
    adopt_orphans,
    end_processes,
    listen,
    start_anew,
)

log = logging.getLogger(__name__)


class PromptCluster(Cluster):
    """Tells the slices under way to end before it waits for them."""

    def sig_handler(self, signum, frame):
        ask_to_stop()
        super().sig_handler(signum, frame)


class Command(DjangoQCommand):
    help = "Starts a cluster: the processes that choose recipients, send and record."

    def handle(self, *args, **options):
        if options.get("cluster_name"):
            os.environ["Q_CLUSTER_NAME"] = options["cluster_name"]
        adopt_orphans()
        listen()
        cluster = PromptCluster()
        cluster.start()
        if options.get("run_once"):
            cluster.stop()
            return
        try:
            look_after(cluster)
        except BaseException:
            # Else the interpreter would wait for them before it ends.
            end_processes()
            raise
        say_goodbye()


def look_after(cluster: Cluster) -> None:
    """Until the cluster is asked to stop."""
    watchdog = Watchdog(cluster.sentinel)
    while not is_stopping():
        # A signal may come in the middle of a look.
        if watchdog.is_needed(has_database=tick()) and not is_stopping():
            restart()
        time.sleep(LOOK_SECONDS)


def restart() -> None:
    """End the processes that no longer pass work on, and begin again in this one's place."""
    log.error("The cluster does not pass on its work any more: starting it anew.")
    told_to_stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # django-q2's handler would wait for processes that never end.
        signal.signal(number, lambda number, frame: told_to_stop.append(number))
    end_processes()
    say_goodbye()
    connection.close()
    if told_to_stop:
        sys.exit(0)
    start_anew()


def own_heartbeat() -> str:
    return f"cluster:{socket.gethostname()}:{os.getpid()}"


def say_goodbye() -> None:
    with suppress(DatabaseError, InterfaceError):
        Heartbeat.objects.filter(name=own_heartbeat()).delete()


def tick() -> bool:
    """Say that this cluster lives, and queue a sweep when one is due; whether the database answers.

    From the main process, not by a task that queues its own successor: it
    goes on whatever becomes of the queue and of the workers.
    """
    try:
        Heartbeat.objects.update_or_create(name=own_heartbeat(), defaults={"at": Now()})
        if take_turn():
            enqueue("sweep")
    except (DatabaseError, InterfaceError):
        connection.close()
        return False
    return True
