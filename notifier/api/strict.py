"""Serializers and queries that refuse what they do not know, by its name.

A misspelt field that is silently ignored is a mailing to everybody.
"""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

PAGING = ("cursor", "page_size")


class StrictSerializer(serializers.Serializer):
    """Refuses unknown fields; those it only shows may be sent back and are ignored."""

    default_error_messages = {"invalid": "The body is not a JSON object."}

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
        return {
            str(name): f'There is no field "{name}": use {", ".join(known)}.'
            for name in data
            if name not in self.fields
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
