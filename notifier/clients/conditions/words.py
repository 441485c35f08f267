"""Checked conditions in words, for a person."""

from collections.abc import Mapping
from typing import Any

from notifier.clients.conditions.fields import OPS
from notifier.clients.conditions.grammar import field_named

JOINED_BY = {"all": "and", "any": "or"}


def describe_conditions(conditions: Mapping[str, Any]) -> str:
    if not conditions:
        return "everybody"
    for group, word in JOINED_BY.items():
        if group in conditions:
            parts = [describe_conditions(part) for part in conditions[group]]
            joined = f" {word} ".join(parts)
            return joined if len(parts) == 1 else f"({joined})"
    if "not" in conditions:
        return f"not {describe_conditions(conditions['not'])}"
    if "field" in conditions:
        return _comparison(str(conditions["field"]), str(conditions["op"]), conditions)
    return " and ".join(
        _comparison(name, "is", {"value": value}) for name, value in conditions.items()
    )


def _comparison(name: str, op: str, conditions: Mapping[str, Any]) -> str:
    field = field_named(name)
    words = f"{field.words} {field.words_of(op)}" if field else f"{name} {OPS[op]}"
    return f"{words} {_value_in_words(conditions['value'])}" if "value" in conditions else words


def _value_in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_value_in_words(each) for each in value)
    return str(value) if value != "" else "empty"
