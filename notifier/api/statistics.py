from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from notifier.api.fields import MomentField
from notifier.api.pagination import PARAMETERS
from notifier.mailings.models import Mailing, MailingStatus
from notifier.statistics.counts import (
    failure_reasons,
    mailing_counts_many,
    mailings_by_status,
    total_counts,
)
from notifier.statistics.series import SHOWN, outcomes_per_minute

# The minutes of a day: the limit that applies where a mailing names no end.
MOST_MINUTES = 24 * 60


class CountsSerializer(serializers.Serializer):
    """Messages by status."""

    pending = serializers.IntegerField(help_text="Wait for their first or next attempt.")
    sending = serializers.IntegerField(help_text="On their way to the gateway.")
    accepted = serializers.IntegerField(help_text="Taken by the gateway.")
    failed = serializers.IntegerField(help_text="Refused by the gateway.")
    unknown = serializers.IntegerField(
        help_text="Nobody can say whether the gateway took them; some may be counted as sent."
    )
    expired = serializers.IntegerField(help_text="Not sent before the end.")
    cancelled = serializers.IntegerField(help_text="Not sent: the mailing was cancelled.")
    skipped = serializers.IntegerField(help_text="Not sent: the client had opted out.")


class MailingCountsSerializer(serializers.Serializer):
    """Mailings by status."""

    draft = serializers.IntegerField()
    scheduled = serializers.IntegerField()
    preparing = serializers.IntegerField()
    running = serializers.IntegerField()
    paused = serializers.IntegerField()
    finished = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class MailingSummarySerializer(serializers.Serializer):
    """A mailing with its messages by status."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    status = serializers.ChoiceField(MailingStatus.choices)
    start_time = MomentField()
    end_time = MomentField()
    started_at = MomentField(allow_null=True)
    finished_at = MomentField(allow_null=True)
    audience = serializers.IntegerField(help_text="Recipients so far; the counts add up to it.")
    counts = CountsSerializer()


class MinuteSerializer(serializers.Serializer):
    """How many messages came to each outcome in a minute; minutes without any are there too."""

    minute = MomentField()
    accepted = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    expired = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    retried = serializers.IntegerField(help_text="Attempts that failed and will be made again.")


class FailureReasonSerializer(serializers.Serializer):
    """How many messages are not accepted for one reason."""

    reason = serializers.CharField()
    words = serializers.CharField()
    count = serializers.IntegerField()


class MailingStatisticsSerializer(MailingSummarySerializer):
    """What became of one mailing, minute by minute."""

    per_minute = MinuteSerializer(
        many=True, help_text=f"From the first outcome to the last, the newest {MOST_MINUTES:,}."
    )
    failure_reasons = FailureReasonSerializer(
        many=True, help_text="Why messages were not accepted, or not yet; the commonest first."
    )


class StatisticsSerializer(serializers.Serializer):
    """All mailings together, and each."""

    mailings = MailingCountsSerializer(help_text="All mailings, by status.")
    messages = CountsSerializer(help_text="All messages, by status.")
    count = serializers.IntegerField(allow_null=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = MailingSummarySerializer(many=True, help_text="Each mailing, newest first.")


class StatisticsView(GenericAPIView):
    queryset = Mailing.objects.all()

    @extend_schema(
        summary="Statistics over all mailings",
        operation_id="statistics",
        parameters=PARAMETERS,
        responses=StatisticsSerializer,
    )
    def get(self, request: Request) -> Response:
        page = attach_counts(self.paginate_queryset(self.get_queryset()) or [])
        results = MailingSummarySerializer(page, many=True).data
        listed = self.get_paginated_response(results).data
        totals = {"mailings": count_mailings(), "messages": total_counts()}
        return Response(totals | listed)


def attach_counts(mailings: list[Any]) -> list[Any]:
    """The mailings, each with its messages by status as ``counts``."""
    counts = mailing_counts_many(mailings)
    for mailing in mailings:
        mailing.counts = counts[mailing.pk]
    return mailings


def count_mailings() -> dict[str, int]:
    """How many mailings are in each status, every status present."""
    return dict.fromkeys(MailingStatus.values, 0) | mailings_by_status()


def describe_in_detail(mailing: Any) -> dict[str, Any]:
    """What MailingStatisticsSerializer declares."""
    attach_counts([mailing])
    series = outcomes_per_minute(mailing, most=MOST_MINUTES)
    # A series leaves out the outcomes that never came.
    nothing = [0] * len(series.times)
    mailing.per_minute = [
        {"minute": minute}
        | {outcome: series.outcomes.get(outcome, nothing)[at] for outcome in SHOWN}
        for at, minute in enumerate(series.times)
    ]
    mailing.failure_reasons = reasons_of(mailing)
    return dict(MailingStatisticsSerializer(mailing).data)


def reasons_of(mailing: Mailing) -> list[dict[str, Any]]:
    """Why messages of a mailing were not accepted, as FailureReasonSerializer declares."""
    return [
        {"reason": reason, "words": words, "count": count}
        for reason, words, count in failure_reasons(mailing)
    ]
