"""A real browser in front of the pages.

Skipped where there is no Chromium, but never under CI=true. Whatever a page
logs as an error, and whatever its Content-Security-Policy blocks, fails the
test that opened it.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client as Session

from notifier.mailings.models import Gateway
from tests.browser.looking import Watched

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP ${event.violatedDirective} blocked ${event.blockedURI}`));
"""


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        _do_without("no Chromium here: install one, or name it in CHROMIUM")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _do_without("Playwright is not installed: see requirements-dev.txt")
    # Else the live server warns that nothing was collected there.
    Path(django_settings.STATIC_ROOT).mkdir(exist_ok=True)
    # Playwright runs an event loop in this thread, in which Django would refuse queries.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        # Without its sandbox, which root cannot use.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def _static_files_as_they_are(settings) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}


@pytest.fixture(autouse=True)
def _default_gateway(transactional_db) -> None:
    # Tests that commit end by emptying every table, the migrations' rows included.
    Gateway.objects.get_or_create(name="Default gateway")


@pytest.fixture
def stranger(chromium, live_server) -> Iterator[Watched]:
    """A browser in which nobody is signed in."""
    context = chromium.new_context(
        base_url=live_server.url, viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    context.add_init_script(TELL_VIOLATIONS)
    context.set_default_timeout(10_000)
    watched = Watched(context.new_page())
    yield watched
    context.close()
    assert watched.complaints == []


@pytest.fixture
def person(transactional_db) -> User:
    return User.objects.create_user("anna")


@pytest.fixture
def page(stranger: Watched, live_server, person: User) -> Watched:
    """A browser in which anna is signed in."""
    session = Session()
    session.force_login(person)
    name = django_settings.SESSION_COOKIE_NAME
    cookie = {"name": name, "value": session.cookies[name].value, "url": live_server.url}
    stranger.page.context.add_cookies([cookie])
    return stranger
