"""Whom nothing is sent to any more: clients, and phones that need not have any."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import DestroyModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from notifier.api.fields import MomentField
from notifier.api.pagination import NewestFirst
from notifier.api.strict import NoQuery, StrictSerializer, read_query
from notifier.clients.models import SuppressedPhone
from notifier.clients.phones import BadPhone, normalise_phone
from notifier.clients.suppression import Source
from notifier.delivery.withdrawal import newly_suppressed, release_phone

MOST_PHONES = 10_000


class PhonesSerializer(StrictSerializer):
    """Phones in any usual spelling."""

    phone_numbers = serializers.ListField(
        child=serializers.CharField(
            allow_blank=True, error_messages={"invalid": "is neither a text nor a number."}
        ),
        allow_empty=False,
        max_length=MOST_PHONES,
        error_messages={
            "empty": "Give at least one phone number.",
            "max_length": f"At most {MOST_PHONES:,} phone numbers are taken at once.",
        },
        help_text=f"At most {MOST_PHONES:,}.",
    )


class OptOutResultSerializer(serializers.Serializer):
    """What became of one of the phones."""

    index = serializers.IntegerField(help_text="Its place in the request, counted from 0.")
    phone_number = serializers.CharField(help_text="As digits; as given, where it is rejected.")
    result = serializers.ChoiceField(
        ["opted_out", "unchanged", "duplicate", "rejected"],
        help_text="unchanged: it had opted out before. duplicate: an earlier one is the same.",
    )
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField())
    )


class OptOutAnswerSerializer(serializers.Serializer):
    """The counts add up to the phones that were given."""

    opted_out = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    rejected = serializers.IntegerField()
    results = OptOutResultSerializer(many=True, help_text="In the order of the request.")


class OptOutActions(GenericAPIView):
    """The action on many phones at once, beside those of a client."""

    @extend_schema(
        summary="Opt out many phones, whether they have clients or not",
        description="Nothing more is sent to them, and what waits is withdrawn. Those without a "
        "client go onto the suppression list, and are opted out should they ever become one. "
        "Phones that cannot be read are told, the others are opted out all the same.",
        request=PhonesSerializer,
        responses=OptOutAnswerSerializer,
        operation_id="client_opt_out_many",
        examples=[
            OpenApiExample(
                "Two phones",
                request_only=True,
                value={"phone_numbers": ["79991234567", "+7 999 123-45-68"]},
            )
        ],
    )
    @action(detail=False, methods=["post"], url_path="opt_out", url_name="opt-out-many")
    def opt_out_many(self, request: Request) -> Response:
        serializer = PhonesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(_opt_out(serializer.validated_data["phone_numbers"]))


def _opt_out(given: list[str]) -> dict[str, Any]:
    results = [_read(index, text) for index, text in enumerate(given)]
    seen: set[str] = set()
    for each in results:
        if not each["result"] and each["phone_number"] in seen:
            each["result"] = "duplicate"
        elif not each["result"]:
            seen.add(each["phone_number"])
    new = set(newly_suppressed(sorted(seen), source=Source.API))
    for each in results:
        each["result"] = each["result"] or (
            "opted_out" if each["phone_number"] in new else "unchanged"
        )
    counts = dict.fromkeys(("opted_out", "unchanged", "duplicate", "rejected"), 0)
    for each in results:
        counts[each["result"]] += 1
    return {**counts, "results": results}


def _read(index: int, text: str) -> dict[str, Any]:
    """The result so far: none yet, or rejected."""
    read: dict[str, Any] = {"index": index, "phone_number": text, "result": "", "errors": {}}
    try:
        read["phone_number"] = normalise_phone(text)
    except BadPhone as error:
        read |= {"result": "rejected", "errors": {"phone_number": [str(error)]}}
    return read


class SuppressedPhoneSerializer(serializers.Serializer):
    """A phone that nothing is sent to, whether it has a client or not."""

    phone_number = serializers.CharField(source="phone")
    suppressed_at = MomentField()
    source = serializers.ChoiceField(  # type: ignore[assignment]
        Source.choices, help_text="How it came onto the list."
    )


class ByPhone(NewestFirst):
    ordering = "phone"


@extend_schema_view(
    list=extend_schema(
        summary="List the suppressed phones",
        description="By phone. Every opted-out client's phone is among them.",
    ),
    retrieve=extend_schema(
        summary="Look whether a phone is suppressed",
        description="Answers 404 where it is not. The phone is its digits, as the list shows them.",
    ),
    destroy=extend_schema(
        summary="Take a phone off the suppression list",
        description="Only because its owner wants messages: a client who has it is reached again, "
        "from the next mailing on.",
    ),
)
class SuppressedPhoneViewSet(ListModelMixin, RetrieveModelMixin, DestroyModelMixin, GenericViewSet):
    queryset = SuppressedPhone.objects.all()
    serializer_class = SuppressedPhoneSerializer
    pagination_class = ByPhone
    lookup_value_regex = r"\d{1,15}"

    def filter_queryset(self, queryset: Any) -> Any:
        if self.action == "list":
            read_query(NoQuery, self.request)
        return queryset

    def perform_destroy(self, instance: SuppressedPhone) -> None:
        release_phone(instance.phone)
