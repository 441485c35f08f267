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


def test_the_first_visible_sheet_with_data_is_taken_and_the_others_are_named():
    sheets = {"Hidden": {1: ["h"]}, "Blank": {}, "One": {1: ["1"]}, "Two": {1: ["2"]}}

    with converted_workbook(workbook(sheets, hidden=["Hidden"])) as found:
        content = found.file.read()

        assert found == Converted(found.file, "One", ["Two"])
        assert content == b"1\r\n"


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
