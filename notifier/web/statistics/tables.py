"""A line for each group of a breakdown, every number of it a link to its messages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifier.delivery.models import TERMINAL
from notifier.statistics.breakdown import By, Group
from notifier.statistics.words import deleted_name, names_of
from notifier.web.charts import word_of
from notifier.web.lists import WIDE_ONLY
from notifier.web.statistics.links import messages_address
from notifier.web.statistics.query import BREAKDOWNS, Asked
from notifier.web.tags import number, percent_of

NUMBER = {"th": {"class": "text-end"}, "td": {"class": "text-end number"}}
WIDE_NUMBER = {
    side: {"class": f"{NUMBER[side]['class']} {WIDE_ONLY[side]['class']}"} for side in ("th", "td")
}
# What a phone has room for.
NARROW = ("accepted", "failed")


@dataclass(frozen=True)
class Line:
    """A group by its name; ``total`` are its messages, ``address`` leads to some of them."""

    value: str
    name: str
    counts: dict[str, int]
    address: Callable[[str], str]

    @property
    def is_deleted(self) -> bool:
        """Whether there is nothing any more to lead to; its messages went with it."""
        return self.name == deleted_name(By.MAILING, self.value)

    @property
    def total(self) -> int:
        return sum(self.counts[outcome] for outcome in TERMINAL)

    @property
    def accepted_share(self) -> float:
        return self.counts["accepted"] / self.total if self.total else 0.0


def lines_of(asked: Asked, groups: Sequence[Group]) -> list[Line]:
    """Groups in their order, named in one query."""
    names = names_of(asked.by, [group.value for group in groups])
    return [
        Line(group.value, names[group.value], group.counts, _address(asked, group.value))
        for group in groups
    ]


def _address(asked: Asked, value: str) -> Callable[[str], str]:
    def address(status: str) -> str:
        return messages_address(
            asked.period, status=status, by=asked.by, value=value, narrowed=asked.narrowed
        )

    return address


class OutcomeColumn(tables.Column):
    """How many of a line came to one outcome."""

    def __init__(self, outcome: str) -> None:
        attrs = NUMBER if outcome in NARROW else WIDE_NUMBER
        super().__init__(accessor=f"counts__{outcome}", verbose_name=word_of(outcome), attrs=attrs)
        self.outcome = outcome

    def render(self, value: int, record: Line) -> SafeString | str:
        return linked(value, record.address(self.outcome))


class BreakdownTable(tables.Table):
    """Sorted by the size of its groups, unless asked otherwise."""

    name = tables.Column(attrs={"td": {"class": "name"}})
    total = tables.Column(verbose_name="Messages", attrs=NUMBER)
    accepted = OutcomeColumn("accepted")
    accepted_share = tables.Column(verbose_name="Share", attrs=WIDE_NUMBER)
    failed = OutcomeColumn("failed")
    unknown = OutcomeColumn("unknown")
    expired = OutcomeColumn("expired")
    cancelled = OutcomeColumn("cancelled")
    skipped = OutcomeColumn("skipped")

    def __init__(self, lines: Sequence[Line], *, by: By, **options: Any) -> None:
        super().__init__(lines, **options)
        self.by = by
        self.columns["name"].column.verbose_name = BREAKDOWNS[by]

    def render_name(self, record: Line) -> SafeString:
        if self.by is By.MAILING and not record.is_deleted:
            address = reverse("mailing", args=[record.value])
            return format_html('<a href="{}">{}</a>', address, record.name)
        return format_html("{}", record.name)

    def render_total(self, record: Line) -> SafeString | str:
        return linked(record.total, record.address(""))

    def render_accepted_share(self, record: Line) -> str:
        return percent_of(record.counts["accepted"], record.total) if record.total else "–"


def linked(count: int, address: str) -> SafeString | str:
    """A number that leads to what it counts, where there is any."""
    if not count or not address:
        return number(count)
    return format_html('<a href="{}">{}</a>', address, number(count))
