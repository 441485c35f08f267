"""Mobile operator codes: the three digits after the country code."""

from notifier.clients.phones import country_code_of

FIRST_OPERATOR, LAST_OPERATOR = 100, 999


class BadOperator(ValueError):
    """Not a mobile operator code; the text says what is expected."""


def check_operator(value: object) -> int:
    """The code as a number from 100 to 999, given as such or as three digits.

    It need not equal the digits in the phone: a number that was carried over
    to another operator keeps its digits.
    """
    text = str(value).strip()
    if isinstance(value, bool) or not (len(text) == 3 and text.isascii() and text.isdigit()):
        raise BadOperator(f'Operator "{text}" is not a mobile operator code: use three digits.')
    code = int(text)
    if code < FIRST_OPERATOR:
        raise BadOperator(f'Operator "{text}" is not a mobile operator code: it starts with 0.')
    return code


def operator_of(phone: str) -> int | None:
    """The operator code in a normalised phone; None where it has none to be read."""
    code = phone[len(country_code_of(phone)) :][:3]
    return int(code) if len(code) == 3 and code[0] != "0" else None
