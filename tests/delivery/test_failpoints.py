"""Each fail point kills where it says, and no production start can have one by accident."""

import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from notifier import failpoints
from notifier.delivery.control import create_mailing
from notifier.delivery.models import Message, Slot
from notifier.delivery.recipients import start_mailing
from notifier.launch.environment import CHECKOUT, read_environment
from notifier.launch.errors import BadVariable
from notifier.launch.fail_points import POINTS

pytestmark = pytest.mark.django_db(transaction=True)

NOT_FOR_YOU = "kills processes: it is for Notifier's own tests alone."
NOT_POINTS = f"is not a list of point:probability; points are {', '.join(POINTS)}."


def database_url() -> str:
    """The test database, for another process."""
    known = connection.settings_dict
    password = f":{quote(known['PASSWORD'], safe='')}" if known["PASSWORD"] else ""
    host, port = quote(known["HOST"], safe=""), f":{known['PORT']}" if known["PORT"] else ""
    return f"postgres://{quote(known['USER'])}{password}@{host}{port}/{known['NAME']}"


def run_task(task: str, *, fail_point: str, sandbox, data_dir: Path) -> int:
    """Run a task in a process of its own, which dies at this point; its exit code."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import django; django.setup(); from notifier.delivery import tasks; tasks.{task}",
        ],
        cwd=CHECKOUT,
        env={
            "DJANGO_SETTINGS_MODULE": "notifier.settings",
            "DATABASE_URL": database_url(),
            "GATEWAY_URL": sandbox.url,
            "GATEWAY_TOKEN": "secret",
            "SENDER_SLOTS": "1",
            "NOTIFIER_DATA_DIR": str(data_dir),
            "NOTIFIER_FAIL_POINTS": f"{fail_point}:1",
            "NOTIFIER_FAIL_POINTS_IN": str(data_dir),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"Fail point {fail_point}" in done.stderr
    return done.returncode


@pytest.mark.parametrize(
    ("point", "status", "received"),
    [
        ("claimed", "sending", 0),
        ("request_left", "sending", 1),
        ("before_results_commit", "sending", 1),
        ("results_committed", "accepted", 1),
    ],
)
def test_a_sender_dies_at(point, status, received, sandbox, add_clients, tmp_path):
    add_clients(1)
    start_mailing(create_mailing(text="Hi", conditions={}).pk)
    slot = Slot.objects.get()

    ending = run_task(
        f"deliver_slice({slot.pk}, {slot.generation})",
        fail_point=point,
        sandbox=sandbox,
        data_dir=tmp_path,
    )

    assert ending == -signal.SIGKILL
    assert Message.objects.get().status == status
    assert len(sandbox.ledger()) == received


def test_a_starter_dies_between_two_chunks(sandbox, add_clients, tmp_path):
    add_clients(1_001)
    mailing = create_mailing(text="Hi", conditions={})

    ending = run_task(
        f"start({mailing.pk})", fail_point="recipients_chosen", sandbox=sandbox, data_dir=tmp_path
    )

    mailing.refresh_from_db()
    assert ending == -signal.SIGKILL
    assert (mailing.status, Message.objects.count()) == ("preparing", 1_000)


def test_nothing_dies_where_no_fail_point_is_asked_for():
    for point in POINTS:
        failpoints.reach(point, 1_000_000)

    assert failpoints.reach is failpoints._go_on


@pytest.mark.parametrize(
    "others",
    [
        pytest.param({"NOTIFIER_DATA_DIR": "{folder}"}, id="alone"),
        pytest.param(
            {"NOTIFIER_DATA_DIR": "{folder}", "NOTIFIER_FAIL_POINTS_IN": "1"}, id="with a yes"
        ),
        pytest.param(
            {"NOTIFIER_DATA_DIR": "{folder}", "NOTIFIER_FAIL_POINTS_IN": "{folder}/other"},
            id="with the folder of a test elsewhere",
        ),
        pytest.param(
            {"NOTIFIER_FAIL_POINTS_IN": str(CHECKOUT / ".data")},
            id="in the folder that is used where none is named",
        ),
    ],
)
def test_an_installation_cannot_have_them(others, tmp_path):
    others = {name: value.format(folder=tmp_path) for name, value in others.items()}
    variables = {"SECRET_KEY": "a secret", "NOTIFIER_FAIL_POINTS": "claimed:0.01", **others}

    with pytest.raises(BadVariable) as raised:
        read_environment(variables)

    assert str(raised.value) == f'NOTIFIER_FAIL_POINTS "claimed:0.01" {NOT_FOR_YOU}'


@pytest.mark.parametrize("value", ["claimed", "claimed:2", "nowhere:0.5", "claimed:x", "claimed:"])
def test_what_is_no_fail_point_is_refused(value, tmp_path):
    variables = {
        "SECRET_KEY": "a secret",
        "NOTIFIER_DATA_DIR": str(tmp_path),
        "NOTIFIER_FAIL_POINTS_IN": str(tmp_path),
        "NOTIFIER_FAIL_POINTS": value,
    }

    with pytest.raises(BadVariable) as raised:
        read_environment(variables)

    assert str(raised.value) == f'NOTIFIER_FAIL_POINTS "{value}" {NOT_POINTS}'
