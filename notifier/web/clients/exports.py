"""Lists as files."""

from collections.abc import Iterator

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from notifier.clients.exporting import clients_csv, suppressed_csv
from notifier.clients.models import SuppressedPhone
from notifier.clients.search import find_clients
from notifier.downloads import csv_download
from notifier.web.clients.bulk import chosen_search


@require_safe
def export_clients(request: HttpRequest) -> StreamingHttpResponse:
    """Whom the list's search finds, or the ticked of them."""
    return _csv(clients_csv(find_clients(chosen_search(request.GET))), name="clients")


@require_safe
def export_suppressed(request: HttpRequest) -> StreamingHttpResponse:
    return _csv(suppressed_csv(SuppressedPhone.objects.all()), name="suppression-list")


def _csv(lines: Iterator[str], *, name: str) -> StreamingHttpResponse:
    return csv_download(lines, name=f"{name}-{timezone.localdate().isoformat()}")
