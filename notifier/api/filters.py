"""Saved filters, and what conditions would choose."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from notifier.api import examples
from notifier.api.clients import ClientSerializer
from notifier.api.fields import MomentField
from notifier.api.strict import NoQuery, StrictSerializer, read_query
from notifier.clients.conditions import (
    ATTRIBUTE_PREFIX,
    FIELDS,
    BadConditions,
    attribute_field,
    check_conditions,
    describe_conditions,
)
from notifier.clients.counting import count_clients, example_clients
from notifier.clients.models import ClientFilter

CONDITIONS_HELP = (
    "Conditions; {} is everybody. POST /api/filter/count/ lists the fields and their ops."
)


def _vocabulary() -> str:
    """Every field with its ops, as Markdown."""
    fields = {**FIELDS, f"{ATTRIBUTE_PREFIX}NAME": attribute_field("NAME")}
    return "\n".join(
        f"- `{name}`: {' '.join(f'`{op}`' for op in each.ops)}" for name, each in fields.items()
    )


class ConditionsField(serializers.DictField):
    """Conditions, checked; an error names the path of what is wrong."""

    default_error_messages = {
        "not_a_dict": 'Conditions are an object such as {{"tag": "a2"}}.',
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            return check_conditions(super().to_internal_value(data))
        except BadConditions as error:
            raise ValidationError(str(error)) from error


class FilterSerializer(StrictSerializer):
    """Named conditions that choose clients."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(
        max_length=100, error_messages={"max_length": "The name has more than 100 characters."}
    )
    clients = ConditionsField(source="conditions", help_text=CONDITIONS_HELP)
    words = serializers.SerializerMethodField(help_text="The conditions in words.")
    used_in = serializers.IntegerField(
        read_only=True,
        source="mailing_count",
        help_text="Mailings that were made with it. Each keeps a copy of the conditions.",
    )
    created_at = MomentField(read_only=True)
    updated_at = MomentField(read_only=True)

    def get_words(self, client_filter: Any) -> str:
        return describe_conditions(client_filter.conditions)

    def create(self, fields: dict[str, Any]) -> ClientFilter:
        return self._save(ClientFilter(), fields)

    def update(self, client_filter: ClientFilter, fields: dict[str, Any]) -> ClientFilter:
        return self._save(client_filter, fields)

    def _save(self, client_filter: ClientFilter, fields: dict[str, Any]) -> ClientFilter:
        for name, value in fields.items():
            setattr(client_filter, name, value)
        try:
            with transaction.atomic():
                client_filter.save()
        except IntegrityError as error:
            words = f'There is a filter named "{client_filter.name}" already.'
            raise ValidationError({"name": words}) from error
        return with_use().get(pk=client_filter.pk)


class CountSerializer(StrictSerializer):
    clients = ConditionsField(help_text=CONDITIONS_HELP)


class CountedSerializer(serializers.Serializer):
    """Whom the conditions choose now, exactly."""

    matching = serializers.IntegerField()
    opted_out = serializers.IntegerField(help_text="Of those who match; they are skipped.")
    reachable = serializers.IntegerField()
    words = serializers.CharField(help_text="The conditions in words.")
    examples = ClientSerializer(many=True, help_text="Five of the reachable.")


def with_use() -> Any:
    return ClientFilter.objects.annotate(mailing_count=Count("mailings"))


@extend_schema_view(
    list=extend_schema(summary="List saved filters"),
    create=extend_schema(summary="Save a filter", examples=examples.FILTER),
    retrieve=extend_schema(summary="Show a saved filter"),
    update=extend_schema(summary="Replace a saved filter", examples=examples.FILTER),
    partial_update=extend_schema(summary="Change a saved filter", examples=examples.FILTER_CHANGES),
    destroy=extend_schema(summary="Delete a saved filter; mailings keep their copies"),
)
class FilterViewSet(ModelViewSet):
    serializer_class = FilterSerializer
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> Any:
        return with_use()

    def filter_queryset(self, queryset: Any) -> Any:
        if self.action == "list":
            read_query(NoQuery, self.request)
        return queryset

    @extend_schema(
        summary="Check conditions, and count whom they choose",
        description="Answers 400 with the path of what is wrong, and where counting would take "
        "the database too long. Fields and their ops:\n\n" + _vocabulary(),
        request=CountSerializer,
        responses=CountedSerializer,
        operation_id="filter_count",
        examples=[OpenApiExample("A tag", request_only=True, value={"clients": {"tag": "a2"}})],
    )
    @action(detail=False, methods=["post"])
    def count(self, request: Request) -> Response:
        asked = CountSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        conditions = asked.validated_data["clients"]
        counted = count_clients(conditions)
        answer = {
            "matching": counted.matching,
            "opted_out": counted.opted_out,
            "reachable": counted.reachable,
            "words": describe_conditions(conditions),
            "examples": example_clients(conditions),
        }
        return Response(CountedSerializer(answer).data)
