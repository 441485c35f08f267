"""Pages by key, newest first: as fast at the millionth row as at the first."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

PAGE_SIZE = 100
LARGEST_PAGE = 1000
# Beyond this nobody counts rows by hand, and counting them all takes seconds.
MOST_COUNTED = 10_000


CURSOR_IN_WORDS = "Which page: follow `next` and `previous` instead of making one."
PAGE_SIZE_IN_WORDS = f"Rows on a page: {PAGE_SIZE}, at most {LARGEST_PAGE:,}."
PARAMETERS = [
    OpenApiParameter("cursor", str, description=CURSOR_IN_WORDS),
    OpenApiParameter("page_size", int, description=PAGE_SIZE_IN_WORDS),
]


class NewestFirst(CursorPagination):
    """``{"count", "next", "previous", "results"}``; count is null above MOST_COUNTED."""

    ordering = "-id"
    page_size = PAGE_SIZE
    max_page_size = LARGEST_PAGE
    page_size_query_param = "page_size"
    page_size_query_description = PAGE_SIZE_IN_WORDS
    cursor_query_description = CURSOR_IN_WORDS

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        counted = queryset.order_by()[: MOST_COUNTED + 1].count()
        self.count = counted if counted <= MOST_COUNTED else None
        return super().paginate_queryset(queryset, request, view) or []

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "count": self.count,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "results": data,
            }
        )

    def get_page_size(self, request: Request) -> int:
        given = str(request.query_params.get("page_size", PAGE_SIZE))
        if not (given.isascii() and given.isdigit() and 1 <= int(given) <= LARGEST_PAGE):
            raise ValidationError(
                {"page_size": f'"{given}" is not a number from 1 to {LARGEST_PAGE:,}.'}
            )
        return int(given)

    def decode_cursor(self, request: Request) -> Cursor | None:
        refusal = ValidationError({"cursor": "This is no cursor from a list's next or previous."})
        try:
            cursor = super().decode_cursor(request)
        except NotFound as error:
            raise refusal from error
        if cursor is None or cursor.position is None:
            return cursor
        # DRF takes any text for a position; only ids are in ours.
        position = str(cursor.position)
        if not (position.isascii() and position.isdigit() and len(position) < 20):
            raise refusal
        return cursor

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {
                    "type": "integer",
                    "nullable": True,
                    "description": f"How many rows there are; null above {MOST_COUNTED:,}.",
                },
                "next": link,
                "previous": link,
                "results": schema,
            },
        }
