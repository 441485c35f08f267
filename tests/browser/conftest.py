"""A real browser in front of the pages.

Skipped where there is no Chromium, but never under CI=true. Whatever a page
logs as an error, and whatever its Content-Security-Policy blocks, fails the
test that opened it.
"""

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client as Session

from notifier.mailings.models import Gateway
from tests.browser.looking import Watched

TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP ${event.violatedDirective} blocked ${event.blockedURI}`));
"""


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
