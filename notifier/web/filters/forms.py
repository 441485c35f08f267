from typing import Any

from django import forms
from django.db import IntegrityError, transaction
from django.http import QueryDict

from notifier.clients.conditions import BadConditions, check_conditions
from notifier.clients.models import ClientFilter
from notifier.web.filters.rows import Row, Rows, TooDeep, read_rows, rows_of
from notifier.web.forms import PageForm

LONGEST_NAME = 100
TAKEN = 'There is a filter "{}" already: choose another name.'


class FilterForm(PageForm):
    """A name, and ``rows`` as they are filled in.

    ``rows`` is None for conditions made through the API that rows cannot show:
    only the name is changed then.
    """

    name = forms.CharField(
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the filter a name, by which mailings find it."},
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        saved: ClientFilter | None = None,
        name: str = "",
        row: Row | None = None,
    ) -> None:
        self.saved = saved
        super().__init__(data, initial={"name": saved.name if saved else name})
        if not saved:
            self.fields["name"].widget.attrs["autofocus"] = True
        self.rows = _rows_shown(data, saved)
        if self.rows and row:
            self.rows.top.rows = self.rows.top.rows or [row]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        owner = ClientFilter.objects.filter(name=name).first()
        if owner and owner != self.saved:
            raise forms.ValidationError(TAKEN.format(name))
        return name

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        self.conditions = self.saved.conditions if self.saved else {}
        if self.rows is not None:
            self._read_conditions(self.rows)
        return values

    def _read_conditions(self, rows: Rows) -> None:
        if not rows.check():
            self.add_error(None, "Some conditions cannot be read: see the marked rows.")
            self.fields["name"].widget.attrs.pop("autofocus", None)
            return
        try:
            self.conditions = check_conditions(rows.conditions())
        except BadConditions as wrong:
            self.add_error(None, str(wrong))

    @property
    def top_rows(self) -> list[Row]:
        """With one to begin at where there is none."""
        return (self.rows and self.rows.top.rows) or [Row()]

    @property
    def focused_row(self) -> Row | None:
        """The first that is wrong, unless the name is."""
        rows = self.rows.every if self.rows and "name" not in self.errors else []
        return next((row for row in rows if row.problem), None)

    def save(self) -> ClientFilter | None:
        """None when somebody took the name meanwhile, said as the field's error."""
        saved = self.saved or ClientFilter()
        saved.name, saved.conditions = self.cleaned_data["name"], self.conditions
        try:
            with transaction.atomic():
                saved.save()
        except IntegrityError:
            self.add_problems({"name": TAKEN.format(saved.name)})
            return None
        return saved


def _rows_shown(data: QueryDict | None, saved: ClientFilter | None) -> Rows | None:
    try:
        shown = rows_of(saved.conditions if saved else {})
    except TooDeep:
        return None
    return shown if data is None else read_rows(data)
