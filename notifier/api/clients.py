from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from notifier.api import examples
from notifier.api.actions import post_action
from notifier.api.bulk import BulkActions
from notifier.api.fields import MomentField, OperatorField
from notifier.api.opt_outs import OptOutActions
from notifier.api.parsing import read_json
from notifier.api.strict import StrictSerializer, read_query
from notifier.clients.cleaning import CleanClient, ClientProblems, clean_client
from notifier.clients.conditions import BadConditions, check_conditions, matching_clients
from notifier.clients.counting import count_in_time, stopped_in_time
from notifier.clients.exporting import clients_csv
from notifier.clients.models import Client, ClientFilter
from notifier.clients.saving import PhoneTaken, add_client
from notifier.clients.suppression import Source
from notifier.delivery.withdrawal import (
    change_client,
    delete_client,
    opt_in_client,
    opt_out_client,
)
from notifier.downloads import csv_download

CHECKED = ("phone", "operator", "tag", "timezone", "attributes")
NAME_OUTSIDE = {"phone": "phone_number"}


class ClientSerializer(StrictSerializer):
    """A person who can be reached: one for each phone number."""

    id = serializers.IntegerField(read_only=True)
    phone_number = serializers.CharField(
        source="phone",
        allow_blank=True,
        help_text="Any usual spelling; shown as digits with the country code.",
    )
    operator = OperatorField(
        required=False,
        allow_null=True,
        help_text="Mobile operator code, three digits; read from the phone where it is missing.",
    )
    tag = serializers.CharField(required=False, allow_blank=True, allow_null=True)
    timezone = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, help_text="IANA name; UTC if missing."
    )
    attributes = serializers.DictField(
        required=False,
        allow_null=True,
        error_messages={"not_a_dict": "Attributes are an object of names and values."},
        help_text="Names with texts, numbers, true, false or null.",
    )
    opted_out = serializers.BooleanField(
        source="is_opted_out",
        required=False,
        help_text="Nothing is sent to the client, what waits is withdrawn. Kept where it is "
        "missing. Only PATCH with false reaches the client again: false in POST and PUT says "
        "nothing, as the client may have opted out since the rest was read.",
    )
    created_at = MomentField(read_only=True)
    updated_at = MomentField(read_only=True)

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        if self.partial and self.instance:
            fields = {name: getattr(self.instance, name) for name in CHECKED} | fields
        try:
            clean = clean_client(**{name: fields[name] for name in CHECKED if name in fields})
        except ClientProblems as error:
            raise ValidationError(
                {NAME_OUTSIDE.get(name, name): words for name, words in error.problems.items()}
            ) from error
        return fields | {name: getattr(clean, name) for name in CHECKED}

    def create(self, fields: dict[str, Any]) -> Client:
        opted_out = fields.get("is_opted_out", False)
        with _taken_phone_refused():
            return add_client(_clean(fields), opted_out=opted_out, source=Source.API)

    def update(self, client: Client, fields: dict[str, Any]) -> Client:
        was_opted_out = client.is_opted_out
        opted_out = fields.get("is_opted_out")
        try:
            with _taken_phone_refused():
                change_client(client, _clean(fields), source=Source.API)
        except Client.DoesNotExist as error:  # deleted by another meanwhile
            raise NotFound from error
        if opted_out and not was_opted_out:
            opt_out_client(client, source=Source.API)
        # Not by PUT: its body may be older than the opt-out.
        elif was_opted_out and opted_out is False and self.partial:
            opt_in_client(client)
        return client


class ClientQuery(StrictSerializer):
    tag = serializers.CharField(required=False, allow_blank=True)
    operator = serializers.CharField(required=False, allow_blank=True)
    timezone = serializers.CharField(required=False, allow_blank=True)
    phone_number = serializers.CharField(
        required=False, allow_blank=True, help_text="In any spelling."
    )
    filter = serializers.PrimaryKeyRelatedField(
        queryset=ClientFilter.objects.all(),
        required=False,
        error_messages={"does_not_exist": 'There is no filter "{pk_value}".'},
        help_text="The id of a saved filter, whose clients are listed.",
    )
    clients = serializers.CharField(
        required=False,
        help_text="Conditions as JSON, as a filter and a mailing have them: "
        '{"attributes.city": "Omsk"}.',
    )

    def validate_clients(self, text: str) -> dict[str, Any]:
        try:
            return check_conditions(read_json(text))
        except ParseError as error:
            raise ValidationError(error.detail) from error
        except BadConditions as error:
            raise ValidationError(str(error)) from error

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The conditions that all of them make together."""
        saved, conditions = fields.pop("filter", None), fields.pop("clients", None)
        try:
            asked = [check_conditions(fields)]
            asked += [saved.conditions] if saved else []
            asked += [conditions] if conditions is not None else []
            return {"all": asked} if len(asked) > 1 else asked[0]
        except BadConditions as error:
            words = str(error).removeprefix(f"{error.path}: ")
            raise ValidationError({error.path: words}) from error


_act = partial(post_action, "client", answers=ClientSerializer)


@extend_schema_view(
    list=extend_schema(parameters=[ClientQuery], summary="List clients"),
    create=extend_schema(summary="Add a client", examples=examples.CLIENT),
    retrieve=extend_schema(summary="Show a client"),
    update=extend_schema(summary="Replace a client", examples=examples.CLIENT),
    partial_update=extend_schema(
        summary="Change a client",
        description="What is missing stays. Attributes are replaced as a whole: to add some, "
        "use POST /api/client/bulk/.",
        examples=examples.CLIENT_CHANGES,
    ),
    destroy=extend_schema(summary="Delete a client; its messages stay"),
)
class ClientViewSet(BulkActions, OptOutActions, ModelViewSet):
    serializer_class = ClientSerializer
    queryset = Client.objects.all()
    lookup_value_regex = r"\d{1,18}"

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        if self.action not in ("list", "export"):
            return queryset
        return matching_clients(read_query(ClientQuery, self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with stopped_in_time():
            return super().list(request, *args, **kwargs)

    @extend_schema(
        summary="Export clients as CSV: all, or those of the same parameters as the list's",
        description="Safe to open in a spreadsheet, and importable again.",
        parameters=[ClientQuery],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR)},
        operation_id="client_export",
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def export(self, request: Request) -> StreamingHttpResponse:
        found = self.filter_queryset(self.get_queryset())
        # A file that has begun could not say any more that it takes too long.
        count_in_time(found)
        return csv_download(clients_csv(found), name="clients")

    def perform_destroy(self, instance: Client) -> None:
        delete_client(instance)

    @post_action(
        "client",
        "Opt a client out: nothing is sent any more, what waits is withdrawn",
        answers=ClientSerializer,
    )
    def opt_out(self, request: Request, pk: str) -> Response:
        client = self.get_object()
        opt_out_client(client, source=Source.API)
        return Response(self.get_serializer(client).data)

    @post_action(
        "client", "Reach a client again, from the next mailing on", answers=ClientSerializer
    )
    def opt_in(self, request: Request, pk: str) -> Response:
        client = self.get_object()
        opt_in_client(client)
        return Response(self.get_serializer(client).data)


def _clean(fields: dict[str, Any]) -> CleanClient:
    return CleanClient(**{name: fields[name] for name in CHECKED})


@contextmanager
def _taken_phone_refused() -> Iterator[None]:
    try:
        yield
    except PhoneTaken as error:
        raise ValidationError({"phone_number": str(error)}) from error
