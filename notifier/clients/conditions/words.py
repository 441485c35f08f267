"""Checked conditions in words, for a person."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.apps import apps

from notifier.clients.conditions.fields import OPS
from notifier.clients.conditions.grammar import field_named

JOINED_BY = {"all": "and", "any": "or"}
# Fields whose values are ids, with the model of what they mean.
NAMED = {"mailing": "Mailing", "import": "ClientImport"}
# Fields that are known from the messages to a client.
ABOUT_MESSAGES = {"mailing", "last_contacted"}
OPPOSITES = {
    "is": "is_not",
    "is_set": "is_not_set",
    "in_last_days": "not_in_last_days",
    "received": "not_received",
    "chosen": "not_chosen",
}
OPPOSITES |= {negative: op for op, negative in OPPOSITES.items()}
# Of a list's values; a pasted one would fill the page.
MOST_SAID = 10
# Where "field op value" would be no English.
SENTENCES = {
    ("opted_out", "is", True): "has opted out",
    ("opted_out", "is", False): "has not opted out",
    ("imported_at", "is_set", None): "has been imported",
    ("imported_at", "is_not_set", None): "has never been imported",
    ("last_contacted", "is_set", None): "has been sent a message",
    ("last_contacted", "is_not_set", None): "has never been sent a message",
}

Names = Mapping[tuple[str, int], str]


def describe_conditions(conditions: Mapping[str, Any], names: Names | None = None) -> str:
    """``names`` are those of ``names_in``, where many conditions are described."""
    names = names_in([conditions]) if names is None else names
    words = _describe(conditions, names)
    return words[1:-1] if words.startswith("(") else words


def names_in(many: Iterable[Mapping[str, Any]]) -> Names:
    """What the mailings and imports in the conditions are called, by field and id."""
    ids: dict[str, set[int]] = {}
    for conditions in many:
        for comparison in _comparisons_in(conditions):
            if comparison["field"] in NAMED:
                ids.setdefault(comparison["field"], set()).add(comparison["value"])
    return {
        (field, row.pk): str(row)
        for field, wanted in ids.items()
        for row in apps.get_model("notifier", NAMED[field]).objects.filter(pk__in=wanted)
    }


def opposite(comparison: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The comparison that holds for everybody else; None where there is no op for that."""
    if comparison["field"] == "opted_out":
        return {**comparison, "value": not comparison["value"]}
    field, op = field_named(str(comparison["field"])), OPPOSITES.get(str(comparison["op"]))
    if field is None or op not in field.ops:
        return None
    return {**comparison, "op": op}


def in_full(conditions: Mapping[str, Any]) -> Mapping[str, Any]:
    """The short form of a single comparison as the full one; all else as it is."""
    if len(conditions) != 1 or conditions.keys() & {*JOINED_BY, "not"}:
        return conditions
    [(name, value)] = conditions.items()
    return {"field": name, "op": "is", "value": value}


def ask_for_messages(conditions: Mapping[str, Any]) -> bool:
    """Whether it takes a look at messages to know who matches."""
    return any(each["field"] in ABOUT_MESSAGES for each in _comparisons_in(conditions))


def _comparisons_in(conditions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for group in JOINED_BY:
        for part in conditions.get(group, ()) if _is_group(conditions) else ():
            yield from _comparisons_in(part)
    if "not" in conditions:
        yield from _comparisons_in(conditions["not"])
    elif "field" in conditions:
        yield conditions
    elif not _is_group(conditions):
        yield from (in_full({name: value}) for name, value in conditions.items())


def _is_group(conditions: Mapping[str, Any]) -> bool:
    return not conditions.keys().isdisjoint(JOINED_BY)


def _describe(conditions: Mapping[str, Any], names: Names) -> str:
    if not conditions:
        return "everybody"
    for group, word in JOINED_BY.items():
        if group in conditions:
            return _join([_describe(part, names) for part in conditions[group]], word)
    if "not" in conditions:
        return _describe_negation(conditions["not"], names)
    if "field" in conditions:
        return _comparison(conditions, names)
    return _join([_comparison(each, names) for each in _comparisons_in(conditions)], "and")


def _join(parts: list[str], word: str) -> str:
    return parts[0] if len(parts) == 1 else f"({f' {word} '.join(parts)})"


def _describe_negation(negated: Mapping[str, Any], names: Names) -> str:
    inner = in_full(negated)
    if "field" in inner and (direct := opposite(inner)):
        return _comparison(direct, names)
    words = _describe(negated, names)
    return f"not {words}" if words.startswith("(") or not negated else f"not ({words})"


def _comparison(comparison: Mapping[str, Any], names: Names) -> str:
    name, op, value = str(comparison["field"]), str(comparison["op"]), comparison.get("value")
    if sentence := SENTENCES.get((name, op, value if isinstance(value, bool) else None)):
        return sentence
    field = field_named(name)
    subject = field.words if field else name
    predicate = field.words_of(op) if field else OPS[op]
    if name == "created_at":
        predicate = predicate.removeprefix("is ")
    if "value" not in comparison:
        return f"{subject} {predicate}"
    if name in NAMED:
        called = _called(name, value, names)
        # "mailing “Sale” was received", but "import is “may.csv”".
        is_subject = predicate.endswith(":")
        parts = (subject, called, predicate[:-1]) if is_subject else (subject, predicate, called)
        return " ".join(parts)
    if predicate.endswith("days:"):
        days = "day" if value == 1 else f"{value:,} days"
        return f"{subject} {predicate.removesuffix('days:')}{days}"
    return f"{subject} {predicate} {_value_in_words(value)}"


def _called(field: str, value: Any, names: Names) -> str:
    name = names.get((field, value))
    return f"“{name}”" if name else f"no. {value}"


def _value_in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        said = ", ".join(_value_in_words(each) for each in value[:MOST_SAID])
        more = len(value) - MOST_SAID
        return f"{said} and {more:,} more" if more > 0 else said
    return str(value) if value != "" else "empty"
