"""What a chart on a page draws: read by static/js/chart.js and by the table under the chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from notifier.statistics.breakdown import Group
from notifier.statistics.series import Series
from notifier.web.badges import MESSAGE_BADGES, RETRIED_BADGE, Badge

RETRIED = "retried"

# Without these a chart of outcomes would look as if nothing could fail.
ALWAYS_SHOWN = ("accepted", "failed")

Kind = Literal["bars", "ranking"]


@dataclass(frozen=True)
class Chart:
    """``bars`` stand side by side in time, a ``ranking`` lies below one another.

    ``data`` goes to the page as JSON under ``data_id``; ``rows`` are a label
    and its numbers each. ``described`` tells those who cannot see it what
    there is to see. ``marks`` are labels at which something happened.
    """

    sentence: str
    labels: list[str]
    sets: list[dict[str, object]]
    kind: Kind = "bars"
    element_id: str = "chart"
    first_head: str = "Time"
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def data_id(self) -> str:
        return f"{self.element_id}-data"

    @property
    def heads(self) -> list[object]:
        return [each["label"] for each in self.sets]

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        columns: list[list[int]] = [each["numbers"] for each in self.sets]  # type: ignore[misc]
        return [(label, [column[at] for column in columns]) for at, label in enumerate(self.labels)]

    @property
    def data(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "labels": self.labels,
            "sets": self.sets,
            "sentence": self.sentence,
            "described": self.described,
            "firstHead": self.first_head,
            "marks": dict(self.marks),
        }

    @property
    def described(self) -> str:
        """In a sentence: the sums, and where the most was."""
        rows = self.rows
        sums = [sum(numbers) for numbers in zip(*(row for _, row in rows), strict=True)]
        if not any(sums):
            return f"{self.sentence}: nothing yet"
        parts = [
            f"{total:,} {str(head).lower()}"
            for head, total in zip(self.heads, sums, strict=True)
            if total
        ]
        label, most = max(rows, key=lambda row: sum(row[1]))
        where = f"; most, {sum(most):,}, at {label}" if len(rows) > 1 else ""
        return f"{self.sentence}: {', '.join(parts)}{where}. The numbers are in the table below"


def chart_of(series: Series, *, sentence: str, element_id: str = "chart") -> Chart:
    """Outcomes over time."""
    return Chart(sentence, series.labels, _sets(series.outcomes), element_id=element_id)


def chart_of_groups(
    groups: Sequence[Group],
    names: Mapping[str, str],
    *,
    sentence: str,
    element_id: str,
    first_head: str,
    kind: Kind = "bars",
    marks: Mapping[str, str] | None = None,
) -> Chart:
    """Outcomes of some groups, called by ``names``; only the outcomes that there are.

    Without the attempts that were put back: bars are messages, and add up to these.
    """
    outcomes = {
        outcome: [group.counts[outcome] for group in groups]
        for outcome in MESSAGE_BADGES
        if groups and outcome in groups[0].counts
    }
    return Chart(
        sentence,
        [names[group.value] for group in groups],
        _sets({
            outcome: numbers
            for outcome, numbers in outcomes.items()
            if outcome in ALWAYS_SHOWN or any(numbers)
        }),
        kind=kind,
        element_id=element_id,
        first_head=first_head,
        marks=marks or {},
    )  # fmt: skip


def _sets(outcomes: Mapping[str, list[int]]) -> list[dict[str, object]]:
    return [
        {"label": word_of(outcome), "colour": colour_of(outcome), "numbers": numbers}
        for outcome, numbers in outcomes.items()
    ]


def word_of(outcome: str) -> str:
    return _badge_of(outcome).word


def colour_of(outcome: str) -> str:
    return _badge_of(outcome).colour


def _badge_of(outcome: str) -> Badge:
    return RETRIED_BADGE if outcome == RETRIED else MESSAGE_BADGES[outcome]
