from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser


@pytest.fixture(scope="session")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings, empty_folder: Path):
    """Pages name their static files without anybody having collected them."""
    settings.STATIC_ROOT = empty_folder
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def person(db) -> User:
    return User.objects.create_user("anna", password="a-long-secret-7")


@pytest.fixture
def browser(client: Browser, person: User) -> Browser:
    """A browser in which somebody is signed in."""
    client.force_login(person)
    return client


@pytest.fixture
def outage(transactional_db) -> Iterator[None]:
    """Nobody answers where the database was. What a test needs of it is made before."""
    connection.close()
    # Undone by itself: the monkeypatch fixture may outlive the database's tidying up.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "PORT", "1")
        yield
        connection.close()
