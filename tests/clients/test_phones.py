import pytest

from notifier.clients.operators import BadOperator, check_operator, operator_of
from notifier.clients.phones import BadPhone, normalise_phone


@pytest.mark.parametrize(
    "spelling",
    [
        "79991234567",
        79991234567,
        "+79991234567",
        "+7 (999) 123-45-67",
        "8 999 123 45 67",
        "89991234567",
        "9991234567",
        "7-999-123-45-67",
        "7.999.123.45.67",
        "\u202f+7 999 123‑45‑67 ".strip("\u202f"),
        "0079991234567",
    ],
)
def test_every_spelling_of_a_number_is_one_client(spelling):
    assert normalise_phone(spelling) == "79991234567"


@pytest.mark.parametrize(
    ("spelling", "digits"),
    [("+49 151 23456789", "4915123456789"), ("+1 202 555 0173", "12025550173")],
)
def test_numbers_of_other_countries_keep_their_digits(spelling, digits):
    assert normalise_phone(spelling) == digits


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "Phone number is empty."),
        ("   ", "Phone number is empty."),
        ("7921", 'Phone number "7921" has 4 digits; 11 expected.'),
        ("+7 999 123 45 6", 'Phone number "+7 999 123 45 6" has 10 digits; 11 expected.'),
        ("7999123456789", 'Phone number "7999123456789" has 13 digits; 11 expected.'),
        (
            "8 913 111-22-66, 8 913 111-22-77",
            'Phone number "8 913 111-22-66, 8 913 111-22-77" is more than one number: '
            "leave one of them.",
        ),
        (
            "+79131112266 / +79131112277",
            'Phone number "+79131112266 / +79131112277" is more than one number: '
            "leave one of them.",
        ),
        ("call me", 'Phone number "call me" has "c" in it; only digits are expected.'),
        ("7999123456७", 'Phone number "7999123456७" has "७" in it; only digits are expected.'),
        (
            "7,92E+10",
            'Phone number "7,92E+10" was damaged by a spreadsheet, its last digits are lost: '
            "format the column as text and fill it in again.",
        ),
        ("+999123456789", 'Phone number "+999123456789" is not a number of any country.'),
        ("71234567890", 'Phone number "71234567890" has no operator code after the 7.'),
    ],
)
def test_what_cannot_be_a_phone_is_refused_in_words(value, words):
    with pytest.raises(BadPhone) as refusal:
        normalise_phone(value)

    assert str(refusal.value) == words


def test_the_operator_is_read_after_the_country_code():
    assert operator_of("79991234567") == 999
    assert operator_of("4915123456789") == 151


@pytest.mark.parametrize("value", [999, "999", " 999 "])
def test_an_operator_is_a_number_or_three_digits(value):
    assert check_operator(value) == 999


@pytest.mark.parametrize("value", ["", "99", "9999", "9a9", "099", 12, True, None, "٩٩٩"])
def test_other_operators_are_refused(value):
    with pytest.raises(BadOperator, match="is not a mobile operator code"):
        check_operator(value)
