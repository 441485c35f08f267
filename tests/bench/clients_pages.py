"""(i) How long filters and lists of clients take; with --full, of a million clients."""

import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import requests

from tests.bench.pages import sign_in_as_anybody, time_view
from tests.bench.rig import CLIENTS_AT_ONCE, Rig
from tests.bench.table import Table, number
from tests.running import RunningNotifier

VIEWS = 9
# Who gets the mailing that filters ask about.
REACHED = {"tag": "loyal"}

Comparison = tuple[str, str, str]
# As they are filled in, row by row; all must hold.
FILTERS: dict[str, list[Comparison]] = {
    "a tag": [("tag", "is", "vip")],
    "an operator": [("operator", "is", "903")],
    "a zone": [("timezone", "is", "Asia/Omsk")],
    "the largest zone": [("timezone", "is", "Europe/Moscow")],
    "an attribute": [("attributes.city", "is", "Омск")],
    "its commonest value": [("attributes.city", "is", "Москва")],
    "a tag and an attribute": [("tag", "is", "vip"), ("attributes.city", "is", "Москва")],
    "a phone's beginning": [("phone_number", "starts_with", "7903")],
    "a phone's last digits": [("phone_number", "ends_with", "4567")],
    "added lately": [("created_at", "in_last_days", "7")],
    "everybody": [],
    "a text within an attribute": [("attributes.name", "contains", "ари")],
    "a number in an attribute": [("attributes.name", "gt", "30")],
    "not contacted lately": [("last_contacted", "not_in_last_days", "30")],
    "received the mailing": [("mailing", "received", "{mailing}")],
    "a tag, did not receive it": [("tag", "is", "vip"), ("mailing", "not_received", "{mailing}")],
}
LISTS = {
    "newest": "/clients/",
    "by phone": "/clients/?sort=phone",
    "of a tag": "/clients/?tag=vip",
    "of a tag, by operator": "/clients/?tag=vip&sort=operator",
    "of an operator and a zone": "/clients/?operator=903&timezone=Asia/Omsk",
    "of the largest town": "/clients/?q=Москва",
    "of that, by time zone": "/clients/?q=Москва&sort=timezone",
    "by last digits": "/clients/?q=4567",
    "by a phone's beginning": "/clients/?q=7903",
    "of what nobody has": "/clients/?q=nothing",
    "opted out": "/clients/?opted_out=yes",
    "page 400": "/clients/?page=400",
    "one client": "/clients/{client}/",
}


@dataclass(frozen=True)
class Row:
    """Milliseconds until the whole answer has arrived. ``clients`` there are, ``match`` the filter.

    ``match`` is None for a list.
    """

    what: str
    match: int | None
    median_ms: float
    worst_ms: float
    clients: int


def measure(rig: Rig) -> list[Row]:
    """In a Notifier of its own, whose clients differ as made-up ones do."""
    clients = rig.scale.biggest
    folder = Path(tempfile.mkdtemp(prefix="notifier-bench-clients-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        with RunningNotifier(folder, echo=False) as notifier:
            mailing = _fill(notifier, clients)
            with sign_in_as_anybody(notifier) as session:
                return [
                    *_time_filters(notifier, session, clients, mailing),
                    *_time_lists(notifier, session, clients),
                ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(notifier: RunningNotifier, clients: int) -> int:
    """Clients, and a mailing that has reached some of them; its number."""
    notifier.wait_until_ready()
    for seed, start in enumerate(range(0, clients, CLIENTS_AT_ONCE)):
        portion = min(CLIENTS_AT_ONCE, clients - start)
        notifier.manage("sample_data", "--clients", str(portion), "--seed", str(seed))
    mailing = int(notifier.post("mailing/", {"clients": REACHED, "text": "Hello"})["id"])
    notifier.wait_for_mailing(mailing, status="finished", seconds=300)
    with closing(notifier.database()) as database, database.cursor() as cursor:
        # As the server does by itself some time after so many changes.
        for table in ("client", "message"):
            cursor.execute(f"VACUUM ANALYZE {table}")
    return mailing


def _time_filters(
    notifier: RunningNotifier, session: requests.Session, clients: int, mailing: int
) -> list[Row]:
    """Each as often as a person's typing asks for it: the exact count and five clients."""
    url = f"{notifier.url}/clients/filters/preview/"
    rows = []
    for what, comparisons in FILTERS.items():
        filled_in = [(field, op, value.format(mailing=mailing)) for field, op, value in comparisons]
        form = _form_of(filled_in) | {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
        times = _warm(lambda form=form: _time_post(session, url, form))
        match = _count(notifier, filled_in)
        rows.append(Row(what, match, median(times), max(times), clients))
    return rows


def _form_of(comparisons: list[Comparison]) -> dict[str, Any]:
    names = ("field", "op", "value")
    columns: Mapping[str, list[str]] = {
        name: [comparison[place] for comparison in comparisons] for place, name in enumerate(names)
    }
    return {"join": "all", "row_group": ["top"] * len(comparisons), **columns}


def _time_post(session: requests.Session, url: str, form: Mapping[str, Any]) -> float:
    begun = time.perf_counter()
    reply = session.post(url, data=form, headers={"Referer": url}, timeout=60)
    passed = time.perf_counter() - begun
    assert reply.status_code == 200, f"{form}: {reply.status_code}"
    assert "Not counted" not in reply.text, f"{form}: {reply.text}"
    return passed * 1000


def _count(notifier: RunningNotifier, comparisons: list[Comparison]) -> int:
    parts = [{"field": field, "op": op, "value": value} for field, op, value in comparisons]
    conditions = {"all": parts} if parts else {}
    return int(notifier.post("filter/count/", {"clients": conditions})["matching"])


def _time_lists(notifier: RunningNotifier, session: requests.Session, clients: int) -> list[Row]:
    with closing(notifier.database()) as database, database.cursor() as cursor:
        cursor.execute("SELECT max(client_id) FROM message")
        (client,) = cursor.fetchone()
    rows = []
    for what, address in LISTS.items():
        url = notifier.url + address.format(client=client)
        times = _warm(lambda url=url: time_view(session, url, {}))
        rows.append(Row(what, None, median(times), max(times), clients))
    return rows


def _warm(view: Any) -> list[float]:
    """Without the first: what others have not asked for yet is read from the disk."""
    return [view() for _ in range(VIEWS + 1)][1:]


def filters_table(rows: list[Row], rig: Rig) -> Table:
    return Table(
        title=f"Filters over {rows[0].clients:,} clients, counted while one types",
        note=f"Milliseconds until the exact count and five examples have arrived; {VIEWS} of each.",
        headings=["clients with", "match", "median", "worst"],
        lines=[
            [row.what, number(row.match), number(row.median_ms), number(row.worst_ms)]
            for row in rows
            if row.match is not None
        ],
    )


def lists_table(rows: list[Row], rig: Rig) -> Table:
    return Table(
        title=f"Lists of {rows[0].clients:,} clients",
        note=f"Milliseconds until the whole page has arrived; {VIEWS} views of each.",
        headings=["list", "median", "worst"],
        lines=[
            [row.what, number(row.median_ms), number(row.worst_ms)]
            for row in rows
            if row.match is None
        ],
    )
