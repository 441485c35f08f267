"""Notifier's pages as a browser asks for them, signed in."""

import re
import threading
from time import monotonic, time
from types import TracebackType
from typing import Self

import requests

from tests.faults.story import Sample, Story
from tests.running import RunningNotifier

CSRF_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Pages:
    """The administrator's session."""

    def __init__(self, notifier: RunningNotifier) -> None:
        self.notifier = notifier
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"Referer": notifier.url, "Connection": "close"})
        self.post("/sign-in/", form_at="/sign-in/", **_account(notifier))

    def get(self, path: str) -> requests.Response:
        return self.session.get(f"{self.notifier.url}{path}", timeout=60)

    def post(self, path: str, *, form_at: str, **fields: str) -> requests.Response:
        """Send the form that stands at ``form_at``."""
        token = CSRF_FIELD.search(self.get(form_at).text)
        assert token, f"no form at {form_at}"
        fields |= {"csrfmiddlewaretoken": token[1]}
        reply = self.session.post(f"{self.notifier.url}{path}", data=fields, timeout=60)
        assert reply.ok, reply.text
        return reply


def _account(notifier: RunningNotifier) -> dict[str, str]:
    names = {"username": "DJANGO_SUPERUSER_USERNAME", "password": "DJANGO_SUPERUSER_PASSWORD"}
    return {field: notifier.variables[name] for field, name in names.items()}


class Watcher:
    """Looks at a page about twice a second while it is entered, and notes how long that took."""

    def __init__(self, notifier: RunningNotifier, story: Story, path: str) -> None:
        self._pages = Pages(notifier)
        self._samples = story.samples
        self._path = path
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self._samples.append(self._look())

    def _look(self) -> Sample:
        at, begun = time(), monotonic()
        try:
            status = self._pages.get(self._path).status_code
        except requests.RequestException:
            status = 0
        return Sample(at, monotonic() - begun, status)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(60)
