from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from notifier.api import examples
from notifier.api.actions import post_action
from notifier.api.fields import MomentField
from notifier.api.ledger import EXAMPLE as LEDGER_EXAMPLE
from notifier.api.ledger import LedgerSerializer, describe_ledger
from notifier.api.resolution import ResolutionActions
from notifier.api.statistics import (
    CountsSerializer,
    MailingStatisticsSerializer,
    attach_counts,
    describe_in_detail,
)
from notifier.api.strict import StrictSerializer, read_query
from notifier.clients.counting import TooSlow, count_clients
from notifier.clients.models import ClientFilter
from notifier.delivery import control
from notifier.delivery.models import MessageStatus
from notifier.mailings.checking import check_content, default_end
from notifier.mailings.models import Gateway, Mailing, MailingStatus


class MailingSerializer(StrictSerializer):
    """One text for all clients who match, sent between start and end."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(required=False, allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    clients = serializers.DictField(
        source="conditions",
        error_messages={"not_a_dict": 'Conditions are an object such as {{"tag": "a2"}}.'},
        help_text="Conditions that choose the clients; {} is everybody. "
        "POST /api/filter/count/ lists the fields and their ops.",
    )
    filter = serializers.PrimaryKeyRelatedField(
        source="client_filter",
        queryset=ClientFilter.objects.all(),
        required=False,
        allow_null=True,
        error_messages={"does_not_exist": 'There is no filter "{pk_value}".'},
        help_text="POST: the id of a saved filter, which clients must match as well. The answer's "
        "`clients` has its conditions, a copy that stays. Afterwards it cannot be changed.",
    )
    start_time = MomentField(
        required=False,
        allow_null=True,
        help_text="POST: now, if missing or null. PUT and PATCH: unchanged, if missing or null; "
        "to start it at once, give the present time.",
    )
    end_time = MomentField(
        required=False,
        allow_null=True,
        help_text="POST: a default limit applies, if missing or null. PATCH: unchanged, if missing "
        "or null. PUT: unchanged, if missing and the start stays; the default limit, if null.",
    )
    gateway = serializers.PrimaryKeyRelatedField(
        queryset=Gateway.objects.all(),
        required=False,
        error_messages={"does_not_exist": 'There is no gateway "{pk_value}".'},
        help_text="The oldest, if missing.",
    )
    rate_per_second = serializers.FloatField(
        required=False,
        allow_null=True,
        min_value=0.001,
        max_value=1_000_000,
        help_text="Messages per second at most, over all senders; without one, "
        "as fast as the gateway takes them.",
    )
    status = serializers.ChoiceField(
        MailingStatus.choices,
        read_only=True,
        help_text='A mailing is created as "scheduled": POST refuses any other. '
        "PUT and PATCH ignore it.",
    )
    pause_reason = serializers.CharField(read_only=True)
    matched = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="Clients whom it reaches: counted now until it starts (null in lists, and where "
        "counting takes too long), "
        "its recipients without the opted-out from then on.",
    )
    warning = serializers.CharField(
        read_only=True,
        help_text="What should be known about it though it was accepted; empty if nothing.",
    )
    audience = serializers.IntegerField(
        read_only=True, help_text="Recipients chosen so far; the counts add up to it."
    )
    counts = serializers.SerializerMethodField()
    created_at = MomentField(read_only=True)
    created_by = serializers.SerializerMethodField(help_text="Whose token or session it was.")
    started_at = MomentField(read_only=True, allow_null=True)
    finished_at = MomentField(read_only=True, allow_null=True)

    def to_representation(self, mailing: Any) -> dict[str, Any]:
        if not hasattr(mailing, "counts"):
            complete([mailing], count_matching=True)
        return super().to_representation(mailing)

    def get_created_by(self, mailing: Any) -> str | None:
        return mailing.created_by.username if mailing.created_by else None

    @extend_schema_field(CountsSerializer)
    def get_counts(self, mailing: Any) -> dict[str, int]:
        return dict(mailing.counts)

    def refuse_fields(self, data: Any) -> dict[str, str]:
        """Also a status that a new mailing cannot have: who asks for a draft wants nothing sent."""
        refused = super().refuse_fields(data)
        is_new = self.instance is None and isinstance(data, Mapping)
        if is_new and data.get("status") not in (None, MailingStatus.SCHEDULED):
            refused["status"] = 'A mailing is created as "scheduled"; drafts are not supported.'
        if self._is_to_move(data):
            refused["filter"] = 'It stays what the mailing was made with: change "clients".'
        return refused

    def _is_to_move(self, data: Any) -> bool:
        """Whether a mailing is to follow another filter: its conditions are a copy."""
        mailing = self.instance
        is_given = mailing is not None and isinstance(data, Mapping) and "filter" in data
        return is_given and data["filter"] != mailing.client_filter_id  # type: ignore[union-attr]

    def create(self, fields: dict[str, Any]) -> Mailing:
        saved = fields.get("client_filter")
        if saved and saved.conditions:
            # First by themselves, so that what is wrong in them has its own path.
            asked = check_content({"conditions": fields["conditions"]})["conditions"]
            both = {"all": [saved.conditions, asked]}
            fields = {**fields, "conditions": both if asked else saved.conditions}
        return control.create_mailing(**fields, created_by=self.context["request"].user)

    def update(self, mailing: Mailing, fields: dict[str, Any]) -> Mailing:
        fields.pop("client_filter", None)
        return control.change_mailing(mailing, **self._with_whole_window(mailing, fields))

    def _with_whole_window(self, mailing: Mailing, fields: dict[str, Any]) -> dict[str, Any]:
        """What is missing stays, and so does what is null.

        Many programs write null for what they have not set: read as "now", it
        would send by accident. But PUT means the whole mailing: a null end is
        the default limit there, and a start that moves without an end gets it
        anew, as the end that it had belonged to the former start.
        """
        unset = ("start_time", "end_time") if self.partial else ("start_time",)
        fields = {
            name: value for name, value in fields.items() if value is not None or name not in unset
        }
        start_time = fields.get("start_time", mailing.start_time)
        moved = not self.partial and start_time != mailing.start_time
        if fields.get("end_time", mailing.end_time) is None or (moved and "end_time" not in fields):
            fields["end_time"] = default_end(start_time)
        return fields


def complete(mailings: list[Any], *, count_matching: bool) -> None:
    """Add what is shown of mailings and stored nowhere: its counts, and whom it matches.

    Counting who matches costs a query over the clients for each mailing that
    has not started, so lists do without.
    """
    for mailing in attach_counts(mailings):
        if not mailing.is_editable:
            mailing.matched = mailing.audience - mailing.counts[MessageStatus.SKIPPED]
        elif count_matching and mailing.matched is None:
            # Left out where that takes the database too long: the rest is known all the same.
            with suppress(TooSlow):
                mailing.matched = count_clients(mailing.conditions).reachable


class MailingQuery(StrictSerializer):
    status = serializers.ChoiceField(MailingStatus.choices, required=False)


_act = partial(post_action, "mailing", answers=MailingSerializer)


@extend_schema_view(
    list=extend_schema(parameters=[MailingQuery], summary="List mailings"),
    create=extend_schema(
        summary="Create a mailing",
        description="Starts at once where its window is open, else by itself at its start. Refused "
        "where the end has passed or is not after the start, or where it starts now and matches "
        "nobody; a future mailing that matches nobody yet is accepted with a warning.",
        examples=examples.MAILING,
    ),
    retrieve=extend_schema(summary="Show a mailing"),
    update=extend_schema(
        summary="Replace a mailing; reschedules it",
        description="Once it has started only name, end_time and rate_per_second may differ "
        "(409 otherwise). "
        "Fields that are not required stay as they are where missing; "
        "a start that moves without an end gets the default limit.",
        examples=examples.MAILING,
    ),
    partial_update=extend_schema(summary="Change a mailing"),
    destroy=extend_schema(summary="Delete a mailing and its messages; not while it is under way"),
)
class MailingViewSet(ResolutionActions, ModelViewSet):
    serializer_class = MailingSerializer
    queryset = Mailing.objects.select_related("created_by")
    lookup_value_regex = r"\d{1,18}"

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        if self.action != "list":
            return queryset
        return queryset.filter(**read_query(MailingQuery, self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        complete(page, count_matching=False)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def perform_destroy(self, instance: Mailing) -> None:
        control.delete_mailing(instance.pk)

    @post_action(
        "mailing", "Pause: nothing more is sent, but what is on its way", answers=MailingSerializer
    )
    def pause(self, request: Request, pk: str) -> Response:
        return self._answer(control.pause_mailing(self.get_object().pk))

    @_act("Resume a paused mailing")
    def resume(self, request: Request, pk: str) -> Response:
        return self._answer(control.resume_mailing(self.get_object().pk))

    @post_action(
        "mailing",
        "Cancel for good: whoever still waits is not sent anything",
        answers=MailingSerializer,
    )
    def cancel(self, request: Request, pk: str) -> Response:
        return self._answer(control.cancel_mailing(self.get_object().pk))

    @extend_schema(
        summary="Statistics of a mailing, in detail",
        responses=MailingStatisticsSerializer,
        operation_id="mailing_statistics",
    )
    @action(detail=True, methods=["get"])
    def statistics(self, request: Request, pk: str) -> Response:
        return Response(describe_in_detail(self.get_object()))

    @extend_schema(
        summary="Ledger of a mailing: every recipient in one bucket",
        responses=LedgerSerializer,
        operation_id="mailing_ledger",
        examples=[LEDGER_EXAMPLE],
    )
    @action(detail=True, methods=["get"])
    def ledger(self, request: Request, pk: str) -> Response:
        return Response(LedgerSerializer(describe_ledger(self.get_object())).data)

    def _answer(self, mailing: Mailing) -> Response:
        return Response(self.get_serializer(mailing).data)
