"""The addresses of the API, each with and without a slash at its end."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from notifier.api.breakdown import BreakdownView
from notifier.api.clients import ClientViewSet
from notifier.api.filters import FilterViewSet
from notifier.api.imports import ImportViewSet
from notifier.api.mailings import MailingViewSet
from notifier.api.messages import MessageViewSet
from notifier.api.metrics import MetricsView
from notifier.api.opt_outs import SuppressedPhoneViewSet
from notifier.api.schema import DocsView, SchemaView
from notifier.api.statistics import StatisticsView

ENDPOINTS = {
    "client": "/api/client/",
    "filter": "/api/filter/",
    "import": "/api/import/",
    "mailing": "/api/mailing/",
    "message": "/api/message/",
    "statistics": "/api/statistics/",
    "suppressed": "/api/suppressed/",
    "schema": "/api/schema/",
    "docs": "/docs/",
}


class RootView(APIView):
    @extend_schema(
        summary="List the endpoints",
        operation_id="endpoints",
        responses=inline_serializer(
            "Endpoints", {name: serializers.URLField() for name in ENDPOINTS}
        ),
    )
    def get(self, request: Request) -> Response:
        return Response(
            {name: request.build_absolute_uri(path) for name, path in ENDPOINTS.items()}
        )


@extend_schema(exclude=True)
class NothingHere(APIView):
    """Every other address under /api/, so that it is answered in JSON too."""

    permission_classes = []

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise NotFound("There is nothing at this address: GET /api/ lists what there is.")


router = SimpleRouter()
# A pattern rather than a text, which SimpleRouter's own argument cannot be.
router.trailing_slash = "/?"
router.register("client", ClientViewSet, basename="api-client")
router.register("filter", FilterViewSet, basename="api-filter")
router.register("import", ImportViewSet, basename="api-import")
router.register("mailing", MailingViewSet, basename="api-mailing")
router.register("message", MessageViewSet, basename="api-message")
router.register("suppressed", SuppressedPhoneViewSet, basename="api-suppressed")

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^api/?$", RootView.as_view(), name="api-root"),
    re_path(r"^api/statistics/?$", StatisticsView.as_view(), name="api-statistics"),
    re_path(
        r"^api/statistics/breakdown/?$", BreakdownView.as_view(), name="api-statistics-breakdown"
    ),
    re_path(r"^api/schema/?$", SchemaView.as_view(), name="schema"),
    path("api/", include(router.urls)),
    re_path(r"^api/", NothingHere.as_view()),
    re_path(r"^docs/?$", DocsView.as_view(), name="docs"),
    re_path(r"^metrics/?$", MetricsView.as_view(), name="metrics"),
]
