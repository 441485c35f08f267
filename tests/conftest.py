"""Which database and which browser the tests use.

Where DATABASE_URL is unset: an embedded server of their own, in a data folder
of their own, so that a Notifier that runs in this checkout goes on undisturbed.
It starts with the first test that asks for a database, and ends with the tests.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import django
import pytest

from tests.folders import make_open_folder

# SIGTERM ends the tests as Ctrl-C does, or it would leave their server behind.
signal.signal(signal.SIGTERM, signal.default_int_handler)

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


CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """A browser; skipped where there is none, but under CI=true that is a failure."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        do_without("no Chromium here: install one, or name it in CHROMIUM")
    from django.conf import settings

    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        do_without("Playwright is not installed: see requirements-dev.txt")
    # Else the live server warns that nothing was collected there.
    Path(settings.STATIC_ROOT).mkdir(exist_ok=True)
    # Playwright runs an event loop in this thread, in which Django would refuse queries.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        # Without its sandbox, which root cannot use.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def do_without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
