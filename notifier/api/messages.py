from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.viewsets import ReadOnlyModelViewSet

from notifier.api.actions import post_action
from notifier.api.fields import MomentField
from notifier.api.pagination import NewestFirst
from notifier.api.resolution import reason_field
from notifier.api.strict import StrictSerializer, read_query
from notifier.clients.phones import PUNCTUATION
from notifier.clients.search import read_id
from notifier.delivery import resolution
from notifier.delivery.models import Attempt, Message, MessageStatus
from notifier.statistics.counts import reason_in_words
from notifier.statistics.messages import MessageSearch, count_messages, search_messages
from notifier.statistics.periods import BadPeriod, parse_period

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
    """What is asked of messages; all of it must apply."""

    phone = serializers.CharField(
        required=False, help_text="How the phone begins, or its last digits."
    )
    mailing = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    client = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    gateway = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    status = serializers.ChoiceField(MessageStatus.choices, required=False)
    reason = reason_field("Why it was not accepted, or not yet.")
    to = serializers.DateField(
        required=False, help_text="The last day on which it came to its outcome, included."
    )
    operator = serializers.CharField(
        required=False, help_text="Of the client when it was chosen; - is not known."
    )
    tag = serializers.CharField(
        required=False, help_text="Of the client when it was chosen; - is no tag."
    )
    timezone = serializers.CharField(
        required=False, help_text="Of the client when it was chosen; - is not known."
    )
    attempts = serializers.IntegerField(
        required=False, min_value=0, max_value=32_767, help_text="Requests made for it so far."
    )
    hour = serializers.IntegerField(
        required=False, min_value=0, max_value=23, help_text="Of its outcome, by the site's clock."
    )
    weekday = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=7,
        help_text="Of its outcome, by the site's calendar; 1 is Monday.",
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        # "from" cannot be an attribute's name.
        first = serializers.DateField(
            required=False, help_text="The first day on which it came to its outcome: 2026-05-04."
        )
        return {**super().get_fields(), "from": first}

    def validate_phone(self, typed: str) -> str:
        digits = PUNCTUATION.sub("", typed).removeprefix("+")
        if not (digits.isascii() and digits.isdigit()):
            raise serializers.ValidationError(f'"{typed}" has something else than digits.')
        return typed

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        days: dict[str, str] = {
            name: asked[name].isoformat() for name in ("from", "to") if name in asked
        }
        try:
            parse_period(days)
        except BadPeriod as bad:
            raise serializers.ValidationError({bad.field: str(bad)}) from bad
        return asked

    def search(self, asked: dict[str, Any]) -> MessageSearch:
        names = {"from": "first", "to": "last"}
        return MessageSearch(**{names.get(name, name): value for name, value in asked.items()})


class SendMessageAgainSerializer(StrictSerializer):
    """Nothing is needed, unless the mailing's end has passed."""

    end_time = MomentField(
        required=False, allow_null=True, help_text="The mailing's new end, where it has passed."
    )


@extend_schema_view(
    list=extend_schema(
        parameters=[MessageQuery],
        responses=MessageSerializer(many=True),
        summary="Search messages",
        description="The newest first. Every answer comes quickly: where much has to be looked "
        "through, a page may hold less than page_size though there is a `next`, which goes on "
        "from there. `previous` is always null. `count` is known of a mailing, a status or both, "
        "and of what fits into one page; else it is null.",
    ),
    retrieve=extend_schema(summary="Show a message with the attempts that failed"),
)
class MessageViewSet(ReadOnlyModelViewSet):
    queryset = Message.objects.all()
    lookup_value_regex = r"\d{1,18}"

    def get_serializer_class(self) -> type[MessageSerializer]:
        return MessageSerializer if self.action == "list" else MessageDetailSerializer

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        search = MessageQuery().search(read_query(MessageQuery, request))
        before = _read_cursor(request)
        most = NewestFirst().get_page_size(request)
        page = search_messages(search, before=before, most=most)
        is_all = before is None and page.older is None
        count = len(page.messages) if is_all else count_messages(search)
        return Response(
            {
                "count": count,
                "next": _address_of(request, page.older) if page.older else None,
                "previous": None,
                "results": self.get_serializer(page.messages, many=True).data,
            }
        )

    @extend_schema(
        summary="Send a failed or unknown message again",
        description="An unknown one may be received twice. A message that is neither stays as it "
        "is. 409 where its mailing does not allow it.",
        request=SendMessageAgainSerializer,
        responses=MessageDetailSerializer,
        operation_id="message_send_again",
    )
    @action(detail=True, methods=["post"])
    def send_again(self, request: Request, pk: str) -> Response:
        message = self.get_object()
        asked = SendMessageAgainSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        resolution.send_again(
            message.mailing_id,
            statuses=["failed", "unknown"],
            message_id=message.pk,
            end_time=asked.validated_data.get("end_time"),
        )
        return self._answer(message)

    @post_action(
        "message",
        "Count an unknown message as sent; one that is not unknown stays as it is",
        answers=MessageDetailSerializer,
    )
    def count_as_sent(self, request: Request, pk: str) -> Response:
        message = self.get_object()
        resolution.count_as_sent(message.mailing_id, message_id=message.pk)
        return self._answer(message)

    def _answer(self, message: Message) -> Response:
        message.refresh_from_db()
        return Response(self.get_serializer(message).data)


def _read_cursor(request: Request) -> int | None:
    given = request.query_params.get("cursor")
    if given is None:
        return None
    before = read_id(given)
    if before is None:
        raise ValidationError({"cursor": "This is no cursor from a list's next."})
    return before


def _address_of(request: Request, cursor: int) -> str:
    return replace_query_param(request.build_absolute_uri(), "cursor", cursor)
