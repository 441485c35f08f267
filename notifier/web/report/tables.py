"""Outcomes by one dimension as a table for paper: the largest lines, and one for the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from notifier.delivery.models import TERMINAL
from notifier.statistics.breakdown import OUTCOMES, By, Counts, Group, Scope, group_by
from notifier.statistics.words import names_of
from notifier.web.report.ledger import not_sent

Each = TypeVar("Each")

MOST_LINES = 25
# Of these the order is the values' own, and none is left out.
IN_ORDER = (By.HOUR, By.WEEKDAY, By.ATTEMPTS, By.DAY, By.WEEK, By.MONTH)


@dataclass(frozen=True)
class Row:
    name: str
    counts: Counts
    value: str = ""

    @property
    def messages(self) -> int:
        return sum(self.counts[status] for status in TERMINAL)

    @property
    def not_sent(self) -> int:
        return not_sent(self.counts)


@dataclass(frozen=True)
class Table:
    """``rows``, ``rest`` (what the lines left out come to) and ``total`` add up."""

    heading: str
    head: str
    rows: list[Row]
    rest: Row | None
    total: Row

    @property
    def only(self) -> str:
        """What all have in common; empty where they differ, which a table shows."""
        return self.rows[0].name if len(self.rows) == 1 else ""


def table_of(scope: Scope, by: By, *, heading: str, head: str, most: int = MOST_LINES) -> Table:
    groups = group_by(scope, by)
    rows = named_rows(by, groups)
    if by in IN_ORDER:
        return Table(heading, head, rows, None, sum_of("All", rows))
    rows.sort(key=lambda row: (-row.messages, row.name))
    shown, left = capped(rows, most)
    rest = sum_of(f"{len(left):,} others", left) if left else None
    return Table(heading, head, shown, rest, sum_of("All", rows))


def named_rows(by: By, groups: Sequence[Group]) -> list[Row]:
    """A row for each group in which any message ended."""
    names = names_of(by, [group.value for group in groups])
    rows = [Row(names[group.value], group.counts, group.value) for group in groups]
    return [row for row in rows if row.messages or by in (By.HOUR, By.WEEKDAY)]


def capped(rows: list[Each], most: int) -> tuple[list[Each], list[Each]]:
    """Those to show and those to sum up: never one alone, which could be shown instead."""
    return (rows, []) if len(rows) <= most + 1 else (rows[:most], rows[most:])


def sum_of(name: str, rows: Sequence[Row]) -> Row:
    return Row(name, {each: sum(row.counts[each] for row in rows) for each in OUTCOMES})


@dataclass(frozen=True)
class Reason:
    words: str
    failed: int
    unknown: int
    not_sent: int
    retried: int


def reasons_of(scope: Scope) -> list[Reason]:
    """Why messages were not accepted, and why attempts were put back; the commonest first."""
    groups = [group for group in group_by(scope, By.REASON) if group.value]
    groups.sort(key=lambda group: -sum(group.counts.values()))
    names = names_of(By.REASON, [group.value for group in groups])
    return [
        Reason(
            names[group.value],
            group.counts["failed"],
            group.counts["unknown"],
            not_sent(group.counts),
            group.counts["retried"],
        )
        for group in groups
    ]
