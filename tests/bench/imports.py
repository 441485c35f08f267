"""(g) An import of a large file, from the upload to its last row, beside a bare COPY of it.

The COPY puts the same rows as texts into a table without any index. It
refuses a file with rows of a wrong width, so it is spared those.
"""

import csv
import io
import random
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.lateness import SMALL, measure_lateness
from tests.bench.meters import MemoryPeaks, cost_between, read_meters
from tests.bench.pages import sign_in_as_anybody, time_views
from tests.bench.rig import Rig
from tests.bench.table import Table, number, times
from tests.running import wait_for

HEADER = ["Phone", "Operator", "Tag", "Timezone", "Name", "City"]
BAD_SHARE = 0.01
# What people's files have wrong, each as often as the others.
BAD_ROWS: tuple[list[str], ...] = (
    ["7.92E+10", "", "vip", "", "Anna", "Omsk"],
    ["7921", "", "vip", "", "Anna", "Omsk"],
    ["", "", "vip", "", "Anna", "Omsk"],
    ["phone unknown", "", "vip", "", "Anna", "Omsk"],
    ["79200000000", "", "vip", "", "Anna", "Omsk"],
    ["79991234567.0", "", "vip", "", "Anna", "Omsk"],
    ["7 999 123-45-67", "beeline", "", "", "Anna", "Omsk"],
    ["7 999 123-45-67", "", "", "Moscow", "Anna", "Omsk"],
    ["7 999 123-45-67", "", "x" * 101, "", "Anna", "Omsk"],
    ["7 999 123-45-67", "", "", "", "two\nlines\x00", "Omsk"],
    ["7 999 123-45-67", "", "", "", "Anna", "Omsk", "too", "many"],
)
WIDE = BAD_ROWS[-1]
DOUBLE_SHARE = 0.002
STARTS = 5


@dataclass(frozen=True)
class Row:
    """One import without a dry run: until the file is taken, from then until all rows are in."""

    rows: int
    megabytes: float
    upload_seconds: float
    import_seconds: float
    whole_seconds: float
    copy_seconds: float
    counts: dict[str, int]
    cpu_us: dict[str, float]
    wal_bytes: float
    grown_mib: dict[str, float]
    others_cores: float
    beside: "Beside"


@dataclass(frozen=True)
class Beside:
    """What else goes on while the same file is imported once more, to change known clients.

    Milliseconds of pages, as medians and worst; seconds until the first request of mailings.
    """

    page_ms: dict[str, tuple[float, float]]
    views: int
    late_seconds: list[float]


def measure(rig: Rig) -> list[Row]:
    with TemporaryDirectory(dir="/var/tmp") as folder:
        return [_run(rig, size, Path(folder) / f"{size}.csv") for size in rig.scale.sizes[1:]]


def _run(rig: Rig, rows: int, path: Path) -> Row:
    expected = write_file(path, rows)
    copies = [_bare_copy(rig, path) for _ in range(3)]
    rig.execute("DELETE FROM client WHERE phone LIKE '75%%'")
    rig.execute("VACUUM ANALYZE client")
    rig.settle()
    before, memory_before = read_meters(rig.notifier, rig.database), _memory(rig)
    peaks = MemoryPeaks()
    began = time.monotonic()
    client_import = upload(rig, path)
    uploaded = time.monotonic()

    def ended() -> Any:
        peaks.note(rig.notifier)
        found = rig.query("SELECT status FROM client_import WHERE id = %s", client_import)[0]
        return found if found not in ("checking", "importing") else None

    status = wait_for(ended, seconds=600, what="the import's end", every=0.02)
    finished = time.monotonic()
    peaks.note(rig.notifier, at_once=True)
    cost = cost_between(before, read_meters(rig.notifier, rig.database), messages=rows)
    counts = rig.notifier.get(f"import/{client_import}/")["counts"]
    assert status == "finished", status
    assert counts == expected, (counts, expected)
    beside = _look_beside(rig, path)
    return Row(
        rows=rows,
        megabytes=path.stat().st_size / 1e6,
        upload_seconds=uploaded - began,
        import_seconds=finished - uploaded,
        whole_seconds=finished - began,
        copy_seconds=median(copies),
        counts=counts,
        cpu_us=cost.cpu_us,
        wal_bytes=cost.wal_bytes,
        grown_mib={
            part: max(0.0, size - memory_before.get(part, 0.0))
            for part, size in peaks.unshared_mib.items()
        },
        others_cores=cost.others_cores,
        beside=beside,
    )


def _look_beside(rig: Rig, path: Path) -> Beside:
    rig.clients(SMALL)
    number = int(rig.query("SELECT max(id) FROM mailing")[0])
    with sign_in_as_anybody(rig.notifier) as session:
        client_import = upload(rig, path, known="update")
        taken = time_views(session, rig, mailing=lambda: number, views=1)
        late: list[float] = []
        while not has_ended(rig, client_import):
            for page, views in time_views(session, rig, mailing=lambda: number, views=3).items():
                taken[page] += views
            if not late and not has_ended(rig, client_import):
                late = measure_lateness(rig, audience=SMALL, starts=STARTS)
    return Beside(
        page_ms={page: (median(views), max(views)) for page, views in taken.items()},
        views=len(next(iter(taken.values()))),
        late_seconds=late,
    )


def has_ended(rig: Rig, client_import: int) -> bool:
    status = rig.query("SELECT status FROM client_import WHERE id = %s", client_import)[0]
    return status not in ("checking", "importing")


def write_file(path: Path, rows: int) -> dict[str, int]:
    """A file with bad and double rows among the good ones; what an import must make of it."""
    chance = random.Random(1)
    counts = {"new": 0, "changed": 0, "unchanged": 0, "duplicates": 0, "rejected": 0}
    zones, tags = ("Europe/Moscow", "Asia/Omsk", "", "UTC"), ("vip", "loyal", "new", "")
    # None that looks as if its last digits were lost.
    numbers = [number for number in range(rows + rows // 1_000_000 + 1) if number % 1_000_000]
    chance.shuffle(numbers)
    first = ""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for place, local in enumerate(numbers):
            drawn = chance.random()
            if drawn < BAD_SHARE:
                writer.writerow(BAD_ROWS[place % len(BAD_ROWS)])
                counts["rejected"] += 1
                continue
            if drawn < BAD_SHARE + DOUBLE_SHARE and first:
                phone = first
                counts["duplicates"] += 1
            else:
                phone = f"75{local:09}"
                first = first or phone
                counts["new"] += 1
            writer.writerow(
                [phone, "", tags[local % 4], zones[local % 4], f"Name {local % 900}", "Омск"]
            )
    return counts


def upload(rig: Rig, path: Path, *, known: str = "keep") -> int:
    with path.open("rb") as file:
        reply = rig.notifier.session.post(
            f"{rig.notifier.url}/api/import/",
            files={"file": (path.name, file)},
            data={"dry_run": "false", "known": known},
            timeout=300,
        )
    assert reply.status_code == 201, reply.text
    return int(reply.json()["id"])


def _bare_copy(rig: Rig, path: Path) -> float:
    """Seconds for the same bytes, without the rows that COPY refuses."""
    text = io.StringIO()
    with path.open(newline="") as file:
        csv.writer(text).writerows(
            [cell.replace("\x00", "") for cell in row]
            for row in csv.reader(file)
            if len(row) == len(HEADER)
        )
    text.seek(0)
    columns = ", ".join(f"{name.lower()} text" for name in HEADER)
    rig.execute("DROP TABLE IF EXISTS bare")
    rig.execute(f"CREATE TABLE bare ({columns})")
    began = time.monotonic()
    with rig.database.cursor() as cursor:
        cursor.copy_expert("COPY bare FROM STDIN (FORMAT csv)", text, size=1 << 20)
    taken = time.monotonic() - began
    rig.execute("DROP TABLE bare")
    return taken


def _memory(rig: Rig) -> dict[str, float]:
    peaks = MemoryPeaks()
    peaks.note(rig.notifier, at_once=True)
    return dict(peaks.unshared_mib)


def table(rows: list[Row], rig: Rig) -> Table:
    return Table(
        title="Imports: a file over the API, 1 % bad rows of every kind, until all rows are in",
        note="COPY: the same rows as texts into a bare table. Memory: how much the largest process"
        " of a part grew.",
        headings=[
            "rows", "file", "upload", "import", "whole", "rows/s", "COPY", "of COPY",
            "web", "worker", "others",
        ],
        lines=[
            [
                number(row.rows),
                f"{row.megabytes:.0f} MB",
                f"{row.upload_seconds:.1f} s",
                f"{row.import_seconds:.1f} s",
                f"{row.whole_seconds:.1f} s",
                number(row.rows / row.whole_seconds),
                f"{row.copy_seconds:.2f} s",
                times(row.whole_seconds / row.copy_seconds),
                f"+{row.grown_mib['web']:.0f} MiB",
                f"+{row.grown_mib['senders']:.0f} MiB",
                f"{row.others_cores:.2f} cores",
            ]
            for row in rows
        ],
    )  # fmt: skip


def beside_table(rows: list[Row], rig: Rig) -> Table:
    row = rows[-1]
    late = row.beside.late_seconds
    words = (
        f"a mailing's first request was {median(late):.2f} s late at the median,"
        f" {max(late):.2f} s at worst"
        if late
        else "it was over too soon to schedule mailings beside it"
    )
    return Table(
        title=f"Pages while {row.rows:,} known clients are imported once more",
        note=f"Milliseconds; {row.beside.views} views of each. Meanwhile {words}.",
        headings=["page", "median", "worst"],
        lines=[
            [page, number(middle), number(worst)]
            for page, (middle, worst) in row.beside.page_ms.items()
        ],
    )
