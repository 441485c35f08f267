import io
import os

import pytest

from notifier.clients.imports import lifecycle
from notifier.clients.imports.columns import Column
from notifier.clients.imports.limits import BadFile, NoSuchSheet
from notifier.clients.imports.models import ClientImport, ImportPiece
from notifier.clients.imports.receive import (
    PIECE,
    look_again,
    open_stored,
    read_stored,
    receive_file,
)
from notifier.clients.imports.table import Row
from tests.clients.imports.workbooks import workbook

pytestmark = pytest.mark.django_db


def received(content: bytes | str, name: str = "clients.csv") -> ClientImport:
    data = content.encode() if isinstance(content, str) else content
    return receive_file(io.BytesIO(data), name=name, created_by=None)


def test_a_file_is_looked_at_and_waits_for_a_person():
    content = "Телефон;Город\n79991234567;Томск\n".encode("cp1251")

    client_import = received(content)

    client_import.refresh_from_db()
    size = len(content)
    assert (client_import.status, client_import.file_kind) == ("uploaded", "csv")
    assert (client_import.file_size, client_import.bytes_total) == (size, size)
    assert (client_import.encoding, client_import.delimiter) == ("cp1251", ";")
    assert client_import.has_header
    assert [Column.from_json(each) for each in client_import.columns] == [
        Column("Телефон", "phone"),
        Column("Город", "attribute", "Город"),
    ]
    assert list(read_stored(client_import).rows) == [Row(2, ["79991234567", "Томск"])]


def test_a_file_is_kept_in_pieces_and_read_as_one():
    line = b"79991234567," + b"x" * 88 + b"\n"
    content = b"phone,note\n" + line * (2 * PIECE // 100)

    client_import = received(content)

    assert ImportPiece.objects.filter(client_import=client_import).count() == 3
    with open_stored(client_import) as stored:
        assert stored.read() == content
        stored.seek(PIECE - 5)
        assert (stored.tell(), stored.read(10)) == (PIECE - 5, content[PIECE - 5 : PIECE + 5])
        stored.seek(-4, os.SEEK_END)
        assert (stored.read(10), stored.read(10)) == (content[-4:], b"")


def test_what_a_person_says_of_the_file_changes_what_is_guessed():
    client_import = received("79991234567;Анна\n")
    assert not client_import.has_header

    look_again(client_import, {"has_header": True, "encoding": "cp1251", "delimiter": None})

    client_import.refresh_from_db()
    assert [each["name"] for each in client_import.columns] == ["79991234567", "РђРЅРЅР°"]


def test_a_workbook_has_no_encoding_or_delimiter_to_say():
    sheet = {1: ["Телефон", "Имя"], 2: ["79991234567", "Анна"]}
    client_import = receive_file(workbook({"May": sheet}), name="clients.xlsx", created_by=None)

    look_again(client_import, {"encoding": "cp1251", "delimiter": ";"})

    assert [column["name"] for column in client_import.columns] == ["Телефон", "Имя"]
    assert (client_import.encoding, client_import.delimiter) == ("utf-8", ",")


def test_a_workbook_is_kept_as_csv_with_the_rows_of_its_sheet():
    file = workbook({"A": {2: ["Телефон", "a"], 4: [79991234567, "x\ny"], 5: [7.92e10]}})

    client_import = receive_file(file, name="C:\\My files\\clients.xlsx", created_by=None)

    assert (client_import.file_name, client_import.file_kind) == ("clients.xlsx", "xlsx")
    assert client_import.file_size == len(file.getvalue()) != client_import.bytes_total
    assert [each["holds"] for each in client_import.columns] == ["phone", "attribute"]
    assert list(read_stored(client_import).rows) == [
        Row(4, ["79991234567", "x\ny"]),
        Row(5, ["79200000000"]),
    ]


def test_of_a_workbook_with_several_sheets_it_is_shown_which_was_taken():
    file = workbook({"Май": {1: ["phone"]}, "Июнь": {1: ["phone"]}})

    client_import = receive_file(file, name="clients.xlsx", created_by=None)

    assert (client_import.file_name, client_import.title) == (
        "clients.xlsx",
        "clients.xlsx, sheet Май",
    )


MAY = {1: ["phone", "city"], 2: ["79991234501", "Omsk"]}
# Larger than a piece of the kept file, so that June begins within one and ends in another.
LONG = {1: ["phone", "note"], **{row: [f"7999{row:07}", "x" * 3_000] for row in range(2, 400)}}
JUNE = {1: ["79991234502", "vip"], 2: ["79991234503", "Томск"]}


def received_workbook(sheets: dict, **how: object) -> ClientImport:
    return receive_file(workbook(sheets, **how), name="clients.xlsx", created_by=None)


def test_another_sheet_is_chosen_and_its_header_and_columns_are_recognised():
    client_import = received_workbook({"May": MAY, "Long": LONG, "Июнь": JUNE})
    assert (client_import.sheet, client_import.sheet_names) == ("May", ["May", "Long", "Июнь"])
    assert client_import.has_header

    look_again(client_import, {"sheet": "Июнь"})

    client_import.refresh_from_db()
    assert (client_import.sheet, client_import.has_header) == ("Июнь", False)
    assert [each["holds"] for each in client_import.columns] == ["phone", "attribute"]
    assert client_import.title == "clients.xlsx, sheet Июнь"
    assert list(read_stored(client_import).rows) == [
        Row(1, ["79991234502", "vip"]),
        Row(2, ["79991234503", "Томск"]),
    ]


def test_the_first_sheet_with_phones_is_read_or_else_the_first_that_is_a_table():
    cover, prices = {1: ["Clients of May"]}, {1: ["item", "price"], 2: ["tea", "3"]}

    assert received_workbook({"Cover": cover, "Prices": prices, "June": JUNE}).sheet == "June"
    client_import = received_workbook({"Cover": cover, "Prices": prices})
    assert client_import.sheet == "Cover"
    assert [each["name"] for each in client_import.columns] == ["Clients of May"]


def test_a_sheet_that_spans_pieces_is_read_as_it_is():
    client_import = received_workbook({"May": MAY, "Long": LONG, "June": JUNE})

    look_again(client_import, {"sheet": "Long"})

    rows = list(read_stored(client_import).rows)
    assert client_import.bytes_total > PIECE
    assert rows == [Row(row, LONG[row]) for row in range(2, 400)]


def test_what_is_said_of_the_header_is_said_of_the_chosen_sheet():
    client_import = received_workbook({"May": MAY, "June": JUNE})

    look_again(client_import, {"sheet": "June", "has_header": True})

    assert [each["name"] for each in client_import.columns] == ["79991234502", "vip"]


def test_a_sheet_is_found_whatever_its_capital_letters_but_exactly_before():
    client_import = received_workbook({"MAY": MAY, "may": JUNE, "Лист 2": MAY})

    look_again(client_import, {"sheet": "may"})
    assert client_import.sheet == "may"
    look_again(client_import, {"sheet": " лист 2"})
    assert client_import.sheet == "Лист 2"


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are():
    sheets = {"May": MAY, '"odd"': MAY, "Secret": MAY, "Blank": {}}
    client_import = received_workbook(sheets, hidden=["Secret"])

    for name in ("Secret", "Blank", "2"):
        with pytest.raises(NoSuchSheet) as refusal:
            look_again(client_import, {"sheet": name})
        assert str(refusal.value) == (
            f'The workbook has no visible sheet "{name}" with data in it. It has "May", ""odd"".'
        )


def test_of_hundreds_of_sheets_the_first_are_named():
    client_import = received_workbook({f"Day {day}": MAY for day in range(300)})

    with pytest.raises(NoSuchSheet) as refusal:
        look_again(client_import, {"sheet": "x" * 1_000})

    words = str(refusal.value)
    assert words.endswith('"Day 18", "Day 19" and 280 more.')
    assert len(words) < 500


def test_a_file_that_is_no_workbook_has_no_sheet_to_choose():
    with pytest.raises(NoSuchSheet) as refusal:
        look_again(received("phone\n79991234567\n"), {"sheet": "May"})

    assert str(refusal.value) == (
        "Only a workbook has sheets to choose from, and this file is none."
    )


def test_a_sheet_that_is_no_table_does_not_keep_out_those_behind_it():
    too_wide = {1: ["x"] * 201}

    assert received_workbook({"Notes": too_wide, "May": MAY}).sheet == "May"
    with pytest.raises(BadFile) as refusal:
        received_workbook({"Notes": too_wide})
    assert "201 columns" in str(refusal.value)
    assert ClientImport.objects.count() == 1


def test_an_import_that_is_begun_again_reads_the_same_sheet():
    client_import = received_workbook({"May": MAY, "June": JUNE})
    look_again(client_import, {"sheet": "June"})

    again = lifecycle.begin_again(client_import)

    assert again.sheet_names == ["May", "June"]
    assert next(read_stored(again).rows) == Row(1, ["79991234502", "vip"])


def test_what_a_file_is_is_told_by_its_contents():
    assert received("phone\n79991234567\n", name="clients.xlsx").file_kind == "csv"


def test_too_large_a_file_is_refused_before_it_is_kept(settings):
    settings.IMPORT_MOST_MEGABYTES = 1

    with pytest.raises(BadFile) as refusal:
        received(b"phone\n" * 200_000)

    assert str(refusal.value) == (
        "The file has 2 MB; at most 1 MB are imported: split it into several files."
    )
    assert not ClientImport.objects.exists()


@pytest.mark.parametrize("content", [b"", b"\n \n", b"%PDF-1.7"])
def test_what_is_no_table_is_not_kept(content):
    with pytest.raises(BadFile):
        received(content)

    assert not ClientImport.objects.exists()


def test_long_names_keep_their_end():
    assert received("phone\n1\n", name="x" * 300 + ".csv").file_name == "x" * 251 + ".csv"
