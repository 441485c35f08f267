"""The list of imports, and each of them at the step its status calls for."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from notifier.clients.imports import report
from notifier.clients.imports.lifecycle import has_done_anything
from notifier.clients.imports.models import UNDOABLE, ClientImport, ImportStatus
from notifier.delivery import client_imports
from notifier.delivery.client_imports import WrongImportStatus
from notifier.downloads import csv_download
from notifier.statistics.overview import clusters_alive
from notifier.web.badges import IMPORT_BADGES
from notifier.web.imports.account import account_of
from notifier.web.imports.progress import progress_of
from notifier.web.imports.settings import edit_settings
from notifier.web.imports.tables import ImportTable
from notifier.web.lists import paginate, wants_fragment
from notifier.web.live import LivePart, answer_refresh, live_part

REFRESH_SECONDS = 2

# What each does, and what is said once it is done, where the page itself does not.
ACTIONS = {
    "start": (client_imports.start, ""),
    "cancel": (client_imports.cancel, "Cancelled."),
    "undo": (client_imports.undo, ""),
    "discard": (client_imports.discard, "Discarded."),
}
TO_CONFIRM = ("cancel", "undo", "discard")


def imports(request: HttpRequest) -> HttpResponse:
    found = ClientImport.objects.select_related("created_by").defer("columns", "examples")
    table = paginate(request, ImportTable(found))
    shown = [row.record for row in table.page.object_list]
    context: dict[str, Any] = {"table": table}
    part = live_part(
        request,
        "imports/_table.html",
        context,
        element_id="live",
        every_seconds=REFRESH_SECONDS if any(each.is_in_work for each in shown) else 0,
    )
    if answer := answer_refresh(request, part, context):
        return answer
    context |= {"live": part, "is_empty": not shown}
    name = "_list" if wants_fragment(request, "imports") else "list"
    return render(request, f"imports/{name}.html", context)


def client_import(request: HttpRequest, import_id: int) -> HttpResponse:
    shown = get_object_or_404(ClientImport.objects.select_related("created_by"), pk=import_id)
    if request.method == "POST":
        return _act(request, shown)
    if shown.status == ImportStatus.UPLOADED:
        return edit_settings(request, shown)
    context = {"client_import": shown, **_context_of(shown)}
    part = _follow(request, shown, context)
    if answer := answer_refresh(request, part, context):
        return answer
    return render(request, "imports/import.html", {**context, "live": part})


def _context_of(shown: ClientImport) -> dict[str, Any]:
    if shown.is_in_work:
        return {"progress": progress_of(shown), "has_cluster": clusters_alive() > 0}
    context: dict[str, Any] = {
        "account": account_of(shown),
        "reasons": report.reasons(shown) if shown.rejected else [],
    }
    if shown.status == ImportStatus.CHECKED:
        return context | {
            "examples": report.examples(shown),
            "importable": shown.new + shown.changed,
        }
    is_undone = shown.status == ImportStatus.UNDONE
    has_ended = shown.status in UNDOABLE
    is_broken_off = has_ended and shown.status != ImportStatus.FINISHED
    return context | {
        "can_undo": has_ended and has_done_anything(shown),
        "can_discard": is_broken_off and not has_done_anything(shown),
        "can_begin_again": is_broken_off and shown.pieces.exists(),
        "kept": report.kept_clients(shown) if is_undone else [],
    }


def _follow(request: HttpRequest, shown: ClientImport, context: dict[str, Any]) -> LivePart:
    """The whole step: it refreshes while a cluster works on it."""
    word = IMPORT_BADGES[shown.status].word
    state = f"{context['progress'].percent} %" if shown.is_in_work else word
    # What it came to is read from its heading on.
    has_ended = wants_fragment(request, "live") and not shown.is_in_work
    return live_part(
        request,
        "imports/_import.html",
        {**context, "has_just_ended": has_ended},
        element_id="live",
        every_seconds=REFRESH_SECONDS if shown.is_in_work else 0,
        announce=f"{shown.title}: {word}",
        title=f"{state} · {shown.title}",
    )


def _act(request: HttpRequest, shown: ClientImport) -> HttpResponse:
    action = request.POST.get("action", "")
    if action == "again":
        return _begin_again(request, shown)
    if action not in ACTIONS:
        raise Http404
    act, done = ACTIONS[action]
    try:
        act(shown)
    except WrongImportStatus as wrong:
        messages.error(request, str(wrong))
        return redirect("import", shown.pk)
    if done:
        messages.success(request, done)
    return redirect("imports") if action == "discard" else redirect("import", import_id=shown.pk)


def _begin_again(request: HttpRequest, shown: ClientImport) -> HttpResponse:
    """The same file once more, as an import of its own."""
    try:
        again = client_imports.begin_again(shown)
    except WrongImportStatus as wrong:
        messages.error(request, str(wrong))
        return redirect("import", shown.pk)
    return redirect("import", again.pk)


@require_safe
def confirm(request: HttpRequest, import_id: int, action: str) -> HttpResponse:
    """The inside of the dialog that says what an action would do, in numbers as of now."""
    if action not in TO_CONFIRM:
        raise Http404
    shown = get_object_or_404(ClientImport, pk=import_id)
    context: dict[str, Any] = {"client_import": shown, "action": action}
    if action == "undo":
        context["prospect"] = report.undo_prospect(shown)
    return render(request, "imports/_confirm.html", context)


@require_safe
def rejected_rows(_request: HttpRequest, import_id: int) -> StreamingHttpResponse:
    shown = get_object_or_404(ClientImport, pk=import_id)
    stem = shown.file_name.rpartition(".")[0] or shown.file_name
    # The rows of two sheets lie in one folder then.
    sheet = f"-{shown.sheet}" if len(shown.sheets) > 1 else ""
    return csv_download(report.rejected_csv(shown), name=f"{stem}{sheet}-rejected")
