"""A cluster one of whose processes was killed or frozen passes work on again, by itself.

Which process it is decides what would stand still: a worker that is killed while it
waits for a task takes the lock of the task queue with it, and the monitor that of the
results.
"""

import shutil
import signal
from collections.abc import Iterator

import psutil
import pytest

from tests.conftest import make_open_folder
from tests.faults.conftest import senders
from tests.faults.invariants import check_invariants
from tests.running import RunningNotifier, wait_for

# Noticed within 4 s here, slices under way given 12 s to end, and started within some
# more: on a busy machine, with room.
HEALED_SECONDS = 45
WORKERS = 5
QUICK = {"LEASE_SECONDS": "5", "SWEEP_SECONDS": "2", "FROZEN_SECONDS": "4"}


@pytest.fixture(scope="module")
def notifier() -> Iterator[RunningNotifier]:
    folder = make_open_folder()
    with RunningNotifier(folder, **QUICK) as running:
        running.manage("sample_data", "--clients", "3000")
        running.connection = running.database()
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def at_rest(notifier: RunningNotifier) -> None:
    """Each test begins, as the one before it ended, with a cluster that has nothing to do."""
    notifier.wait_until_ready()


class Processes:
    """The processes of a cluster, by what they do: django-q2 starts them in this order."""

    def __init__(self, notifier: RunningNotifier) -> None:
        up = psutil.Process(notifier.process.pid)
        self.main = next(each for each in up.children() if "qcluster" in each.cmdline())
        (self.sentinel,) = wait_for(self.main.children, seconds=HEALED_SECONDS, what="a sentinel")
        wait_for(
            lambda: len(self.sentinel.children()) == WORKERS + 2,
            seconds=HEALED_SECONDS,
            what="all processes",
        )
        children = sorted(self.sentinel.children(), key=lambda each: each.pid)
        self.workers, self.monitor, self.pusher = children[:WORKERS], children[-2], children[-1]

    def of(self, kind: str) -> list[psutil.Process]:
        found = getattr(self, kind)
        return found if isinstance(found, list) else [found]


# The newest but one: the row of the newest may be about to appear.
ONE_IS_DONE = """
    SELECT last_value > %s + 1
       AND NOT EXISTS (SELECT FROM django_q_ormq WHERE id = last_value - 1)
    FROM django_q_ormq_id_seq
"""


def wait_until_work_is_passed_on(notifier: RunningNotifier) -> None:
    """Until a task that was queued from now on, a sweep, is done and has left the queue."""
    (before,) = ask(notifier, "SELECT last_value FROM django_q_ormq_id_seq")
    wait_for(
        lambda: ask(notifier, ONE_IS_DONE, before)[0], seconds=HEALED_SECONDS, what="tasks done"
    )


def ask(notifier: RunningNotifier, sql: str, *values: object) -> tuple:
    with notifier.connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def send_to_everybody(notifier: RunningNotifier) -> int:
    return notifier.post("mailing/", {"clients": {}, "text": "Still alive?"})["id"]


KINDS = ("workers", "monitor", "pusher", "sentinel")


@pytest.mark.parametrize(
    "kind",
    ["workers", *(pytest.param(kind, marks=pytest.mark.long) for kind in KINDS[1:])],
)
@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_cluster_at_rest_heals(kind, fault, notifier):
    hit = Processes(notifier).of(kind)
    for process in hit:
        process.send_signal(fault)

    mailing = send_to_everybody(notifier)

    notifier.wait_for_mailing(mailing, status="finished", seconds=HEALED_SECONDS)
    wait_until_work_is_passed_on(notifier)
    assert check_invariants(notifier, mailing).keys() == {"accepted", "skipped"}
    _, left = psutil.wait_procs(hit, timeout=HEALED_SECONDS)
    assert left == []


def test_slices_that_run_well_end_before_the_cluster_starts_anew(notifier):
    notifier.set_faults(latency={"kind": "fixed", "seconds": 1})
    mailing = send_to_everybody(notifier)
    wait_for(
        lambda: notifier.mailing(mailing)["counts"]["accepted"] > 200,
        seconds=60,
        what="a mailing under way",
    )
    sending = senders(notifier)
    idle = [each for each in Processes(notifier).workers if each not in sending]
    for process in idle:
        process.kill()

    _, left = psutil.wait_procs(sending, timeout=HEALED_SECONDS)
    assert left == []
    notifier.set_faults(latency={"kind": "fixed", "seconds": 0})
    notifier.wait_for_mailing(mailing, status="finished", seconds=HEALED_SECONDS)

    (first, last) = ask(
        notifier, "SELECT min(id), max(id) FROM message WHERE mailing_id = %s", mailing
    )
    assert idle
    assert check_invariants(notifier, mailing).keys() == {"accepted", "skipped"}
    taken = notifier.accepted()
    assert {taken[number] for number in taken if first <= number <= last} == {1}
