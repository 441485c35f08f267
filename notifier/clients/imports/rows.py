"""Rows of a file on the way to clients: cleaned one by one, or rejected with the reason.

A million of them must take seconds: what most rows are goes a quick way, and
whatever is unusual in any respect the slow way, through cleaning.clean_client,
which is the rule. Both give the same.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any, Generic, NamedTuple, TypeVar

from django.conf import settings

from notifier.clients.cleaning import ClientProblems, check_tag, clean_client
from notifier.clients.imports.columns import FIELDS, Column
from notifier.clients.imports.opt_outs import reads_opt_out
from notifier.clients.imports.table import Table
from notifier.clients.imports.text import UNREADABLE, Row
from notifier.clients.operators import check_operator
from notifier.clients.phones import PUNCTUATION, BadPhone
from notifier.clients.spreadsheet import read_cell
from notifier.clients.timezones import check_timezone

# What rows are rejected for, in words for counts of them. The codes are stored: never rename one.
CODES: Mapping[str, str] = {
    "phone_empty": "No phone number",
    "phone_damaged": "Phone number damaged by a spreadsheet",
    "phone_digits": "Phone number of a wrong length",
    "phone_several": "More than one phone number",
    "phone_characters": "Phone number with other characters than digits",
    "phone_operator": "Phone number without an operator code",
    "phone_country": "Phone number of no country",
    "operator": "Unknown operator code",
    "tag": "Tag that cannot be kept",
    "timezone": "Unknown time zone",
    "attributes": "Invisible control characters",
    "opted_out": "Neither yes nor no to an opt-out",
    "too_many_cells": "More cells than columns",
    "cell_too_long": "Too long a cell",
    "row_too_long": "Too long a row",
    "unclosed_quote": "Quotation mark not closed",
    "not_text": "Characters that cannot be read",
}

# The usual spellings of a Russian number, whose last ten digits are the groups.
PLAIN = re.compile(r"(?:(?:\+?7|8)([3-9][0-9]{9})|(9[0-9]{9}))")
SPACED = re.compile(
    r"(?:\+?7|8)[ \-]?\(?([3-9][0-9]{2})\)?[ \-]?([0-9]{3})[ \-]?([0-9]{2})[ \-]?([0-9]{2})"
)
# Where one is, the row goes the slow way; other invisible ones are common and harmless.
UNUSUAL = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f{UNREADABLE}]")
# A number that a spreadsheet wrote with decimals.
DECIMAL = re.compile(r"\+?[0-9]{7,}[.,]0+", re.ASCII)
LOST_DIGITS = "000000"
UNSTORABLE = str.maketrans({"\x00": "\ufffd", UNREADABLE: "\ufffd"})
LONGEST_REASON = 1_000
MOST_KEPT_CELLS = 2_000
MOST_REMEMBERED = 10_000


class GoodRow(NamedTuple):
    """``attributes`` is a JSON text; ``has_…`` says that the cell was not blank."""

    line: int
    phone: str
    operator: int
    tag: str
    timezone: str
    attributes: str
    opted_out: bool
    has_operator: bool
    has_tag: bool
    has_timezone: bool


class Rejected(NamedTuple):
    """``cells`` are those of the row as they stand in the file, be they too many or too few.

    Only what cannot be stored in them is replaced, and of very many the first
    are kept. ``code`` is one of CODES.
    """

    line: int
    code: str
    reason: str
    cells: list[str]

    def __str__(self) -> str:
        return f"Row {self.line}: {self.reason}"


class _BadRow(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class _Plan:
    """Where in a row what is, and what stands in for blank cells."""

    width: int
    places: Mapping[str, int]
    attributes: Sequence[tuple[int, str]]
    default_operator: int | None
    default_tag: str
    default_timezone: str
    most_characters: int = field(default_factory=lambda: settings.IMPORT_MOST_CELL_CHARACTERS)


def clean_rows(
    table: Table,
    *,
    columns: Sequence[Column],
    default_operator: int | None = None,
    default_tag: str = "",
    default_timezone: str = "",
) -> Iterator[GoodRow | Rejected]:
    """Every row of the table, once. The columns and defaults are checked ones.

    Raises BadFile where the table does: see table.read_table.
    """
    plan = _Plan(
        width=len(columns),
        places={
            column.holds: index for index, column in enumerate(columns) if column.holds in FIELDS
        },
        attributes=[
            (index, column.attribute.strip())
            for index, column in enumerate(columns)
            if column.holds == "attribute"
        ],
        default_operator=default_operator,
        default_tag=default_tag,
        default_timezone=default_timezone or settings.DEFAULT_CLIENT_TIMEZONE,
    )
    return _clean(table.rows, plan)


def _clean(rows: Iterable[Row], plan: _Plan) -> Iterator[GoodRow | Rejected]:
    """One long loop: calls and look-ups would make it twice as slow."""
    width, most_characters = plan.width, plan.most_characters
    phone_at = plan.places["phone"]
    # A column that is not there is the blank cell beyond the last one.
    operator_at, tag_at, timezone_at, opted_out_at = (
        plan.places.get(name, width) for name in ("operator", "tag", "timezone", "opted_out")
    )
    default_operator, default_tag = plan.default_operator, plan.default_tag
    default_timezone = plan.default_timezone
    operators, tags = _Remembered(check_operator), _Remembered(check_tag)
    timezones, opt_outs = _Remembered(check_timezone), _Remembered(_check_opt_out)
    attributes = [(at, f"{encode_basestring(name)}: ") for at, name in plan.attributes]
    is_plain, is_spaced, is_unusual = PLAIN.fullmatch, SPACED.fullmatch, UNUSUAL.search
    encode, strip, make, good_row = encode_basestring, str.strip, tuple.__new__, GoodRow
    for row in rows:
        line, raw, problem = row
        text = "".join(raw)
        if (
            problem
            or len(raw) > width
            or len(text) > most_characters
            or (not text.isprintable() and is_unusual(text))
        ):
            yield _clean_slowly(row, plan)
            continue
        cells = [*map(read_cell, raw)] if "'" in text else [*map(strip, raw)]
        cells += [""] * (width + 1 - len(cells))
        number = cells[phone_at]
        if match := is_plain(number):
            phone = "7" + (match[1] or match[2])
        elif match := is_spaced(number):
            phone = "7" + "".join(match.groups())
        else:
            yield _clean_slowly(row, plan)
            continue
        if phone.endswith(LOST_DIGITS):
            yield _clean_slowly(row, plan)
            continue
        operator_cell, tag_cell = cells[operator_at], cells[tag_at]
        timezone_cell, opted_out_cell = cells[timezone_at], cells[opted_out_at]
        try:
            yield make(
                good_row,
                (
                    line,
                    phone,
                    operators[operator_cell]
                    if operator_cell
                    else default_operator or int(phone[1:4]),
                    tags[tag_cell] if tag_cell else default_tag,
                    timezones[timezone_cell] if timezone_cell else default_timezone,
                    "{"
                    + ", ".join([name + encode(cells[at]) for at, name in attributes if cells[at]])
                    + "}",
                    opt_outs[opted_out_cell] if opted_out_cell else False,
                    operator_cell != "",
                    tag_cell != "",
                    timezone_cell != "",
                ),
            )
        except ValueError:
            yield _clean_slowly(row, plan)


Value = TypeVar("Value")


class _Remembered(dict[str, Value], Generic[Value]):
    """What the check makes of each cell; a file has few different ones in such columns."""

    def __init__(self, check: Callable[[object], Value]) -> None:
        super().__init__()
        self._check = check

    def __missing__(self, cell: str) -> Value:
        value = self._check(cell)
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        self[cell] = value
        return value


def _clean_slowly(row: Row, plan: _Plan) -> GoodRow | Rejected:
    try:
        return _cleaned(row, plan)
    except ClientProblems as error:
        return _rejected(row, next(iter(error.codes.values())), str(error))
    except (_BadRow, _BadOptOut, BadPhone) as error:
        return _rejected(row, error.code, str(error))


def _rejected(row: Row, code: str, reason: str) -> Rejected:
    if len(reason) > LONGEST_REASON:
        reason = f"{reason[:LONGEST_REASON]}…"
    cells = [cell.translate(UNSTORABLE) for cell in row.cells[:MOST_KEPT_CELLS]]
    return Rejected(row.line, code, reason.translate(UNSTORABLE), cells)


def _cleaned(row: Row, plan: _Plan) -> GoodRow:
    _refuse_what_cannot_be_read(row)
    cells = _cells_of(row, plan)
    values = {name: cells[at] for name, at in plan.places.items()}
    _refuse_damage(values["phone"])
    client = clean_client(
        phone=values["phone"],
        operator=values.get("operator") or plan.default_operator,
        tag=values.get("tag") or plan.default_tag,
        timezone=values.get("timezone") or plan.default_timezone,
        attributes={name: cells[at] for at, name in plan.attributes if cells[at]},
    )
    return GoodRow(
        line=row.line,
        phone=client.phone,
        operator=client.operator,
        tag=client.tag,
        timezone=client.timezone,
        attributes=_json(client.attributes),
        opted_out=_check_opt_out(values.get("opted_out", "")),
        has_operator=bool(values.get("operator")),
        has_tag=bool(values.get("tag")),
        has_timezone=bool(values.get("timezone")),
    )


def _json(attributes: Mapping[str, Any]) -> str:
    pairs = (f"{encode_basestring(k)}: {encode_basestring(v)}" for k, v in attributes.items())
    return "{" + ", ".join(pairs) + "}"


def _refuse_what_cannot_be_read(row: Row) -> None:
    if row.problem == "unclosed_quote":
        raise _BadRow(
            row.problem,
            "It begins a quotation that is not closed: take out the quotation mark, or close it.",
        )
    if row.problem:
        raise _BadRow(row.problem, "It is longer than any row of a table can be.")
    if any(UNREADABLE in cell for cell in row.cells):
        raise _BadRow(
            "not_text",
            "It has characters that cannot be read: is the encoding of the file the right one?",
        )


def _cells_of(row: Row, plan: _Plan) -> list[str]:
    """As many as there are columns; spreadsheets leave out blank ones, or add some, at the end."""
    # Of a line of two million delimiters every other look at each cell would be felt.
    if any(map(str.strip, row.cells[plan.width :])):
        raise _BadRow(
            "too_many_cells", f"It has {len(row.cells)} cells; the header has {plan.width} columns."
        )
    cells = [read_cell(cell) for cell in row.cells[: plan.width]]
    for at in (*plan.places.values(), *(at for at, _ in plan.attributes)):
        length = len(cells[at]) if at < len(cells) else 0
        if length > plan.most_characters:
            raise _BadRow(
                "cell_too_long",
                f"The cell in column {at + 1} has {length:,} characters; "
                f"at most {plan.most_characters:,} are kept.",
            )
    return cells + [""] * (plan.width - len(cells))


def _refuse_damage(number: str) -> None:
    """What a spreadsheet does to long numbers. Never repaired: the digits may be lost."""
    if DECIMAL.fullmatch(number):
        raise BadPhone(
            f'Phone number "{number}" was written as a fraction by a spreadsheet: '
            "format the column as text and fill it in again.",
            "phone_damaged",
        )
    digits = PUNCTUATION.sub("", number)
    if len(digits) >= 10 and digits.endswith(LOST_DIGITS):
        raise BadPhone(
            f'Phone number "{number}" looks as if a spreadsheet had lost its last digits; '
            "if it is real, add it by hand.",
            "phone_damaged",
        )


def _check_opt_out(cell: object) -> bool:
    is_opted_out = reads_opt_out(str(cell))
    if is_opted_out is None:
        raise _BadOptOut(
            f'Opted out is "{cell}": use yes, no or the date since when, or leave it blank.'
        )
    return is_opted_out


class _BadOptOut(ValueError):
    code = "opted_out"
