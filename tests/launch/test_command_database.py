import os
import signal
import subprocess
import sys

import pytest

from notifier.launch.command_database import needs_database
from notifier.launch.environment import CHECKOUT
from tests.launch.servers import server_process, wait_until

MANAGE = [sys.executable, str(CHECKOUT / "manage.py")]
# Says that it works, and goes on until its input ends.
WORK = "import sys; from django.db import connection; connection.cursor(); print('!'); input()"


@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        ("", False),
        ("help", False),
        ("--version", False),
        ("up", False),
        ("check", False),
        ("sandbox_gateway --port 8090", False),
        ("migrate --help", False),
        ("migrate", True),
        ("qcluster", True),
        ("createsuperuser --noinput", True),
    ],
)
def test_a_server_starts_only_for_commands_that_need_one(arguments, needs):
    assert needs_database(["manage.py", *arguments.split()]) is needs


def start_command(data_dir, **variables: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.Popen(
        [*MANAGE, "shell", "--no-imports", "-c", WORK],
        env={**environment, "NOTIFIER_DATA_DIR": str(data_dir), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_command_has_a_server_for_as_long_as_it_takes(data_dir):
    command = start_command(data_dir)
    assert command.stdout
    assert command.stdout.readline() == "!\n"
    assert server_process(data_dir)

    command.communicate("\n", timeout=20)

    assert command.returncode == 0
    assert server_process(data_dir) is None


def test_a_command_joins_a_server_that_runs(data_dir, server_user):
    process = server_process(data_dir)
    command = start_command(data_dir)

    command.communicate("\n", timeout=20)

    assert command.returncode == 0
    assert server_process(data_dir) == process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_that_is_told_to_end_takes_its_server_along(data_dir, number):
    command = start_command(data_dir)
    assert command.stdout
    command.stdout.readline()

    command.send_signal(number)
    command.wait(20)

    wait_until(lambda: server_process(data_dir) is None, "the server has stopped")
    command.communicate()


def test_a_part_of_up_leaves_the_database_to_up(data_dir):
    command = start_command(data_dir, NOTIFIER_PART_OF=str(data_dir))

    _, complaints = command.communicate("\n", timeout=20)

    assert command.returncode != 0
    assert "OperationalError" in complaints
    assert server_process(data_dir) is None


def test_a_command_before_the_first_start_says_what_is_missing(data_dir):
    done = subprocess.run(
        [*MANAGE, "api_token", "anna"],
        env={**os.environ, "NOTIFIER_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "The database has no tables yet: start Notifier once (make run).\n",
    )
