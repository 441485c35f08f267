"""All addresses: the pages and the API."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("notifier.web.urls")),
    path("", include("notifier.api.urls")),
]

handler400 = "notifier.web.errors.bad_request"
handler500 = "notifier.web.errors.server_error"
