"""How many clients a mailing would reach."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count

from notifier.clients.conditions import matching_clients


@dataclass(frozen=True)
class AudienceCount:
    """Clients who match, and how many of them have opted out and would be skipped."""

    matching: int
    opted_out: int

    @property
    def reachable(self) -> int:
        return self.matching - self.opted_out


def count_audience(conditions: Mapping[str, object]) -> AudienceCount:
    """Exact counts for checked conditions, in one query."""
    counts = matching_clients(conditions).aggregate(
        matching=Count("id"), opted_out=Count("opted_out_at")
    )
    return AudienceCount(**counts)
