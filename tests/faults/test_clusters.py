"""Several clusters and several gateways at once; one's trouble is not the others'."""

import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import do_without, make_open_folder
from tests.faults.invariants import check_invariants
from tests.faults.machines import Host, NoNetwork, Postgres, RunningCluster
from tests.running import RunningNotifier, wait_for
from tests.sandbox import SandboxProcess

QUICK = {"LEASE_SECONDS": "5", "SWEEP_SECONDS": "2", "SLICE_SECONDS": "5"}
SMALL = 100


@pytest.fixture(scope="module")
def notifier() -> Iterator[RunningNotifier]:
    folder = make_open_folder()
    with RunningNotifier(folder, SENDER_SLOTS="4", **QUICK) as running:
        running.manage("sample_data", "--clients", "6000")
        add_clients(running, tag="small", count=SMALL)
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def no_faults(request: pytest.FixtureRequest) -> None:
    if "notifier" in request.fixturenames:
        running = request.getfixturevalue("notifier")
        running.session.post(f"{running.sandbox_url}/control/reset", json={}, timeout=10)
        running.wait_until_ready()


def add_clients(notifier: RunningNotifier, *, tag: str, count: int) -> None:
    with notifier.database().cursor() as cursor:
        cursor.execute(
            "INSERT INTO client (phone, operator, tag, timezone, attributes, created_at,"
            " updated_at) SELECT (79000000000 + n)::text, 900, %s, 'UTC', '{}', now(), now()"
            " FROM generate_series(1, %s) AS n",
            [tag, count],
        )


def send(notifier: RunningNotifier, **fields: object) -> int:
    return notifier.post("mailing/", {"clients": {}, "text": "To all of you", **fields})["id"]


def set_latency(notifier: RunningNotifier, seconds: float) -> None:
    notifier.set_faults(latency={"kind": "fixed", "seconds": seconds})


def sending_pids(notifier: RunningNotifier) -> set[int]:
    with notifier.database().cursor() as cursor:
        cursor.execute("SELECT worker FROM slot WHERE state = 'running'")
        return {int(worker.rpartition(":")[2]) for (worker,) in cursor.fetchall()}


def accepted(notifier: RunningNotifier, mailing: int) -> int:
    return notifier.mailing(mailing)["counts"]["accepted"]


def wait_for_share(notifier: RunningNotifier, cluster: RunningCluster) -> None:
    wait_for(
        lambda: cluster.pids() & sending_pids(notifier),
        seconds=60,
        what="a slot for the further cluster",
    )


def test_clusters_that_come_and_die_in_mid_mailing(notifier):
    set_latency(notifier, 3)
    mailing = send(notifier)

    with RunningCluster(notifier) as second, RunningCluster(notifier) as third:
        wait_for_share(notifier, second)
        wait_for_share(notifier, third)
        second.kill()
        before = accepted(notifier, mailing)
        wait_for(
            lambda: accepted(notifier, mailing) > before + 150,
            seconds=30,
            what="the others going on",
        )
        set_latency(notifier, 0)
        done = notifier.wait_for_mailing(mailing, status="finished", seconds=90)
        assert third.stop() == 0

    statuses = check_invariants(notifier, mailing)
    assert statuses.keys() == {"accepted", "skipped"}
    assert done["audience"] == statuses.total()


# tests/faults/test_gateway.py has another with one sender.
@pytest.mark.long
def test_a_gateway_that_hangs_does_not_slow_another(notifier):
    with SandboxProcess(faults={"silence": 1}) as hanging:
        gateway = make_gateway(notifier, url=hanging.url)
        stuck = send(notifier, gateway=gateway)
        wait_for(
            lambda: notifier.mailing(stuck)["counts"]["sending"] >= 256,
            seconds=30,
            what="a gateway that holds all it may",
        )

        began = time.monotonic()
        flowing = send(notifier)
        notifier.wait_for_mailing(flowing, status="finished", seconds=60)
        seconds = time.monotonic() - began

        assert notifier.mailing(stuck)["counts"]["accepted"] == 0
        notifier.post(f"mailing/{stuck}/cancel/")
    # No reply ever comes from the other one, and none is given up in less than 30 s.
    assert seconds < 25
    assert check_invariants(notifier, flowing).keys() == {"accepted", "skipped"}


def make_gateway(notifier: RunningNotifier, *, url: str) -> int:
    with notifier.database().cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway (name, url, concurrency, connect_timeout_seconds,"
            " total_timeout_seconds, unknown_outcome)"
            " VALUES ('Hanging', %s, 256, 5, 30, 'retry') RETURNING id",
            [url],
        )
        return cursor.fetchone()[0]


def test_a_small_mailing_leaves_beside_a_large_one(notifier):
    set_latency(notifier, 2)
    large = send(notifier)
    wait_for(lambda: accepted(notifier, large) > 300, seconds=60, what="the large one under way")

    small = send(notifier, clients={"tag": "small"})
    notifier.wait_for_mailing(small, status="finished", seconds=15)

    assert accepted(notifier, small) == SMALL
    assert notifier.mailing(large)["counts"]["pending"] > 1_000
    set_latency(notifier, 0)
    notifier.wait_for_mailing(large, status="finished", seconds=90)
    assert check_invariants(notifier, large).keys() == {"accepted", "skipped"}


def test_pause_and_cancel_clicked_several_times_at_once(notifier):
    set_latency(notifier, 0.5)
    mailing = send(notifier)
    wait_for(lambda: accepted(notifier, mailing) > 200, seconds=60, what="a mailing under way")

    replies = at_once(notifier, [f"mailing/{mailing}/{wish}/" for wish in ("pause", "cancel") * 4])

    assert set(replies) <= {200, 409}
    assert replies[1::2] == [200] * 4
    assert notifier.mailing(mailing)["status"] == "cancelled"
    wait_for(
        lambda: not notifier.mailing(mailing)["counts"]["sending"], seconds=30, what="an end of it"
    )
    statuses = check_invariants(notifier, mailing)
    assert statuses.keys() == {"accepted", "cancelled", "skipped"}


def test_pause_and_resume_clicked_several_times_at_once(notifier):
    set_latency(notifier, 0.5)
    mailing = send(notifier)
    wait_for(lambda: accepted(notifier, mailing) > 200, seconds=60, what="a mailing under way")

    replies = at_once(notifier, [f"mailing/{mailing}/{wish}/" for wish in ("pause", "resume") * 4])

    assert set(replies) <= {200, 409}
    assert notifier.mailing(mailing)["status"] in {"paused", "running"}
    set_latency(notifier, 0)
    notifier.post(f"mailing/{mailing}/resume/")
    notifier.wait_for_mailing(mailing, status="finished", seconds=90)
    assert check_invariants(notifier, mailing).keys() == {"accepted", "skipped"}


def test_a_start_brought_forward_several_times_at_once(notifier):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    mailing = send(notifier, clients={"tag": "small"}, start_time=tomorrow.isoformat())

    now = datetime.now(UTC).isoformat()
    replies = at_once(notifier, [f"mailing/{mailing}/"] * 6, content={"start_time": now})

    # One that comes when the mailing has started is told so.
    assert 200 in replies
    assert set(replies) <= {200, 409}
    notifier.wait_for_mailing(mailing, status="finished", seconds=60)
    assert check_invariants(notifier, mailing) == {"accepted": SMALL}


def at_once(notifier: RunningNotifier, paths: list[str], *, content: object = None) -> list[int]:
    """The statuses of the replies to requests that are all made together."""
    method = "PATCH" if content else "POST"

    def ask(path: str) -> int:
        reply = notifier.session.request(
            method, f"{notifier.url}/api/{path}", json=content, timeout=60
        )
        return reply.status_code

    with ThreadPoolExecutor(len(paths)) as threads:
        return list(threads.map(ask, paths))


# --- A host of its own ----------------------------------------------------------------


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A second machine, by the network; where the kernel does not let us, it is skipped."""
    if os.geteuid() != 0:
        pytest.skip("only root makes networks")
    if not shutil.which("ip"):
        do_without("no ip here: install iproute2")
    try:
        with Host() as made:
            yield made
    except NoNetwork as error:
        pytest.skip(f"this machine lets us make no network: {error}")


@pytest.fixture
def over_tcp(host: Host) -> Iterator[RunningNotifier]:
    """Database and gateway listen where the other host reaches them."""
    folder = make_open_folder()
    addresses = f"127.0.0.1,{host.address_of_this_machine}"
    with Postgres(folder, addresses=addresses) as database:
        running = RunningNotifier(
            folder, DATABASE_URL=database.url, GATEWAY_TOKEN="secret", SENDER_SLOTS="2", **QUICK
        )
        running.variables["GATEWAY_URL"] = (
            f"http://{host.address_of_this_machine}:{running.sandbox_port}"
        )
        running.data_dir.mkdir()
        ledger = running.data_dir / "sandbox-ledger.jsonl"
        gateway = SandboxProcess(port=running.sandbox_port, ledger=ledger, host="0.0.0.0")
        with gateway, running:
            running.manage("sample_data", "--clients", "6000")
            yield running
    shutil.rmtree(folder, ignore_errors=True)


def test_a_host_that_loses_its_network_in_mid_mailing(over_tcp, host):
    set_latency(over_tcp, 3)
    mailing = send(over_tcp)

    with RunningCluster(over_tcp, host=host) as remote:
        wait_for_share(over_tcp, remote)
        host.cut()
        try:
            wait_for(
                lambda: not remote.pids() & sending_pids(over_tcp),
                seconds=30,
                what="the other host's slots taken over",
            )
            before = accepted(over_tcp, mailing)
            wait_for(
                lambda: accepted(over_tcp, mailing) > before + 150,
                seconds=30,
                what="this host going on",
            )
        finally:
            host.mend()
        wait_for_share(over_tcp, remote)
        set_latency(over_tcp, 0)
        over_tcp.wait_for_mailing(mailing, status="finished", seconds=120)
        assert remote.stop() == 0

    assert check_invariants(over_tcp, mailing).keys() == {"accepted", "skipped"}
