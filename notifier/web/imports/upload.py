"""Choosing a file."""

import csv
import io
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from notifier.clients.imports.limits import MEGABYTE, BadFile
from notifier.clients.imports.models import ClientImport
from notifier.clients.imports.receive import receive_file
from notifier.clients.imports.report import BOM
from notifier.web.account.person import person_of
from notifier.web.forms import PageForm, form_status
from notifier.web.imports.uploads import refusal_of
from notifier.web.lists import wants_fragment

ACCEPTED = ".csv,.tsv,.txt,.xlsx,text/csv"
SAMPLE_ROWS = (
    ("phone", "operator", "tag", "timezone", "opted out", "name", "city"),
    ("+7 999 000-00-01", "999", "regular", "Europe/Moscow", "", "Anna", "Moscow"),
    ("8 (912) 000-00-02", "", "new", "Asia/Yekaterinburg", "", "Ivan", "Perm"),
    ("79210000003", "921", "", "", "yes", "Olga", ""),
)


class UploadForm(PageForm):
    file = forms.FileField(
        allow_empty_file=True,
        error_messages={"required": "Choose a file first."},
        widget=forms.FileInput(attrs={"accept": ACCEPTED, "autofocus": True}),
    )

    def __init__(self, *args: Any, refusal: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if refusal:
            # A file that was not let in is missing.
            self.fields["file"].error_messages["required"] = refusal

    def receive(self, *, by: User) -> ClientImport | None:
        """The file as an import; None, with the problem shown, where it is no table."""
        file = self.cleaned_data["file"]
        # Browsers send a name's quotation marks so.
        name = file.name.replace("%22", '"')
        try:
            return receive_file(file, name=name, created_by=by)
        except BadFile as bad:
            self.add_problems({"file": str(bad)})
            return None


def new_import(request: HttpRequest) -> HttpResponse:
    form = UploadForm()
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES, refusal=refusal_of(request))
        if form.is_valid() and (received := form.receive(by=person_of(request))):
            return _lead_to(request, received)
    context = {
        "form": form,
        "most_bytes": settings.IMPORT_MOST_MEGABYTES * MEGABYTE,
        "most_megabytes": settings.IMPORT_MOST_MEGABYTES,
        "most_rows": settings.IMPORT_MOST_ROWS,
        "most_columns": settings.IMPORT_MOST_COLUMNS,
        "most_characters": settings.IMPORT_MOST_CELL_CHARACTERS,
    }
    name = "_upload" if wants_fragment(request, "upload") else "new"
    return render(request, f"imports/{name}.html", context, status=form_status(form))


@require_safe
def sample_file(_request: HttpRequest) -> HttpResponse:
    """A small file as one should be; with a mark, by which Excel knows its encoding."""
    text = io.StringIO()
    csv.writer(text).writerows(SAMPLE_ROWS)
    response = HttpResponse(BOM + text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="clients-sample.csv"'
    return response


def _lead_to(request: HttpRequest, received: ClientImport) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("import", received.pk)
    return HttpResponseClientRedirect(resolve_url("import", received.pk))
