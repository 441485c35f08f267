"""What each column of a file holds: guessed from names and values, said by a person."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from notifier.clients.attribute_names import LONGEST_NAME
from notifier.clients.cleaning import check_attribute_name
from notifier.clients.imports.opt_outs import reads_opt_out
from notifier.clients.phones import BadPhone, normalise_phone
from notifier.clients.spreadsheet import read_cell
from notifier.clients.timezones import known_timezones

HOLDS: Mapping[str, str] = {
    "phone": "Phone",
    "operator": "Operator",
    "tag": "Tag",
    "timezone": "Time zone",
    "opted_out": "Opted out",
    "attribute": "Attribute",
    "ignore": "Not imported",
}
# Of these a client has one each.
FIELDS = ("phone", "operator", "tag", "timezone", "opted_out")
# What a file of rejected rows says of each beside its cells: no data when it is imported again.
REJECTION_NAMES = ("line", "reason")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# As people name them; small letters without the dots of ё, spaces and punctuation.
NAMES: Mapping[str, frozenset[str]] = {
    "phone": _words(
        "phone phones phonenumber phoneno phonenum phone1 mobile mobilephone mobilenumber mobileno "
        "cell cellphone cellnumber cellular tel telephone telephonenumber telno msisdn number "
        "contactphone contactnumber clientphone customerphone recipient smsnumber whatsapp "
        "телефон телефоны телефон1 номер номертелефона номертел номерателефонов тел телномер "
        "мобильный мобильныйтелефон мобильныйномер номермобильного номермобильноготелефона "
        "моб мобтел мобтелефон мобномер сотовый сотовыйтелефон номерсотового сот соттел "
        "контактныйтелефон контактныйномер телефонклиента телефонабонента телефонмобильный "
        "телефонконтакта номерабонента номерклиента телефондлясвязи получатель"
    ),
    "operator": _words(
        "operator operatorcode operatorid mobileoperator mobileoperatorcode carrier carriercode "
        "phonecode defcode def оператор кодоператора операторсвязи мобильныйоператор "
        "кодмобильногооператора defкод кодdef деф кодсети"
    ),
    "tag": _words(
        "tag tags label labels segment group тег теги тэг тэги метка метки ярлык сегмент группа"
    ),
    "timezone": _words(
        "timezone timezones tz tzname timezonename zone clienttimezone часовойпояс таймзона "
        "временнаязона часоваязона пояс зона часпояс"
    ),
    "opted_out": _words(
        "optedout optedoutat optout optoutdate unsubscribed unsubscribedat unsubscribe "
        "donotcontact donotsend donotdisturb dnc dnd nosms stop stoplist blacklist blacklisted "
        "отписан отписана отписался отписалась отписка отписки датаотписки отказ отказался "
        "отказалась отказотрассылки отказотрассылок отказалсяотрассылки отписаносотрассылки "
        "отписанотрассылки отписалсяотрассылки неписать неслать неотправлять неотправлятьсмс "
        "нерассылать небеспокоить несвязываться стоп стоплист черныйсписок чс"
    ),
}

PHONE = re.compile(r"'?\+?\d[\d\s()./‐‑‒–—−\-\u00a0]{8,}")
OPERATOR = re.compile(r"[1-9][0-9]{2}")
ENOUGH = 0.5


class ColumnProblems(ValueError):
    """``problems`` maps the number of a column, from 0, or None for all, to a sentence."""

    def __init__(self, problems: Mapping[int | None, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True)
class Column:
    """``holds`` is one of HOLDS; ``attribute`` is the name of the client's attribute."""

    name: str
    holds: str
    attribute: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Column":
        return cls(str(value["name"]), str(value["holds"]), str(value.get("attribute") or ""))


def is_phone_like(cell: str) -> bool:
    return bool(PHONE.fullmatch(cell.strip())) and 10 <= sum(map(str.isdigit, cell)) <= 15


def is_phone_name(name: str) -> bool:
    return _key(name) in NAMES["phone"]


def mentions_phone(name: str) -> bool:
    """As "Phone 1 - Value" does, and "Phone model"."""
    return any(word in _key(name) for word in ("phone", "mobile", "телефон"))


def is_phone(cell: str) -> bool:
    """Other long numbers, as those of taxpayers, are none."""
    try:
        return is_phone_like(cell) and bool(normalise_phone(read_cell(cell)))
    except BadPhone:
        return False


def guess_columns(header: list[str], sample: list[list[str]]) -> list[Column]:
    """What the columns seem to hold, by their names and the cells of some rows.

    Never two of one field, never two attributes of one name: a guess passes
    check_columns unless no column holds the phone.
    """
    values = [_values(sample, index) for index in range(len(header))]
    ignored = rejection_columns(header)
    ignored |= {
        index for index, name in enumerate(header) if not name.strip() and not values[index]
    }
    free = [index for index in range(len(header)) if index not in ignored]
    fields: dict[int, str] = {}
    for field, find in _FINDERS.items():
        found = find(header, values, [index for index in free if index not in fields])
        if found is not None:
            fields[found] = field
    return _named_columns(header, ignored, fields)


def _named_columns(header: list[str], ignored: set[int], fields: Mapping[int, str]) -> list[Column]:
    taken: set[str] = set()
    columns = []
    for index, name in enumerate(header):
        if index in ignored:
            columns.append(Column(name, "ignore"))
        elif index in fields:
            columns.append(Column(name, fields[index]))
        else:
            attribute = _free_name(name.strip() or f"Column {index + 1}", taken)
            taken.add(attribute)
            columns.append(Column(name, "attribute", attribute))
    return columns


def _free_name(name: str, taken: set[str]) -> str:
    name, free, number = name[:LONGEST_NAME], name[:LONGEST_NAME], 2
    while free in taken:
        free = f"{name[: LONGEST_NAME - 6]} {number}"
        number += 1
    return free


def check_columns(columns: Sequence[Column]) -> None:
    """Raises ColumnProblems with all that keeps the columns from being imported."""
    problems: dict[int | None, str] = {}
    owners: dict[str, Column] = {}
    for index, column in enumerate(columns):
        problem = _problem_of(column, owners)
        if problem:
            problems[index] = problem
        elif column.holds != "ignore":
            owners.setdefault(_owned(column), column)
    if "phone" not in owners:
        problems[None] = "No column holds the phone: say which one does."
    if problems:
        raise ColumnProblems(problems)


def say_columns(columns: Sequence[Column], said: Mapping[str, str]) -> list[Column]:
    """The guessed ones, but for what a program says of them by their names.

    ``said`` maps names to one of HOLDS, or ``attribute:city``. A field that is
    said of one column is guessed of no other. Raises ColumnProblems.
    """
    names = [column.name for column in columns]
    if unknown := [name for name in said if name not in names]:
        words = f'There is no column "{unknown[0]}": the file has {", ".join(names)}.'
        raise ColumnProblems({None: words})
    taken = {holds for holds in said.values() if holds in FIELDS}
    return [
        _said_column(column.name, said[column.name])
        if column.name in said
        else Column(column.name, "attribute", column.name)
        if column.holds in taken
        else column
        for column in columns
    ]


def keep_chosen(
    guessed: Sequence[Column], before: Sequence[Column], by_hand: Collection[int]
) -> list[Column]:
    """The guessed ones, but for what a person chose when the file was read in another way.

    ``by_hand`` are the numbers of the columns of ``before`` that were chosen so. A choice
    is kept for the column in the same place with the same name, or else for the only
    one of that name. What is kept is guessed of no other column.
    """
    kept = {
        index: before[origin]
        for index in range(len(guessed))
        if (origin := _same_column(guessed, before, index)) in by_hand and origin is not None
    }
    fields = {column.holds for column in kept.values() if column.holds in FIELDS}
    taken = {column.attribute.strip() for column in kept.values() if column.holds == "attribute"}
    columns = []
    for index, column in enumerate(guessed):
        if index in kept:
            columns.append(kept[index])
        elif column.holds == "attribute" or column.holds in fields:
            name = column.attribute or column.name.strip() or f"Column {index + 1}"
            columns.append(Column(column.name, "attribute", _free_name(name, taken)))
            taken.add(columns[-1].attribute)
        else:
            columns.append(column)
    return columns


def _same_column(now: Sequence[Column], before: Sequence[Column], index: int) -> int | None:
    """Which of the former columns it is, if any."""
    name = now[index].name
    if index < len(before) and before[index].name == name:
        return index
    places = [place for place, column in enumerate(before) if column.name == name]
    is_only = len(places) == 1 and sum(column.name == name for column in now) == 1
    return places[0] if is_only else None


def _said_column(name: str, holds: str) -> Column:
    kind, _, attribute = holds.partition(":")
    return Column(name, kind, (attribute or name) if kind == "attribute" else "")


def _problem_of(column: Column, owners: Mapping[str, Column]) -> str:
    if column.holds not in HOLDS:
        return f'"{column.holds}" is nothing that a column holds: use one of {", ".join(HOLDS)}.'
    if column.holds == "attribute":
        if not column.attribute.strip():
            return "Name the attribute, or do not import the column."
        try:
            check_attribute_name(column.attribute)
        except ValueError as error:
            return str(error)
    other = owners.get(_owned(column))
    if other is None or column.holds == "ignore":
        return ""
    if column.holds == "attribute":
        return f'Column "{other.name}" is the attribute "{column.attribute.strip()}" already.'
    return f'Column "{other.name}" holds the {HOLDS[column.holds].lower()} already.'


def _owned(column: Column) -> str:
    """What only one column may hold."""
    if column.holds == "attribute":
        return f"attribute {column.attribute.strip()}"
    return column.holds


def rejection_columns(header: list[str]) -> set[int]:
    """Those of a file of rejected rows. Both or none: alone, one is somebody's attribute."""
    if any(header.count(name) != 1 for name in REJECTION_NAMES):
        return set()
    return {header.index(name) for name in REJECTION_NAMES}


def _key(name: str) -> str:
    folded = name.casefold().replace("ё", "е")
    return "".join(character for character in folded if character.isalnum())


def _values(sample: list[list[str]], index: int) -> list[str]:
    """The cells of a column that are not blank."""
    return [row[index].strip() for row in sample if index < len(row) and row[index].strip()]


def _share(values: list[str], is_one: Callable[[str], object]) -> float:
    return sum(1 for value in values if is_one(value)) / len(values) if values else 0.0


def _best(scores: Mapping[int, float]) -> int | None:
    """The first of the highest, above 0."""
    best = max(scores, key=lambda index: scores[index], default=None)
    return best if best is not None and scores[best] > 0 else None


def _find_phone(header: list[str], values: list[list[str]], free: list[int]) -> int | None:
    """A column named so, unless its cells hold no phones and another's do."""

    def score(index: int) -> float:
        share = _share(values[index], is_phone)
        if is_phone_name(header[index]):
            return share + 0.4
        return share if share >= ENOUGH else 0

    return _best({index: score(index) for index in free})


def _find_named(
    field: str, fits: Callable[[str], object]
) -> Callable[[list[str], list[list[str]], list[int]], int | None]:
    """A column named so, unless its cells say that it is another thing of that name."""

    def find(header: list[str], values: list[list[str]], free: list[int]) -> int | None:
        def score(index: int) -> float:
            if _key(header[index]) not in NAMES[field]:
                return 0
            share = _share(values[index], fits) if values[index] else ENOUGH
            return share if share >= ENOUGH else 0

        return _best({index: score(index) for index in free})

    return find


def _find_operator(header: list[str], values: list[list[str]], free: list[int]) -> int | None:
    named = _find_named("operator", OPERATOR.fullmatch)(header, values, free)
    if named is not None:
        return named
    # Three digits may be anything; those of the phones beside them are the operator.
    codes = {_key(value)[-10:-7] for column in values for value in column if is_phone(value)}

    def is_code(value: str) -> bool:
        return value in codes and value.startswith("9")

    return _best(
        {index: share for index in free if (share := _share(values[index], is_code)) >= 0.8}
    )


def _find_timezone(header: list[str], values: list[list[str]], free: list[int]) -> int | None:
    zones = known_timezones()
    named = _find_named("timezone", zones.__contains__)(header, values, free)
    if named is not None:
        return named
    return _best(
        {
            index: share
            for index in free
            if (share := _share(values[index], lambda value: "/" in value and value in zones))
            >= 0.8
        }
    )


_FINDERS: Mapping[str, Callable[[list[str], list[list[str]], list[int]], int | None]] = {
    "phone": _find_phone,
    "operator": _find_operator,
    "timezone": _find_timezone,
    "opted_out": _find_named("opted_out", lambda value: reads_opt_out(value) is not None),
    "tag": _find_named("tag", lambda value: True),
}
