import io
import os

import pytest

from notifier.clients.imports.columns import Column
from notifier.clients.imports.limits import BadFile
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

    assert client_import.file_name == "clients.xlsx, sheet Май"


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
