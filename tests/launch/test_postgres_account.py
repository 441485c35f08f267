"""Which account the server works under, and where. Most of it concerns root alone."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.launch import postgres_cluster
from notifier.launch.environment import CHECKOUT
from notifier.launch.postgres import EmbeddedPostgres
from notifier.launch.postgres_account import account_for_new_server, owner_account
from notifier.launch.postgres_binaries import Binaries, binaries_for, newest_binaries
from tests.folders import make_open_folder
from tests.launch.servers import cluster_folder, query, server_process

NOBODY = 65534
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take on other accounts")


@pytest.fixture
def python_of_others() -> list[str]:
    """A Python like ours that the account nobody can start, with our packages."""
    ours = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{ours}", f"/usr/local/bin/{ours}"):
        command = ["env", f"PYTHONPATH={os.pathsep.join(filter(None, sys.path))}", python]
        if owner_account(NOBODY).can_run([*command, "-c", "import psutil, dj_database_url"]):
            return command
    pytest.skip(f"the account nobody can start no {ours}")


@pytest.fixture
def state_folder(monkeypatch) -> Iterator[Path]:
    """In the place of /var/lib/notifier."""
    folder = make_open_folder() / "state"
    monkeypatch.setattr(postgres_cluster, "STATE_FOLDER", folder)
    yield folder
    shutil.rmtree(folder.parent)


@pytest.fixture
def disk_folder() -> Iterator[Path]:
    """Not in memory, where programs may not be allowed to run."""
    folder = Path(tempfile.mkdtemp(prefix="notifier-tests-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def run_as_nobody(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        cwd=CHECKOUT,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        input="",
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    )


def test_the_server_never_runs_as_root(server, data_dir):
    server.start()

    process = server_process(data_dir)

    assert process
    assert process.uids().real != 0
    assert process.uids().real == account_for_new_server().uid
    server.stop()


@only_root
def test_an_ordinary_account_needs_no_other(empty_data_dir, python_of_others):
    os.chown(empty_data_dir, NOBODY, NOBODY)

    done = run_as_nobody([*python_of_others, "-m", "tests.launch.use_server", str(empty_data_dir)])

    assert (done.returncode, done.stdout) == (0, "in use\n"), done.stderr
    assert cluster_folder(empty_data_dir).stat().st_uid == NOBODY


@only_root
def test_root_runs_the_database_of_an_ordinary_account_under_that_account(server, data_dir):
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", cluster_folder(data_dir)], check=True)

    server.start()

    process = server_process(data_dir)
    assert process
    assert process.uids().real == NOBODY
    server.stop()


@only_root
def test_an_ordinary_account_is_told_whose_database_it_is(data_dir, python_of_others):
    os.chown(data_dir, NOBODY, NOBODY)
    subprocess.run(["chown", "-R", "1:1", cluster_folder(data_dir)], check=True)
    for lock in data_dir.glob("*.lock"):
        os.chown(lock, NOBODY, NOBODY)

    done = run_as_nobody([*python_of_others, "-m", "tests.launch.use_server", str(data_dir)])

    assert done.stderr == (
        f"The database folder {cluster_folder(data_dir)} belongs to the account "
        f"{owner_account(1).name}: run the command as that account or as root.\n"
    )


@only_root
def test_a_data_folder_that_cannot_be_written_is_named(empty_data_dir, python_of_others):
    code = (
        "import os; from notifier.launch.environment import read_environment as read; "
        f"read({{'NOTIFIER_DATA_DIR': '{empty_data_dir}'}})"
    )

    done = run_as_nobody([*python_of_others, "-c", code])

    assert done.stderr.splitlines()[-1].partition(": ")[2] == (
        f'NOTIFIER_DATA_DIR "{empty_data_dir}" cannot be read and written by this account.'
    )


@only_root
def test_a_data_folder_closed_to_the_account_gets_its_state_elsewhere(empty_data_dir, state_folder):
    empty_data_dir.chmod(0o700)
    server = EmbeddedPostgres(empty_data_dir, say=lambda text: None)
    server.start()
    query(empty_data_dir, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()

    server.start()

    assert query(empty_data_dir, "SELECT answer FROM kept") == 42
    assert cluster_folder(empty_data_dir).parent.parent == state_folder
    assert stat.S_IMODE(empty_data_dir.stat().st_mode) == 0o700
    server.stop()


@only_root
def test_a_new_data_folder_in_the_same_place_begins_empty(empty_data_dir, state_folder):
    empty_data_dir.chmod(0o700)
    first = postgres_cluster.find_cluster(empty_data_dir)
    shutil.rmtree(empty_data_dir)
    empty_data_dir.mkdir(mode=0o700)

    second = postgres_cluster.find_cluster(empty_data_dir)

    assert first.folder != second.folder


@only_root
def test_programs_closed_to_the_account_are_copied_with_their_libraries(disk_folder):
    real = newest_binaries()
    install = real.folder.parent
    closed = disk_folder / "closed" / install.parent.name / install.name / "bin"
    closed.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        shutil.copy2(real.folder / name, closed / name)
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    shutil.copytree(libraries, disk_folder / "closed" / libraries.name)
    (disk_folder / "closed").chmod(0o700)
    account = account_for_new_server()

    binaries = Binaries(closed, real.version)
    found = binaries_for(account, binaries, copies=(disk_folder,))

    assert not binaries.suit(account)
    assert found.suit(account)
    copied = found.folder.relative_to(disk_folder)
    assert copied == Path(f"programs-{real.version}", *closed.parts[-3:])
