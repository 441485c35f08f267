"""Processes die, freeze and lose their database in mid-mailing; everyone is accounted for."""

import signal
import time
from contextlib import suppress

import psutil

from tests.faults.conftest import senders
from tests.faults.invariants import check_invariants
from tests.faults.processes import clusters
from tests.running import RunningNotifier, wait_for

SETTLED_SECONDS = 120


def settle(notifier: RunningNotifier, mailing: int) -> dict[str, int]:
    notifier.wait_for_mailing(mailing, status="finished", seconds=SETTLED_SECONDS)
    return check_invariants(notifier, mailing)


def test_kill_9_of_a_sender(notifier, under_way):
    senders(notifier)[0].kill()

    statuses = settle(notifier, under_way)

    assert statuses.keys() == {"accepted", "skipped"}


def test_kill_9_of_the_whole_cluster(notifier, under_way):
    for process in clusters(notifier):
        with suppress(psutil.NoSuchProcess):  # one that had just ended by itself
            process.kill()

    statuses = settle(notifier, under_way)

    assert statuses.keys() == {"accepted", "skipped"}


def test_a_sender_that_freezes_past_its_lease_and_wakes_again(notifier, under_way):
    frozen = senders(notifier)[0]
    frozen.send_signal(signal.SIGSTOP)
    try:
        wait_for(
            lambda: frozen.pid not in {each.pid for each in senders(notifier)},
            seconds=60,
            what="another sender in its slot",
        )
    finally:
        frozen.send_signal(signal.SIGCONT)

    statuses = settle(notifier, under_way)

    assert statuses.keys() == {"accepted", "skipped"}


def test_the_database_restarted_at_once(notifier, under_way):
    postmasters = [p for p in notifier.processes() if p.name() == "postgres"]
    main = next(p for p in postmasters if p.parent() is None or p.parent().name() != "postgres")
    main.send_signal(signal.SIGQUIT)  # what pg_ctl stop -m immediate sends
    psutil.wait_procs([main], timeout=20)

    statuses = settle(notifier, under_way)

    assert statuses.keys() == {"accepted", "skipped"}


def test_every_connection_cut_every_two_seconds(notifier, under_way):
    cutting_until = time.monotonic() + 10
    while time.monotonic() < cutting_until:
        with notifier.database().cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        time.sleep(2)

    statuses = settle(notifier, under_way)

    assert statuses.keys() == {"accepted", "skipped"}


def test_the_queue_emptied(notifier, under_way):
    with notifier.database().cursor() as cursor:
        cursor.execute("TRUNCATE django_q_ormq")

    statuses = settle(notifier, under_way)

    assert statuses.keys() == {"accepted", "skipped"}
