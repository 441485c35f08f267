"""Workers die in mid-import; every row of the file is accounted for, once."""

import csv
import io
from contextlib import suppress

import psutil

from tests.faults.processes import clusters
from tests.running import RunningNotifier, wait_for

ROWS = 120_000
BAD_ROWS = 120
# Each of the first thousand good numbers comes once more.
DOUBLES = 1_000
ENDS_SECONDS = 90


def made_up_file() -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["phone", "tag", "city"])
    # From 1 on: a number that ends in zeros looks as if a spreadsheet had damaged it.
    phones = [f"7999{number:07}" for number in range(1, 1 + ROWS - BAD_ROWS - DOUBLES)]
    writer.writerows([phone, "imported", "Томск"] for phone in phones)
    writer.writerows([phone, "again", ""] for phone in phones[:DOUBLES])
    writer.writerows([f"{number}", "bad", "two\nlines"] for number in range(BAD_ROWS))
    return text.getvalue().encode()


def begin(notifier: RunningNotifier) -> int:
    reply = notifier.session.post(
        f"{notifier.url}/api/import/",
        files={"file": ("clients.csv", made_up_file())},
        data={"dry_run": "false"},
        timeout=60,
    )
    assert reply.status_code == 201, reply.text
    return reply.json()["id"]


def check_all_accounted_for(notifier: RunningNotifier, number: int) -> None:
    done = wait_for(
        lambda: _if_ended(notifier, number),
        seconds=ENDS_SECONDS,
        what="the import's end",
        every=0.2,
    )
    assert done["status"] == "finished", done
    with notifier.database() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT new, changed, unchanged, duplicates, rejected FROM client_import WHERE id = %s",
            [number],
        )
        assert cursor.fetchone() == (ROWS - BAD_ROWS - DOUBLES, 0, 0, DOUBLES, BAD_ROWS)
        cursor.execute(
            "SELECT count(*), count(DISTINCT phone), count(*) FILTER (WHERE tag = 'imported'),"
            " count(*) FILTER (WHERE created_by_import_id = %s) FROM client",
            [number],
        )
        assert cursor.fetchone() == (ROWS - BAD_ROWS - DOUBLES,) * 4
        cursor.execute("SELECT count(DISTINCT line), max(line) FROM import_rejection")
        assert cursor.fetchone() == (BAD_ROWS, 1 + ROWS - BAD_ROWS + 2 * BAD_ROWS - 1)


def _if_ended(notifier: RunningNotifier, number: int) -> dict | None:
    found = notifier.get(f"import/{number}/")
    return found if found["status"] not in ("checking", "importing") else None


def test_a_worker_that_dies_after_every_chunk(open_folder):
    with RunningNotifier(
        open_folder,
        LEASE_SECONDS="5",
        SWEEP_SECONDS="2",
        NOTIFIER_FAIL_POINTS="import_chunk_committed:1",
        NOTIFIER_FAIL_POINTS_IN=str(open_folder / "data"),
    ) as notifier:
        number = begin(notifier)

        check_all_accounted_for(notifier, number)
        deaths = [line for line in notifier.output if "this process kills itself" in line]
        assert len(deaths) == 3


def test_kill_9_of_the_whole_cluster_while_the_file_is_read(open_folder):
    with RunningNotifier(open_folder, LEASE_SECONDS="5", SWEEP_SECONDS="2") as notifier:
        number = begin(notifier)
        with notifier.database() as connection, connection.cursor() as cursor:

            def is_half_read() -> bool:
                cursor.execute("SELECT FROM client_import WHERE rows_read > 0 AND staged IS NULL")
                return cursor.fetchone() is not None

            wait_for(is_half_read, seconds=30, what="a batch", every=0.005)
        for process in clusters(notifier):
            with suppress(psutil.NoSuchProcess):
                process.kill()

        check_all_accounted_for(notifier, number)
