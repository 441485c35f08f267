"""Outcomes within some days, in all and by one dimension."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifier.api.strict import StrictSerializer, read_query
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.breakdown import (
    OUTCOMES,
    By,
    Counts,
    Scope,
    group_by,
    latency,
    latency_by_gateway,
    totals,
)
from notifier.statistics.periods import DEFAULT, PRESETS, BadPeriod, Period, parse_period, previous
from notifier.statistics.words import names_of

LARGEST_ID = (1 << 63) - 1


class BreakdownQuery(StrictSerializer):
    """A range of days by the site's calendar, by a name or from one day to another."""

    range = serializers.ChoiceField(
        [(name, words) for name, (words, _) in PRESETS.items()],
        required=False,
        help_text=f"A range by its name; {DEFAULT}, if nothing else is given.",
    )
    by = serializers.ChoiceField(
        [(by.value, by.name.lower()) for by in By],
        required=False,
        help_text="What the groups have in common. hour and weekday are those of the site's "
        "clock; quarter (of an hour, up to 31 days of them), hourly (up to 200), day, week and "
        "month are times.",
    )
    gateway = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    mailing = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)

    def get_fields(self) -> dict[str, serializers.Field]:
        # "from" cannot be an attribute's name.
        days = {
            "from": serializers.DateField(
                required=False, help_text="The first day: 2026-05-04. Alone: until today."
            ),
            "to": serializers.DateField(
                required=False, help_text="The last day, included. Alone: that day."
            ),
        }
        return {**days, **super().get_fields()}


class OutcomesSerializer(serializers.Serializer):
    """How many messages came to each outcome."""

    accepted = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    expired = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    skipped = serializers.IntegerField()
    retried = serializers.IntegerField(
        allow_null=True,
        help_text="Attempts, not messages, that failed and were made again; null where they are "
        "not counted: by operator, tag, time zone and attempts.",
    )


class GroupSerializer(serializers.Serializer):
    """The outcomes of one group."""

    value = serializers.CharField(
        help_text="A day, an id, a tag…; empty where there is none. A weekday is 1 (Monday) to 7."
    )
    name = serializers.CharField(help_text="The same in words.")
    counts = OutcomesSerializer()


class LatencySerializer(serializers.Serializer):
    """How long a gateway took to accept: milliseconds, rounded up to two digits."""

    messages = serializers.IntegerField(help_text="How many it accepted.")
    p50_ms = serializers.IntegerField(allow_null=True)
    p90_ms = serializers.IntegerField(allow_null=True)
    p99_ms = serializers.IntegerField(allow_null=True)
    longest_ms = serializers.IntegerField(allow_null=True)


class GatewayLatencySerializer(LatencySerializer):
    """The same of one gateway."""

    gateway = serializers.IntegerField()


class BreakdownSerializer(serializers.Serializer):
    """From the first day to the last, both included. A message counts on its outcome's day."""

    first_day = serializers.DateField()
    last_day = serializers.DateField()
    timezone = serializers.CharField(help_text="Whose days and hours they are.")
    totals = OutcomesSerializer()
    totals_before = OutcomesSerializer(
        help_text="In as many days before; before a whole month, in the month before."
    )
    latency = LatencySerializer()
    latency_by_gateway = GatewayLatencySerializer(many=True)
    groups = GroupSerializer(many=True, help_text="Empty, unless by is given.")


def _counts(**counts: int) -> Counts:
    return {outcome: counts.get(outcome, 0) for outcome in OUTCOMES}


_LATENCY = {"messages": 12_400, "p50_ms": 85, "p90_ms": 190, "p99_ms": 420, "longest_ms": 3100}
_SENT = _counts(accepted=12_400, failed=80)
EXAMPLE = {
    "first_day": "2026-05-04",
    "last_day": "2026-05-10",
    "timezone": "Europe/Moscow",
    "totals": _SENT | {"retried": 31},
    "totals_before": _counts(accepted=11_950, failed=212),
    "latency": _LATENCY,
    "latency_by_gateway": [{"gateway": 1, **_LATENCY}],
    "groups": [{"value": "autumn", "name": "autumn", "counts": _SENT}],
}


class BreakdownView(APIView):
    """Statistics by any range of days and one dimension."""

    @extend_schema(
        summary="Statistics by days, mailing, operator, tag, time zone, hour, reason…",
        description="From counters that are written with the results: exact at any moment, also "
        "while mailings run.",
        operation_id="statistics_breakdown",
        parameters=[BreakdownQuery],
        responses=BreakdownSerializer,
        examples=[OpenApiExample("By tag", response_only=True, value=EXAMPLE)],
    )
    def get(self, request: Request) -> Response:
        asked = read_query(BreakdownQuery, request)
        period = _period(asked)
        described = _describe(period, asked)
        return Response(BreakdownSerializer(described).data)


def _period(asked: dict[str, Any]) -> Period:
    names: list[str] = [name for name in ("range", "from", "to") if name in asked]
    typed = {name: str(asked[name]) for name in names}
    if "range" in typed and len(typed) > 1:
        raise ValidationError({"range": "Give either a range, or days in from and to."})
    try:
        return parse_period(typed)
    except BadPeriod as bad:
        raise ValidationError({bad.field: str(bad)}) from bad


OF_CLIENTS = (By.OPERATOR, By.TAG, By.TIMEZONE, By.ATTEMPTS)
# Times for which nobody reads more groups than some thousand: days of the range.
MOST_DAYS = {By.QUARTER: 31, By.HOURLY: 200}


def _by(period: Period, asked: dict[str, Any]) -> By | None:
    if "by" not in asked:
        return None
    by = By(asked["by"])
    most = MOST_DAYS.get(by, period.days)
    if period.days > most:
        words = (
            f"By {by} a range may have {most} days, not {period.days:,}: use day, or a shorter one."
        )
        raise ValidationError({"by": words})
    return by


def _describe(period: Period, asked: dict[str, Any]) -> dict[str, Any]:
    """What BreakdownSerializer declares."""
    scope, before = (_scope(days, asked) for days in (period, previous(period)))
    by = _by(period, asked)
    by_gateway = latency_by_gateway(scope)
    return {
        "first_day": period.first,
        "last_day": period.last,
        "timezone": settings.TIME_ZONE,
        "totals": totals(scope),
        "totals_before": totals(before),
        "latency": latency(scope),
        "latency_by_gateway": [
            {"gateway": gateway, **asdict(each)} for gateway, each in by_gateway.items()
        ],
        "groups": _groups(scope, by) if by else [],
    }


def _groups(scope: Scope, by: By) -> list[dict[str, Any]]:
    groups = group_by(scope, by)
    names = names_of(by, [group.value for group in groups])
    return [
        {
            "value": group.value,
            "name": names[group.value],
            # Attempts are not counted by what clients are like: 0 would be a false number.
            "counts": group.counts | ({"retried": None} if by in OF_CLIENTS else {}),
        }
        for group in groups
    ]


def _scope(period: Period, asked: dict[str, Any]) -> Scope:
    ids = {}
    for name, model in (("gateway", Gateway), ("mailing", Mailing)):
        if name in asked:
            if not model.objects.filter(pk=asked[name]).exists():
                raise ValidationError({name: f"There is no {name} {asked[name]}."})
            ids[name] = asked[name]
    return Scope(period.first, period.last, **ids)
