"""The audience as the composer asks for it, to and from the grammar of conditions."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AudienceFields:
    """What the composer's fields hold; empty means any."""

    tag: str = ""
    operators: tuple[str, ...] = ()
    timezone: str = ""

    def conditions(self) -> dict[str, object]:
        """All that is given must hold; the short form where it suffices."""
        plain: dict[str, object] = {}
        if self.tag:
            plain["tag"] = self.tag
        if self.timezone:
            plain["timezone"] = self.timezone
        if len(self.operators) == 1:
            plain["operator"] = self.operators[0]
        if len(self.operators) < 2:
            return plain
        some_operator: dict[str, object] = {
            "field": "operator",
            "op": "in",
            "value": list(self.operators),
        }
        return {"all": [plain, some_operator]} if plain else some_operator


def fields_of(conditions: Mapping[str, object]) -> AudienceFields | None:
    """The fields that ask for these conditions; None where the composer's cannot."""
    parts = conditions["all"] if set(conditions) == {"all"} else [conditions]
    values: dict[str, list[str]] = {}
    for part in parts:  # type: ignore[attr-defined]
        for name, several in _simple(part):
            if name in values:
                return None
            values[name] = several
    if values.keys() - {"tag", "operator", "timezone"}:
        return None
    single = {name: several for name, several in values.items() if name != "operator"}
    if any(len(several) != 1 or not several[0] for several in single.values()):
        return None
    return AudienceFields(
        tag=values.get("tag", [""])[0],
        operators=tuple(values.get("operator", ())),
        timezone=values.get("timezone", [""])[0],
    )


def _simple(part: Mapping[str, object]) -> list[tuple[str, list[str]]]:
    """Names with their values; a name no field has where it is not that simple."""
    if "field" in part:
        value = part.get("value")
        if part["op"] == "in" and isinstance(value, list):
            return [(str(part["field"]), [str(each) for each in value])]
        return [(str(part["field"]) if part["op"] == "is" else "?", [str(value)])]
    if part.keys() & {"all", "any", "not"}:
        return [("?", [])]
    return [(str(name), [str(value)]) for name, value in part.items()]
