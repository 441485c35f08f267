from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from notifier.api.fields import MomentField
from notifier.api.strict import StrictSerializer, read_query
from notifier.delivery.models import Attempt, Message, MessageStatus
from notifier.statistics.counts import reason_in_words
from notifier.statistics.messages import find_messages

LARGEST_ID = (1 << 63) - 1


class MessageSerializer(serializers.Serializer):
    """What became of one recipient of one mailing."""

    id = serializers.IntegerField(help_text="The id that the gateway was given, too.")
    mailing = serializers.IntegerField(source="mailing_id")
    client = serializers.IntegerField(
        source="client_id", help_text="May have been deleted since; the phone stays."
    )
    phone_number = serializers.CharField(source="phone")
    status = serializers.ChoiceField(MessageStatus.choices)
    reason = serializers.CharField(
        allow_null=True, help_text="Why it was not accepted, or not yet."
    )
    reason_in_words = serializers.SerializerMethodField()
    attempts = serializers.IntegerField(help_text="Requests made to the gateway so far.")
    maybe_sent = serializers.BooleanField(
        help_text="An attempt ended without anybody knowing whether the gateway took it."
    )
    created_at = MomentField()
    due_at = MomentField(allow_null=True, help_text="When it is tried again, if it waits for that.")
    sent_at = MomentField(allow_null=True, help_text="When the last attempt began.")
    finished_at = MomentField(allow_null=True)
    duration_ms = serializers.IntegerField(
        allow_null=True, help_text="How long the last attempt took."
    )
    http_status = serializers.IntegerField(allow_null=True)
    gateway_code = serializers.IntegerField(allow_null=True)

    def get_reason_in_words(self, message: Message) -> str | None:
        return reason_in_words(message.reason) if message.reason else None


class AttemptSerializer(serializers.ModelSerializer):
    """A request to the gateway that did not end in acceptance."""

    started_at = MomentField()

    class Meta:
        model = Attempt
        fields = (
            "number", "started_at", "duration_ms", "outcome", "reason", "phase",
            "http_status", "gateway_code", "error", "reply",
        )  # fmt: skip


class MessageDetailSerializer(MessageSerializer):
    """What became of one recipient of one mailing, with the attempts that failed."""

    failed_attempts = AttemptSerializer(
        many=True, help_text="Attempts that did not end in acceptance, oldest first."
    )


class MessageQuery(StrictSerializer):
    mailing = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    client = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    status = serializers.ChoiceField(MessageStatus.choices, required=False)


@extend_schema_view(
    list=extend_schema(
        parameters=[MessageQuery], responses=MessageSerializer(many=True), summary="List messages"
    ),
    retrieve=extend_schema(summary="Show a message with the attempts that failed"),
)
class MessageViewSet(ReadOnlyModelViewSet):
    queryset = Message.objects.all()
    lookup_value_regex = r"\d{1,18}"

    def get_serializer_class(self) -> type[MessageSerializer]:
        return MessageSerializer if self.action == "list" else MessageDetailSerializer

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        if self.action != "list":
            return queryset
        return find_messages(**read_query(MessageQuery, self.request))
