from typing import Any

from django.db.models import F, Func, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from notifier.api.fields import MomentField
from notifier.api.strict import StrictSerializer, read_query
from notifier.delivery.models import Attempt, Claim, Message, MessageStatus
from notifier.mailings.models import Mailing
from notifier.statistics.counts import reason_in_words

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
    due_at = MomentField(allow_null=True, help_text="When it is tried next, while it waits.")
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


def find_messages(
    *, mailing: int | None = None, client: int | None = None, status: str | None = None
) -> QuerySet[Message]:
    """The messages to which all that is given applies.

    The table has no index on the mailing or the status alone, so each is
    narrowed down by what has: a mailing's ids lie together, and most statuses
    imply something that an index holds.
    """
    messages = Message.objects.all()
    if client is not None:
        messages = messages.filter(client_id=client)
    if mailing is not None:
        messages = _of_mailing(messages, mailing)
    if status is not None:
        messages = messages.filter(status=status, **IMPLIED.get(status, {}))
    if status == MessageStatus.SENDING:
        messages = messages.filter(id__in=_claimed_ids())
    return messages


# What a status says about the indexed columns: message_due and message_reason.
IMPLIED: dict[str, dict[str, Any]] = {
    MessageStatus.PENDING: {"due_at__isnull": False},
    MessageStatus.FAILED: {"reason__isnull": False},
    MessageStatus.UNKNOWN: {"reason__isnull": False},
    MessageStatus.EXPIRED: {"reason__isnull": False},
    MessageStatus.CANCELLED: {"reason__isnull": False},
    MessageStatus.SKIPPED: {"reason__isnull": False},
}


def _of_mailing(messages: QuerySet[Message], mailing_id: int) -> QuerySet[Message]:
    known = Mailing.objects.filter(pk=mailing_id, first_message_id__isnull=False)
    span = known.values_list("first_message_id", "last_message_id").first()
    return messages.filter(mailing_id=mailing_id, id__range=span) if span else messages.none()


def _claimed_ids() -> QuerySet[Claim, Any]:
    ids = Func(F("message_ids"), function="unnest")
    return Claim.objects.annotate(claimed=ids).values("claimed")
