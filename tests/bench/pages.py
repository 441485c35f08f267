"""(f) How long pages take, idle and while messages are sent at full speed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_urlsafe
from statistics import median

import requests

from tests.bench.load import FullSpeed
from tests.bench.rig import SENDERS, Rig
from tests.bench.table import Table, number
from tests.running import RunningNotifier

VIEWS = 30
FULL_VIEWS = 100
LIVE_PART = {"HX-Request": "true", "HX-Target": "live"}

Address = Callable[[int], str]
PAGES: dict[str, tuple[Address, dict[str, str]]] = {
    "overview": (lambda mailing: "/", {}),
    "list of mailings": (lambda mailing: "/mailings/", {}),
    "a mailing": (lambda mailing: f"/mailings/{mailing}/", {}),
    "its live part": (lambda mailing: f"/mailings/{mailing}/?seen=0", LIVE_PART),
    "list of clients": (lambda mailing: "/clients/", {}),
    "clients of a zone": (lambda mailing: "/clients/?timezone=Asia/Omsk", {}),
    "clients by last digits": (lambda mailing: "/clients/?q=4567", {}),
    "clients of a town": (lambda mailing: "/clients/?q=Томск", {}),
    "an audience while typing": (
        lambda mailing: "/mailings/preview/?timezone=Asia/Omsk&start=now",
        {"HX-Request": "true", "HX-Target": "audience"},
    ),
}


@dataclass(frozen=True)
class Row:
    """Milliseconds until the whole page has arrived. ``per_second``: messages sent meanwhile."""

    page: str
    views: int
    idle_median_ms: float
    idle_worst_ms: float
    sending_median_ms: float
    sending_worst_ms: float
    per_second: float


def measure(rig: Rig) -> list[Row]:
    views = FULL_VIEWS if rig.scale.full else VIEWS
    messages = rig.scale.biggest
    rig.use_senders(SENDERS)
    rig.clients(messages)
    with sign_in_as_anybody(rig.notifier) as session:
        newest = int(rig.query("SELECT max(id) FROM mailing")[0])
        time_views(session, rig, mailing=lambda: newest, views=3)  # templates and plans are made
        idle = time_views(session, rig, mailing=lambda: newest, views=views)
        with FullSpeed(rig, messages=messages) as load:
            sending = time_views(session, rig, mailing=lambda: load.mailing, views=views)
            per_second = load.per_second
    return [
        Row(
            page=page,
            views=views,
            idle_median_ms=median(idle[page]),
            idle_worst_ms=max(idle[page]),
            sending_median_ms=median(sending[page]),
            sending_worst_ms=max(sending[page]),
            per_second=per_second,
        )
        for page in PAGES
    ]


def sign_in_as_anybody(notifier: RunningNotifier) -> requests.Session:
    """The session of an ordinary person, no administrator, by the form that people use."""
    password = token_urlsafe()
    notifier.manage(
        "shell", "-v0", "-c",
        "from django.contrib.auth.models import User;"
        "User.objects.filter(username='reader').delete();"
        f"User.objects.create_user('reader', password={password!r})",
    )  # fmt: skip
    session = requests.Session()
    session.trust_env = False
    address = f"{notifier.url}/sign-in/"
    session.get(address, timeout=30).raise_for_status()
    form = {
        "username": "reader",
        "password": password,
        "csrfmiddlewaretoken": session.cookies["csrftoken"],
    }
    reply = session.post(address, data=form, headers={"Referer": address}, timeout=30)
    assert reply.history, "Signing in did not lead anywhere."
    return session


def time_views(
    session: requests.Session, rig: Rig, *, mailing: Callable[[], int], views: int
) -> dict[str, list[float]]:
    """Milliseconds of each view; the pages in turn, so that all see the same times."""
    taken: dict[str, list[float]] = {page: [] for page in PAGES}
    for _ in range(views):
        for page, (address, headers) in PAGES.items():
            url = rig.notifier.url + address(mailing())
            taken[page].append(time_view(session, url, headers))
    return taken


def time_view(session: requests.Session, url: str, headers: dict[str, str]) -> float:
    begun = time.perf_counter()
    reply = session.get(url, headers=headers, allow_redirects=False, timeout=60)
    passed = time.perf_counter() - begun
    assert reply.status_code == 200, f"{url}: {reply.status_code}"
    return passed * 1000


def table(rows: list[Row], rig: Rig) -> Table:
    pace = f"{rows[0].per_second:,.0f} messages/s"
    return Table(
        title=f"Pages, idle and at {pace}",
        note=f"Milliseconds until the whole page has arrived; {rows[0].views} views of each.",
        headings=["page", "idle, median", "worst", "sending, median", "worst"],
        lines=[
            [
                row.page,
                number(row.idle_median_ms),
                number(row.idle_worst_ms),
                number(row.sending_median_ms),
                number(row.sending_worst_ms),
            ]
            for row in rows
        ],
    )
