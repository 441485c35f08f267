"""Which control a value is filled in with, by the field and the op that it goes with."""

from collections.abc import Mapping

from notifier.clients.attribute_names import offered_names
from notifier.clients.conditions import (
    ATTRIBUTE_PREFIX,
    FIELDS,
    OPS,
    VALUELESS_OPS,
    field_named,
)

# Fields whose values are offered, by the name of the list or the select.
OFFERED = {"tag", "operator", "timezone", "import", "mailing"}
KIND_BY_OP = {
    "in": "list",
    "before": "date",
    "after": "date",
    "in_last_days": "days",
    "not_in_last_days": "days",
}
KINDS = (
    "none", "text", "list", "date", "days", "truth", "tag", "operator", "timezone", "import",
    "mailing",
)  # fmt: skip


def field_choices() -> list[tuple[str, str]]:
    """Every field with its words; attributes by the names that clients have had."""
    fields = [(name, field.words.capitalize()) for name, field in FIELDS.items()]
    attributes = [(f"{ATTRIBUTE_PREFIX}{name}", f"Attribute: {name}") for name in offered_names()]
    return fields + attributes


def op_words(name: str, op: str) -> str:
    field = field_named(name)
    return (field.words_of(op) if field else OPS[op]).removesuffix(":")


def op_choices(name: str) -> list[tuple[str, str]]:
    field = field_named(name)
    ops = field.ops if field else ("is",)
    return [(op, op_words(name, op)) for op in ops]


def kind_of(name: str, op: str) -> str:
    if op in VALUELESS_OPS:
        return "none"
    if op in KIND_BY_OP:
        return KIND_BY_OP[op]
    if name == "opted_out":
        return "truth"
    return name if name in OFFERED else "text"


def vocabulary() -> dict[str, list[dict[str, str]]]:
    """For the page's script: the ops of each field, and the kind of their values.

    All attributes share the entry of the prefix.
    """
    names = [*FIELDS, f"{ATTRIBUTE_PREFIX}x"]
    found: Mapping[str, list[dict[str, str]]] = {
        name: [
            {"op": op, "words": words, "kind": kind_of(name, op)} for op, words in op_choices(name)
        ]
        for name in names
    }
    return {
        ATTRIBUTE_PREFIX if name.startswith(ATTRIBUTE_PREFIX) else name: ops
        for name, ops in found.items()
    }
