"""``manage.py import_clients``: the same engine, in the command's own process."""

import csv
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command

from notifier.clients.imports.models import ClientImport
from notifier.clients.models import Client
from notifier.delivery import client_imports
from tests.clients.imports.workbooks import workbook

pytestmark = pytest.mark.django_db

FIELDS = ("phone", "operator", "tag", "timezone", "attributes")


@pytest.fixture
def csv_file(tmp_path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "clients.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def stored() -> list[tuple]:
    return list(Client.objects.order_by("phone").values_list(*FIELDS))


def test_the_command_sums_up_and_shows_the_first_rejected_rows(csv_file, tmp_path):
    Client.objects.create(phone="79991234567", operator=999)
    path = csv_file(
        "phone\n79991234567\n79991234568\n79991234568\n" + "".join(f"{n}\n" for n in range(1, 24))
    )
    out = StringIO()

    call_command("import_clients", path, stdout=out)

    lines = out.getvalue().splitlines()
    assert lines[:9] == [
        f"{path}: 26 rows, UTF-8, separated by comma",
        'Columns: phone from "phone"',
        "        1 new",
        "        1 known already, left as they are",
        "        1 with a number that an earlier row has",
        "       23 rejected",
        'Row 5: Phone number "1" has 1 digit; 11 expected.',
        'Row 6: Phone number "2" has 1 digit; 11 expected.',
        'Row 7: Phone number "3" has 1 digit; 11 expected.',
    ]
    assert lines[-1] == "… and 3 more: --rejected FILE writes them all."
    assert len(lines) == 6 + 20 + 1


def import_with_command(path: Path, *arguments: object) -> list[str]:
    """The lines that are printed."""
    out = StringIO()
    call_command("import_clients", path, *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (
            "Телефон;тег;city;name",
            'Columns: phone from "Телефон", tag from "тег"; kept as attributes: city, name',
        ),
        (
            "номер;Метка;Оператор;часовой пояс",
            'Columns: phone from "номер", operator from "Оператор", tag from "Метка", '
            'timezone from "часовой пояс"',
        ),
        (
            "номер телефона;reason",
            'Columns: phone from "номер телефона"; kept as attributes: reason',
        ),
        ("line;reason;phone", 'Columns: phone from "phone"; not read: line, reason'),
    ],
)
def test_the_command_says_which_columns_it_understood(csv_file, header, line):
    assert import_with_command(csv_file(f"{header}\n"))[1] == line


def test_the_command_writes_every_rejected_row_to_a_file(csv_file, tmp_path):
    rejected = tmp_path / "rejected.csv"
    path = csv_file(
        "phone;note;=name\n"
        "12;two, three;=1+1\n"
        "79991234568;fine;x\n"
        '+7 (921);"two\nlines";@me\n'
        "79991234569;one;two;three\n"
        "=1+1\n"
    )

    import_with_command(path, "--rejected", rejected)

    assert rejected.read_text("utf-8-sig").split("\n", 1)[0] == "line;reason;phone;note;'=name"
    with rejected.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file, delimiter=";"))[1:] == [
            ["2", 'Phone number "12" has 2 digits; 11 expected.', "12", "two, three", "'=1+1"],
            [
                "4",
                'Phone number "+7 (921)" has 4 digits; 11 expected.',
                "'+7 (921)",
                "two\nlines",
                "'@me",
            ],
            [
                "6",
                "It has 4 cells; the header has 3 columns.",
                *("79991234569", "one", "two", "three"),
            ],
            ["7", 'Phone number "=1+1" has "=" in it; only digits are expected.', "'=1+1"],
        ]


def test_a_file_of_rejected_rows_is_imported_once_it_is_mended(csv_file, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    path = csv_file("phone,=name,note\n+7921,=1+1,'quoted'\n+7 922,-5,\"\tx\"\n7923,z,\n")
    import_with_command(path, "--rejected", first)

    mended = first.read_text("utf-8-sig").replace("'+7921", "'+7 921 123-45-67")
    first.write_text(mended.replace("'+7 922", "79221234567"), "utf-8")
    lines = import_with_command(first, "--rejected", second)

    assert lines[1:3] == [
        'Columns: phone from "phone"; kept as attributes: =name, note; not read: line, reason',
        "        2 new",
    ]
    assert stored() == [
        ("79211234567", 921, "", "UTC", {"=name": "=1+1", "note": "'quoted'"}),
        ("79221234567", 922, "", "UTC", {"=name": "-5", "note": "x"}),
    ]
    assert second.read_text("utf-8-sig").splitlines() == [
        "line,reason,phone,'=name,note",
        '4,"Phone number ""7923"" has 4 digits; 11 expected.",7923,z,',
    ]


def test_the_rejected_rows_never_overwrite_the_file_that_is_imported(csv_file):
    path = csv_file("phone\n12\n")

    with pytest.raises(CommandError) as refused:
        call_command("import_clients", path, "--rejected", path)

    assert str(refused.value) == f'"{path}" is the file to import: give --rejected another.'
    assert path.read_text() == "phone\n12\n"


def test_the_command_answers_a_missing_file_in_one_line(tmp_path):
    missing = tmp_path / "missing.csv"

    with pytest.raises(CommandError) as refused:
        call_command("import_clients", missing)

    assert str(refused.value) == f'"{missing}" cannot be read: No such file or directory.'


def test_known_clients_are_changed_or_filled_in_on_request(csv_file):
    Client.objects.create(phone="79991234567", operator=914, tag="old")
    path = csv_file("phone,tag,b\n79991234567,new,2\n")

    filled = import_with_command(path, "--fill")
    assert filled[2:4] == ["        0 new", "        1 changed"]
    assert stored() == [("79991234567", 914, "old", "UTC", {"b": "2"})]

    import_with_command(path, "--update", "--default-timezone", "Asia/Omsk")
    assert stored() == [("79991234567", 914, "new", "UTC", {"b": "2"})]


def test_a_dry_run_changes_nothing_and_leaves_nothing(csv_file):
    path = csv_file("phone\n79991234567\n")

    lines = import_with_command(path, "--dry-run")

    assert lines[0] == f"{path}: 1 row, UTF-8, separated by comma (nothing was changed)"
    assert lines[2] == "        1 new"
    assert not Client.objects.exists()
    assert not ClientImport.objects.exists()


def test_a_dry_run_gives_examples(csv_file):
    Client.objects.create(phone="79991234567", operator=999, tag="old")
    Client.objects.create(phone="79991234569", operator=999)
    path = csv_file(
        "phone;tag;city;stop\n79991234567;new;Omsk;\n79991234568;;Perm;\n79991234568;;;\n"
        "79991234569;;;yes\n"
    )

    lines = import_with_command(path, "--dry-run", "--update")

    assert [line for line in lines if line.startswith("Row")] == [
        'Row 3: +79991234568 would be new, operator 999, time zone UTC, city "Perm".',
        'Row 2: +79991234567 would change: tag "old" to "new", city "" to "Omsk".',
        "Row 5: +79991234569 would change: opted out.",
        "Row 4: +79991234568 would be left out, row 3 has it already.",
    ]


def test_of_a_workbook_the_sheet_that_was_read_is_told(tmp_path):
    path = tmp_path / "clients.xlsx"
    sheet = {1: ["phone"], 2: ["79991234567"]}
    path.write_bytes(workbook({"May": sheet, "June": sheet}).read())

    assert import_with_command(path)[0] == f"{path}: 1 row, XLSX, sheet May"


def test_another_sheet_of_a_workbook_may_be_named(tmp_path):
    path = tmp_path / "clients.xlsx"
    sheets = {"May": {1: ["phone"], 2: ["79991234567"]}, "Июнь": {1: ["79991234568"]}}
    path.write_bytes(workbook(sheets).read())

    assert import_with_command(path, "--sheet", "Июнь")[0] == f"{path}: 1 row, XLSX, sheet Июнь"
    assert [client[0] for client in stored()] == ["79991234568"]


def test_where_no_sheet_has_phones_it_is_told_which_one_was_read(tmp_path):
    path = tmp_path / "clients.xlsx"
    path.write_bytes(workbook({"Cover": {1: ["Hello"]}, "Prices": {1: ["item"]}}).read())

    with pytest.raises(CommandError) as refusal:
        import_with_command(path)

    assert str(refusal.value) == (
        'No column holds the phone: say which one does. The sheet "Cover" has Hello: '
        'use, for example, --column "Hello=phone", or --sheet for another sheet.'
    )


def test_a_sheet_that_is_not_there_is_told_with_those_that_are(tmp_path, csv_file):
    path = tmp_path / "clients.xlsx"
    sheet = {1: ["phone"], 2: ["79991234567"]}
    path.write_bytes(workbook({"May": sheet, "June": sheet}).read())

    with pytest.raises(CommandError) as refusal:
        import_with_command(path, "--sheet", "July")
    assert str(refusal.value) == (
        'The workbook has no visible sheet "July" with data in it. It has "May", "June".'
    )
    with pytest.raises(CommandError) as refusal:
        import_with_command(csv_file("phone\n79991234567\n"), "--sheet", "May")
    assert str(refusal.value).startswith("Only a workbook has sheets")
    assert not ClientImport.objects.exists()


def test_a_first_line_of_numbers_may_be_said_to_be_the_header(csv_file):
    path = csv_file("79991234567,10001\n79991234568,x\n")

    import_with_command(path, "--header", "--column", "79991234567=phone")

    assert stored() == [("79991234568", 999, "", "UTC", {"10001": "x"})]


def test_how_it_is_written_and_what_columns_hold_may_be_said(csv_file):
    path = csv_file("79991234567|один|два\n".encode("cp1251"))

    import_with_command(
        path, "--encoding", "cp1251", "--delimiter", "pipe", "--no-header",
        "--column", "Column 2=tag", "--column", "Column 3=attribute:word",
    )  # fmt: skip

    assert stored() == [("79991234567", 999, "один", "UTC", {"word": "два"})]


def test_what_was_stopped_before_it_changed_anything_leaves_nothing(csv_file):
    with (
        mock.patch.object(client_imports, "work_here", side_effect=KeyboardInterrupt),
        pytest.raises(CommandError) as stopped,
    ):
        import_with_command(csv_file("phone\n79991234567\n"))

    assert str(stopped.value) == "Stopped: nothing was changed."
    assert not ClientImport.objects.exists()


@pytest.mark.parametrize(
    ("content", "arguments", "problem"),
    [
        ("", [], "The file is empty."),
        ("name,city\nAnna,Omsk\n", [],
         "No column holds the phone: say which one does. The file has name, city: "
         'use, for example, --column "name=phone".'),
        ("phone\n1\n", ["--column", "tel"],
         'Error: argument --column: "tel" does not say what the column holds: use NAME=HOLDS.'),
        ("phone\n1\n", ["--rejected", "/nowhere/rejected.csv"],
         'There is no folder "/nowhere" for --rejected.'),
        ("phone\n1\n", ["--column", "tel=phone"], 'There is no column "tel": the file has phone.'),
        ("phone\n1\n", ["--default-operator", "1"],
         'Operator "1" is not a mobile operator code: use three digits.'),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_refused_in_words(csv_file, content, arguments, problem):
    with pytest.raises(CommandError) as refused:
        call_command("import_clients", csv_file(content), *arguments)

    assert str(refused.value) == problem
    assert not ClientImport.objects.exists()
