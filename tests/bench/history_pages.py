"""(h) How long pages take after a year; with --full, of ten million messages."""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.pages import sign_in_as_anybody, time_view
from tests.bench.rig import Rig
from tests.bench.table import Table, number
from tests.running import CHECKOUT, RunningNotifier

VIEWS = 9
SMALL = {"messages": 200_000, "mailings": 100, "clients": 50_000}
FULL = {"messages": 10_000_000, "mailings": 1_000, "clients": 1_000_000}
YEAR = "range=12m"
# {large} is the mailing of a tenth of all, {usual} another; {phone} a client's.
PAGES = {
    "overview": "/",
    "statistics of a week": "/statistics/",
    "of a year by mailing": f"/statistics/?{YEAR}",
    "of a year by operator": f"/statistics/?{YEAR}&by=operator",
    "of a year by tag": f"/statistics/?{YEAR}&by=tag",
    "of a year by zone": f"/statistics/?{YEAR}&by=timezone",
    "of a year by hour": f"/statistics/?{YEAR}&by=hour",
    "of a year by reason": f"/statistics/?{YEAR}&by=reason",
    "of a year, one gateway": f"/statistics/?{YEAR}&gateway=2",
    "report of a year": f"/report/?{YEAR}",
    "largest mailing": "/mailings/{large}/",
    "its report": "/mailings/{large}/report/",
    "a usual mailing": "/mailings/{usual}/",
    "list of mailings": "/mailings/",
    "messages": "/messages/",
    "by a phone": "/messages/?q={phone}",
    "by a phone's beginning": "/messages/?q=79000",
    "by last digits": "/messages/?q=4567",
    "by status": "/messages/?status=unknown",
    "by mailing and status": "/messages/?mailing={large}&status=failed",
    "by tag and status": "/messages/?tag=tag 24&status=failed",
    "by a day": "/messages/?from={day}&to={day}",
    "by hour and attempts": "/messages/?hour=3&attempts=2",
    "by what hardly any has": "/messages/?operator=959&timezone=UTC&attempts=4",
    "far back": "/messages/?before=1000",
    "a message": "/messages/1000/",
    "API: a year by tag": f"/api/statistics/breakdown/?{YEAR}&by=tag",
    "API: messages by status": "/api/message/?status=unknown",
}


@dataclass(frozen=True)
class Row:
    """Milliseconds until the whole page has arrived."""

    page: str
    median_ms: float
    worst_ms: float
    messages: int


def measure(rig: Rig) -> list[Row]:
    """In a Notifier of its own, filled by tests.bench.history."""
    sizes = FULL if rig.scale.full else SMALL
    folder = Path(tempfile.mkdtemp(prefix="notifier-bench-history-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        with RunningNotifier(folder, echo=False) as notifier:
            _fill(notifier, sizes)
            return _time(notifier, sizes["messages"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(notifier: RunningNotifier, sizes: dict[str, int]) -> None:
    options = [word for name, size in sizes.items() for word in (f"--{name}", str(size))]
    subprocess.run(
        [sys.executable, "-m", "tests.bench.history", *options],
        env=notifier.variables,
        cwd=CHECKOUT,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _time(notifier: RunningNotifier, messages: int) -> list[Row]:
    database = notifier.database()
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT id FROM mailing ORDER BY audience DESC LIMIT 1),"
            " (SELECT id FROM mailing ORDER BY audience OFFSET"
            "  (SELECT count(*) / 2 FROM mailing) LIMIT 1),"
            " (SELECT max(phone) FROM client), current_date - 100"
        )
        named = dict(zip(("large", "usual", "phone", "day"), cursor.fetchone(), strict=True))
    database.close()
    rows = []
    with sign_in_as_anybody(notifier) as session:
        for page, address in PAGES.items():
            url = notifier.url + address.format(**named)
            times = [time_view(session, url, {}) for _ in range(VIEWS + 1)][1:]
            rows.append(Row(page, median(times), max(times), messages))
    return rows


def table(rows: list[Row], rig: Rig) -> Table:
    return Table(
        title=f"Pages after a year with {rows[0].messages:,} messages",
        note=f"Milliseconds until the whole page has arrived; {VIEWS} views of each.",
        headings=["page", "median", "worst"],
        lines=[[row.page, number(row.median_ms), number(row.worst_ms)] for row in rows],
    )
