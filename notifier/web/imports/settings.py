"""Is the file read rightly, and what is to be done with it?"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django_htmx.http import HttpResponseClientRedirect

from notifier.clients import facets
from notifier.clients.imports.models import ClientImport, ImportStatus
from notifier.delivery import client_imports
from notifier.delivery.client_imports import WrongImportStatus
from notifier.web.clients.forms import timezone_choices
from notifier.web.forms import form_status
from notifier.web.imports.chosen import ChosenColumns, read_chosen
from notifier.web.imports.forms import LayoutForm, SettingsForm
from notifier.web.imports.preview import Preview, preview_of
from notifier.web.lists import wants_fragment

OTHER_COLUMNS = (
    "The file has other columns when it is read so: look at what they hold, and check it again."
)
GONE_ON = "How the file is read can no longer be changed: somebody has gone on with the import."
SETTABLE = (ImportStatus.UPLOADED, ImportStatus.CHECKED)


def import_settings(request: HttpRequest, import_id: int) -> HttpResponse:
    """The layout is the page's until the file is checked: looking changes nothing."""
    shown = get_object_or_404(ClientImport, pk=import_id)
    if shown.status not in SETTABLE:
        return _leave(request, shown)
    return edit_settings(request, shown)


def _leave(request: HttpRequest, shown: ClientImport) -> HttpResponse:
    """Another page went on with it; this one, where it is open still, follows."""
    if not wants_fragment(request, "preview"):
        return redirect("import", shown.pk)
    messages.error(request, GONE_ON)
    return HttpResponseClientRedirect(resolve_url("import", shown.pk))


def edit_settings(request: HttpRequest, shown: ClientImport) -> HttpResponse:
    """``look`` among what is sent: show how the file is then read, and keep nothing."""
    said = request.POST if request.method == "POST" else request.GET
    layout = LayoutForm(said, client_import=shown)
    is_different = layout.apply()
    chosen = read_chosen(said)
    preview = preview_of(shown, guess=is_different, chosen=chosen)
    is_sent = request.method == "POST" and "look" not in request.POST
    form = _settings_form(request.POST if is_sent else None, shown, preview, chosen)
    if is_sent and form.is_valid():
        try:
            if form.check_file():
                return redirect("import", shown.pk)
        except WrongImportStatus as wrong:
            messages.error(request, str(wrong))
            return redirect("import", shown.pk)
    is_fragment = wants_fragment(request, "preview")
    context: dict[str, Any] = {
        "client_import": shown,
        "layout": LayoutForm(client_import=shown),
        "header_is_new": is_fragment and layout.shows_another_sheet,
        "form": form,
        "preview": preview,
        "kept_days": client_imports.KEEP_UPLOADS.days,
        "tags": facets.tag_values(),
        "timezones": timezone_choices(),
    }
    name = "_preview" if is_fragment else "settings"
    return render(request, f"imports/{name}.html", context, status=form_status(form))


def _settings_form(
    said: QueryDict | None, shown: ClientImport, preview: Preview, chosen: ChosenColumns
) -> SettingsForm:
    if said is None or chosen.are_of(shown.columns):
        return SettingsForm(said, client_import=shown, guessed=preview.guessed)
    # What was chosen for the columns of another table is nothing to import this one by.
    others = said.copy()
    for index, column in enumerate(shown.columns):
        others[f"columns_{index}_holds"] = column["holds"]
        others[f"columns_{index}_attribute"] = column["attribute"]
    form = SettingsForm(others, client_import=shown, guessed=preview.guessed)
    form.add_problems({"columns": OTHER_COLUMNS})
    return form
