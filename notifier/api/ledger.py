"""The account of one mailing: every recipient in exactly one bucket."""

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from notifier.api.statistics import FailureReasonSerializer, reasons_of
from notifier.delivery.ledger.reopening import COUNTED_AS_SENT
from notifier.delivery.models import MessageStatus
from notifier.mailings.models import Mailing, MailingStatus
from notifier.statistics.counts import mailing_counts
from notifier.statistics.repeats import maybe_received_twice

MEANINGS = {
    "accepted": "The gateway took the message. It says nothing of the phone.",
    "failed": "The gateway refused the message.",
    "unknown": "It may have been sent: no clear answer came.",
    "expired": "The mailing ended before it could be sent.",
    "cancelled": "The mailing was cancelled before it could be sent.",
    "skipped": "The client does not want messages, or was deleted.",
    "sending": "On the way to the gateway.",
    "pending": "Not sent yet.",
}
assert set(MEANINGS) == set(MessageStatus.values)  # noqa: S101 - found at start, not by a user


class BucketSerializer(serializers.Serializer):
    """How many recipients are in one bucket, and what that means."""

    status = serializers.ChoiceField(MessageStatus.choices)
    meaning = serializers.CharField()
    count = serializers.IntegerField()


class LedgerSerializer(serializers.Serializer):
    """Every recipient of a mailing in exactly one bucket: the buckets add up to the audience."""

    mailing = serializers.IntegerField()
    status = serializers.ChoiceField(MailingStatus.choices)
    audience = serializers.IntegerField(help_text="Recipients; so far, until it is prepared.")
    is_final = serializers.BooleanField(help_text="Nothing waits and nothing is being sent.")
    buckets = BucketSerializer(many=True)
    counted_as_sent = serializers.IntegerField(
        help_text="Of the unknown: a person decided that they were sent."
    )
    maybe_received_twice = serializers.IntegerField(
        help_text="At most so many clients may have got the message more than once."
    )
    reasons = FailureReasonSerializer(
        many=True, help_text="Why messages were not accepted, or not yet; the commonest first."
    )


EXAMPLE = OpenApiExample(
    "A finished mailing",
    response_only=True,
    value={
        "mailing": 12,
        "status": "finished",
        "audience": 12_486,
        "is_final": True,
        "buckets": [
            {"status": status, "meaning": meaning, "count": count}
            for (status, meaning), count in zip(
                MEANINGS.items(), (12_400, 80, 6, 0, 0, 0, 0, 0), strict=True
            )
        ],
        "counted_as_sent": 2,
        "maybe_received_twice": 4,
        "reasons": [{"reason": "rejected", "words": "Rejected by the gateway", "count": 80}],
    },
)


def describe_ledger(mailing: Mailing) -> dict[str, Any]:
    """What LedgerSerializer declares."""
    counts = mailing_counts(mailing)
    reasons = reasons_of(mailing)
    counted_as_sent = (each["count"] for each in reasons if each["reason"] == COUNTED_AS_SENT)
    return {
        "mailing": mailing.pk,
        "status": mailing.status,
        "audience": mailing.audience,
        "is_final": mailing.has_ended and not counts["pending"] and not counts["sending"],
        "buckets": [
            {"status": status, "meaning": meaning, "count": counts[status]}
            for status, meaning in MEANINGS.items()
        ],
        "counted_as_sent": next(counted_as_sent, 0),
        "maybe_received_twice": maybe_received_twice(mailing),
        "reasons": reasons,
    }
