"""Conditions as the builder shows them: rows, and groups of rows one level deep."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from notifier.clients.conditions import (
    VALUELESS_OPS,
    BadConditions,
    check_conditions,
    field_named,
    in_full,
    opposite,
)
from notifier.web.filters.kinds import kind_of, op_choices, op_words

TOP = "top"
JOINS = {
    "all": "all of these",
    "any": "any of these",
    "none": "none of these",
}
MOST_ROWS = 200


class TooDeep(ValueError):
    """Conditions that rows and groups one level deep cannot show."""


@dataclass
class Row:
    """One comparison as it is filled in; ``problem`` says what is wrong with it."""

    name: str = ""
    op: str = "is"
    value: str = ""
    problem: str = ""

    @property
    def ops(self) -> list[tuple[str, str]]:
        return op_choices(self.name)

    @property
    def kind(self) -> str:
        return kind_of(self.name, self.op)

    @property
    def is_blank(self) -> bool:
        return not self.name and not self.value

    def condition(self) -> dict[str, Any]:
        if self.op in VALUELESS_OPS:
            return {"field": self.name, "op": self.op}
        value = _values_in(self.value) if self.op == "in" else self.value.strip()
        return {"field": self.name, "op": self.op, "value": value}

    def find_problem(self) -> str:
        if not self.name:
            return "Choose what to compare."
        found = field_named(self.name)
        if found is None:
            return f'"{self.name}" is not a field: choose one.'
        if self.op not in found.ops:
            ops = ", ".join(op_words(self.name, op) for op in found.ops)
            return f"{found.words.capitalize()} is compared otherwise: {ops}."
        if self.op not in VALUELESS_OPS and not self.value.strip(" ,"):
            return "Fill in the value."
        try:
            check_conditions(self.condition())
        except BadConditions as wrong:
            return str(wrong).removeprefix(f"{wrong.path}: ")
        return ""


@dataclass
class Group:
    """Rows that are joined by ``join``; ``key`` tells in the form which rows are its own."""

    key: str
    join: str = "all"
    rows: list[Row] = field(default_factory=list)

    def conditions(self) -> dict[str, Any]:
        parts = [row.condition() for row in self.rows]
        return {"not": {"any": parts}} if self.join == "none" else {self.join: parts}


@dataclass
class Rows:
    """The whole builder: the rows at the top, joined by all or any, and the groups below."""

    top: Group
    groups: list[Group] = field(default_factory=list)

    @property
    def every(self) -> list[Row]:
        return [row for group in (self.top, *self.groups) for row in group.rows]

    def check(self) -> bool:
        """Whether every row can be read; those that cannot say why."""
        for row in self.every:
            row.problem = row.find_problem()
        return not any(row.problem for row in self.every)

    def conditions(self) -> dict[str, Any]:
        parts = [row.condition() for row in self.top.rows]
        parts += [group.conditions() for group in self.groups if group.rows]
        return {self.top.join: parts} if parts else {}


# --- From the form -------------------------------------------------------------------


def read_rows(data: QueryDict) -> Rows:
    """As filled in. Rows left blank, and groups left without rows, are left out."""
    join = data.get("join", "all")
    top = Group(TOP, join if join in ("all", "any") else "all")
    named = zip(data.getlist("group"), data.getlist("group_join"), strict=False)
    groups = {key: Group(key, join if join in JOINS else "all") for key, join in named}
    lists = [data.getlist(name) for name in ("row_group", "field", "op", "value")]
    for key, name, op, value in list(zip(*lists, strict=False))[:MOST_ROWS]:
        row = Row(name, op, value)
        if not row.is_blank:
            groups.get(key, top).rows.append(row)
    return Rows(top, [group for group in groups.values() if group.rows])


def _values_in(text: str) -> list[str]:
    """Separated by commas; one that has a comma itself stands in quotes."""
    line = " ".join(text.split())
    try:
        cells = next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error:
        cells = line.split(",")
    return [cell.strip() for cell in cells if cell.strip()]


# --- From conditions -----------------------------------------------------------------


def rows_of(conditions: Mapping[str, Any]) -> Rows:
    """Raises TooDeep for what cannot be shown so."""
    top, parts = _opened(conditions)
    if top == "none":
        top, parts = "all", [conditions]
    rows = Rows(Group(TOP, top))
    for part in parts:
        _add_part(rows, part)
    return rows


def _add_part(rows: Rows, part: Mapping[str, Any]) -> None:
    if "field" in part:
        rows.top.rows.append(_row_of(part))
        return
    join, inside = _opened(part)
    # A group of nothing means everybody or nobody: as no rows it would be left out.
    if not inside or not all("field" in each for each in inside):
        raise TooDeep
    found = [_row_of(each) for each in inside]
    if join == "all" and rows.top.join == "all":
        rows.top.rows += found
    else:
        rows.groups.append(Group(str(len(rows.groups) + 1), join, found))


def _opened(conditions: Mapping[str, Any]) -> tuple[str, list[Mapping[str, Any]]]:
    """How the parts are joined, and the parts. The short form is a list of comparisons."""
    for join in ("all", "any"):
        if join in conditions:
            return join, [_as_row(part) for part in conditions[join]]
    if "not" in conditions:
        inner, parts = _opened(conditions["not"])
        if (inner == "all" and len(parts) > 1) or inner == "none":
            raise TooDeep
        return "none", parts
    if "field" in conditions:
        return "all", [conditions]
    return "all", [
        {"field": name, "op": "is", "value": value} for name, value in conditions.items()
    ]


def _as_row(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part as one comparison where it is one, be it negated; else as it is."""
    negated = in_full(part["not"]) if "not" in part else {}
    return (opposite(negated) if "field" in negated else None) or in_full(part)


def _row_of(comparison: Mapping[str, Any]) -> Row:
    name, op = str(comparison["field"]), str(comparison["op"])
    value = comparison.get("value", "")
    found = field_named(name)
    # An empty field to fill in would look forgotten.
    filled = {"is": "is_not_set", "is_not": "is_set"}.get(op, "") if value == "" else ""
    if found and filled in found.ops:
        return Row(name, filled)
    return Row(name, op, _in_words(value))


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([_in_words(each) for each in value])
        return line.getvalue().replace(",", ", ") if '"' not in line.getvalue() else line.getvalue()
    return str(value)
