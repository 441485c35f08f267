"""The addresses of the pages."""

from django.urls import URLPattern, URLResolver, path

from notifier.web import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
