"""What the address of a page of statistics asks for, and addresses that ask for something else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from urllib.parse import urlencode

from django.http import QueryDict

from notifier.clients.search import read_id
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.breakdown import By, Scope, first_day
from notifier.statistics.periods import PRESETS, BadPeriod, Period, parse_period, previous

# What the page offers, in this order.
BREAKDOWNS = {
    By.MAILING: "Mailing",
    By.OPERATOR: "Operator",
    By.TAG: "Tag",
    By.TIMEZONE: "Time zone",
    By.HOUR: "Hour of day",
    By.WEEKDAY: "Day of week",
    By.GATEWAY: "Gateway",
    By.REASON: "Reason",
    By.ATTEMPTS: "Attempts",
}


@dataclass(frozen=True)
class Option:
    """Something to choose, and the address that chooses it."""

    word: str
    address: str
    is_chosen: bool


@dataclass(frozen=True)
class Asked:
    """``problems`` says by field what could not be read; then the period is the usual one."""

    period: Period
    by: By = By.MAILING
    gateway: Gateway | None = None
    mailing: Mailing | None = None
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        return self._scope_of(self.period)

    @cached_property
    def scope_before(self) -> Scope | None:
        """The same before the period; None where not all of that has been counted."""
        first = first_day()
        is_counted = first is not None and first <= self.before.first
        return self._scope_of(self.before) if is_counted else None

    @property
    def before(self) -> Period:
        return previous(self.period)

    @property
    def narrowed(self) -> dict[str, object]:
        """Of which gateway and mailing, by their ids, as addresses name them."""
        rows = {"gateway": self.gateway, "mailing": self.mailing}
        return {name: row.pk for name, row in rows.items() if row}

    def query(self, **changed: object) -> str:
        """The query of an address that asks for the same but for what is changed."""
        asked: dict[str, object] = {**self.period.query, **self.narrowed, "by": self.by.value}
        asked |= changed
        return urlencode({name: given for name, given in asked.items() if given})

    def periods(self) -> list[Option]:
        return [
            Option(word, f"?{self._with_preset(name)}", name == self.period.preset)
            for name, (word, _) in PRESETS.items()
        ]

    def breakdowns(self) -> list[Option]:
        return [
            Option(word, f"?{self.query(by=by.value)}", by is self.by)
            for by, word in BREAKDOWNS.items()
        ]

    def _with_preset(self, name: str) -> str:
        return self.query(**{"range": name, "from": "", "to": ""})

    def _scope_of(self, period: Period) -> Scope:
        return Scope(
            period.first,
            period.last,
            gateway=self.gateway.pk if self.gateway else None,
            mailing=self.mailing.pk if self.mailing else None,
        )


def read_query(query: QueryDict | Mapping[str, str]) -> Asked:
    """What is typed wrongly is said in ``problems``, and never guessed at in silence."""
    problems: dict[str, str] = {}
    try:
        period = parse_period(query)
    except BadPeriod as bad:
        problems[bad.field] = str(bad)
        period = parse_period({})
    by = query.get("by") or By.MAILING
    if by not in BREAKDOWNS:
        problems["by"] = f'There is no breakdown by "{by}".'
        by = By.MAILING
    gateway, mailing = _named(Gateway, query, problems), _named(Mailing, query, problems)
    return Asked(period, By(by), gateway, mailing, problems)


Row = TypeVar("Row", Gateway, Mailing)


def _named(
    model: type[Row], query: QueryDict | Mapping[str, str], problems: dict[str, str]
) -> Row | None:
    name = model.__name__.lower()
    typed = query.get(name, "")
    if not typed:
        return None
    row = model.objects.filter(pk=read_id(typed) or 0).first()
    if row is None:
        problems[name] = f'There is no {name} "{typed}".'
    return row
