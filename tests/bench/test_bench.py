"""The benchmark itself: that it runs, counts right and keeps its form. No figure is judged."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from notifier.gateway.sandbox.ledger import Ledger, LedgerEntry
from tests.bench import clients_pages
from tests.bench.__main__ import measure
from tests.bench.baselines import CONNECTIONS, run_apart
from tests.bench.clients_pages import FILTERS, LISTS
from tests.bench.lateness import measure_lateness
from tests.bench.ledger_tail import LedgerTail, new_mark
from tests.bench.load import OPEN, FullSpeed
from tests.bench.pages import PAGES, sign_in_as_anybody, time_views
from tests.bench.rig import Rig, Scale
from tests.bench.table import WIDTH, Table, number, span, times
from tests.bench.throughput import environment
from tests.folders import make_open_folder
from tests.running import RunningNotifier, wait_for

SCALE = Scale(messages=200, runs=1, seconds=0.2)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    folder = make_open_folder()
    with RunningNotifier(folder) as notifier:
        yield Rig(notifier, SCALE)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_run_shows_and_writes_every_row(
    rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    result = tmp_path / "bench.json"

    measure(rig, parts=["growth"], result=result)

    written = json.loads(result.read_text())
    assert list(written) == ["machine", "scale", "growth"]
    assert [row["messages"] for row in written["growth"]] == [20, 200]
    assert set(written["growth"][1]["cpu_us"]) >= {"database", "senders", "web"}
    lines = capsys.readouterr().out.splitlines()
    assert "part              CPU a message  share  memory, peak" in lines
    assert max(len(line) for line in lines if str(result) not in line) <= WIDTH


def test_an_import_is_measured_with_what_goes_on_beside_it(
    rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    result = tmp_path / "bench.json"

    measure(rig, parts=["imports"], result=result)

    (row,) = json.loads(result.read_text())["imports"]
    assert (row["rows"], sum(row["counts"].values())) == (200, 200)
    assert row["whole_seconds"] > row["copy_seconds"] > 0
    assert set(row["beside"]["page_ms"]) == set(PAGES)
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if str(result) not in line) <= WIDTH


def test_every_filter_is_counted_and_every_list_opened(rig: Rig) -> None:
    rows = clients_pages.measure(rig)

    assert [row.what for row in rows] == [*FILTERS, *LISTS]
    matches = {row.what: row.match for row in rows}
    assert matches["everybody"] == SCALE.messages
    assert 0 < matches["received the mailing"] < SCALE.messages


@pytest.mark.parametrize(
    ("way", "under_way_at_the_end"),
    [
        ("one_after_the_other", 0),
        ("requests_in_threads", 0),
        ("libcurl_alone", CONNECTIONS),
        ("raw_sockets", CONNECTIONS),
    ],
)
def test_a_plain_way_sends_what_it_counts(rig: Rig, way: str, under_way_at_the_end: int) -> None:
    before = rig.received()

    sent = run_apart(
        way, rig.notifier.sandbox_url, seconds=SCALE.seconds, variables=environment(rig)
    )

    assert sent.messages > 0
    assert 0 <= rig.received() - before - sent.messages <= under_way_at_the_end
    assert rig.query("SELECT to_regclass('bench_plain_message')") == (None,)


def test_lateness_is_counted_from_the_start_time(rig: Rig) -> None:
    late = measure_lateness(rig, audience=100, starts=2)

    # Nothing ever leaves before its time, so what is negative was counted from elsewhere.
    assert len(late) == 2
    assert all(0 < each < 60 for each in late)


def test_every_page_opens_for_an_ordinary_person(rig: Rig) -> None:
    mailing = rig.query("SELECT max(id) FROM mailing")[0]

    with sign_in_as_anybody(rig.notifier) as session:
        taken = time_views(session, rig, mailing=lambda: mailing, views=1)

    assert {page: len(views) for page, views in taken.items()} == dict.fromkeys(PAGES, 1)


def test_full_speed_goes_on_until_it_is_left(rig: Rig) -> None:
    before = rig.received()

    with FullSpeed(rig, messages=SCALE.messages) as load:
        more = 3 * SCALE.messages
        wait_for(lambda: rig.received() - before > more, seconds=60, what="a third mailing")
        assert load.per_second > 0

    assert rig.query(f"SELECT count(*) FROM mailing WHERE {OPEN}") == (0,)


def test_the_ledger_is_read_on_from_where_it_stood(tmp_path: Path) -> None:
    path, early, late = tmp_path / "ledger.jsonl", new_mark(), new_mark()
    with closing(Ledger(path)) as ledger:
        _receive(ledger, text=early, at=1)
        with closing(LedgerTail(path)) as tail:
            tail.expect(early)
            tail.expect(late)
            _receive(ledger, text=f"{late} and more", at=2)
            _receive(ledger, text=late, at=3)

            assert tail.read_on() == [late]
            assert (tail.first_at, tail.is_complete) == ({late: 2}, False)


def test_a_line_that_comes_in_two_halves_is_read_once_it_is_whole(tmp_path: Path) -> None:
    whole, path, mark = tmp_path / "whole.jsonl", tmp_path / "ledger.jsonl", new_mark()
    with closing(Ledger(whole)) as ledger:
        _receive(ledger, text=mark, at=1)
    line = whole.read_bytes()
    path.touch()
    with closing(LedgerTail(path)) as tail, path.open("ab", buffering=0) as file:
        tail.expect(mark)
        file.write(line[:-9])
        assert tail.read_on() == []

        file.write(line[-9:])

        assert (tail.read_on(), tail.is_complete) == ([mark], True)


def test_a_table_has_its_figures_to_the_right() -> None:
    table = Table("Pace", "", ["", "msg/s"], [["Notifier", number(12_345)], ["plain", "9"]])

    assert table.as_text().splitlines() == [
        "Pace",
        "",
        "           msg/s",
        "────────  ──────",
        "Notifier  12,345",
        "plain          9",
    ]


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.412, "0.41×"), (3.21, "3.2×"), (12.4, "12×"), (1184, "1,184×")]
)
def test_a_ratio_has_as_many_digits_as_say_something(ratio: float, words: str) -> None:
    assert times(ratio) == words


def test_one_run_has_no_span() -> None:
    assert (span([5.0]), span([5.0, 7.0])) == ("", "5–7")


def _receive(ledger: Ledger, *, text: str, at: float) -> None:
    ledger.add(LedgerEntry(at, 1, 79991234567, text, "accepted", 200, accepted=True))
    ledger.write()
