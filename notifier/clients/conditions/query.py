"""Checked conditions as a filter over Client.

Every condition is true or false, never NULL, so that "not" and "is not" mean
what they say. Comparisons that an index can answer are written so that it does:
an attribute that equals a text is ``attributes @> {…}`` (client_attributes).
"""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django.apps import apps
from django.db.models import (
    BooleanField,
    Exists,
    F,
    Func,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Coalesce, Reverse
from django.db.models.lookups import Exact, IContains, IStartsWith, StartsWith
from django.utils import timezone

from notifier.clients.conditions.fields import ATTRIBUTE_PREFIX, FIELDS
from notifier.clients.models import Client

COMPARED_BY = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "before": "<", "after": ">"}
TRUTHS = {"true": True, "false": False}
# Of a list of more values, the planner and each client's comparisons take longer than
# reading every client once.
MOST_LOOKS = 10


def conditions_to_q(conditions: Mapping[str, Any]) -> Q:
    """The checked conditions as a filter over Client."""
    for group in ("all", "any"):
        if group in conditions:
            return _group_to_q(group, conditions[group])
    if "not" in conditions:
        return ~conditions_to_q(conditions["not"])
    if "field" in conditions:
        return _compare(str(conditions["field"]), conditions["op"], conditions.get("value"))
    # Not an empty Q, which Django drops: "not everybody" would be everybody.
    combined = Q(Value(True, output_field=BooleanField()))
    for name, value in conditions.items():
        combined &= _compare(name, "is", value)
    return combined


def matching_clients(conditions: Mapping[str, Any]) -> QuerySet[Client]:
    """Every client who matches, the opted-out included."""
    if not conditions:
        return Client.objects.all()
    return Client.objects.filter(conditions_to_q(conditions))


def _group_to_q(group: str, parts: list[Mapping[str, Any]]) -> Q:
    combined = conditions_to_q(parts[0])
    for part in parts[1:]:
        combined = (
            combined & conditions_to_q(part) if group == "all" else combined | conditions_to_q(part)
        )
    return combined


def _compare(name: str, op: str, value: Any) -> Q:
    if name.startswith(ATTRIBUTE_PREFIX):
        return _compare_attribute(name.removeprefix(ATTRIBUTE_PREFIX), op, value)
    return _COMPARED.get(name, _compare_column)(name, op, value)


def _compare_column(name: str, op: str, value: Any) -> Q:
    column = FIELDS[name].column
    if op == "in":
        return Q(**{f"{column}__in": value})
    if op == "starts_with":
        return Q(**{f"{column}__startswith": value})
    if op == "ends_with":
        # As the index client_phone_reversed has it.
        return Q(StartsWith(Reverse(column), Value(value[::-1])))
    if op in ("is_set", "is_not_set"):
        return _negated(Q(**{column: ""}), op == "is_set")
    return _negated(Q(**{column: value}), op == "is_not")


def _negated(condition: Q, is_negated: bool) -> Q:
    return ~condition if is_negated else condition


# --- What is kept of a client beside its columns --------------------------------------


def _compare_attribute(name: str, op: str, value: Any) -> Q:
    text = _text_of(name)
    if op in ("is", "is_not"):
        return _negated(_attribute_is(name, value), op == "is_not")
    if op == "in":
        return _attribute_in(name, value)
    if op == "contains":
        return Q(IContains(text, Value(value)))
    if op == "starts_with":
        return Q(IStartsWith(text, Value(value)))
    if op in ("is_set", "is_not_set"):
        return _negated(Q(Exact(text, Value(""))), op == "is_set")
    compared = _DateCompared if op in ("before", "after") else _NumberCompared
    return Q(compared(text, op=op, value=value))


def _text_of(name: str) -> Coalesce:
    """The attribute as a text; empty where there is none, so that no comparison is unknown."""
    return Coalesce(_attribute(name), Value(""), output_field=TextField())


def _attribute(name: str) -> Func:
    # Not Django's KeyTextTransform, to which the name 2024 is a place in a list.
    return Func(
        F("attributes"),
        Value(name),
        template="(%(expressions)s::text)",
        arg_joiner=" ->> ",
        output_field=TextField(),
    )


def _attribute_is(name: str, value: Any) -> Q:
    """The text, and the number or truth that is written so: files hold texts, programs numbers."""
    if value == "":
        return Q(Exact(_text_of(name), Value("")))
    matches = Q(attributes__contains={name: value})
    for other in _written_so(value):
        matches |= Q(attributes__contains={name: other})
    return matches


def _attribute_in(name: str, values: list[Any]) -> Q:
    """As _attribute_is of each value; of many values in one comparison."""
    if len(values) > MOST_LOOKS:
        return Q(_AttributeIn(name, values))
    combined = _attribute_is(name, values[0])
    for each in values[1:]:
        combined |= _attribute_is(name, each)
    return combined


def _written_so(value: Any) -> list[Any]:
    if not isinstance(value, str):
        return [str(value)]
    if value in TRUTHS:
        return [TRUTHS[value]]
    try:
        number = float(value)
    except ValueError:
        return []
    if not -1e15 < number < 1e15:
        return []
    found: int | float = int(number) if number.is_integer() else number
    return [found] if str(found) == value else []


class _AttributeIn(Func):
    """An attribute that is none, or nothing, counts as an empty text."""

    output_field = BooleanField()

    def __init__(self, name: str, values: list[Any]) -> None:
        super().__init__(F("attributes"))
        spellings = (each for value in values for each in (value, *_written_so(value)))
        self.parameters = [name, [json.dumps(each, ensure_ascii=False) for each in spellings]]

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **context: Any
    ) -> tuple[str, list[Any]]:
        attributes, parameters = compiler.compile(self.source_expressions[0])
        sql = f"COALESCE(NULLIF({attributes} -> %s, 'null'), '\"\"') = ANY(%s::jsonb[])"
        return f"({sql})", [*parameters, *self.parameters]


class _Compared(Func):
    """A comparison of a text that may be something else: false then, and never an error."""

    output_field = BooleanField()
    sql = ""

    def __init__(self, text: Any, *, op: str, value: Any) -> None:
        super().__init__(text)
        self.op, self.value = COMPARED_BY[op], value

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **context: Any
    ) -> tuple[str, list[Any]]:
        text, parameters = compiler.compile(self.source_expressions[0])
        sql = self.sql.format(text=text, op=self.op)
        return sql, [*list(parameters) * self.sql.count("{text}"), self.value]


class _NumberCompared(_Compared):
    sql = (
        "(CASE WHEN {text} ~ '^ *-?[0-9]{{1,15}}([.,][0-9]{{1,15}})? *$'"
        " THEN replace({text}, ',', '.')::numeric {op} %s ELSE false END)"
    )


class _DateCompared(_Compared):
    """Dates as 2026-09-01 and 01.09.2026, compared as texts."""

    sql = (
        "(CASE WHEN {text} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}' THEN left({text}, 10)"
        " WHEN {text} ~ '^[0-9]{{2}}\\.[0-9]{{2}}\\.[0-9]{{4}}'"
        " THEN substr({text}, 7, 4) || '-' || substr({text}, 4, 2) || '-' || left({text}, 2)"
        ' ELSE NULL END COLLATE "C" {op} %s) IS TRUE'
    )


# --- What happened to a client --------------------------------------------------------


def _compare_opted_out(_name: str, _op: str, value: bool) -> Q:
    return Q(opted_out_at__isnull=not value)


def _compare_created(_name: str, op: str, value: Any) -> Q:
    if op == "before":
        return Q(created_at__lt=_start_of(value))
    if op == "after":
        return Q(created_at__gte=_end_of(value))
    return _negated(Q(created_at__gte=_days_ago(value)), op == "not_in_last_days")


def _compare_import(_name: str, op: str, value: int) -> Q:
    changes = apps.get_model("notifier", "ImportChange")
    changed = changes.objects.filter(client_import=value, client_id=OuterRef("pk"))
    of_import = Q(created_by_import__isnull=False, created_by_import=value) | Q(Exists(changed))
    return _negated(of_import, op == "is_not")


def _compare_mailing(_name: str, op: str, value: int) -> Q:
    mailing = apps.get_model("notifier", "Mailing").objects.filter(pk=value)
    messages = _messages().filter(
        mailing_id=value,
        # Between these lie all of a mailing's messages, which have no index of their own.
        id__gte=Subquery(mailing.values("first_message_id")),
        id__lte=Subquery(mailing.values("last_message_id")),
    )
    if op in ("received", "not_received"):
        messages = messages.filter(status="accepted")
    return _negated(Q(Exists(messages)), op.startswith("not_"))


def _compare_imported(_name: str, op: str, value: Any) -> Q:
    return _compare_last_time(_imported_since, op, value)


def _imported_since(moment: datetime | None) -> Q:
    """An import that was not undone has added or changed them; None: at any time."""
    imports = apps.get_model("notifier", "ClientImport").objects.order_by()
    imports = imports.exclude(status__in=("undoing", "undone"))
    added = Q(created_by_import__isnull=False, created_by_import__in=imports.values("id"))
    changers = imports.filter(changed__gt=0)
    changes = apps.get_model("notifier", "ImportChange").objects.filter(client_id=OuterRef("pk"))
    if moment:
        added &= Q(created_at__gte=moment)
        # Nothing comes of an import that has ended: earlier ones need no look.
        changers = changers.filter(Q(finished_at=None) | Q(finished_at__gte=moment))
        changes = changes.filter(changed_at__gte=moment)
    changed = Exists(changes.filter(client_import__in=changers.values("id")))
    # Whom nobody has ever changed needs no look either: a change leaves another updated_at.
    return added | (~Q(updated_at=F("created_at")) & Q(changed))


def _compare_contacted(_name: str, op: str, value: Any) -> Q:
    return _compare_last_time(_contacted_since, op, value)


def _contacted_since(moment: datetime | None) -> Q:
    """Something was sent to them; None: at any time."""
    if moment is None:
        return Q(Exists(_messages().filter(sent_at__isnull=False)))
    mailings = apps.get_model("notifier", "Mailing").objects
    # Nothing is sent for a mailing that has ended: earlier messages need no look.
    late = mailings.filter(Q(finished_at=None) | Q(finished_at__gte=moment))
    first = late.order_by().values(nothing=Value(1)).annotate(first=Min("first_message_id"))
    messages = _messages().filter(sent_at__gte=moment, id__gte=Subquery(first.values("first")))
    return Q(Exists(messages))


def _messages() -> QuerySet[Any]:
    """By its name: this domain does not know that of messages. EXISTS, never IN: NOT IN a
    million of them is looked through once for every client.
    """
    return apps.get_model("notifier", "Message").objects.filter(client_id=OuterRef("pk"))


def _compare_last_time(happened_since: Callable[[datetime | None], Q], op: str, value: Any) -> Q:
    if op in ("is_set", "is_not_set"):
        return _negated(happened_since(None), op == "is_not_set")
    if op == "after":
        return happened_since(_end_of(value))
    if op == "before":
        return happened_since(None) & ~happened_since(_start_of(value))
    return _negated(happened_since(_days_ago(value)), op == "not_in_last_days")


def _start_of(day: str) -> datetime:
    return timezone.make_aware(datetime.combine(date.fromisoformat(day), time.min))


def _end_of(day: str) -> datetime:
    """The first moment after the day."""
    return timezone.make_aware(
        datetime.combine(date.fromisoformat(day) + timedelta(days=1), time.min)
    )


def _days_ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


_COMPARED: Mapping[str, Callable[[str, str, Any], Q]] = {
    "opted_out": _compare_opted_out,
    "created_at": _compare_created,
    "imported_at": _compare_imported,
    "import": _compare_import,
    "mailing": _compare_mailing,
    "last_contacted": _compare_contacted,
}
