from datetime import UTC, datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class MomentField(serializers.DateTimeField):
    """A time with any offset; one without is read as UTC. Shown as UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if not EARLIEST <= moment < LATEST:
            raise ValidationError(f'"{value}" is not between the years 2000 and 2100.')
        return moment


@extend_schema_field(OpenApiTypes.INT)
class OperatorField(serializers.Field):
    """A number, or its three digits as text; the domain checks it."""

    def to_internal_value(self, data: object) -> object:
        return data

    def to_representation(self, value: int) -> int:
        return value
