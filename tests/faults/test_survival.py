"""The database away for half a minute, a stop in mid-batch, another SECRET_KEY: nothing is lost."""

import shutil
import signal
import time
from collections.abc import Iterator

import psutil
import psycopg2
import pytest
import requests

from tests.conftest import make_open_folder
from tests.faults.invariants import check_invariants
from tests.faults.machines import Postgres
from tests.running import RunningNotifier, wait_for

QUICK = {"LEASE_SECONDS": "6", "SWEEP_SECONDS": "2"}
OUTAGE_SECONDS = 30


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    folder = make_open_folder()
    with Postgres(folder) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def notifier(database: Postgres) -> Iterator[RunningNotifier]:
    folder = make_open_folder()
    with RunningNotifier(folder, DATABASE_URL=database.url, **QUICK) as running:
        running.manage("sample_data", "--clients", "3000")
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def under_way(notifier: RunningNotifier) -> int:
    """A mailing to everybody, slow enough that most of it is still to come."""
    notifier.wait_until_ready()
    notifier.session.post(f"{notifier.sandbox_url}/control/reset", json={}, timeout=10)
    notifier.set_faults(latency={"kind": "fixed", "seconds": 1})
    mailing = notifier.post("mailing/", {"clients": {}, "text": "Whatever happens"})["id"]
    wait_for(
        lambda: notifier.mailing(mailing)["counts"]["accepted"] > 200,
        seconds=60,
        what="a mailing under way",
    )
    return mailing


def settle(notifier: RunningNotifier, mailing: int) -> dict[str, int]:
    notifier.set_faults(latency={"kind": "fixed", "seconds": 0})
    notifier.wait_for_mailing(mailing, status="finished", seconds=120)
    return check_invariants(notifier, mailing)


@pytest.fixture
def browser(notifier: RunningNotifier) -> Iterator[requests.Session]:
    """Signed in."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Connection"] = "close"
        address = f"{notifier.url}/sign-in/"
        session.get(address, timeout=15)
        answer = session.post(
            address,
            {
                "username": notifier.variables["DJANGO_SUPERUSER_USERNAME"],
                "password": notifier.variables["DJANGO_SUPERUSER_PASSWORD"],
                "csrfmiddlewaretoken": session.cookies["csrftoken"],
            },
            headers={"Referer": address},
            timeout=15,
        )
        assert answer.url == f"{notifier.url}/"
        yield session


def test_the_database_away_for_half_a_minute(notifier, database, under_way, browser):
    down_since = time.monotonic()
    database.stop()
    try:
        answers = answers_in_an_outage(notifier, browser)
        wait_for(
            lambda: time.monotonic() - down_since > OUTAGE_SECONDS,
            seconds=OUTAGE_SECONDS + 5,
            what="half a minute",
        )
    finally:
        database.start()

    assert answers == {"page": 503, "fragment": 503, "api": 503, "healthz": 200, "readyz": 503}
    assert settle(notifier, under_way).keys() == {"accepted", "skipped"}


def answers_in_an_outage(notifier: RunningNotifier, browser: requests.Session) -> dict[str, int]:
    """What browsers, pages that refresh and integrators are told; each must come soon."""
    page = browser.get(f"{notifier.url}/clients/", timeout=15)
    fragment = browser.get(f"{notifier.url}/clients/", headers={"HX-Request": "true"}, timeout=15)
    api = notifier.session.get(f"{notifier.url}/api/mailing/", timeout=15)
    states = {
        path: browser.get(f"{notifier.url}/{path}", timeout=15).status_code
        for path in ("healthz", "readyz")
    }
    assert "The database is not available" in page.text
    assert "The database is not available" in fragment.text
    assert ("<html" in page.text, "<html" in fragment.text) == (True, False)
    assert api.json() == {"detail": "The database is not available.", "errors": {}}
    statuses = {"page": page, "fragment": fragment, "api": api}
    return {what: reply.status_code for what, reply in statuses.items()} | states


def test_a_stop_in_mid_batch_sends_nothing_again(notifier, under_way):
    up = psutil.Process(notifier.process.pid)
    cluster = next(each for each in up.children() if "qcluster" in each.cmdline())
    began = time.monotonic()
    cluster.send_signal(signal.SIGTERM)
    cluster.wait(20)
    seconds = time.monotonic() - began

    assert settle(notifier, under_way).keys() == {"accepted", "skipped"}
    # Replies take a second, and a stop waits for them.
    assert seconds < 15
    with notifier.database().cursor() as cursor:
        cursor.execute("SELECT id FROM message WHERE mailing_id = %s", [under_way])
        messages = {row[0] for row in cursor.fetchall()}
    assert {times for id_, times in notifier.accepted().items() if id_ in messages} == {1}


def test_another_secret_key_between_two_starts(notifier, database, under_way):
    assert notifier.stop() == 0
    with psycopg2.connect(database.url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_q_ormq")
        queued = cursor.fetchone()[0]
    notifier.variables["SECRET_KEY"] = "another than before"
    notifier.start()
    notifier.wait_until_ready()

    statuses = settle(notifier, under_way)

    assert queued  # signed with the former key, and of no use now
    assert statuses.keys() == {"accepted", "skipped"}
