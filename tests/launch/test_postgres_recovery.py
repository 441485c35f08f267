import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from notifier.launch.errors import CannotStart
from notifier.launch.postgres import EmbeddedPostgres
from tests.launch.servers import (
    ServerUser,
    cluster_folder,
    processes_below,
    query,
    server_process,
    wait_until,
)


def is_making_database(data_dir) -> bool:
    """Far enough that a half-made database lies there."""
    return any(data_dir.glob("postgres-??.new/base/1/*"))


def test_killed_in_the_middle_of_initdb_with_all_its_programs(empty_data_dir):
    data_dir = empty_data_dir
    server = EmbeddedPostgres(data_dir, say=lambda text: None)
    user = ServerUser(data_dir)
    wait_until(lambda: is_making_database(data_dir), "initdb works")
    user.process.send_signal(signal.SIGSTOP)
    children = psutil.Process(user.process.pid).children(recursive=True)
    for process in [*children, user.process]:
        process.kill()
    user.process.wait()

    server.start()

    assert query(data_dir, "SELECT 1") == 1
    assert list(data_dir.glob("*.new")) == []
    server.stop()


def test_killed_in_the_middle_of_initdb_which_goes_on(empty_data_dir):
    data_dir = empty_data_dir
    server = EmbeddedPostgres(data_dir, say=lambda text: None)
    user = ServerUser(data_dir)
    wait_until(lambda: is_making_database(data_dir), "initdb works")
    user.kill()

    server.start()

    assert query(data_dir, "SELECT 1") == 1
    server.stop()


def test_a_server_left_behind_is_adopted(server, data_dir, server_user):
    process = server_process(data_dir)
    server_user.kill()

    server.start()

    assert server_process(data_dir) == process
    server.stop()
    assert server_process(data_dir) is None


def test_a_server_left_behind_ends_with_its_next_user(data_dir, server_user):
    server_user.kill()

    another = ServerUser(data_dir)
    another.wait_until_in_use()
    assert another.leave() == 0

    assert server_process(data_dir) is None


def test_everything_killed_at_once(server, data_dir, server_user):
    query(data_dir, "CREATE TABLE kept AS SELECT 42 AS answer")
    for process in processes_below(cluster_folder(data_dir)):
        # Some end by themselves when the server does.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    server_user.kill()

    server.start()

    assert query(data_dir, "SELECT answer FROM kept") == 42
    server.stop()


def test_the_server_alone_killed_while_a_session_is_busy(server, data_dir, server_user):
    process = server_process(data_dir)
    assert process
    settings = f"host={server.socket_folder} user=notifier dbname=notifier"
    code = f"import psycopg2; psycopg2.connect('{settings}').cursor().execute('{BUSY}')"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as busy:
        wait_until(lambda: query(data_dir, COUNT_BUSY) == 1, "the session is busy")
        process.kill()

        server.start()

        assert query(data_dir, COUNT_BUSY) == 0
        assert server_process(data_dir) != process
        busy.wait(10)
    server.stop()


BUSY = "SELECT count(*) /* busy */ FROM generate_series(1, 1000000000)"
COUNT_BUSY = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE query LIKE '%/* busy */%' AND pid <> pg_backend_pid()"
)


def test_a_number_in_postmaster_pid_that_passed_to_another_process(server, data_dir):
    server.start()
    server.stop()
    folder = cluster_folder(data_dir)
    owner = folder.stat()
    # The same account's, or PostgreSQL itself would see that it is stale.
    stranger = subprocess.Popen(["sleep", "60"], user=owner.st_uid, group=owner.st_gid)
    pid_file = folder / "postmaster.pid"
    pid_file.write_text(f"{stranger.pid}\n{folder}\n1700000000\n5432\n/tmp/x\n\n1 2\nready   \n")
    os.chown(pid_file, owner.st_uid, owner.st_gid)

    server.start()

    assert query(data_dir, "SELECT 1") == 1
    assert stranger.poll() is None
    server.stop()
    stranger.kill()
    stranger.wait()


def test_a_server_that_is_just_stopping(server, data_dir, server_user):
    process = server_process(data_dir)
    assert process
    # A smart shutdown waits for this session, and lets no other in.
    code = (
        "import psycopg2, sys; "
        f"c = psycopg2.connect('host={server.socket_folder} user=notifier dbname=notifier'); "
        "print('connected', flush=True); sys.stdin.readline()"
    )
    session = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert session.stdout
    session.stdout.readline()
    process.send_signal(signal.SIGTERM)
    pid_file = cluster_folder(data_dir) / "postmaster.pid"
    wait_until(lambda: "stopping" in pid_file.read_text(), "the server is stopping")
    another = ServerUser(data_dir)
    session.communicate("\n")

    another.wait_until_in_use()

    assert server_process(data_dir) != process
    assert another.leave() == 0
    assert server_user.leave() == 0


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(server, data_dir):
    server.start()
    server.stop()
    (cluster_folder(data_dir) / "global" / "pg_control").unlink()

    with pytest.raises(CannotStart) as raised, server.in_use():
        pass

    assert str(raised.value).startswith("The embedded database does not start: ")
    assert "pg_control" in str(raised.value)
    assert server_process(data_dir) is None
