import shutil
from collections.abc import Iterator

import psutil
import pytest

from tests.faults.quick import MANY, PATIENCE, TOTAL_TIMEOUT_SECONDS, QuickNotifier
from tests.folders import make_open_folder
from tests.running import RunningNotifier, wait_for


@pytest.fixture(scope="module")
def notifier() -> Iterator[RunningNotifier]:
    folder = make_open_folder()
    with RunningNotifier(folder, LEASE_SECONDS="6", SWEEP_SECONDS="2") as running:
        running.manage("sample_data", "--clients", "5000")
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def quick() -> Iterator[QuickNotifier]:
    """A Notifier with little patience; 300 clients are "few", 1,600 are "many"."""
    folder = make_open_folder()
    with QuickNotifier(folder, **PATIENCE) as running:
        running.add_clients("few", 300)
        running.add_clients("many", MANY)
        running.sql(
            "UPDATE gateway SET concurrency = 40, connect_timeout_seconds = 1,"
            " total_timeout_seconds = %s",
            TOTAL_TIMEOUT_SECONDS,
        )
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def calm(quick: QuickNotifier) -> QuickNotifier:
    """The same, its gateway without faults and at its best."""
    quick.calm()
    return quick


@pytest.fixture
def under_way(notifier: RunningNotifier) -> int:
    """A mailing to everybody, some hundred messages of which have been accepted."""
    notifier.wait_until_ready()
    notifier.session.post(f"{notifier.sandbox_url}/control/reset", json={}, timeout=10)
    notifier.set_faults(latency={"kind": "fixed", "seconds": 0.1})
    number = notifier.post("mailing/", {"clients": {}, "text": "Whatever happens"})["id"]
    wait_for(
        lambda: notifier.mailing(number)["counts"]["accepted"] > 300,
        seconds=30,
        what="a mailing under way",
    )
    return number


def senders(notifier: RunningNotifier) -> list[psutil.Process]:
    """The worker processes that send: those whose slots are taken."""
    with notifier.database().cursor() as cursor:
        cursor.execute("SELECT worker FROM slot WHERE state = 'running'")
        return [psutil.Process(int(row[0].rpartition(":")[2])) for row in cursor.fetchall()]
