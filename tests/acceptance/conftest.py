import shutil
from collections.abc import Iterator

import pytest

from tests.folders import make_open_folder
from tests.running import RunningNotifier


@pytest.fixture(scope="module")
def notifier() -> Iterator[RunningNotifier]:
    """Notifier, started in an empty data folder, with made-up clients; one for a file's tests."""
    folder = make_open_folder()
    with RunningNotifier(folder) as running:
        running.manage("sample_data", "--clients", "3000")
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _no_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "notifier" in request.fixturenames:
        running = request.getfixturevalue("notifier")
        running.session.post(f"{running.sandbox_url}/control/reset", json={}, timeout=10)
