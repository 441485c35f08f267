"""What pages and their fragments need from outside their views."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

GetResponse = Callable[[HttpRequest], HttpResponse]
View = Callable[..., HttpResponseBase]


class ClosedPagesMiddleware(LoginRequiredMiddleware):
    """Every page is closed unless its view says otherwise.

    Django's asks who it is before it looks whether that matters, and that asks the
    database: /healthz would fail with the database for a browser that is signed in.
    """

    def process_view(
        self, request: HttpRequest, view_func: View, *arguments: Any
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, *arguments)


class HtmxPagesMiddleware:
    """Make one address serve both a page and its fragments.

    Browsers keep the two apart, an expired log-in redirects the page rather
    than its fragment, and messages added by a fragment's view become toasts.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Without it the Back button may show a bare fragment from the cache.
        patch_vary_headers(response, ["HX-Request", "HX-Target"])
        if not request.htmx:  # type: ignore[attr-defined]
            return response
        if _leads_to_sign_in(response):
            return _redirect_the_page(request)
        if not _leads_elsewhere(response):
            _send_toasts(request, response)
        return response


def _leads_elsewhere(response: HttpResponse) -> bool:
    return 300 <= response.status_code < 400 or "HX-Redirect" in response


def _leads_to_sign_in(response: HttpResponse) -> bool:
    if response.status_code != 302:
        return False
    return urlsplit(response["Location"]).path == resolve_url(settings.LOGIN_URL)


def _redirect_the_page(request: HttpRequest) -> HttpResponse:
    page = request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
    query = urlencode({REDIRECT_FIELD_NAME: page})
    return HttpResponseClientRedirect(f"{resolve_url(settings.LOGIN_URL)}?{query}")


def _send_toasts(request: HttpRequest, response: HttpResponse) -> None:
    storage = get_messages(request)
    # Only what this request added: a poll must not take the messages
    # that wait for the page which another request redirects to.
    if not getattr(storage, "added_new", False):
        return
    toasts = [{"text": str(message), "level": message.level_tag} for message in storage]
    trigger_client_event(response, "toasts", {"toasts": toasts})
