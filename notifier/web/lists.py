"""What lists share: pages without counting the table, a page or its fragment."""

from typing import Any

import django_tables2 as tables
from django.core.paginator import EmptyPage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_tables2.paginators import LazyPaginator

PER_PAGE = 25
# A column that a phone has no room for.
WIDE_ONLY = {"th": {"class": "d-none d-md-table-cell"}, "td": {"class": "d-none d-md-table-cell"}}
# Reaching a page costs reading all before it.
LAST_PAGE = 100_000


def paginate(
    request: HttpRequest, table: tables.Table, *, last_page: int = LAST_PAGE
) -> tables.Table:
    """Sort and page the table as its address says, without counting its rows."""
    if "sort" in request.GET:
        table.order_by = request.GET["sort"]
    options = {"per_page": PER_PAGE, "paginator_class": LazyPaginator}
    try:
        table.paginate(page=_page_number(request, last_page), **options)
    except EmptyPage:
        table.paginate(page=1, **options)
    return table


def _page_number(request: HttpRequest, last_page: int) -> int:
    typed = request.GET.get("page", "1")
    is_number = typed.isascii() and typed.isdigit() and len(typed) < 10
    return int(typed) if is_number and int(typed) <= last_page else 1


def wants_fragment(request: HttpRequest, element_id: str) -> bool:
    return bool(request.htmx.target == element_id)  # type: ignore[attr-defined]


def render_list(
    request: HttpRequest, folder: str, element_id: str, context: dict[str, Any]
) -> HttpResponse:
    """``list.html``, or only the ``_list.html`` in it that fills the element."""
    name = "_list" if wants_fragment(request, element_id) else "list"
    return render(request, f"{folder}/{name}.html", context)
