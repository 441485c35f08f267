"""Which database the tests use.

Where DATABASE_URL is unset: an embedded server of their own, in a data folder
of their own, so that a Notifier that runs in this checkout goes on undisturbed.
It starts with the first test that asks for a database, and ends with the tests.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest

# SIGTERM ends the tests as Ctrl-C does, or it would leave their server behind.
signal.signal(signal.SIGTERM, signal.default_int_handler)


def make_open_folder() -> Path:
    """An empty folder that every account may enter.

    Run by root, the embedded server works under another account, and pytest's
    own temporary folders are closed to it.
    """
    folder = Path(tempfile.mkdtemp(prefix="notifier-tests-", dir=base_for_data()))
    folder.chmod(0o711)
    return folder


def base_for_data() -> Path:
    """In memory where there is plenty: most of the time would go into writing to disk."""
    memory = Path("/dev/shm")
    is_roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_FOR_DATA
    return memory if is_roomy else Path("/tmp")


ROOM_FOR_DATA = 4 << 30


DATA_FOLDER = make_open_folder()

# Set here and not in pyproject.toml: the settings would be read before the data
# folder is known.
os.environ["DJANGO_SETTINGS_MODULE"] = "notifier.settings"
os.environ["NOTIFIER_DATA_DIR"] = str(DATA_FOLDER)
django.setup()


def pytest_unconfigure() -> None:
    shutil.rmtree(DATA_FOLDER, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    """Called by pytest-django before it makes the test database."""
    from django.conf import settings

    from notifier.launch.postgres import EmbeddedPostgres

    if not settings.ENVIRONMENT.uses_embedded_database:
        yield
        return
    with EmbeddedPostgres(DATA_FOLDER).in_use():
        yield


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder for the data of a Notifier that a test starts."""
    folder = make_open_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
