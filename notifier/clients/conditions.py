"""The grammar of client filters, as the API's ``clients`` field and saved filters hold it.

Short form, all of which must hold; ``{}`` is everybody::

    {"tag": "a2", "operator": 999}

Full form, nested as deep as needed::

    {"all": [{"field": "tag", "op": "is", "value": "a2"},
             {"not": {"any": [{"operator": 999}, {"timezone": "Asia/Omsk"}]}}]}
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from notifier.clients.cleaning import check_tag
from notifier.clients.models import Client
from notifier.clients.operators import check_operator
from notifier.clients.phones import PUNCTUATION, normalise_phone
from notifier.clients.timezones import check_timezone

DEEPEST = 10
MOST_VALUES = 1000
GROUPS = {"all": "and", "any": "or"}
OPS = {"is": "is", "is_not": "is not", "in": "is one of", "starts_with": "starts with"}


class BadConditions(ValueError):
    """Conditions that cannot be read; ``path`` says where, as in ``all[1].value``."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path


@dataclass(frozen=True)
class Field:
    """A client's field that conditions may name."""

    column: str
    words: str
    check: Callable[[object], object]
    ops: tuple[str, ...] = ("is", "is_not", "in")


def _check_prefix(value: object) -> str:
    digits = PUNCTUATION.sub("", str(value)).removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise ValueError(f'"{value}" is not the beginning of a phone number: use digits.')
    return digits


FIELDS = {
    "tag": Field("tag", "tag", check_tag, ops=("is", "is_not", "in", "starts_with")),
    "operator": Field("operator", "operator", check_operator),
    "timezone": Field("timezone", "time zone", check_timezone),
    "phone_number": Field(
        "phone", "phone number", normalise_phone, ops=("is", "is_not", "in", "starts_with")
    ),
}


def check_conditions(value: object) -> dict[str, object]:
    """The conditions with every value checked and normalised. Raises BadConditions."""
    return _check(value, path="", depth=0)


def conditions_to_q(conditions: Mapping[str, object]) -> Q:
    """The checked conditions as a filter over Client."""
    for group in GROUPS:
        if group in conditions:
            return _group_to_q(group, conditions[group])  # type: ignore[arg-type]
    if "not" in conditions:
        return ~conditions_to_q(conditions["not"])  # type: ignore[arg-type]
    if "field" in conditions:
        return _comparison_to_q(conditions)
    return Q(**{FIELDS[name].column: value for name, value in conditions.items()})


def matching_clients(conditions: Mapping[str, object]) -> QuerySet[Client]:
    """Every client who matches, the opted-out included."""
    return Client.objects.filter(conditions_to_q(conditions))


def describe_conditions(conditions: Mapping[str, object]) -> str:
    """The checked conditions in words, for a person."""
    if not conditions:
        return "everybody"
    for group, word in GROUPS.items():
        if group in conditions:
            parts = [describe_conditions(part) for part in conditions[group]]  # type: ignore[attr-defined]
            return f" {word} ".join(parts) if len(parts) == 1 else f"({f' {word} '.join(parts)})"
    if "not" in conditions:
        return f"not {describe_conditions(conditions['not'])}"  # type: ignore[arg-type]
    if "field" in conditions:
        field, op = FIELDS[str(conditions["field"])], str(conditions["op"])
        return f"{field.words} {OPS[op]} {_value_in_words(conditions['value'])}"
    return " and ".join(
        f"{FIELDS[name].words} is {_value_in_words(value)}" for name, value in conditions.items()
    )


def _check(value: object, *, path: str, depth: int) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise BadConditions(path, 'conditions are an object such as {"tag": "a2"}.')
    if depth > DEEPEST:
        raise BadConditions(path, f"groups may be nested {DEEPEST} deep, not more.")
    for group in (*GROUPS, "not"):
        if group in value:
            return _check_group(value, group, path=path, depth=depth)
    if "field" in value:
        return _check_comparison(value, path=path)
    return {
        str(name): _check_value(str(name), content, path=_join(path, str(name)))
        for name, content in value.items()
    }


def _check_group(
    value: Mapping[str, object], group: str, *, path: str, depth: int
) -> dict[str, object]:
    _refuse_others(value, (group,), path=path)
    inside = _join(path, group)
    content = value[group]
    if group == "not":
        return {"not": _check(content, path=inside, depth=depth + 1)}
    if not isinstance(content, list) or not content:
        raise BadConditions(inside, "a group is a list of at least one condition.")
    return {
        group: [
            _check(part, path=f"{inside}[{index}]", depth=depth + 1)
            for index, part in enumerate(content)
        ]
    }


def _check_comparison(value: Mapping[str, object], *, path: str) -> dict[str, object]:
    _refuse_others(value, ("field", "op", "value"), path=path)
    name = str(value["field"])
    op = str(value.get("op", "is"))
    field = _field(name, path=_join(path, "field"))
    if op not in field.ops:
        raise BadConditions(
            _join(path, "op"), f'"{op}" is not for {field.words}: use {", ".join(field.ops)}.'
        )
    at = _join(path, "value")
    if "value" not in value:
        raise BadConditions(at, "is missing.")
    content = value["value"]
    if op == "in":
        return {"field": name, "op": op, "value": _check_list(name, content, path=at)}
    if op == "starts_with":
        check = _check_prefix if name == "phone_number" else field.check
        return {"field": name, "op": op, "value": _checked(check, content, path=at)}
    return {"field": name, "op": op, "value": _check_value(name, content, path=at)}


def _check_list(name: str, content: object, *, path: str) -> list[object]:
    if not isinstance(content, list) or not content:
        raise BadConditions(path, "is a list of at least one value.")
    if len(content) > MOST_VALUES:
        raise BadConditions(path, f"has {len(content)} values; at most {MOST_VALUES} are read.")
    return [_check_value(name, each, path=f"{path}[{i}]") for i, each in enumerate(content)]


def _check_value(name: str, content: object, *, path: str) -> object:
    return _checked(_field(name, path=path).check, content, path=path)


def _checked(check: Callable[[object], object], content: object, *, path: str) -> object:
    if content is None or isinstance(content, bool | list | dict):
        raise BadConditions(path, "is a single text or number.")
    try:
        return check(content)
    except ValueError as error:
        raise BadConditions(path, str(error)) from error


def _field(name: str, *, path: str) -> Field:
    if name not in FIELDS:
        raise BadConditions(path, f'"{name}" is not a field: use {", ".join(FIELDS)}.')
    return FIELDS[name]


def _refuse_others(value: Mapping[str, object], known: tuple[str, ...], *, path: str) -> None:
    for name in value:
        if name not in known:
            raise BadConditions(_join(path, str(name)), f"does not go with {known[0]}.")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _group_to_q(group: str, parts: list[Mapping[str, object]]) -> Q:
    combined = conditions_to_q(parts[0])
    for part in parts[1:]:
        combined = (
            combined & conditions_to_q(part) if group == "all" else combined | conditions_to_q(part)
        )
    return combined


def _comparison_to_q(comparison: Mapping[str, object]) -> Q:
    column = FIELDS[str(comparison["field"])].column
    op, value = comparison["op"], comparison["value"]
    if op == "in":
        return Q(**{f"{column}__in": value})
    if op == "starts_with":
        return Q(**{f"{column}__startswith": value})
    matches = Q(**{column: value})
    return ~matches if op == "is_not" else matches


def _value_in_words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return str(value) if value != "" else "empty"
