"""How Notifier starts, ends, and starts again after it was killed.

These tests share a data folder with those of test_up.py, which come first.
"""

import shlex
import signal
import sys
from contextlib import suppress

import psutil
import pytest

from tests.launch.servers import query, server_process
from tests.launch.ups import free_ports, is_alive, wait_long


def test_a_signal_stops_everything(up):
    up.start_until_ready()
    processes = up.all_processes()

    assert up.stop(signal.SIGTERM) == 0

    assert [process for process in processes if is_alive(process)] == []
    assert up.lines[-1] == "notifier| Stopped.\n"
    assert up.all_processes() == []


def test_it_stops_with_the_make_that_started_it(up):
    make = ["make", "run", "INSTALL=@true", f"PYTHON={shlex.quote(sys.executable)}"]
    up.start_until_ready(make)
    processes = up.all_processes()

    up.stop(signal.SIGTERM)

    assert [process for process in processes if is_alive(process)] == []

    up.start_until_ready(make)
    up.stop(signal.SIGKILL)

    wait_long(lambda: up.all_processes() == [], "everything ends after make was killed")


def test_killed_it_starts_again_whether_or_not_the_rest_lives(up):
    up.start_until_ready()
    database = server_process(up.data_dir)
    up.stop(signal.SIGKILL)

    up.start_until_ready()

    assert server_process(up.data_dir) == database
    for process in up.all_processes():
        # Some end by themselves when those above them do.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    up.process.wait()

    up.start_until_ready()

    assert query(up.data_dir, "SELECT 1") == 1
    assert up.stop(signal.SIGHUP) == 0


def test_told_to_stop_while_it_starts_it_leaves_nothing(up, empty_data_dir):
    up.data_dir = empty_data_dir
    up.variables["NOTIFIER_DATA_DIR"] = str(empty_data_dir)
    up.start()
    up.wait_for_line("notifier| Making the database…")

    assert up.stop() == 0

    assert up.all_processes() == []


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (
            "postgres://anna:secret@127.0.0.1:{port}/notifier",
            'cannot use the database "notifier" on 127.0.0.1:{port}: connection to server at '
            '"127.0.0.1", port {port} failed: Connection refused',
        ),
        (
            "postgres://anna:secret@db.invalid/notifier",
            'cannot use the database "notifier" on db.invalid:5432: could not translate host '
            'name "db.invalid" to address: ',
        ),
    ],
)
def test_an_unreachable_database_is_named_and_its_password_is_not(up, url, complaint):
    (port,) = free_ports(1)

    code, printed = up.run(DATABASE_URL=url.format(port=port))

    assert code == 2
    assert printed.startswith(f"DATABASE_URL: {complaint.format(port=port)}")
    assert printed.count("\n") == 1
    assert "secret" not in printed


def test_a_database_that_does_not_exist_is_named(up, server, data_dir):
    server.start()
    host = str(server.socket_folder).replace("/", "%2F")

    code, printed = up.run(DATABASE_URL=f"postgres://notifier@{host}/nowhere")

    assert (code, printed) == (
        2,
        f'DATABASE_URL: cannot use the database "nowhere" on {server.socket_folder}:5432: '
        'database "nowhere" does not exist\n',
    )
    server.stop()


def test_with_its_own_database_and_gateway_it_starts_neither(up, server, data_dir):
    server.start()
    host = str(server.socket_folder).replace("/", "%2F")
    up.variables["DATABASE_URL"] = f"postgres://notifier@{host}/notifier"
    up.variables["GATEWAY_URL"] = "http://127.0.0.1:9"

    up.start_until_ready()

    assert server_process(up.data_dir) is None
    assert not any("sandbox_gateway" in command for command in up.part_commands())
    assert up.stop(signal.SIGINT) == 0
    assert query(data_dir, "SELECT count(*) FROM django_migrations") != 0
    server.stop()
