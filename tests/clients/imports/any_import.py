"""Files of every kind, and what becomes of clients by them as plain Python has it.

Nothing here uses what reads files, cleans rows or merges them: it is written
down a second time, slowly and from the documentation, to be compared.
"""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

HOLDS = ("phone", "operator", "tag", "timezone", "opted_out", "ignore", "attribute", "attribute")
ENDS = ("\n", "\r\n", "\r")
MOST_CHARACTERS = 300
ZONES = ("UTC", "Asia/Omsk", "Europe/Moscow")
# Digits, the operator read from them.
NUMBERS = {f"7999123450{digit}": 999 for digit in range(8)} | {
    "79141234567": 914,
    "73952123456": 395,
    "4915123456789": 151,
    "12025550173": 202,
    "380501234567": 501,
}
TEXTS = (
    "", "", "vip", "a,b", "a;b", "a\tb", "a|b", "two\nlines", "two\r\nlines", "two\rlines",
    ' padded ', 'He said "yes"', "'=1+1", "=1+1", "-5", "O'Brien", "''", "\\N", "back\\slash", "0",
    "Анна", "№ 5", "\\.", "30", "true", "null", "{}",
)  # fmt: skip


@dataclass
class Known:
    operator: int
    tag: str
    timezone: str
    attributes: dict[str, Any]
    opted_out: bool = False


@dataclass
class Line:
    """A row: its cells, and what is wrong with it, or else what it says. ``number``: where."""

    cells: list[str]
    problem: str = ""
    phone: str = ""
    operator: int | None = None
    tag: str = ""
    timezone: str = ""
    opted_out: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    number: int = 0


@dataclass
class File:
    content: bytes
    encoding: str
    delimiter: str
    has_header: bool
    names: list[str]
    holds: list[str]
    lines: list[Line]


@dataclass
class Outcome:
    clients: dict[str, Known]
    suppressed: set[str]
    counts: dict[str, int]
    touched: set[str]


# --- Rows -----------------------------------------------------------------------------


def spelled(random: Random, phone: str) -> str:
    if not phone.startswith("7"):
        return random.choice([f"+{phone}", f"00{phone}", phone, f"+{phone[:2]} {phone[2:]}"])
    rest = phone[1:]
    groups = (rest[:3], rest[3:6], rest[6:8], rest[8:])
    spaced = random.choice(
        ["({}) {}-{}-{}", " {} {} {} {}", "-{}-{}-{}-{}", ".{}.{}.{}.{}", " ({}){}{}{}",
         "\u00a0{}\u00a0{}\u00a0{}\u00a0{}", "{}{}{}{}"]
    )  # fmt: skip
    ways = [prefix + spaced.format(*groups) for prefix in ("7", "+7", "8", "007", "'+7", " 7")]
    if rest.startswith("9"):
        ways.append(rest)
    return random.choice(ways)


def spelled_text(random: Random, value: str) -> str:
    return random.choice([value, value, f" {value}", f"{value} "])


def read(cell: str) -> str:
    """What a cell says: blanks around it and an apostrophe before a formula are none of it."""
    text = cell.strip()
    if text.startswith("'") and text.lstrip("'")[:1] in ("=", "+", "-", "@"):
        text = text[1:].strip()
    return text


def good_line(random: Random, holds: list[str], names: list[str], texts: tuple[str, ...]) -> Line:
    line = Line([], phone=random.choice(list(NUMBERS)))
    for hold, name in zip(holds, names, strict=True):
        cell = ""
        if hold == "phone":
            cell = spelled(random, line.phone)
        elif hold == "operator" and random.random() < 0.5:
            line.operator = random.choice([914, 999, 100])
            cell = spelled_text(random, str(line.operator))
        elif hold == "tag" and random.random() < 0.6:
            cell = random.choice(texts)
            line.tag = read(cell)
        elif hold == "timezone" and random.random() < 0.5:
            line.timezone = random.choice(ZONES)
            cell = spelled_text(random, line.timezone)
        elif hold == "opted_out":
            said, line.opted_out = random.choice(
                [("", False), ("", False), ("no", False), ("нет", False), ("0", False),
                 ("yes", True), ("Да", True), ("2024-05-01", True), ("+", True)]
            )  # fmt: skip
            cell = said
        elif hold == "attribute":
            cell = random.choice(texts)
            if read(cell):
                line.attributes[name] = read(cell)
        elif hold == "ignore":
            cell = random.choice([*texts, "x" * (MOST_CHARACTERS + 5)])
        line.cells.append(cell)
    # Spreadsheets leave out blank cells at the end, or add some.
    while random.random() < 0.5 and len(line.cells) > 1 and not line.cells[-1].strip():
        line.cells.pop()
    if random.random() < 0.1:
        line.cells += [""] * random.randint(1, 3)
    return line


BAD_PHONES = {
    "": "phone_empty", "7921": "phone_digits", "7.92E+10": "phone_damaged",
    "7,92E+10": "phone_damaged", "79991234567.0": "phone_damaged", "79991000000": "phone_damaged",
    "+999123456789": "phone_country", "7123456789a": "phone_characters",
    "71234567890": "phone_operator", "+7 (999) 123-45-6": "phone_digits",
}  # fmt: skip


def bad_line(random: Random, holds: list[str], names: list[str], texts: tuple[str, ...]) -> Line:
    line = good_line(random, holds, names, texts)
    line.cells = (line.cells + [""] * len(holds))[: len(holds)]

    def put(hold: str, cell: str, code: str) -> None:
        line.cells[holds.index(hold)] = cell
        line.problem = code

    kinds = ["phone", "wide"]
    kinds += [kind for kind in ("operator", "tag", "timezone", "opted_out") if kind in holds]
    kinds += ["long", "control"] if "attribute" in holds else []
    kind = random.choice(kinds)
    if kind == "phone":
        put("phone", *random.choice(list(BAD_PHONES.items())))
    elif kind == "wide":
        line.cells.append("too much")
        line.problem = "too_many_cells"
    elif kind == "operator":
        put("operator", random.choice(["99", "МТС", "099", "9999"]), "operator")
    elif kind == "tag":
        put("tag", "t" * 101, "tag")
    elif kind == "timezone":
        put("timezone", random.choice(["Moscow", "+3", "Mars/One"]), "timezone")
    elif kind == "opted_out":
        put("opted_out", random.choice(["maybe", "?", "2"]), "opted_out")
    elif kind == "long":
        put("attribute", "x" * (MOST_CHARACTERS + 1), "cell_too_long")
    else:
        put("attribute", "a\x01b", "attributes")
    if not any(cell.strip() for cell in line.cells):
        line.cells[holds.index("phone")], line.problem = "7921", "phone_digits"
    return line


# --- Files ----------------------------------------------------------------------------


def any_file(random: Random, *, texts: tuple[str, ...] = TEXTS) -> File:
    encoding = random.choice(["utf-8", "utf-16", "cp1251"])
    codec = {"utf-8": random.choice(["utf-8", "utf-8-sig"]), "cp1251": "cp1251",
             "utf-16": random.choice(["utf-16", "utf-16-le", "utf-16-be"])}[encoding]  # fmt: skip
    delimiter = random.choice(",;\t|")
    has_header = random.random() < 0.8
    holds = ["phone", *random.sample(HOLDS[1:], random.randint(0, len(HOLDS) - 1))]
    random.shuffle(holds)
    names = [f"{hold} {at}" for at, hold in enumerate(holds)]
    lines = [
        (bad_line if random.random() < 0.25 else good_line)(random, holds, names, texts)
        for _ in range(random.randint(1, 12))
    ]
    if not has_header:
        # The width is that of the first rows.
        lines = [line for line in lines if line.problem != "too_many_cells"] or [
            good_line(random, holds, names, texts)
        ]
        lines[0].cells = (lines[0].cells + [""] * len(holds))[: len(holds)]
        lines = [Line(**{**vars(line), "cells": line.cells[: len(holds)]}) for line in lines]
        names = [f"Column {at}" for at in range(1, len(holds) + 1)]
        for line in lines:
            line.attributes = {
                names[at]: read(cell)
                for at, cell in enumerate(line.cells)
                if holds[at] == "attribute" and read(cell)
            }
    text = written(random, lines, delimiter, header=names if has_header else None)
    return File(text.encode(codec), encoding, delimiter, has_header, names, holds, lines)


def written(random: Random, lines: list[Line], delimiter: str, *, header: list[str] | None) -> str:
    """The file's text; each line is told its number on the way."""
    end = random.choice(ENDS)
    is_mixed = random.random() < 0.2
    quotes_all = random.random() < 0.3
    parts: list[str] = []
    number = 1

    def add(text: str) -> None:
        nonlocal number
        parts.append(text + (random.choice(ENDS) if is_mixed else end))
        number = 1 + line_ends("".join(parts))

    def add_blank_lines() -> None:
        while random.random() < 0.2:
            add(random.choice(["", " ", delimiter * 2, '""', f'""{delimiter}" "', "\t"]))

    add_blank_lines()
    if header:
        add(in_csv(random, header, delimiter, quotes_all=quotes_all))
    for line in lines:
        add_blank_lines()
        line.number = number
        add(in_csv(random, line.cells, delimiter, quotes_all=quotes_all))
    add_blank_lines()
    text = "".join(parts)
    return text if random.random() < 0.7 else text.rstrip("\r\n") if text.endswith(end) else text


def line_ends(text: str) -> int:
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def in_csv(random: Random, cells: list[str], delimiter: str, *, quotes_all: bool) -> str:
    def cell_in_csv(cell: str) -> str:
        needs = any(mark in cell for mark in f'"\r\n{delimiter}') or (
            cell != cell.strip() and random.random() < 0.5
        )
        if needs or quotes_all or random.random() < 0.1:
            return '"' + cell.replace('"', '""') + '"'
        return cell

    return delimiter.join(map(cell_in_csv, cells))


# --- What becomes of clients ----------------------------------------------------------


def after_import(
    file: File,
    known: dict[str, Known],
    suppressed: set[str],
    *,
    policy: str,
    operator: int | None,
    tag: str,
    timezone: str,
) -> Outcome:
    clients = {phone: Known(**{**vars(each), "attributes": dict(each.attributes)})
               for phone, each in known.items()}  # fmt: skip
    listed = set(suppressed)
    counts = dict.fromkeys(
        ("new", "changed", "unchanged", "duplicates", "rejected", "opted_out"), 0
    )
    touched: set[str] = set()
    good = [line for line in file.lines if not line.problem]
    counts["rejected"] = len(file.lines) - len(good)
    leaving = {line.phone for line in good if line.opted_out}
    seen: set[str] = set()
    for line in good:
        if line.phone in seen:
            counts["duplicates"] += 1
            continue
        seen.add(line.phone)
        is_leaving = line.phone in leaving
        if is_leaving and line.phone not in listed:
            listed.add(line.phone)
            counts["opted_out"] += 1
        if line.phone not in known:
            counts["new"] += 1
            touched.add(line.phone)
            clients[line.phone] = Known(
                operator=line.operator or operator or NUMBERS[line.phone],
                tag=line.tag or tag,
                timezone=line.timezone or timezone or "UTC",
                attributes=dict(line.attributes),
                opted_out=line.phone in listed,
            )
            continue
        client, before = clients[line.phone], known[line.phone]
        if policy == "update":
            client.operator = line.operator or client.operator
            client.tag = line.tag or client.tag
            client.timezone = line.timezone or client.timezone
            client.attributes |= line.attributes
        if policy == "fill":
            client.tag = client.tag or line.tag
            for name, value in line.attributes.items():
                if client.attributes.get(name) in (None, ""):
                    client.attributes[name] = value
        client.opted_out |= is_leaving
        if as_text(client) == as_text(before):
            counts["unchanged"] += 1
        else:
            counts["changed"] += 1
            touched.add(line.phone)
    return Outcome(clients, listed, counts, touched)


def as_text(client: Known) -> str:
    """To be compared: in Python 1 would equal true."""
    return json.dumps(vars(client), sort_keys=True)


def any_known(random: Random) -> tuple[dict[str, Known], set[str]]:
    """Clients, and the suppression list with others on it."""
    phones = [phone for phone in NUMBERS if random.random() < 0.5]
    names = [f"attribute {at}" for at in range(8)] + [f"Column {at}" for at in range(1, 8)]
    values: list[Any] = ["", None, "vip", 30, True, "30", 1.5, "Анна"]
    known = {
        phone: Known(
            operator=random.choice([914, 999, 100]),
            tag=random.choice(["", "vip", "old"]),
            timezone=random.choice(ZONES),
            attributes={name: random.choice(values) for name in names if random.random() < 0.4},
            opted_out=random.random() < 0.2,
        )
        for phone in phones
    }
    suppressed = {phone for phone, each in known.items() if each.opted_out}
    others = {phone for phone in NUMBERS if phone not in known and random.random() < 0.3}
    return known, suppressed | others
