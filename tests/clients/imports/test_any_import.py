"""Any file over any clients, against plain Python (any_import): the dry run, the import
through kills at random points, the rejected rows, and the way back.
"""

import csv
import io
from random import Random

import pytest
from django.db import connection
from django.utils import timezone

from notifier.clients.imports import chunk, lifecycle, receive, report, steps, text, undoing
from notifier.clients.imports.columns import Column
from notifier.clients.imports.lifecycle import ImportOptions
from notifier.clients.imports.models import ClientImport, ImportRejection
from notifier.clients.models import Client, SuppressedPhone
from tests.clients.imports.any_import import (
    MOST_CHARACTERS,
    File,
    Known,
    after_import,
    any_file,
    any_known,
    as_text,
    read,
)
from tests.clients.imports.importing import options, received, undone, worked
from tests.clients.imports.workbooks import workbook

COUNTS = ("new", "changed", "unchanged", "duplicates", "rejected", "opted_out")


class Killed(BaseException):
    """As a process ends that is killed: nothing catches it."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "seeds", [range(5), pytest.param(range(5, 60), marks=pytest.mark.long)], ids=["few", "many"]
)
def test_any_import_does_what_plain_python_would(seeds, monkeypatch, settings):
    settings.IMPORT_MOST_CELL_CHARACTERS = MOST_CHARACTERS
    for seed in seeds:
        random = Random(seed)
        cut_small(random, monkeypatch)
        known, suppressed = any_known(random)
        store(known, suppressed)
        file = any_file(random)
        policy = random.choice(["keep", "update", "fill"])
        defaults = {"operator": random.choice([None, 914]), "tag": random.choice(["", "usual"]),
                    "timezone": random.choice(["", "Asia/Omsk"])}  # fmt: skip
        expected = after_import(file, known, suppressed, policy=policy, **defaults)
        before = everything()
        client_import = looked_at(file)
        stand_ins = {f"default_{name}": value for name, value in defaults.items()}
        said = as_said(client_import, file, known_clients=policy, **stand_ins)

        lifecycle.begin_check(client_import, said)
        foreseen = counts(worked_through_kills(client_import, random, monkeypatch))
        assert (foreseen, everything()) == (expected.counts, before), seed
        lifecycle.start(client_import)
        done = worked_through_kills(client_import, random, monkeypatch)

        assert (done.status, counts(done), done.rows) == (
            "finished", expected.counts, len(file.lines),
        ), seed  # fmt: skip
        assert texts(stored()) == texts(expected.clients), seed
        assert listed() == expected.suppressed, seed
        after = everything()
        for phone in before.keys() - expected.touched:
            assert after[phone] == before[phone], seed
        rejections = ImportRejection.objects.filter(client_import=done).order_by("line")
        assert list(rejections.values_list("line", "code", "cells")) == [
            (line.number, line.problem, line.cells) for line in file.lines if line.problem
        ], seed
        assert cells_of_rejected_csv(done) == [
            (line.number, list(map(read, line.cells))) for line in file.lines if line.problem
        ], seed
        if lifecycle.has_done_anything(done):
            undone(done)
            assert but_opt_outs(everything()) == but_opt_outs(before), seed
            assert listed() == expected.suppressed, seed


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_workbook_does_what_the_same_table_does_as_csv(seed, settings):
    settings.IMPORT_MOST_CELL_CHARACTERS = MOST_CHARACTERS
    random = Random(seed)
    known, suppressed = any_known(random)
    store(known, suppressed)
    file = any_file(random, texts=("", "vip", "a,b", "two\nlines", "=1+1", "30", "Анна"))
    # XML has no place for control characters.
    file.lines = [line for line in file.lines if "a\x01b" not in line.cells]
    for number, line in enumerate(file.lines, 5):
        line.number = number
    rows = {3: file.names} | {line.number: line.cells for line in file.lines}
    expected = after_import(file, known, suppressed, policy="update",
                            operator=None, tag="", timezone="")  # fmt: skip
    client_import = received(workbook({"A": rows}).getvalue(), name="clients.xlsx")

    lifecycle.begin_check(
        client_import,
        as_said(client_import, file, known_clients="update", waits_for_review=False),
    )
    done = worked(client_import)

    assert (done.status, counts(done)) == ("finished", expected.counts)
    assert texts(stored()) == texts(expected.clients)
    rejections = ImportRejection.objects.filter(client_import=done).order_by("line")
    assert list(rejections.values_list("line", "code")) == [
        (line.number, line.problem) for line in file.lines if line.problem
    ]


def cut_small(random: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, batches and chunks in pieces of any size."""
    most = {"most": random.choice([1, 2, 3, 50_000])}
    monkeypatch.setattr(chunk.take_chunk, "__kwdefaults__", most)
    monkeypatch.setattr(steps, "BATCH_ROWS", random.choice([1, 3, 50_000]))
    monkeypatch.setattr(receive, "PIECE", random.choice([64, 1 << 20]))
    monkeypatch.setattr(text, "CHUNK", random.choice([7, 16, 1 << 20]))
    monkeypatch.setattr(undoing, "CHUNK_CLIENTS", random.choice([1, 2, 50]))


def looked_at(file: File) -> ClientImport:
    client_import = received(file.content)
    layout = ("encoding", "delimiter", "has_header")
    receive.look_again(client_import, {name: getattr(file, name) for name in layout})
    assert [column["name"] for column in client_import.columns] == file.names
    return client_import


def as_said(client_import: ClientImport, file: File, **said: object) -> ImportOptions:
    columns = [
        Column(name, holds, name if holds == "attribute" else "")
        for name, holds in zip(file.names, file.holds, strict=True)
    ]
    return options(client_import, columns=columns, **said)


def worked_through_kills(
    client_import: ClientImport, random: Random, monkeypatch: pytest.MonkeyPatch
) -> ClientImport:
    """Turn after turn, some of them killed: within a transaction, or after its commit."""
    kills = random.choice([0, 1, 3])

    def killed_at_times(*_args: object) -> None:
        nonlocal kills
        if kills and random.random() < 0.2:
            kills -= 1
            raise Killed

    storing = steps._Step._store

    def store_and_die(step: steps._Step, **fields: object) -> None:
        storing(step, **fields)
        killed_at_times()

    with monkeypatch.context() as patches:
        patches.setattr(steps, "reach", killed_at_times)
        patches.setattr(steps._Step, "_store", store_and_die)
        while True:
            try:
                return worked(client_import)
            except Killed:
                continue


def store(known: dict[str, Known], suppressed: set[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE client, suppressed_phone, client_import CASCADE")
    now = timezone.now()
    for phone, each in known.items():
        fields = vars(each) | {"opted_out_at": now if each.opted_out else None}
        del fields["opted_out"]
        Client.objects.create(phone=phone, **fields)
    SuppressedPhone.objects.bulk_create(SuppressedPhone(phone=phone) for phone in suppressed)


def everything() -> dict[str, dict]:
    return {row["phone"]: row for row in Client.objects.values()}


def stored() -> dict[str, Known]:
    return {
        each.phone: Known(
            each.operator, each.tag, each.timezone, each.attributes, each.is_opted_out
        )
        for each in Client.objects.all()
    }


def texts(clients: dict[str, Known]) -> dict[str, str]:
    return {phone: as_text(each) for phone, each in clients.items()}


def listed() -> set[str]:
    return set(SuppressedPhone.objects.values_list("phone", flat=True))


def counts(client_import: ClientImport) -> dict[str, int]:
    return {name: getattr(client_import, name) for name in COUNTS}


def but_opt_outs(rows: dict[str, dict]) -> dict[str, dict]:
    """Those who have opted out, or are on the list, are only compared by what they have else."""
    out = listed()
    return {
        phone: {
            name: value
            for name, value in row.items()
            if phone not in out or name not in ("opted_out_at", "updated_at")
        }
        for phone, row in rows.items()
    }


def cells_of_rejected_csv(client_import: ClientImport) -> list[tuple[int, list[str]]]:
    content = "".join(report.rejected_csv(client_import)).removeprefix("\ufeff")
    rows = csv.reader(io.StringIO(content, newline=""), delimiter=client_import.delimiter)
    next(rows)
    return [(int(line), list(map(read, cells))) for line, _reason, *cells in rows]
