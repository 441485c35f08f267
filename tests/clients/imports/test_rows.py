import json
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from notifier.clients.cleaning import CleanClient, ClientProblems, clean_client
from notifier.clients.imports.columns import Column
from notifier.clients.imports.rows import CODES, GoodRow, Rejected, clean_rows
from notifier.clients.imports.table import Row, Table
from notifier.clients.imports.text import UNREADABLE
from notifier.clients.spreadsheet import read_cell

COLUMNS = [
    Column("phone", "phone"),
    Column("operator", "operator"),
    Column("tag", "tag"),
    Column("timezone", "timezone"),
    Column("opted out", "opted_out"),
    Column("not read", "ignore"),
    Column("name", "attribute", "name"),
    Column("city", "attribute", 'the "city"'),
]


def cleaned(*rows: list[str], **defaults) -> list[GoodRow | Rejected]:
    """Their lines are counted from 2."""
    table = Table([], iter([Row(line, cells) for line, cells in enumerate(rows, 2)]))
    return list(clean_rows(table, columns=COLUMNS, **defaults))


def test_every_column_finds_its_place():
    row = ["+7 (999) 123-45-67", "914", " vip ", "Asia/Omsk", "yes", "x", "Анна\n", ""]

    assert cleaned(row) == [
        GoodRow(
            line=2,
            phone="79991234567",
            operator=914,
            tag="vip",
            timezone="Asia/Omsk",
            attributes='{"name": "Анна"}',
            opted_out=True,
            has_operator=True,
            has_tag=True,
            has_timezone=True,
        )
    ]


def test_blank_cells_take_the_defaults_and_say_nothing_themselves():
    plain, with_defaults = cleaned(["89991234567"]) + cleaned(
        ["9991234567", "", " "],
        default_operator=914,
        default_tag="new",
        default_timezone="Asia/Omsk",
    )

    nothing = (False, False, False, False)
    assert plain == (2, "79991234567", 999, "", "UTC", "{}", *nothing)
    assert with_defaults == (2, "79991234567", 914, "new", "Asia/Omsk", "{}", *nothing)


@pytest.mark.parametrize(
    ("cells", "code", "reason"),
    [
        (["", "914"], "phone_empty", "Phone number is empty."),
        (["7921"], "phone_digits", 'Phone number "7921" has 4 digits; 11 expected.'),
        (["+999123456789"], "phone_country", "is not a number of any country."),
        (["7123456789a"], "phone_characters", 'has "a" in it; only digits are expected.'),
        (["71234567890"], "phone_operator", "has no operator code after the 7."),
        (["7.92E+10"], "phone_damaged", "was damaged by a spreadsheet, its last digits are lost"),
        (["7,92E+10"], "phone_damaged", "was damaged by a spreadsheet, its last digits are lost"),
        (["79991234567.0"], "phone_damaged", "was written as a fraction by a spreadsheet"),
        (["79991234567,00"], "phone_damaged", "was written as a fraction by a spreadsheet"),
        (
            ["79991000000"],
            "phone_damaged",
            'Phone number "79991000000" looks as if a spreadsheet had lost its last digits; '
            "if it is real, add it by hand.",
        ),
        (["+7 (999) 000-00-00"], "phone_damaged", "had lost its last digits"),
        (["4915100000000"], "phone_damaged", "had lost its last digits"),
        (["79991234567", "МТС"], "operator", 'Operator "МТС" is not a mobile operator code'),
        (["79991234567", "", "t" * 101], "tag", "The tag has 101 characters"),
        (["79991234567", "", "", "Moscow"], "timezone", 'Time zone "Moscow" is not an IANA name'),
        (
            ["79991234567", "", "", "", "maybe"],
            "opted_out",
            'Opted out is "maybe": use yes, no or the date since when, or leave it blank.',
        ),
        (["79991234567", *[""] * 5, "a\x01b"], "attributes", "has invisible control characters"),
        (
            ["79991234567", *[""] * 7, "x"],
            "too_many_cells",
            "It has 9 cells; the header has 8 columns.",
        ),
        (
            ["79991234567", *[""] * 5, "x" * 4001],
            "cell_too_long",
            "The cell in column 7 has 4,001 characters; at most 4,000 are kept.",
        ),
        (["79991234567", UNREADABLE], "not_text", "It has characters that cannot be read"),
    ],
)
def test_what_cannot_be_imported_is_rejected_in_words(cells, code, reason):
    (found,) = cleaned(cells)

    assert isinstance(found, Rejected)
    assert (found.line, found.code) == (2, code)
    assert reason in found.reason
    assert code in CODES


def test_a_row_that_was_not_understood_keeps_its_problem():
    row = Row(7, ["79991234567", "x\n"], "unclosed_quote")

    (found,) = clean_rows(Table([], iter([row])), columns=COLUMNS)

    assert found == Rejected(
        7,
        "unclosed_quote",
        "It begins a quotation that is not closed: take out the quotation mark, or close it.",
        ["79991234567", "x\n"],
    )


def test_a_row_with_several_problems_is_counted_by_the_first_and_tells_of_all():
    (found,) = cleaned(["7921", "x", "", "Moscow"])

    assert (found.code, found.reason) == (
        "phone_digits",
        'Phone number "7921" has 4 digits; 11 expected. Time zone "Moscow" is not an IANA name: '
        'use, for example, Europe/Moscow or UTC. Operator "x" is not a mobile operator code: '
        "use three digits.",
    )


def test_rejected_rows_can_be_stored():
    (found,) = cleaned(["79\x00", f"a{UNREADABLE}", "'=1"])

    assert found.cells == ["79�", "a�", "'=1"]
    (found,) = cleaned(["79\x00"])
    assert found.reason == 'Phone number "79�" has "�" in it; only digits are expected.'


def test_of_a_row_with_very_many_cells_the_first_are_kept():
    (found,) = cleaned([f"{at}" for at in range(1_000_000)])

    assert (found.code, len(found.cells)) == ("too_many_cells", 2_000)


def test_blank_cells_beyond_the_last_column_do_no_harm():
    (found,) = cleaned(["79991234567", *[""] * 10])

    assert isinstance(found, GoodRow)


def test_a_column_that_is_not_read_may_hold_anything():
    (found,) = cleaned(["79991234567", *[""] * 4, "x" * 10_000 + "\x01"])

    assert isinstance(found, GoodRow)


@pytest.mark.parametrize(
    ("cells", "is_opted_out"),
    [
        ("yes Yes TRUE 1 да Да x X х + 2024-05-01 01.05.2024 1/5/24 2024-05-01T10:20:30Z", True),
        ("no No FALSE 0 нет - –", False),
    ],
)
def test_an_opt_out_is_said_in_many_ways(cells, is_opted_out):
    found = {cell: cleaned(["79991234567", "", "", "", cell])[0][6] for cell in cells.split()}

    assert found == dict.fromkeys(cells.split(), is_opted_out)


def test_an_apostrophe_of_a_spreadsheet_is_no_part_of_a_cell():
    (found,) = cleaned(["'+79991234567", "", "'=tag", "", "", "", "O'Brien", "'quoted'"])

    assert (found.phone, found.tag) == ("79991234567", "=tag")
    assert json.loads(found.attributes) == {"name": "O'Brien", 'the "city"': "'quoted'"}


DIGITS = st.text("0123456789", min_size=9, max_size=12)
PHONES = st.one_of(
    DIGITS.map("79{}".format).map(lambda text: text[:11]),
    st.sampled_from(
        ["+7 (999) 123-45-67", "8 999 123 45 67", "9991234567", "+4915123456789", "7(999)1234567"]
    ),
    st.text("+78 9()-0123456", max_size=16),
    DIGITS,
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12) | st.text(
    "a'=+- \t\n\"\\я\x1f\xa0", max_size=6
)
ROWS = st.tuples(
    PHONES,
    st.sampled_from(["", "914", " 999 ", "099", "x"]),
    TEXTS,
    st.sampled_from(["", "UTC", "Asia/Omsk ", "Moscow"]),
    st.sampled_from(["", "yes", "нет", "?"]),
    TEXTS,
    TEXTS,
    TEXTS,
).map(list)


@hypothesis_settings(max_examples=600, deadline=None)
@given(st.lists(ROWS, max_size=3))
@example([["79991234567", "", "a\x1f", "", "", "", "\x1f", "\xa0a"]])
@example([["+79991234567", "", "'=a", "", "", "", "'", "' = "]])
def test_the_quick_way_gives_what_cleaning_a_client_gives(rows):
    # Told to be damaged, for imports alone: not what this test is about.
    rows = [row for row in rows if not row[0].rstrip(" ()-").endswith("0")]

    found = cleaned(*rows)

    assert list(map(essence, found)) == list(expected(rows))


def essence(row: GoodRow | Rejected) -> CleanClient | str:
    if isinstance(row, Rejected):
        return row.reason
    return CleanClient(*row[1:5], attributes=json.loads(row.attributes))


def expected(rows: list[list[str]]) -> Iterator[CleanClient | str]:
    for row in rows:
        phone, operator, tag, timezone, opted_out, _, name, city = map(read_cell, row)
        attributes = {"name": name, 'the "city"': city}
        try:
            client = clean_client(
                phone=phone,
                operator=operator,
                tag=tag,
                timezone=timezone,
                attributes={key: value for key, value in attributes.items() if value},
            )
        except ClientProblems as problems:
            yield str(problems)
            continue
        if opted_out == "?":
            yield 'Opted out is "?": use yes, no or the date since when, or leave it blank.'
        else:
            yield client
