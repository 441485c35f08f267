"""What becomes of failed and unknown messages: sent again, or counted as sent."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from notifier.api.fields import MomentField
from notifier.api.strict import StrictSerializer
from notifier.delivery import resolution
from notifier.delivery.models import MessageStatus
from notifier.mailings.models import MailingStatus
from notifier.statistics.counts import REASONS_IN_WORDS

SENDABLE = (MessageStatus.FAILED.value, MessageStatus.UNKNOWN.value)


def reason_field(help_text: str) -> serializers.ChoiceField:
    return serializers.ChoiceField(
        sorted(REASONS_IN_WORDS),
        required=False,
        allow_null=True,
        error_messages={
            "invalid_choice": 'There is no reason "{input}": '
            f"use {', '.join(sorted(REASONS_IN_WORDS))}."
        },
        help_text=help_text,
    )


class SendAgainSerializer(StrictSerializer):
    """Which messages are sent again; those that failed, if it is empty."""

    statuses = serializers.ListField(
        child=serializers.ChoiceField(
            SENDABLE,
            error_messages={
                "invalid_choice": 'Messages that are "{input}" cannot be sent again: '
                "use failed, unknown."
            },
        ),
        default=lambda: [MessageStatus.FAILED.value],
        allow_empty=False,
        error_messages={"empty": "Name at least one of failed, unknown."},
        help_text='["failed"], if missing. Unknown ones may be received twice.',
    )
    reason = reason_field("Only those with this reason.")
    end_time = MomentField(
        required=False,
        allow_null=True,
        help_text="The mailing's new end; needed where its end has passed.",
    )


class CountAsSentSerializer(StrictSerializer):
    """Which unknown messages are counted as sent; all of them, if it is empty."""

    reason = reason_field("Only those with this reason.")


class DecidedMailingSerializer(serializers.Serializer):
    mailing = serializers.IntegerField(source="mailing.pk")
    status = serializers.ChoiceField(MailingStatus.choices, source="mailing.status")


class SentAgainSerializer(DecidedMailingSerializer):
    """What became of the messages that were chosen."""

    end_time = MomentField(source="mailing.end_time")
    sent_again = serializers.IntegerField(
        source="messages.waiting", help_text="They wait for their next attempt."
    )
    maybe_twice = serializers.IntegerField(
        source="messages.maybe_twice",
        help_text="Those of them that were unknown: they may be received twice.",
    )
    skipped = serializers.IntegerField(
        source="messages.skipped",
        help_text="Not sent: the client has opted out or was deleted.",
    )
    left_unknown = serializers.IntegerField(
        source="messages.left_unknown", help_text="The same, but they may have been sent before."
    )


class CountedAsSentSerializer(DecidedMailingSerializer):
    """What became of the messages that were chosen."""

    counted_as_sent = serializers.IntegerField(
        source="messages", help_text="They stay unknown, with this as their reason."
    )


# The actions of a mailing that decide about its failed and unknown messages. Not its docstring:
# that would describe every operation of the class it is mixed into.
class ResolutionActions(GenericAPIView):
    @extend_schema(
        summary="Send failed or unknown messages again, and nobody else's",
        description="Those that are so now wait again, under their own ids, with the same text. "
        "A finished mailing is running again; where its end has passed, a new one is needed. "
        "Whoever has opted out or was deleted meanwhile is not sent to.",
        request=SendAgainSerializer,
        responses=SentAgainSerializer,
        operation_id="mailing_send_again",
        examples=[
            OpenApiExample("Those that failed", request_only=True, value={"statuses": ["failed"]}),
            OpenApiExample(
                "Both, after the end",
                request_only=True,
                value={
                    "statuses": ["failed", "unknown"],
                    "end_time": "2030-08-29T11:53:38+02:00",
                },
            ),
        ],
    )
    @action(detail=True, methods=["post"])
    def send_again(self, request: Request, pk: str) -> Response:
        done = resolution.send_again(self.get_object().pk, **_read(SendAgainSerializer, request))
        return Response(SentAgainSerializer(done).data)

    @extend_schema(
        summary="Count unknown messages as sent: nothing is sent, and nobody is asked again",
        description='For good. They stay unknown, with the reason "counted_as_sent".',
        request=CountAsSentSerializer,
        responses=CountedAsSentSerializer,
        operation_id="mailing_count_as_sent",
    )
    @action(detail=True, methods=["post"])
    def count_as_sent(self, request: Request, pk: str) -> Response:
        asked = _read(CountAsSentSerializer, request)
        done = resolution.count_as_sent(self.get_object().pk, **asked)
        return Response(CountedAsSentSerializer(done).data)


def _read(serializer_class: type[StrictSerializer], request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
