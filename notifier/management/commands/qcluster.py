"""django-q2's cluster, with what Notifier needs around it: a prompt stop, and the sweeps."""

import os
import socket
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

TICK_SECONDS = 2.0


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
        cluster = PromptCluster()
        cluster.start()
        if options.get("run_once"):
            cluster.stop()
            return
        while not is_stopping() and cluster.sentinel.is_alive():
            tick()
            time.sleep(TICK_SECONDS)
        say_goodbye()


def own_heartbeat() -> str:
    return f"cluster:{socket.gethostname()}:{os.getpid()}"


def say_goodbye() -> None:
    with suppress(DatabaseError, InterfaceError):
        Heartbeat.objects.filter(name=own_heartbeat()).delete()


def tick() -> None:
    """Say that this cluster lives, and queue a sweep when one is due.

    From the main process, not by a task that queues its own successor: it
    goes on whatever becomes of the queue and of the workers.
    """
    try:
        Heartbeat.objects.update_or_create(name=own_heartbeat(), defaults={"at": Now()})
        if take_turn():
            enqueue("sweep")
    except (DatabaseError, InterfaceError):
        connection.close()
