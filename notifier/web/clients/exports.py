"""Lists as files."""

from collections.abc import Iterator

from django.contrib import messages
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from notifier.clients.counting import TooSlow, count_in_time
from notifier.clients.exporting import clients_csv, suppressed_csv
from notifier.clients.models import SuppressedPhone
from notifier.clients.search import find_clients
from notifier.downloads import csv_download
from notifier.web.clients.bulk import chosen_search, list_address, list_query_of


@require_safe
def export_clients(request: HttpRequest) -> HttpResponseBase:
    """Whom the list's search finds, or the ticked of them."""
    found = find_clients(chosen_search(request.GET))
    try:
        # A file that has begun could not say any more that it takes too long.
        count_in_time(found)
    except TooSlow as slow:
        messages.error(request, str(slow))
        return redirect(list_address(list_query_of(request.GET)))
    return _csv(clients_csv(found), name="clients")


@require_safe
def export_suppressed(request: HttpRequest) -> StreamingHttpResponse:
    return _csv(suppressed_csv(SuppressedPhone.objects.all()), name="suppression-list")


def _csv(lines: Iterator[str], *, name: str) -> StreamingHttpResponse:
    return csv_download(lines, name=f"{name}-{timezone.localdate().isoformat()}")
