"""How a file is read, and what is to be done with its rows."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.db import transaction
from django.forms.boundfield import BoundField

from notifier.clients.imports.columns import HOLDS, Column
from notifier.clients.imports.detect import DELIMITERS, ENCODINGS
from notifier.clients.imports.limits import BadFile
from notifier.clients.imports.models import ClientImport, FileKind, KnownClients
from notifier.clients.imports.receive import LAYOUT, LAYOUT_FIELDS, choose_sheet
from notifier.delivery import client_imports
from notifier.delivery.client_imports import ImportOptions, ImportProblems
from notifier.web.forms import PageForm

DEFAULTS = ("default_operator", "default_tag", "default_timezone")
HEADER_CHOICES = [("yes", "Names of the columns"), ("no", "A client already")]


class LayoutForm(PageForm):
    """How the file is written; what is not given, or nonsense, stays as it was detected."""

    sheet = forms.ChoiceField(required=False)
    encoding = forms.ChoiceField(choices=list(ENCODINGS.items()), required=False)
    delimiter = forms.ChoiceField(
        label="Columns are separated by a", choices=list(DELIMITERS.items()), required=False
    )
    has_header = forms.ChoiceField(
        label="The first line holds", choices=HEADER_CHOICES, required=False
    )

    def __init__(self, *args: Any, client_import: ClientImport, **kwargs: Any) -> None:
        self.client_import = client_import
        initial = {name: getattr(client_import, name) for name in LAYOUT}
        initial["has_header"] = "yes" if client_import.has_header else "no"
        super().__init__(*args, initial=initial, **kwargs)
        for field in self.fields.values():
            # Else a page that is loaded again shows what was chosen before, not what holds.
            field.widget.attrs["autocomplete"] = "off"
        if client_import.file_kind == FileKind.XLSX:
            del self.fields["encoding"], self.fields["delimiter"]
        if len(client_import.sheets) > 1:
            sheet = cast("forms.ChoiceField", self.fields["sheet"])
            sheet.choices = [(name, name) for name in client_import.sheet_names]
        else:
            del self.fields["sheet"]

    def apply(self) -> bool:
        """Set it on the import, without saving it; whether that made a difference."""
        self.is_valid()
        sheet = self.cleaned_data.pop("sheet", "")
        # What was said of the header was said of the sheet that the page shows.
        self.shows_another_sheet = bool(sheet) and sheet != self.data.get("shown_sheet", sheet)
        if self.shows_another_sheet:
            self.cleaned_data["has_header"] = ""
        before = {name: getattr(self.client_import, name) for name in LAYOUT}
        if self.shows_another_sheet or (sheet and sheet != self.client_import.sheet):
            # A file that is no longer kept is told of by the preview.
            with suppress(BadFile):
                choose_sheet(self.client_import, sheet)
        self._apply_text()
        return before != {name: getattr(self.client_import, name) for name in LAYOUT}

    def _apply_text(self) -> None:
        for name, value in self.cleaned_data.items():
            if value:
                is_header = name == "has_header"
                setattr(self.client_import, name, value == "yes" if is_header else value)


@dataclass(frozen=True)
class ColumnHead:
    """A column's two fields: what it holds, and the attribute's name where it holds one.

    ``guess`` is what it was taken for, as JSON: see chosen.
    """

    name: str
    number: int
    holds: BoundField
    attribute: BoundField
    guess: str

    @property
    def is_attribute(self) -> bool:
        return self.holds.value() == "attribute"


class SettingsForm(PageForm):
    """What the columns hold, and what becomes of known clients and of blank cells.

    What may be written in the fields is the domain's to say.
    """

    known_clients = forms.ChoiceField(choices=KnownClients.choices, widget=forms.RadioSelect)
    default_operator = forms.CharField(
        label="Operator",
        required=False,
        help_text="Three digits; left empty, they are read from the phone.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    default_tag = forms.CharField(
        label="Tag",
        required=False,
        help_text="Finds these clients again later.",
        widget=forms.TextInput(attrs={"list": "tags", "autocomplete": "off"}),
    )
    default_timezone = forms.CharField(
        label="Time zone",
        required=False,
        help_text="For example Europe/Moscow; left empty, UTC.",
        widget=forms.TextInput(attrs={"list": "timezones", "autocomplete": "off"}),
    )

    def __init__(
        self,
        *args: Any,
        client_import: ClientImport,
        guessed: Sequence[Column],
        **kwargs: Any,
    ) -> None:
        self.client_import = client_import
        self.guessed = guessed
        self.columns = [Column.from_json(each) for each in client_import.columns]
        names = ("known_clients", *DEFAULTS)
        initial = {name: getattr(client_import, name) for name in names}
        super().__init__(*args, initial=initial, **kwargs)
        for index, column in enumerate(self.columns):
            self._add_column(index, column)
        # The first that is wrong takes the focus: in the order of the page.
        self.order_fields([name for name in self.fields if "columns" in name])

    def _add_column(self, index: int, column: Column) -> None:
        self.fields[f"columns_{index}_holds"] = forms.ChoiceField(
            choices=list(HOLDS.items()),
            initial=column.holds,
            widget=forms.Select(attrs={"class": "form-select", "data-holds": ""}),
        )
        # Without a maximal length, at which a browser would cut without a word.
        self.fields[f"columns_{index}_attribute"] = forms.CharField(
            required=False,
            initial=column.attribute or column.name,
            widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
        )

    def heads(self) -> Iterator[ColumnHead]:
        for index, column in enumerate(self.columns):
            name = f"columns_{index}"
            yield ColumnHead(
                name=column.name,
                number=index + 1,
                holds=self[f"{name}_holds"],
                attribute=self[f"{name}_attribute"],
                guess=json.dumps(self.guessed[index].to_json(), ensure_ascii=False),
            )

    def check_file(self) -> bool:
        """Have the file checked; False, with the problems shown, where something is wrong.

        Nothing is kept then: a file that was checked before stays as it was read.
        """
        options = ImportOptions(
            columns=list(self._said_columns()),
            **{name: self.cleaned_data[name] for name in ("known_clients", *DEFAULTS)},
        )
        try:
            with transaction.atomic():
                self.client_import.save(update_fields=LAYOUT_FIELDS)
                client_imports.check(self.client_import, options)
        except ImportProblems as wrong:
            self.add_problems(
                {self._field_of(name): problem for name, problem in wrong.problems.items()}
            )
            if "columns" in wrong.problems and self.columns:
                # It is mended in any of them.
                self.fields["columns_0_holds"].widget.attrs["autofocus"] = True
            return False
        return True

    def _said_columns(self) -> Iterator[Column]:
        for index, column in enumerate(self.columns):
            holds = self.cleaned_data[f"columns_{index}_holds"]
            name = self.cleaned_data[f"columns_{index}_attribute"]
            yield Column(column.name, holds, name if holds == "attribute" else "")

    def _field_of(self, problem: str) -> str:
        """``columns[2]`` is shown at the attribute's name, where the column holds one."""
        if not problem.startswith("columns["):
            return problem
        name = problem.replace("[", "_").removesuffix("]")
        holds = self.cleaned_data[f"{name}_holds"]
        return f"{name}_attribute" if holds == "attribute" else f"{name}_holds"
