import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.launch.postgres import EmbeddedPostgres
from notifier.launch.postgres_socket import socket_folder
from tests.conftest import make_open_folder
from tests.launch.servers import ServerUser, end_processes_below
from tests.launch.ups import Up, free_ports


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A data folder with a database in it, to be copied: making one takes a second."""
    folder = make_open_folder()
    with EmbeddedPostgres(folder, say=lambda text: None).in_use():
        pass
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def empty_data_dir(open_folder: Path) -> Iterator[Path]:
    """What still works in it at the end is killed."""
    folder = open_folder / "data"
    folder.mkdir()
    yield folder
    end_processes_below(open_folder)
    shutil.rmtree(socket_folder(folder), ignore_errors=True)


@pytest.fixture
def data_dir(empty_data_dir: Path, template: Path) -> Path:
    """With a database, which does not run."""
    # The command keeps the owners, which Python's own copying does not.
    subprocess.run(["cp", "-a", f"{template}/.", empty_data_dir], check=True)
    return empty_data_dir


@pytest.fixture
def server(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, say=lambda text: None)


@pytest.fixture
def server_user(data_dir: Path) -> Iterator[ServerUser]:
    """One process that uses the server already."""
    user = ServerUser(data_dir)
    user.wait_until_in_use()
    yield user
    if user.process.poll() is None:
        user.kill()


@pytest.fixture(scope="session")
def home(template: Path) -> Iterator[Path]:
    """One data folder for every start of ``up``: static files are collected only once."""
    folder = make_open_folder()
    subprocess.run(["cp", "-a", f"{template}/.", folder], check=True)
    yield folder
    shutil.rmtree(folder)
    shutil.rmtree(socket_folder(folder), ignore_errors=True)


@pytest.fixture
def up(home: Path) -> Iterator[Up]:
    """Not started yet; ended in any case."""
    port, sandbox_port = free_ports(2)
    up = Up(home, port=port, sandbox_port=sandbox_port)
    yield up
    up.end()
