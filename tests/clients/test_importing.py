import csv
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from notifier.clients.csv_table import BadFile
from notifier.clients.importing import Rejected, import_file
from notifier.clients.models import Client

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
    return list(Client.objects.order_by("id").values_list(*FIELDS))


def counts(result) -> dict[str, int]:
    names = ("new", "changed", "unchanged", "duplicates", "rejected")
    return {name: getattr(result, name) for name in names if getattr(result, name)}


def test_every_column_finds_its_place(csv_file):
    path = csv_file(
        "Phone_Number,operator,tag,timezone,name,city\n"
        "+7 (999) 123-45-67,914,vip,Europe/Moscow,Анна,Томск\n"
        "89161234567,,,,,\n"
    )

    result = import_file(path)

    assert counts(result) == {"new": 2}
    assert stored() == [
        ("79991234567", 914, "vip", "Europe/Moscow", {"name": "Анна", "city": "Томск"}),
        ("79161234567", 916, "", "UTC", {}),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "Телефон;Тег\n79991234567;новый\n".encode("utf-8-sig"),
        "Телефон\tТег\r\n79991234567\tновый\r\n".encode("utf-16"),
        "Телефон;Тег\r\n79991234567;новый\r\n".encode("windows-1251"),
        '"Телефон","Тег"\n"79991234567","новый"'.encode(),
    ],
    ids=["marked UTF-8, semicolons", "UTF-16, tabs", "Excel's", "all in quotes"],
)
def test_files_are_read_however_the_spreadsheet_saved_them(csv_file, content):
    import_file(csv_file(content))

    assert stored() == [("79991234567", 999, "новый", "UTC", {})]


def test_rejected_rows_are_named_by_the_line_on_which_they_begin(csv_file):
    path = csv_file(
        "phone,note\n"
        '79991234561,"two\nlines"\n'
        "\n"
        "7921,x\n"
        "79991234562,fine\n"
        "79991234563,too,many\n"
        '12,"again\ntwo lines"\n'
        ",nobody\n"
    )
    rejected: list[Rejected] = []

    result = import_file(path, on_rejected=rejected.append)

    assert counts(result) == {"new": 2, "rejected": 4}
    assert [str(row) for row in rejected] == [
        'Row 5: Phone number "7921" has 4 digits; 11 expected.',
        "Row 7: It has 3 cells; the header has 2 columns.",
        'Row 8: Phone number "12" has 2 digits; 11 expected.',
        "Row 10: Phone number is empty.",
    ]


def test_of_rows_with_one_number_the_first_counts(csv_file):
    path = csv_file(
        "phone,tag\n79991234567,first\n+7 999 123-45-67,second\n8-999-123-45-67,third\n"
    )

    result = import_file(path)

    assert (counts(result), result.rows) == ({"new": 1, "duplicates": 2}, 3)
    assert stored() == [("79991234567", 999, "first", "UTC", {})]


def test_known_clients_stay_as_they_are(csv_file):
    Client.objects.create(phone="79991234567", operator=914, tag="known", attributes={"a": 1})

    result = import_file(csv_file("phone,tag,b\n79991234567,new,2\n79991234568,new,2\n"))

    assert counts(result) == {"new": 1, "unchanged": 1}
    assert stored() == [
        ("79991234567", 914, "known", "UTC", {"a": 1}),
        ("79991234568", 999, "new", "UTC", {"b": "2"}),
    ]


def test_an_update_changes_what_the_cells_say_and_nothing_that_is_blank(csv_file):
    Client.objects.create(
        phone="79991234567", operator=914, tag="old", timezone="Asia/Omsk", attributes={"a": "1"}
    )
    Client.objects.create(phone="79991234568", operator=999, tag="same")
    before = Client.objects.get(phone="79991234568").updated_at

    path = csv_file("phone,tag,timezone,b\n79991234567,new,,2\n79991234568,same,UTC,\n")
    result = import_file(path, update=True)

    assert counts(result) == {"changed": 1, "unchanged": 1}
    assert stored() == [
        ("79991234567", 914, "new", "Asia/Omsk", {"a": "1", "b": "2"}),
        ("79991234568", 999, "same", "UTC", {}),
    ]
    assert Client.objects.get(phone="79991234568").updated_at == before


def test_cells_survive_whatever_characters_they_hold(csv_file):
    hostile = '<b>"x"</b>; \\N \\. \ttab, 100 % {name} 🎉\nnext'
    quoted = hostile.replace('"', '""')

    import_file(csv_file(f'phone,note\n79991234567,"{quoted}"\n'))

    assert stored()[0][4] == {"note": hostile}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "The file is empty."),
        (
            "name,tag\nАнна,vip\n",
            "No column holds the phone: name one of them phone, phone_number or телефон. "
            "The first line is: name, tag",
        ),
        ("phone,Телефон\n", 'Columns "phone" and "Телефон" both hold the phone.'),
        ("phone,city,city\n", 'Two columns are named "city".'),
        (
            b"\x89PNG\r\n\x1a\n\x00\x00\x00",
            "The file is not text: save the table as CSV (UTF-8) first.",
        ),
        (
            "phone,name\n79991234567,Анна\n".encode() + b"79991234568,\xff\n",
            "The file is UTF-8, but damaged near byte 44: save or copy it again.",
        ),
    ],
)
def test_a_file_that_is_no_table_of_clients_is_refused_in_words(csv_file, content, problem):
    with pytest.raises(BadFile) as refused:
        import_file(csv_file(content))

    assert str(refused.value) == problem


def test_a_file_that_breaks_half_way_leaves_nothing_behind(csv_file):
    path = csv_file('phone,note\n79991234567,fine\n79991234568,"' + "x" * 200_000)

    with pytest.raises(BadFile, match=r"^Line 3 cannot be read: .* quotation mark not closed\?$"):
        import_file(path)

    assert stored() == []


def test_the_command_sums_up_and_shows_the_first_rejected_rows(csv_file, tmp_path):
    Client.objects.create(phone="79991234567", operator=999)
    path = csv_file(
        "phone\n79991234567\n79991234568\n79991234568\n" + "".join(f"{n}\n" for n in range(1, 24))
    )
    out = StringIO()

    call_command("import_clients", path, stdout=out)

    lines = out.getvalue().splitlines()
    assert lines[:9] == [
        f"{path}: 26 rows, UTF-8, separated by commas",
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
