"""Why conditions chose a client or did not: which of them decided.

The database is asked for each single comparison whether it holds for the
client, by the very expression that chooses clients, so that what is said here
cannot differ from what was done. It is judged by what is known of the client
now.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import BooleanField, Case, Value, When

from notifier.clients.conditions import (
    ATTRIBUTE_PREFIX,
    GROUPS,
    Names,
    conditions_to_q,
    describe_conditions,
    field_named,
    names_in,
)
from notifier.clients.models import Client

Conditions = Mapping[str, Any]

# More would make a statement that takes the database long to plan; the rest is not looked into.
MOST_LEAVES = 300


@dataclass(frozen=True)
class Decision:
    """Whether the client matches now, and the conditions that decided it, in words."""

    matches: bool
    rules: tuple[str, ...]


def deciding_rule(conditions: Conditions, client: Client) -> Decision:
    return deciding_rules([conditions], client)[0]


def deciding_rules(many: Sequence[Conditions], client: Client) -> list[Decision]:
    """The decision of each, in one query for all."""
    leaves: list[Conditions] = []
    for conditions in many:
        leaves += _leaves_of(conditions)
    truths = iter(_truths(leaves[:MOST_LEAVES], client))
    names = names_in(many)
    decisions = []
    left = MOST_LEAVES
    for conditions in many:
        left -= len(list(_leaves_of(conditions)))
        if left < 0:
            decisions.append(_as_a_whole(conditions, client, names))
        else:
            say = partial(_in_words, client=client, names=names)
            decisions.append(_decide(conditions, say, lambda: next(truths)))
    return decisions


def _leaves_of(conditions: Conditions) -> Iterator[Conditions]:
    """The single comparisons, in the order in which _decide comes to them."""
    for group in GROUPS:
        if group in conditions:
            for part in conditions[group]:
                yield from _leaves_of(part)
            return
    # A negation is asked for as it stands: of what is unknown neither it nor its inside holds.
    if "not" in conditions or "field" in conditions:
        yield conditions
    else:
        yield from ({name: value} for name, value in conditions.items())


def _truths(leaves: Sequence[Conditions], client: Client) -> list[bool]:
    if not leaves:
        return []
    columns = {f"leaf_{number}": _holds(leaf) for number, leaf in enumerate(leaves)}
    clients = Client.objects.filter(pk=client.pk).order_by()
    found = clients.annotate(**columns).values_list(*columns).first()
    return list(found) if found else [False] * len(leaves)


def _decide(
    conditions: Conditions, say: Callable[[Conditions], str], next_truth: Callable[[], bool]
) -> Decision:
    for group in GROUPS:
        if group in conditions:
            parts = [_decide(part, say, next_truth) for part in conditions[group]]
            return _decide_group(group, parts)
    if "not" in conditions or "field" in conditions:
        return Decision(next_truth(), (say(conditions),))
    parts = [Decision(next_truth(), (say({name: value}),)) for name, value in conditions.items()]
    return _decide_group("all", parts)


def _decide_group(group: str, parts: Sequence[Decision]) -> Decision:
    """All: the first that fails decides. Any: the first that holds, else each of them."""
    wanted = group == "any"
    decider = next((part for part in parts if part.matches == wanted), None)
    if decider:
        return decider
    return Decision(not wanted, tuple(rule for part in parts for rule in part.rules))


def _as_a_whole(conditions: Conditions, client: Client, names: Names) -> Decision:
    matches = Client.objects.filter(conditions_to_q(conditions), pk=client.pk).exists()
    return Decision(matches, (describe_conditions(conditions, names),))


def _holds(leaf: Conditions) -> Case:
    # Where it is unknown, as a comparison with nothing, it does not hold.
    return Case(
        When(conditions_to_q(leaf), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )


def _in_words(conditions: Conditions, *, client: Client, names: Names) -> str:
    """``tag is vip (this client’s tag is new)``"""
    words = describe_conditions(conditions, names)
    return f"{words} ({own})" if (own := _own_value(conditions, client)) else words


def _own_value(leaf: Conditions, client: Client) -> str:
    """What the client has, where the comparison is of something that can be shown."""
    leaf = leaf.get("not", leaf)
    name = str(leaf.get("field") or next(iter(leaf), ""))
    field = field_named(name)
    value: object = None
    if field and name.startswith(ATTRIBUTE_PREFIX):
        value = client.attributes.get(name.removeprefix(ATTRIBUTE_PREFIX), "")
    elif field and field.column:
        value = getattr(client, field.column)
    if field is None or not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    return f"this client’s {field.words} is {value if value != '' else 'empty'}"
