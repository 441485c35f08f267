"""The state of the service in Prometheus's text format."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from django.db.models import Count, Q
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from notifier.api.statistics import count_mailings
from notifier.delivery.models import GatewayIncident, Slot
from notifier.statistics.counts import total_counts
from notifier.statistics.lag import queue_lag
from notifier.statistics.overview import clusters_alive

PROXY_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


class OnThisMachineOrKnown(BasePermission):
    """A scraper beside the server needs no token; anybody else does.

    What a proxy on the same machine passes on comes from elsewhere.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.user and request.user.is_authenticated:
            return True
        if any(name in request.headers for name in PROXY_HEADERS):
            return False
        return _is_loopback(request.META.get("REMOTE_ADDR", ""))


class AnyAccept(BaseContentNegotiation):
    """Scrapers ask for formats that are no business of DRF's renderers."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class MetricsView(APIView):
    permission_classes = [OnThisMachineOrKnown]
    content_negotiation_class = AnyAccept

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(ServiceState()), content_type=content_type)


class ServiceState(Collector):
    """Read from the database when asked, so that every web process tells the same."""

    def collect(self) -> Iterator[Metric]:
        yield _by_label("messages", "Messages by status.", "status", total_counts())
        yield _by_label("mailings", "Mailings by status.", "status", count_mailings())
        yield from _queue()
        yield from _incidents()
        yield _gauge("clusters_alive", "Clusters heard of lately.", clusters_alive())
        yield _by_label("sender_slots", "Places for senders, by state.", "state", _slots())


def _queue() -> Iterator[Metric]:
    lag = queue_lag()
    yield _gauge("queue_due_tasks", "Tasks that wait for a worker.", lag.tasks)
    yield _gauge("queue_lag_seconds", "How long the oldest of them has waited.", lag.task_seconds)
    yield _gauge(
        "message_lag_seconds",
        "How long a mailing has stood still that has due messages and that nothing forbids.",
        lag.message_seconds,
    )
    if lag.sweep_silence_seconds is not None:
        silence = lag.sweep_silence_seconds
        yield _gauge("sweep_silence_seconds", "How long ago the last sweep was.", silence)


def _incidents() -> Iterator[Metric]:
    kinds: dict[str, tuple[int, int]] = dict.fromkeys(GatewayIncident.Kind.values, (0, 0))
    counted = (
        GatewayIncident.objects.order_by()
        .values_list("kind")
        .annotate(begun=Count("id"), lasting=Count("id", filter=Q(ended_at__isnull=True)))
    )
    kinds |= {kind: (begun, lasting) for kind, begun, lasting in counted}
    lasting = {kind: number for kind, (_, number) in kinds.items()}
    yield _by_label("gateways_in_trouble", "Gateways that do not work now.", "kind", lasting)
    total = CounterMetricFamily(
        "notifier_gateway_incidents", "Incidents of gateways since ever.", labels=["kind"]
    )
    for kind, (number, _) in kinds.items():
        total.add_metric([kind], number)
    yield total


def _slots() -> dict[str, int]:
    counted = Slot.objects.order_by().values_list("state").annotate(count=Count("id"))
    return dict.fromkeys(Slot.State.values, 0) | dict(counted)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"notifier_{name}", words, value=value)


def _by_label(name: str, words: str, label: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"notifier_{name}", words, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
