"""A table as text: the first column to the left, figures to the right, at most 100 columns."""

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import wrap

WIDTH = 100
GAP = "  "


@dataclass(frozen=True)
class Table:
    title: str
    note: str
    headings: list[str]
    lines: list[list[str]]

    def as_text(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.headings, *self.lines, strict=True)]
        ruled = ["─" * width for width in widths]
        rows = [_laid_out(cells, widths) for cells in (self.headings, ruled, *self.lines)]
        return "\n".join([self.title, *wrap(self.note, WIDTH), "", *rows])


def _laid_out(cells: Iterable[str], widths: list[int]) -> str:
    first, *others = (
        cell.rjust(width) if place else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return GAP.join([first, *others]).rstrip()


def number(value: float) -> str:
    return f"{value:,.0f}"


def times(value: float) -> str:
    """A ratio with as many digits as say something: 0.41×, 3.2×, 118×."""
    return f"{value:,.{max(0, 2 - len(str(int(value))) + (value < 1))}f}×"


def percent(share: float) -> str:
    return f"{share:.0%}"


def span(values: list[float]) -> str:
    return f"{min(values):,.0f}–{max(values):,.0f}" if len(values) > 1 else ""
