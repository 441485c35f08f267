"""Phone numbers on the way in: every spelling of one number becomes the same digits.

The stored form is E.164 without the plus, for example ``79991234567``.
"""

import re

import phonenumbers

RUSSIA = "7"
# Spaces, brackets, dots and dashes of every kind, as spreadsheets hold them.
PUNCTUATION = re.compile(r"[\s()./‐‑‒–—−\-\u00a0\u200b\ufeff]+")
# Between several numbers in one cell.
BETWEEN = re.compile(r"[,;|/\n]")
SCIENTIFIC = re.compile(r"^\d+([.,]\d+)?[eE]\+?\d+$")


class BadPhone(ValueError):
    """Not a phone number; the text says why, to the person who typed it.

    ``code`` says what is wrong in one word, for counting.
    """

    def __init__(self, words: str, code: str) -> None:
        super().__init__(words)
        self.code = code


def normalise_phone(value: object) -> str:
    """The digits of a phone: ``+7 (999) 123-45-67`` and ``8 999 123 45 67`` are ``79991234567``.

    Numbers without a plus are read as Russian where they can be, else as
    international digits. Raises BadPhone.
    """
    text = str(value).strip()
    digits = PUNCTUATION.sub("", text)
    has_plus = digits.startswith("+")
    digits = digits.removeprefix("+")
    _refuse_what_is_no_number(text, digits)
    if digits.startswith("00") and not has_plus:
        has_plus, digits = True, digits[2:]
    if not has_plus:
        digits = _with_russian_code(digits)
    if digits.startswith(RUSSIA):
        return _checked_russian(text, digits)
    return _checked_international(text, digits)


def country_code_of(phone: str) -> str:
    """The country code that a normalised phone begins with."""
    if phone.startswith(RUSSIA):
        return RUSSIA
    return str(phonenumbers.parse(f"+{phone}").country_code)


def _digits(count: int) -> str:
    return "1 digit" if count == 1 else f"{count} digits"


def _refuse_what_is_no_number(text: str, digits: str) -> None:
    if not digits:
        raise BadPhone("Phone number is empty.", "phone_empty")
    if SCIENTIFIC.match(text):
        raise BadPhone(
            f'Phone number "{text}" was damaged by a spreadsheet, its last digits are lost: '
            "format the column as text and fill it in again.",
            "phone_damaged",
        )
    if sum(_is_long_enough(part) for part in BETWEEN.split(text)) > 1:
        raise BadPhone(
            f'Phone number "{text}" is more than one number: leave one of them.', "phone_several"
        )
    if not (digits.isascii() and digits.isdigit()):
        wrong = next(mark for mark in digits if not (mark.isascii() and mark.isdigit()))
        raise BadPhone(
            f'Phone number "{text}" has "{wrong}" in it; only digits are expected.',
            "phone_characters",
        )


def _is_long_enough(text: str) -> bool:
    return sum(map(str.isdigit, text)) >= 10


def _with_russian_code(digits: str) -> str:
    if len(digits) == 11 and digits[0] == "8":
        return RUSSIA + digits[1:]
    if len(digits) == 10 and digits[0] == "9":
        return RUSSIA + digits
    return digits


def _checked_russian(text: str, digits: str) -> str:
    if len(digits) != 11:
        raise BadPhone(
            f'Phone number "{text}" has {_digits(len(digits))}; 11 expected.', "phone_digits"
        )
    if digits[1] in "012":
        raise BadPhone(f'Phone number "{text}" has no operator code after the 7.', "phone_operator")
    return digits


def _checked_international(text: str, digits: str) -> str:
    if len(digits) < 11:
        # Too short for a Russian number, the usual case, and without a
        # country code that would make it another country's.
        problem = BadPhone(
            f'Phone number "{text}" has {_digits(len(digits))}; 11 expected.', "phone_digits"
        )
    else:
        problem = BadPhone(
            f'Phone number "{text}" is not a number of any country.', "phone_country"
        )
    try:
        parsed = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException as error:
        raise problem from error
    if not phonenumbers.is_possible_number(parsed) or len(digits) > 15:
        raise problem
    # Not every country drops a leading zero, so the digits stay as given.
    return digits
