"""When the gateways did not work, and why."""

from datetime import datetime

from django.db.models import Q

from notifier.delivery.models import GatewayIncident
from notifier.mailings.models import Gateway
from notifier.statistics.counts import reason_in_words


def incidents_between(
    start: datetime, end: datetime, gateway: Gateway | None = None
) -> list[GatewayIncident]:
    """Those that lasted at any moment from ``start`` to before ``end``, the earliest first.

    Each has its gateway and its reason in words; ``ended_at`` is null while it lasts.
    """
    found = GatewayIncident.objects.filter(
        Q(ended_at__isnull=True) | Q(ended_at__gt=start), began_at__lt=end
    ).select_related("gateway")
    if gateway is not None:
        found = found.filter(gateway=gateway)
    incidents = list(found)
    for incident in incidents:
        incident.reason = reason_in_words(incident.reason)
    return incidents
