import io
from unittest import mock

import pytest

from notifier.clients.imports import text
from notifier.clients.imports.detect import Layout
from notifier.clients.imports.limits import BadFile
from notifier.clients.imports.table import Row, Table, read_table


def read(content: bytes | str, *, encoding="utf-8", delimiter=",", has_header=True) -> Table:
    data = content.encode() if isinstance(content, str) else content
    return read_table(io.BytesIO(data), Layout(encoding, delimiter, has_header))


def rows(content: bytes | str, **layout) -> list[Row]:
    return list(read(content, **layout).rows)


def test_rows_are_named_by_the_line_on_which_they_begin():
    content = 'phone,note\n1,"two\nlines"\n\n , \n2,"three\r\nli\rnes"\r\n3,\n'

    assert rows(content) == [
        Row(2, ["1", "two\nlines"]),
        Row(6, ["2", "three\r\nli\rnes"]),
        Row(9, ["3", ""]),
    ]


def test_lines_may_end_in_carriage_returns_alone():
    assert rows("phone,note\r1,a\r\r2,b\r") == [Row(2, ["1", "a"]), Row(4, ["2", "b"])]


def test_a_file_without_a_header_has_numbered_columns():
    table = read("1,a\n2,b,c\n", has_header=False)

    assert table.header == ["Column 1", "Column 2", "Column 3"]
    assert list(table.rows) == [Row(1, ["1", "a"]), Row(2, ["2", "b", "c"])]


def test_names_are_in_one_line_and_without_what_nobody_sees():
    table = read('"Номер\nтелефона ",\'=x,a\x00b,\x00 \x00,\n', delimiter=",")

    assert table.header == ["Номер телефона", "=x", "ab", "", ""]
    assert list(table.rows) == []


def test_titles_above_the_header_are_no_rows():
    table = read("Clients\n\nPeriod,May,,,\nNo,Phone,a,b,c\n1,79991234567,x,y,z\n")

    assert table.titles == [Row(1, ["Clients"]), Row(3, ["Period", "May", "", "", ""])]
    assert table.header == ["No", "Phone", "a", "b", "c"]
    assert list(table.rows) == [Row(5, ["1", "79991234567", "x", "y", "z"])]


@pytest.mark.parametrize(
    "content",
    [
        # Nothing below says that it is the header.
        "Clients\nContact,Name\n79991234567,Anna\n",
        # A number is somebody's, whatever stands below it.
        "Contact\n79991234567\nphone\n",
        "Contact,Name\n79991234567,mobile\n",
        "Anna,79991234567,,,,\nIvan,,iPhone 15,Omsk,x,y\n",
        # As wide as the table.
        "Contact,Name\nphone,name\n",
    ],
)
def test_what_may_be_data_is_no_title(content):
    table = read(content)

    assert table.titles == []
    assert len(list(table.rows)) == content.count("\n") - 1


def test_without_a_header_titles_are_rows_like_others():
    table = read("Clients\nphone,name\n", has_header=False)

    assert (table.titles, len(list(table.rows))) == ([], 2)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-be", "cp1251"])
def test_it_does_not_matter_where_a_chunk_ends(chunk, codec):
    encoding = {"utf-8-sig": "utf-8", "utf-16-be": "utf-16"}.get(codec, codec)
    content = 'phone,имя\r\n1,"два\r\nстрока"\r\n2,три\r3,четыре\n'.encode(codec)

    # The byte order is told from the first chunk, of which four bytes are enough here.
    with mock.patch.object(text, "CHUNK", max(chunk, 4) if "be" in codec else chunk):
        found = read(content, encoding=encoding)

        assert found.header == ["phone", "имя"]
        assert list(found.rows) == [
            Row(2, ["1", "два\r\nстрока"]),
            Row(4, ["2", "три"]),
            Row(5, ["3", "четыре"]),
        ]


def test_a_quotation_that_is_not_closed_costs_one_row():
    content = '{}1,"open\n2,"fine"\n3,two "words"\n4,"a "quoted" word"\n5,"to the end\n6,x\n'

    assert rows(content.format("phone,note\n")) == [
        Row(2, ["1", "open\n"], "unclosed_quote"),
        Row(3, ["2", "fine"]),
        Row(4, ["3", 'two "words"']),
        Row(5, ["4", 'a quoted" word"']),
        Row(6, ["5", "to the end\n"], "unclosed_quote"),
        Row(7, ["6", "x"]),
    ]


def test_a_quotation_is_not_looked_for_in_the_whole_file():
    lines = "".join(f"{number},x\n" for number in range(100_000))

    found = rows(f'phone,note\n1,"open\n{lines}')

    assert len(found) == 100_001
    assert found[0] == Row(2, ["1", "open\n"], "unclosed_quote")
    assert found[-1] == Row(100_002, ["99999", "x"])


def test_a_file_of_nothing_but_open_quotations_is_given_up():
    with mock.patch.object(text, "MOST_READ_AGAIN", 10_000), pytest.raises(BadFile) as refusal:
        rows("phone\n" + 'b","c\n' * 2_000)

    assert str(refusal.value) == (
        "Row 2 is one of too many in which a quotation mark is not closed: "
        "save the table anew as CSV."
    )


def test_a_line_longer_than_any_row_is_cut_and_the_next_is_read():
    found = rows(b"phone\n" + b"x" * 5_000_000 + b"\n79991234567\n")

    assert [(row.line, row.problem) for row in found] == [(2, "row_too_long"), (3, "")]
    assert sum(map(len, found[0].cells)) < 200_000


def test_bytes_that_are_no_text_are_marked():
    assert rows(b"phone,note\n1,a\xffb\n2,\xd0\n") == [
        Row(2, ["1", f"a{text.UNREADABLE}b"]),
        Row(3, ["2", text.UNREADABLE]),
    ]


def test_a_workbook_numbers_its_rows_not_its_lines():
    layout = Layout("utf-8", ",", has_header=True)
    file = io.BytesIO(b'\r\nphone,note\r\n1,"two\nlines"\r\n\r\n2,x\r\n')

    table = read_table(file, layout, is_sheet=True)

    assert table.header == ["phone", "note"]
    assert list(table.rows) == [Row(3, ["1", "two\nlines"]), Row(5, ["2", "x"])]


def test_too_many_rows_are_refused_once_they_are_met(settings):
    settings.IMPORT_MOST_ROWS = 30

    assert len(rows("phone\n" + "1\n" * 30)) == 30
    with pytest.raises(BadFile) as refusal:
        rows("phone\n" + "1\n" * 31)
    assert str(refusal.value) == (
        "The file has more than 30 rows, the most that are imported: split it into several files."
    )


def test_too_many_columns_are_refused(settings):
    settings.IMPORT_MOST_COLUMNS = 3

    with pytest.raises(BadFile) as refusal:
        read("a,b,c,d\n")

    assert str(refusal.value) == (
        "The file has 4 columns; at most 3 are imported: leave out those that you do not need."
    )


@pytest.mark.parametrize("content", ["", "\n\n", " , \n"])
def test_a_table_without_any_row_is_refused(content):
    with pytest.raises(BadFile, match=r"^The file is empty\.$"):
        read(content)


def test_a_header_that_cannot_be_read_is_named():
    with pytest.raises(BadFile, match=r"^The header, on line 1, cannot be read"):
        read('phone,"note\n1,2\n')


@pytest.mark.parametrize("has_header", [True, False])
def test_of_too_wide_a_table_only_the_first_row_is_read(settings, monkeypatch, has_header):
    settings.IMPORT_MOST_COLUMNS = 2
    left = iter([Row(1, ["a"] * 3), Row(2, ["b"])])
    monkeypatch.setattr("notifier.clients.imports.table.read_rows", lambda *_: left)

    with pytest.raises(BadFile, match="has 3 columns"):
        read("x", has_header=has_header)

    assert list(left) == [Row(2, ["b"])]
