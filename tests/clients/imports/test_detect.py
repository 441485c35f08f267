import io

import pytest

from notifier.clients.imports.detect import Layout, detect_layout
from notifier.clients.imports.limits import BadFile

TABLE = "Телефон{0}Город\r\n79991234567{0}Томск\r\n"


def detect(content: bytes | str) -> Layout:
    return detect_layout(io.BytesIO(content.encode() if isinstance(content, str) else content))


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16"),
        ("utf-16-be", "utf-16"),
        ("cp1251", "cp1251"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_encoding_and_delimiter_is_found(codec, encoding, delimiter):
    content = TABLE.format(delimiter).encode(codec)

    assert detect(content) == Layout(encoding, delimiter, has_header=True)


def test_a_marked_utf16_of_the_other_byte_order_is_found():
    content = b"\xfe\xff" + TABLE.format(";").encode("utf-16-be")

    assert detect(content) == Layout("utf-16", ";", has_header=True)


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("phone;address\n79991234567;Tomsk, Lenina, 1, 2\n79991234568;Omsk, Mira, 3, 4\n", ";"),
        ("phone;price;city\n79991234567;1,5;x\n79991234568;2,5;y\n", ";"),
        ("phone\n79991234567\n", ","),
        ('"phone;a";b,c\n79991234567,1\n', ","),
        ("phone,note\n79991234567,one;two;three\n", ","),
    ],
)
def test_marks_within_cells_are_not_taken_for_the_delimiter(content, delimiter):
    assert detect(content).delimiter == delimiter


@pytest.mark.parametrize(
    ("first", "has_header"),
    [
        ("phone;name", True),
        ("Контакт;Имя", True),
        ("79991234567;Анна", False),
        ("Анна;8 (999) 123-45-67", False),
        ("7.92E+10;Анна", False),
        ("7921123;Анна", False),
    ],
)
def test_a_first_row_with_a_number_as_long_as_a_phone_is_no_header(first, has_header):
    assert detect(f"{first}\n79991234568;Пётр\n").has_header is has_header


@pytest.mark.parametrize(
    "titles",
    [
        "Clients of Omsk, November\n",
        "Clients;;;;\n;;;;\nPeriod:;01.11.2026;;;\n",
        "Clients\nTax number;7701234567\n",
        "All phones\n",
        "sep=;\n",
    ],
)
def test_titles_above_the_header_do_not_mislead(titles):
    table = "No;Name;Phone (mob.);City;Sum\n1;Anna;79991234567;Omsk, Mira;10,5\n"

    assert detect(titles + table) == Layout("utf-8", ";", has_header=True)


def test_utf8_that_is_damaged_in_a_place_is_utf8_all_the_same():
    content = "phone,name\n79991234567,Анна\n".encode() + b"79991234568,\xff\n"

    assert detect(content).encoding == "utf-8"


def test_an_encoding_is_judged_by_the_whole_file():
    plain = b"phone,name\n" + b"79991234567,Anna\n" * 100_000

    assert detect(plain + "79991234568,Анна\n".encode("cp1251")).encoding == "cp1251"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b" \r\n\r\n", "The file is empty."),
        (
            b"\x89PNG\r\n\x1a\n\x00\x00",
            "The file is a picture: save the table as CSV or XLSX and choose that.",
        ),
        (
            b"%PDF-1.7",
            "The file is a PDF document: save the table as CSV or XLSX and choose that.",
        ),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "The file is an old Excel workbook (.xls), or one with a password: "
            "save it as CSV or as XLSX without a password.",
        ),
        (b"\x1f\x8b\x08\x00", "The file is compressed: unpack it first."),
        (
            bytes(range(256)) * 4,
            "The file is not text: save the table as CSV (UTF-8) first.",
        ),
    ],
)
def test_what_is_no_table_is_refused_in_words(content, words):
    with pytest.raises(BadFile) as refusal:
        detect(content)

    assert str(refusal.value) == words
