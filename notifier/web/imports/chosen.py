"""What a person has chosen for the columns of a page, should the file then be read differently."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from notifier.clients.imports.columns import Column


@dataclass(frozen=True)
class ChosenColumns:
    """``columns`` as the page had them; ``by_hand`` are the numbers of those not as guessed."""

    columns: list[Column] = field(default_factory=list)
    by_hand: frozenset[int] = frozenset()

    def are_of(self, columns: Sequence[Mapping[str, str]]) -> bool:
        """Whether these are the columns that the page showed; it may not have said so."""
        names = [column.name for column in self.columns]
        return not names or names == [column["name"] for column in columns]


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
    return ChosenColumns(columns, frozenset(by_hand))


def _read_guess(text: str) -> Column | None:
    try:
        return Column.from_json(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _read_column(said: Mapping[str, str], index: int, guessed: Column) -> Column:
    holds = said.get(f"columns_{index}_holds", guessed.holds)
    attribute = said.get(f"columns_{index}_attribute", guessed.attribute).strip()
    return Column(guessed.name, holds, attribute if holds == "attribute" else "")
