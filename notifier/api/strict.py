"""Serializers and queries that refuse what they do not know, by its name.

A misspelt field that is silently ignored is a mailing to everybody.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from notifier.api.parsing import NO_OBJECT

PAGING = ("cursor", "page_size")
# For DRF's own, which do not name the field, or not what is right.
WORDS: Mapping[type[serializers.Field], Mapping[str, Callable[[str, Any], str]]] = {
    serializers.BooleanField: {
        "invalid": lambda name, _: f'"{name}" is neither true nor false.',
    },
    serializers.CharField: {
        "invalid": lambda name, _: f'"{name}" is neither a text nor a number.',
    },
    serializers.ChoiceField: {
        "invalid_choice": lambda _, field: (
            f'"{{input}}" is not a valid choice: use {", ".join(map(_quoted, field.choices))}.'
        ),
    },
    serializers.FileField: {
        "invalid": lambda name, _: f'"{name}" is not a file: give the part a file name.',
    },
    serializers.ListField: {"not_a_list": lambda name, _: f'"{name}" is not a list.'},
    serializers.PrimaryKeyRelatedField: {
        "incorrect_type": lambda name, _: f'"{name}" is not an id: use its number.',
    },
}


class StrictSerializer(serializers.Serializer):
    """Refuses unknown fields; those it only shows may be sent back and are ignored."""

    default_error_messages = {"invalid": NO_OBJECT}

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for name, field in fields.items():
            for kind, messages in WORDS.items():
                if isinstance(field, kind):
                    _say(field, {code: words(name, field) for code, words in messages.items()})
        return fields

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        refused = self.refuse_fields(data)
        try:
            values: dict[str, Any] = super().to_internal_value(data)
        except ValidationError as error:
            raise ValidationError({**error.detail, **refused}) from error  # type: ignore[dict-item]
        if refused:
            raise ValidationError(refused)
        return values

    def refuse_fields(self, data: Any) -> dict[str, str]:
        """A sentence for each field that may not be there, whatever the others are."""
        if not isinstance(data, Mapping):
            return {}
        known = [name for name, field in self.fields.items() if not field.read_only]
        remedy = f"use {', '.join(known)}" if known else "nothing is asked for here"
        return {
            str(name): f'There is no field "{name}": {remedy}.'
            for name in data
            if name not in self.fields
        }


class NoQuery(StrictSerializer):
    """A list that is not narrowed."""


def _quoted(choice: object) -> str:
    return json.dumps(choice, ensure_ascii=False)


def _say(field: serializers.Field, messages: Mapping[str, str]) -> None:
    """Other words for DRF's own; those that the field was given stay."""
    usual: dict[str, object] = {}
    for kind in reversed(type(field).__mro__):
        usual |= getattr(kind, "default_error_messages", {})
    field.error_messages |= {
        code: words for code, words in messages.items() if field.error_messages[code] == usual[code]
    }


def read_query(serializer_class: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """The checked parameters of a list's address, without those that choose its page."""
    given = {name: values for name, values in request.query_params.lists() if name not in PAGING}
    twice = {name: f'"{name}" is given twice.' for name in given if len(given[name]) > 1}
    if twice:
        raise ValidationError(twice)
    serializer = serializer_class(data={name: values[0] for name, values in given.items()})
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
