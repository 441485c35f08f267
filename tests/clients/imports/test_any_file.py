"""Whatever a file holds: nothing but BadFile, and every row exactly once, with its line."""

import csv
import io
import re
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifier.clients.imports import text
from notifier.clients.imports.columns import Column, guess_columns
from notifier.clients.imports.detect import DELIMITERS, ENCODINGS, Layout, detect_layout
from notifier.clients.imports.limits import BadFile
from notifier.clients.imports.rows import CODES, Rejected, clean_rows
from notifier.clients.imports.table import Row, Table, read_table

LINE_END = re.compile("\r\n|\r|\n")
LAYOUTS = st.builds(
    Layout, st.sampled_from(list(ENCODINGS)), st.sampled_from(list(DELIMITERS)), st.booleans()
)
# Nothing but these is a blank line.
WHITE = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0"
# The marks that mean something to readers of CSV, and some that mean something to us.
BYTES = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [
                *(b'"', b",", b";", b"\n", b"\r", b"\r\n", b"\x00", b"\xff", b"\xd0", b"a", b"'="),
                *(
                    b" ",
                    b"79991234567",
                    b"7.92E+10",
                    b"phone",
                    "да".encode(),
                    "да".encode("cp1251"),
                ),
            ]
        ),
        max_size=40,
    ).map(b"".join),
)


def read(data: bytes, layout: Layout) -> Table | None:
    try:
        table = read_table(io.BytesIO(data), layout)
        return Table(table.header, iter(list(table.rows)))
    except BadFile:
        return None


def columns_of(table: Table) -> list[Column]:
    others = [Column(name, "ignore") for name in table.header[1:]]
    return [Column(table.header[0] if table.header else "", "phone"), *others]


@settings(max_examples=500, deadline=None)
@given(BYTES, LAYOUTS, st.sampled_from([4, 5, 16, 1 << 20]))
@example(b'a,"b\n"c,"d\n', Layout("utf-8", ",", False), 4)
def test_bytes_of_every_kind_are_read_however_it_is_said_that_they_are_written(data, layout, chunk):
    with mock.patch.object(text, "CHUNK", chunk):
        table = read(data, layout)

    if table is None:
        return
    rows = list(table.rows)
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    found = list(clean_rows(Table(table.header, iter(rows)), columns=columns_of(table)))
    assert [row.line for row in found] == lines
    for row in found:
        if isinstance(row, Rejected):
            assert row.code in CODES
            assert not re.search("[\x00\ud800-\udfff]", "".join([row.reason, *row.cells]))


@settings(max_examples=300, deadline=None)
@given(BYTES)
def test_bytes_of_every_kind_are_looked_at(data):
    try:
        layout = detect_layout(io.BytesIO(data))
    except BadFile:
        return

    table = read(data, layout)

    if table is not None:
        rows = [row.cells for row in table.rows]
        assert len(guess_columns(table.header, rows)) == len(table.header)


@settings(max_examples=400, deadline=None)
@given(BYTES)
def test_no_line_is_lost(data):
    table = read(data, Layout("cp1251", ",", has_header=False))

    covered: set[int] = set()
    for row in table.rows if table else ():
        others = 0 if row.problem else sum(len(LINE_END.findall(cell)) for cell in row.cells)
        covered |= set(range(row.line, row.line + others + 1))
    lines = LINE_END.split(data.decode("cp1251", "replace"))
    assert {at for at, line in enumerate(lines, 1) if line.strip(',"' + WHITE)} <= covered


ALPHABET = st.sampled_from("aя1'\"\n\r,;|\t \\=+.€№")
TABLES = st.lists(
    st.lists(st.text(ALPHABET, max_size=6), min_size=1, max_size=4), min_size=1, max_size=8
).filter(lambda rows: any(cell.strip() for row in rows for cell in row))


@settings(max_examples=400, deadline=None)
@given(
    TABLES,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251"]),
    st.sampled_from(list(DELIMITERS)),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([5, 16, 1 << 20]),
)
def test_tables_of_every_kind_are_read_as_they_were_written(rows, codec, delimiter, end, chunk):
    file = io.StringIO(newline="")
    # Python 3.11 leaves those ends of lines unquoted that are not its own.
    has_ends = any(LINE_END.search(cell) for cells in rows for cell in cells)
    quoting = csv.QUOTE_ALL if has_ends else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
    expected, line = [], 1
    for cells in rows:
        start = file.tell()
        writer.writerow(cells)
        if any(cell.strip() for cell in cells):
            expected.append(Row(line, cells))
        line += len(LINE_END.findall(file.getvalue()[start:]))
    encoding = "utf-8" if codec == "utf-8-sig" else codec

    with mock.patch.object(text, "CHUNK", chunk):
        data = io.BytesIO(file.getvalue().encode(codec))
        found = list(read_table(data, Layout(encoding, delimiter, has_header=False)).rows)

    assert found == expected
