"""Saved filters: the list, the builder with its live count, and what is done to one."""

from itertools import count
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from notifier.clients import facets
from notifier.clients.conditions import BadConditions, check_conditions, describe_conditions
from notifier.clients.counting import TooSlow, count_clients, example_clients
from notifier.clients.imports.models import ClientImport
from notifier.clients.models import ClientFilter
from notifier.clients.search import read_id
from notifier.clients.timezones import known_timezones
from notifier.mailings.models import Mailing
from notifier.web.filters.forms import LONGEST_NAME, FilterForm
from notifier.web.filters.kinds import KINDS, field_choices, vocabulary
from notifier.web.filters.rows import JOINS, Row
from notifier.web.filters.tables import FilterTable
from notifier.web.filters.templates import TEMPLATES, template_named
from notifier.web.forms import form_status
from notifier.web.lists import paginate, render_list, wants_fragment

MOST_OFFERED = 100
MOST_USES = 5


def filters(request: HttpRequest) -> HttpResponse:
    found = ClientFilter.objects.annotate(used=Count("mailings"))
    context = {
        "table": paginate(request, FilterTable(found, request=request)),
        "is_empty": not ClientFilter.objects.exists(),
        "templates": TEMPLATES,
    }
    return render_list(request, "filters", "filters", context)


def new_filter(request: HttpRequest) -> HttpResponse:
    begun = template_named(request.GET.get("template", ""))
    form = FilterForm(
        request.POST or None,
        name=begun.name if begun else "",
        row=begun.row() if begun else None,
    )
    return _edit(request, form, done='Filter "{}" saved.')


def edit_filter(request: HttpRequest, filter_id: int) -> HttpResponse:
    saved = get_object_or_404(ClientFilter, pk=filter_id)
    form = FilterForm(request.POST or None, saved=saved)
    return _edit(request, form, done='Filter "{}" changed.')


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """The fragment that follows the builder: how many match, and five of them.

    Posted, as a list of values may be longer than any address.
    """
    form = FilterForm(request.POST)
    form.full_clean()
    return render(request, "filters/_count.html", _counted(form))


@require_POST
def duplicate_filter(request: HttpRequest, filter_id: int) -> HttpResponse:
    saved = get_object_or_404(ClientFilter, pk=filter_id)
    copy = ClientFilter.objects.create(name=_free_name(saved.name), conditions=saved.conditions)
    messages.success(request, f'This is the copy: "{copy}".')
    return redirect("edit_filter", copy.pk)


def delete_filter(request: HttpRequest, filter_id: int) -> HttpResponse:
    """Asks first; posted, deletes. Mailings keep the conditions that they were made with."""
    saved = get_object_or_404(ClientFilter, pk=filter_id)
    if request.method == "POST":
        saved.delete()
        messages.success(request, f'Filter "{saved}" deleted.')
        return redirect("filters")
    context = {"filter": saved, "used": Mailing.objects.filter(client_filter=saved).count()}
    name = "_delete" if wants_fragment(request, "delete-body") else "delete"
    return render(request, f"filters/{name}.html", context)


def _edit(request: HttpRequest, form: FilterForm, *, done: str) -> HttpResponse:
    if request.method == "POST" and form.is_valid() and (saved := form.save()):
        messages.success(request, done.format(saved))
        return redirect("filters")
    context = {"form": form, "filter": form.saved, **_counted(form), **_offered(form)}
    if form.saved:
        context |= _uses_of(form.saved)
    return render(request, "filters/form.html", context, status=form_status(form))


def _uses_of(saved: ClientFilter) -> dict[str, Any]:
    """The mailings that were made with it: the newest, and how many."""
    mailings = Mailing.objects.filter(client_filter=saved)
    return {"used_in": mailings.order_by("-pk")[:MOST_USES], "used": mailings.count()}


def _counted(form: FilterForm) -> dict[str, Any]:
    """The count of what is filled in; without one, why not."""
    try:
        conditions = check_conditions(_conditions_in(form))
        return {
            "counted": count_clients(conditions),
            "examples": example_clients(conditions),
            "words": describe_conditions(conditions),
        }
    except (BadConditions, TooSlow) as why:
        return {"not_counted": str(why), "problems": _problems_in(form)}


def _conditions_in(form: FilterForm) -> dict[str, Any]:
    """Raises BadConditions that name the row as a person counts them."""
    if form.rows is None:
        return form.saved.conditions if form.saved else {}
    form.rows.check()
    for number, row in enumerate(form.rows.every, start=1):
        if row.problem:
            raise BadConditions(f"Condition {number}", row.problem)
    return form.rows.conditions()


def _problems_in(form: FilterForm) -> list[str]:
    """Of each row what is wrong. One that is not filled in yet is no mistake."""
    return [row.problem if row.value else "" for row in _rows_in(form)]


def _offered(form: FilterForm) -> dict[str, Any]:
    """What the builder's lists and selects have to choose from."""
    return {
        "fields": _field_choices(form),
        "joins": JOINS,
        "kinds": KINDS,
        "vocabulary": vocabulary(),
        "blank": Row(),
        "tags": facets.tag_values(),
        "operators": facets.operator_values(),
        "timezones": sorted(known_timezones()),
        "imports": _newest(
            ClientImport.objects.only("file_name", "sheet", "sheets"), form, "import"
        ),
        "mailings": _newest(Mailing.objects.only("name", "text"), form, "mailing"),
    }


def _field_choices(form: FilterForm) -> list[tuple[str, str]]:
    """With those of the form that no client has any more."""
    choices = field_choices()
    known = dict(choices)
    names = dict.fromkeys(row.name for row in _rows_in(form) if row.name)
    return choices + [(name, name) for name in names if name not in known]


def _newest(rows: QuerySet[Any], form: FilterForm, kind: str) -> list[tuple[str, str]]:
    """The newest of the rows, and those that the form names."""
    named = {read_id(row.value.strip()) for row in _rows_in(form) if row.kind == kind} - {None}
    shown = {row.pk: str(row) for row in rows.order_by("-pk")[:MOST_OFFERED]}
    shown |= {row.pk: str(row) for row in rows.filter(pk__in=named - shown.keys())}
    shown |= dict.fromkeys(named - shown.keys(), "not there any more")
    return [(str(pk), f"{name} (no. {pk})") for pk, name in shown.items()]


def _rows_in(form: FilterForm) -> list[Row]:
    return form.rows.every if form.rows else []


def _free_name(name: str) -> str:
    for number in count(1):
        ending = " (copy)" if number == 1 else f" (copy {number})"
        free = f"{name[: LONGEST_NAME - len(ending)]}{ending}"
        if not ClientFilter.objects.filter(name=free).exists():
            return free
    raise AssertionError("numbers do not end")
