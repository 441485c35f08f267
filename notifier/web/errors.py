"""Pages for when something went wrong."""

import sys

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults
from django.views.decorators.csrf import requires_csrf_token
from django_htmx.http import trigger_client_event

from notifier.delivery.record import is_database_away

# What PostgreSQL says while it stops, starts, or has no connection to spare.
OUTAGE_CODES = ("08", "53300", "57P")
RETRY_AFTER_SECONDS = "10"
OUTAGE_TOAST = "The database is not available: this may not be saved. Look again soon."


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """500; or 503 while the database cannot be reached, wherever that was noticed.

    A middleware would miss what goes wrong in other middlewares, such as
    loading the session, and neither page may ask the database for anything.
    """
    if is_outage(sys.exc_info()[1]):
        return outage(request)
    if _is_for_programs(request):
        return _problem("Something went wrong on the server.", 500)
    return HttpResponse(render_to_string("500.html"), status=500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, for what Django refuses before any view has the request."""
    if not _is_for_programs(request):
        return defaults.bad_request(request, exception)
    if isinstance(exception, DisallowedHost):
        return _problem("The header Host has a name that ALLOWED_HOSTS does not have.", 400)
    return _problem("The request could not be read.", 400)


def outage(request: HttpRequest) -> HttpResponse:
    response: HttpResponse
    if _is_for_programs(request):
        response = _problem("The database is not available.", 503)
    elif request.headers.get("HX-Request") == "true":
        response = outage_fragment(request)
    else:
        # What was only looked at may be asked for again and again; a form may not.
        seconds = RETRY_AFTER_SECONDS if request.method == "GET" else ""
        response = HttpResponse(render_to_string("503.html", {"seconds": seconds}), status=503)
    response["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def _is_for_programs(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _problem(detail: str, status: int) -> HttpResponse:
    """In the shape of every error of the API: see api.errors."""
    return JsonResponse({"detail": detail, "errors": {}}, status=status)


def outage_fragment(request: HttpRequest) -> HttpResponse:
    """For a part of a page. htmx leaves the old part in place, and the page offers a retry.

    What somebody did is answered aloud; a toast for every refresh would be a flood.
    """
    response = HttpResponse(render_to_string("_outage.html"), status=503)
    if request.method != "GET":
        toast = {"text": OUTAGE_TOAST, "level": "error"}
        trigger_client_event(response, "toasts", {"toasts": [toast]})
    return response


def is_outage(error: BaseException | None) -> bool:
    """Whether to say that the database is away: it is, and not for what was asked of it."""
    if error is None or not is_database_away(error):
        return False
    code = getattr(error.__cause__, "pgcode", None)
    return code is None or str(code).startswith(OUTAGE_CODES)
