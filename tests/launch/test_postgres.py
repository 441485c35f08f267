import os
import stat
from pathlib import Path

import psycopg2
import pytest

from notifier.launch import postgres_options
from notifier.launch.errors import CannotStart
from notifier.launch.postgres import EmbeddedPostgres, connection_settings
from notifier.launch.postgres_socket import socket_folder
from tests.launch.servers import ServerUser, cluster_folder, query, server_process


def quiet_server(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, say=lambda text: None)


def test_an_empty_folder_becomes_a_database_that_keeps_what_it_is_told(empty_data_dir):
    data_dir, server = empty_data_dir, quiet_server(empty_data_dir)
    server.start()
    query(data_dir, "CREATE TABLE kept AS SELECT 'привет' AS word")
    server.stop()
    server.start()

    assert query(data_dir, "SELECT upper(word) FROM kept") == "ПРИВЕТ"
    assert query(data_dir, "SHOW server_encoding") == "UTF8"
    assert query(data_dir, "SHOW fsync") == "on"
    assert query(data_dir, "SHOW synchronous_commit") == "on"
    server.stop()


def test_it_is_reached_through_a_private_socket_and_by_no_network(server, data_dir):
    server.start()

    process = server_process(data_dir)
    folder = socket_folder(data_dir)
    assert process
    assert [c for p in (process, *process.children()) for c in p.net_connections("inet")] == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid == process.uids().real != 0
    assert len(os.fsencode(folder / ".s.PGSQL.5432")) < 100
    server.stop()
    assert not folder.exists()


def test_settings_are_known_before_it_runs(data_dir):
    assert connection_settings(data_dir) == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "notifier",
        "USER": "notifier",
        "PASSWORD": "",
        "HOST": str(socket_folder(data_dir)),
        "PORT": "5432",
    }


@pytest.mark.parametrize(
    "name",
    [
        "with spaces",
        'it\'s "quoted" `and` $HOME \\ too',
        "данные ü 数据",
        "/".join(["a-folder-with-quite-a-long-name-of-its-own"] * 8),
    ],
    ids=["spaces", "quotes", "unicode", "long"],
)
def test_the_data_folder_may_have_any_name(empty_data_dir, name):
    folder = empty_data_dir / name
    folder.mkdir(parents=True)
    server = quiet_server(folder)

    server.start()

    assert query(folder, "SELECT 1") == 1
    server.stop()


def test_two_data_folders_have_two_servers(server, data_dir):
    other_folder = data_dir / "other"
    other_folder.mkdir()
    other = quiet_server(other_folder)
    server.start()
    other.start()

    query(other_folder, "CREATE TABLE other ()")

    assert query(other_folder, "SELECT to_regclass('other')") == "other"
    assert query(data_dir, "SELECT to_regclass('other')") is None
    other.stop()
    server.stop()


def test_the_same_folder_under_another_name_has_the_same_server(data_dir):
    link = data_dir.with_name("link")
    link.symlink_to(data_dir)

    assert connection_settings(link) == connection_settings(data_dir)


def test_of_two_first_users_at_once_one_makes_the_database_and_both_use_it(empty_data_dir):
    data_dir = empty_data_dir
    users = [ServerUser(data_dir), ServerUser(data_dir)]
    for user in users:
        user.wait_until_in_use()

    process = server_process(data_dir)
    assert process
    assert users[0].leave() == 0
    assert process.is_running()
    assert query(data_dir, "SELECT 1") == 1
    assert users[1].leave() == 0
    assert server_process(data_dir) is None


def test_an_owner_takes_a_short_lived_server_over(server, data_dir, server_user):
    process = server_process(data_dir)

    server.start()
    assert server_user.leave() == 0

    assert server_process(data_dir) == process
    server.stop()
    assert server_process(data_dir) is None


def test_an_owner_stops_it_whoever_uses_it(server, data_dir, server_user):
    server.start()

    server.stop()

    assert server_process(data_dir) is None
    assert server_user.leave() == 0


def test_stopping_ends_open_sessions(server, data_dir):
    server.start()
    settings = connection_settings(data_dir)
    session = psycopg2.connect(host=settings["HOST"], user="notifier", dbname="notifier")
    session.cursor().execute("CREATE TABLE unfinished ()")

    server.stop()

    with pytest.raises(psycopg2.OperationalError):
        session.cursor().execute("SELECT 1")


def test_where_shared_memory_is_scarce_it_uses_files(server, data_dir, monkeypatch):
    monkeypatch.setattr(postgres_options, "LEAST_SHARED_MEMORY", 1 << 60)

    server.start()

    assert query(data_dir, "SHOW dynamic_shared_memory_type") == "mmap"
    server.stop()


def test_its_log_tells_no_phone_number(server, data_dir):
    server.start()
    query(data_dir, "CREATE TABLE client (phone text PRIMARY KEY)")
    query(data_dir, "INSERT INTO client VALUES ('79991234567')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        query(data_dir, "INSERT INTO client VALUES ('79991234567')")
    server.stop()

    log = "".join(path.read_text() for path in cluster_folder(data_dir).glob("log/*"))
    assert "duplicate key value" in log
    assert "79991234567" not in log


def lay_open_folder(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def lay_link(folder: Path) -> None:
    folder.symlink_to("/tmp")


@pytest.mark.parametrize("lay", [lay_open_folder, lay_link])
def test_a_socket_folder_that_others_may_have_laid_is_refused(server, data_dir, lay):
    folder = socket_folder(data_dir)
    lay(folder)
    try:
        with pytest.raises(CannotStart, match=f"^{folder} is not a private folder of the account"):
            server.start()
    finally:
        folder.unlink() if folder.is_symlink() else folder.rmdir()


def test_another_version_s_data_is_never_passed_over(empty_data_dir):
    older = empty_data_dir / "postgres-13"
    older.mkdir()
    (older / "PG_VERSION").write_text("13\n")
    if os.geteuid() == 0:
        os.chown(older, 65534, 65534)

    with pytest.raises(CannotStart) as raised:
        quiet_server(empty_data_dir).start()

    assert str(raised.value) == (
        f"The database in {older} was made by PostgreSQL 13, which is not installed: install "
        "that version, or move the folder away to begin with an empty database."
    )


def test_two_data_folders_cannot_serve_the_same_database(server, data_dir, server_user):
    copy = data_dir.with_name("copy")
    copy.mkdir()
    place = cluster_folder(data_dir)
    (copy / place.name).symlink_to(place)

    with pytest.raises(CannotStart) as raised:
        quiet_server(copy).start()

    assert str(raised.value) == (
        f"The database of {copy} is in use under another data folder: stop that one first."
    )
    assert server_user.leave() == 0
