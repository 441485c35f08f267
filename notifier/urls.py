"""All addresses: the pages, and the API where it has any."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [path("", include("notifier.web.urls"))]

if find_spec("notifier.api.urls"):
    urlpatterns.append(path("", include("notifier.api.urls")))

handler500 = "notifier.web.errors.server_error"
