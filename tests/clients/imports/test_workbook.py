import io
from zipfile import ZipFile

import pytest

from notifier.clients.imports import workbook as conversion
from notifier.clients.imports.limits import BadFile
from notifier.clients.imports.workbook import Converted, converted_workbook
from notifier.launch.locks import FileLock
from tests.clients.imports.workbooks import MAIN, archive, sheet_xml, workbook

TOO_LARGE = "The workbook is too large once unpacked: save it as CSV, or split it."
DAMAGED = "The workbook is damaged: open it in Excel and save it again, or save it as CSV."


def converted(file: io.BytesIO) -> str:
    with converted_workbook(file) as found:
        return found.file.read().decode()


def with_sheet(xml: str) -> io.BytesIO:
    """A workbook that is in order but for its only sheet."""
    with ZipFile(workbook({"A": {1: ["x"]}})) as parts:
        contents = {name: parts.read(name) for name in parts.namelist()}
    return archive({**contents, "xl/worksheets/sheet1.xml": xml})


def test_cells_become_what_a_person_would_have_typed():
    file = workbook(
        {
            "A": {
                1: ["phone", "text", "yes", "no", "part", "day", "moment", "long"],
                2: [
                    79991234567,
                    'a, "b"\nc',
                    True,
                    False,
                    1.5,
                    {"s": "1", "v": "45000"},
                    {"s": "2", "v": "45000.5"},
                    1e20,
                ],
                3: ["007", None, None, "x", None, None],
            }
        }
    )

    assert converted(file) == (
        "phone,text,yes,no,part,day,moment,long\r\n"
        '79991234567,"a, ""b""\nc",true,false,1.5,2023-03-15,2023-03-15 12:00:00,1e+20\r\n'
        "007,,,x\r\n"
    )


def test_rows_stay_where_they_are_in_the_sheet():
    assert converted(workbook({"A": {3: ["phone"], 6: ["1"]}})) == "\r\n\r\nphone\r\n\r\n\r\n1\r\n"


def sheets_of(file: io.BytesIO) -> dict[str, str]:
    """What each of the sheets holds, as CSV."""
    with converted_workbook(file) as found:
        content = found.file.read()
        return {
            each["name"]: content[each["start"] : each["start"] + each["size"]].decode()
            for each in found.sheets
        }


def test_all_visible_sheets_with_data_are_taken_one_behind_the_other():
    sheets = {
        "Hidden": {1: ["h"]},
        "Blank": {},
        "One": {1: ["1"]},
        "Spaces": {1: [" ", " "], 3: [" "]},
        "Chart": {1: ["c"]},
        "Two": {2: ["два"]},
    }

    with converted_workbook(workbook(sheets, hidden=["Hidden"], charts=["Chart"])) as found:
        content = found.file.read()

        assert content == "1\r\n\r\nдва\r\n".encode()
        assert found == Converted(
            found.file,
            [{"name": "One", "start": 0, "size": 3}, {"name": "Two", "start": 3, "size": 10}],
        )


def test_where_all_sheets_are_hidden_they_are_taken():
    file = workbook({"A": {1: ["1"]}, "B": {1: ["2"]}}, hidden=["A", "B"])

    assert sheets_of(file) == {"A": "1\r\n", "B": "2\r\n"}


def test_sheets_may_be_called_anything():
    names = ['"quoted" & <b>', "it's; a, b", "Клиенты", "😀👩\u200d💻", "x" * 200, "\t", " May "]
    file = workbook({name: {1: [str(number)]} for number, name in enumerate(names)})

    assert sheets_of(file) == {
        '"quoted" & <b>': "0\r\n",
        "it's; a, b": "1\r\n",
        "Клиенты": "2\r\n",
        "😀👩\u200d💻": "3\r\n",
        "x" * 100: "4\r\n",
        "Sheet 6": "5\r\n",
        "May": "6\r\n",
    }


def test_hundreds_of_sheets_are_taken_and_more_than_anybody_has_are_refused():
    many = {f"Day {day}": {1: [day]} for day in range(1_001)}
    some = dict(list(many.items())[:600])

    assert list(sheets_of(workbook(some)).items())[-1] == ("Day 599", "599\r\n")
    with pytest.raises(BadFile) as refusal:
        sheets_of(workbook(many))
    assert str(refusal.value) == (
        "The workbook has more than 1,000 sheets: "
        "save the one that you need as a workbook of its own, or as CSV."
    )


def test_the_limit_of_size_holds_for_all_sheets_together(settings):
    settings.IMPORT_MOST_MEGABYTES = 1
    sheet = {row: ["x" * 3_000] for row in range(1, 200)}

    assert list(sheets_of(workbook({"A": sheet}))) == ["A"]
    with pytest.raises(BadFile) as refusal:
        sheets_of(workbook({"A": sheet, "B": sheet}))
    assert str(refusal.value) == TOO_LARGE


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (workbook({"A": {}}), "The workbook has no data in it."),
        (io.BytesIO(workbook({"A": {1: ["x"]}}).getvalue()[:-50]), DAMAGED),
        (with_sheet("<worksheet><sheetData><row"), DAMAGED),
        (with_sheet(sheet_xml({1_048_577: ["x"]})), DAMAGED),
        (with_sheet(sheet_xml({1: ["x"]}).replace("A1", "XFE1")), DAMAGED),
        (
            archive({"content.xml": "x", "mimetype": "x"}),
            "The file is an OpenDocument one (.ods): save it as XLSX or CSV.",
        ),
        (
            archive({"xl/workbook.bin": "x"}),
            "The file is a binary workbook (.xlsb): save it as XLSX or CSV.",
        ),
        (
            archive({"photo.png": "x"}),
            "The file is an archive or a document of another program: "
            "save the table as CSV or XLSX.",
        ),
    ],
    ids=["blank", "cut off", "bad XML", "row too far", "column too far", "ods", "xlsb", "archive"],
)
def test_what_is_no_good_workbook_is_refused_in_words(file, words):
    with pytest.raises(BadFile) as refusal:
        converted(file)

    assert str(refusal.value) == words


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(monkeypatch):
    monkeypatch.setattr(conversion, "UNPACKED_BYTES", 1_000_000)

    with pytest.raises(BadFile) as refusal:
        converted(archive({"xl/workbook.xml": "0" * 1_000_001}))

    assert str(refusal.value) == TOO_LARGE


def test_a_sheet_that_needs_more_memory_than_is_granted_is_refused():
    corners = "".join(
        f'<row r="{row}"><c r="{column}{row}"><v>1</v></c></row>'
        for column, row in (("A", 1), ("XFD", 1048576))
    )

    with pytest.raises(BadFile) as refusal:
        converted(
            with_sheet(f'<worksheet xmlns="{MAIN}"><sheetData>{corners}</sheetData></worksheet>')
        )

    assert str(refusal.value) == TOO_LARGE


def test_a_sheet_that_takes_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(conversion, "SECONDS", 0)

    with pytest.raises(BadFile) as refusal:
        converted(workbook({"A": {1: ["x"]}}))

    assert str(refusal.value) == TOO_LARGE


def test_a_sheet_larger_than_any_file_is_refused(settings):
    settings.IMPORT_MOST_MEGABYTES = 1

    with pytest.raises(BadFile) as refusal:
        converted(workbook({"A": {row: ["x" * 3_000] for row in range(1, 400)}}))

    assert str(refusal.value) == TOO_LARGE


def test_workbooks_are_read_one_at_a_time(settings, monkeypatch):
    monkeypatch.setattr(conversion, "PATIENCE_SECONDS", 0)
    other = FileLock(settings.DATA_DIR / "workbook.lock")
    assert other.take()

    with pytest.raises(BadFile) as refusal:
        converted(workbook({"A": {1: ["x"]}}))
    other.let_go()

    assert str(refusal.value) == conversion.BUSY
    assert converted(workbook({"A": {1: ["x"]}})) == "x\r\n"
