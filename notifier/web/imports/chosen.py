"""What a person has chosen for the columns of a page, should the file then be read differently."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from notifier.clients.imports.columns import Column, keep_chosen

# Whoever looks at many sheets comes back to one of the last.
MOST_ASIDE = 50
# What is raised for JSON that no page of ours has sent.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class ChosenColumns:
    """``columns`` as the page had them; ``by_hand`` are the numbers of those not as guessed.

    ``aside`` are chosen columns that the page did not have: of a sheet looked at before.
    """

    columns: list[Column] = field(default_factory=list)
    by_hand: frozenset[int] = frozenset()
    aside: list[Column] = field(default_factory=list)

    def are_of(self, columns: Sequence[Mapping[str, str]]) -> bool:
        """Whether these are the columns that the page showed; it may not have said so."""
        names = [column.name for column in self.columns]
        return not names or names == [column["name"] for column in columns]

    def keep_in(self, guessed: Sequence[Column]) -> list[Column]:
        """The guessed columns with what was chosen of them."""
        before = [*self.columns, *self.aside]
        return keep_chosen(guessed, before, {*self.by_hand, *range(len(self.columns), len(before))})

    def without(self, shown: Sequence[Column]) -> list[Column]:
        """Those chosen that are not among the shown: they are kept for when they are again."""
        names = {column.name for column in shown}
        chosen = [self.columns[number] for number in sorted(self.by_hand)]
        missing = [each for each in [*self.aside, *chosen] if each.name and each.name not in names]
        return missing[-MOST_ASIDE:]


def read_chosen(said: Mapping[str, str]) -> ChosenColumns:
    """Of a form with SettingsForm's fields and, beside them, what had been guessed."""
    columns: list[Column] = []
    by_hand: set[int] = set()
    while guess := said.get(f"columns_{len(columns)}_guess"):
        guessed = _read_guess(guess)
        if guessed is None:
            return ChosenColumns()
        chosen = _read_column(said, len(columns), guessed)
        if chosen != guessed:
            by_hand.add(len(columns))
        columns.append(chosen)
    return ChosenColumns(columns, frozenset(by_hand), _read_aside(said.get("columns_aside", "")))


def _read_guess(text: str) -> Column | None:
    try:
        return Column.from_json(json.loads(text))
    except UNREADABLE:
        return None


def _read_aside(text: str) -> list[Column]:
    try:
        return [Column.from_json(each) for each in json.loads(text or "[]")[:MOST_ASIDE]]
    except UNREADABLE:
        return []


def _read_column(said: Mapping[str, str], index: int, guessed: Column) -> Column:
    holds = said.get(f"columns_{index}_holds", guessed.holds)
    attribute = said.get(f"columns_{index}_attribute", guessed.attribute).strip()
    return Column(guessed.name, holds, attribute if holds == "attribute" else "")
