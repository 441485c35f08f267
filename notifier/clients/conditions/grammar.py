"""Conditions checked and normalised; what is wrong is named by its path."""

from collections.abc import Mapping
from dataclasses import dataclass

from notifier.clients.attribute_names import LONGEST_NAME
from notifier.clients.conditions.fields import (
    ATTRIBUTE_PREFIX,
    FIELDS,
    TAKING_TRUTHS,
    Check,
    Field,
    attribute_field,
)

DEEPEST = 10
MOST_CONDITIONS = 100
MOST_VALUES = 1000
GROUPS = ("all", "any")


class BadConditions(ValueError):
    """Conditions that cannot be read; ``path`` says where, as in ``all[1].value``."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path


def check_conditions(value: object) -> dict[str, object]:
    """The conditions with every value checked and normalised. Raises BadConditions."""
    return _Checking().check(value, path="", depth=0)


def field_named(name: str) -> Field | None:
    if name.startswith(ATTRIBUTE_PREFIX):
        attribute = name.removeprefix(ATTRIBUTE_PREFIX)
        is_name = 0 < len(attribute) <= LONGEST_NAME and "\x00" not in attribute
        return attribute_field(attribute) if is_name else None
    return FIELDS.get(name)


@dataclass
class _Checking:
    conditions: int = 0

    def check(self, value: object, *, path: str, depth: int) -> dict[str, object]:
        if not isinstance(value, Mapping):
            raise BadConditions(path, 'conditions are an object such as {"tag": "a2"}.')
        if depth > DEEPEST:
            raise BadConditions(path, f"groups may be nested {DEEPEST} deep, not more.")
        for group in (*GROUPS, "not"):
            if group in value:
                return self._check_group(value, group, path=path, depth=depth)
        if "field" in value:
            return self._check_comparison(value, path=path)
        if not value:
            self._count(path)
        return {
            str(name): self._check_one(str(name), "is", content, path=_join(path, str(name)))
            for name, content in value.items()
        }

    def _check_group(
        self, value: Mapping[str, object], group: str, *, path: str, depth: int
    ) -> dict[str, object]:
        _refuse_others(value, (group,), path=path)
        inside = _join(path, group)
        content = value[group]
        if group == "not":
            return {"not": self.check(content, path=inside, depth=depth + 1)}
        if not isinstance(content, list) or not content:
            raise BadConditions(inside, "a group is a list of at least one condition.")
        return {
            group: [
                self.check(part, path=f"{inside}[{index}]", depth=depth + 1)
                for index, part in enumerate(content)
            ]
        }

    def _check_comparison(self, value: Mapping[str, object], *, path: str) -> dict[str, object]:
        _refuse_others(value, ("field", "op", "value"), path=path)
        name, op = str(value["field"]), str(value.get("op", "is"))
        field = _field(name, path=_join(path, "field"))
        if op not in field.checks:
            words = f'"{op}" is not for {field.words}: use {", ".join(field.ops)}.'
            raise BadConditions(_join(path, "op"), words)
        at = _join(path, "value")
        if field.checks[op] is None:
            self._count(path)
            if value.get("value") not in (None, ""):
                raise BadConditions(at, f'"{op}" takes no value.')
            return {"field": name, "op": op}
        if "value" not in value:
            raise BadConditions(at, "is missing.")
        return {
            "field": name, "op": op, "value": self._check_one(name, op, value["value"], path=at),
        }  # fmt: skip

    def _check_one(self, name: str, op: str, content: object, *, path: str) -> object:
        self._count(path)
        field = _field(name, path=path)
        check = field.checks.get(op)
        if check is None:
            words = f'is more than a value: use {{"field": "{name}", "op": …}} with one of '
            raise BadConditions(path, f"{words}{', '.join(field.ops)}.")
        if op == "in":
            return _check_list(check, content, path=path)
        return _checked(check, content, path=path)

    def _count(self, path: str) -> None:
        self.conditions += 1
        if self.conditions > MOST_CONDITIONS:
            raise BadConditions(path, f"more than {MOST_CONDITIONS} conditions are not read.")


def _check_list(check: Check, content: object, *, path: str) -> list[object]:
    if not isinstance(content, list) or not content:
        raise BadConditions(path, "is a list of at least one value.")
    if len(content) > MOST_VALUES:
        raise BadConditions(path, f"has {len(content)} values; at most {MOST_VALUES} are read.")
    return [_checked(check, each, path=f"{path}[{i}]") for i, each in enumerate(content)]


def _checked(check: Check, content: object, *, path: str) -> object:
    is_truth = isinstance(content, bool) and check in TAKING_TRUTHS
    if content is None or (isinstance(content, bool | list | dict) and not is_truth):
        raise BadConditions(path, "is a single text or number.")
    try:
        return check(content)
    except ValueError as error:
        raise BadConditions(path, str(error)) from error


def _field(name: str, *, path: str) -> Field:
    field = field_named(name)
    if field is None:
        words = f'"{name}" is not a field: use {", ".join(FIELDS)} or attributes.NAME.'
        raise BadConditions(path, words)
    return field


def _refuse_others(value: Mapping[str, object], known: tuple[str, ...], *, path: str) -> None:
    for name in value:
        if name not in known:
            raise BadConditions(_join(path, str(name)), f"does not go with {known[0]}.")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
