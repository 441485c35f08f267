"""Many clients in one call."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from notifier.api import examples
from notifier.api.parsing import StrictJSONParser
from notifier.api.strict import StrictSerializer
from notifier.clients.imports.models import KnownClients
from notifier.clients.upserting import Upserted, upsert_clients
from notifier.delivery.withdrawal import withdraw_clients

MOST_CLIENTS = 10_000
RESULTS = ("created", "changed", "unchanged", "duplicate", "rejected")
# Outside and inside names of what an item may have.
NAMES = {
    "phone_number": "phone",
    "operator": "operator",
    "tag": "tag",
    "timezone": "timezone",
    "attributes": "attributes",
    "opted_out": "opted_out",
}
# What clients are shown with besides, and may be sent back with.
SHOWN_ONLY = ("id", "created_at", "updated_at")
OUTSIDE = {inside: outside for outside, inside in NAMES.items()}


class BulkParser(StrictJSONParser):
    """Ten thousand clients with their attributes are larger than other bodies."""

    most_bytes = 16 << 20


class BulkSerializer(StrictSerializer):
    """Clients as they are given one by one; each item is judged by itself."""

    clients = serializers.ListField(
        child=serializers.DictField(
            error_messages={"not_a_dict": 'a client is an object such as {{"phone_number": "7…"}}.'}
        ),
        allow_empty=False,
        max_length=MOST_CLIENTS,
        error_messages={
            "empty": "Give at least one client.",
            "max_length": f"At most {MOST_CLIENTS:,} clients are taken at once.",
        },
        help_text=f"At most {MOST_CLIENTS:,}, with the fields of a client.",
    )
    known = serializers.ChoiceField(
        KnownClients.choices,
        default=KnownClients.UPDATE,
        help_text="What becomes of clients whose phone is known: update them with what is given, "
        "fill in only what is empty, or keep them as they are.",
    )


class BulkResultSerializer(serializers.Serializer):
    """What became of one item."""

    index = serializers.IntegerField(help_text="Its place in the request, counted from 0.")
    id = serializers.IntegerField(allow_null=True, help_text="Null where it was rejected.")
    result = serializers.ChoiceField(
        RESULTS,
        help_text="duplicate: an earlier item has the same phone, and counts, "
        "but for an opt-out, which counts in any of them.",
    )
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField())
    )


class BulkAnswerSerializer(serializers.Serializer):
    """The counts add up to the clients that were given."""

    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    rejected = serializers.IntegerField()
    results = BulkResultSerializer(many=True, help_text="In the order of the request.")


# The actions on many clients at once, beside those of one. Not its docstring:
# that would describe every operation of the class it is mixed into.
class BulkActions(GenericAPIView):
    @extend_schema(
        summary="Add or change up to 10,000 clients by their phones",
        description="Good items are stored, bad ones are reported, each with its errors. "
        "What is missing or null of a known client stays, and so do attributes that are not "
        "named. `opted_out: true` opts out; nobody is opted in by false. Items may be clients "
        "as the list shows them: their phone says who they are, their id nothing. Safe to send "
        "again where no answer came.",
        request=BulkSerializer,
        responses=BulkAnswerSerializer,
        operation_id="client_bulk",
        examples=examples.BULK,
    )
    @action(detail=False, methods=["post"], parser_classes=[BulkParser])
    def bulk(self, request: Request) -> Response:
        asked = BulkSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(_upsert(**asked.validated_data))


def _upsert(clients: list[dict[str, Any]], known: str) -> dict[str, Any]:
    refused = {
        index: problems for index, each in enumerate(clients) if (problems := _refusal(each))
    }
    taken = [index for index in range(len(clients)) if index not in refused]
    outcome = upsert_clients([_inside(clients[index]) for index in taken], known=known)
    if outcome.left:
        withdraw_clients(outcome.left, reason="opted_out")
    results = dict(zip(taken, outcome.items, strict=True)) | {
        index: Upserted("rejected", errors=problems) for index, problems in refused.items()
    }
    counts = Counter(each.result for each in results.values())
    return {
        **{name: counts[name] for name in RESULTS},
        "results": [_shown(index, results[index]) for index in range(len(clients))],
    }


def _refusal(item: Mapping[str, Any]) -> dict[str, str]:
    """What is no field of a client, or of a kind that it cannot be."""
    problems = {
        str(name): f'There is no field "{name}": use {", ".join(NAMES)}.'
        for name in item
        if name not in NAMES and name not in SHOWN_ONLY
    }
    for name in ("phone_number", "operator", "tag", "timezone"):
        if isinstance(item.get(name), bool | list | dict):
            problems[name] = "It is neither a text nor a number."
    if not isinstance(item.get("opted_out"), bool | None):
        problems["opted_out"] = "It is neither true nor false."
    if item.get("phone_number") is None:
        problems.setdefault("phone_number", '"phone_number" is missing.')
    return problems


def _inside(item: Mapping[str, Any]) -> dict[str, Any]:
    return {NAMES[name]: value for name, value in item.items() if name in NAMES}


def _shown(index: int, upserted: Upserted) -> dict[str, Any]:
    errors = {OUTSIDE.get(name, name): [words] for name, words in upserted.errors.items()}
    return {"index": index, "id": upserted.id, "result": upserted.result, "errors": errors}
