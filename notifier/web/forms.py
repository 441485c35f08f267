"""What all our forms share: Tabler's classes, the first field in error focused."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.utils import ErrorDict

# By the widget's input_type; every other is a form-control.
WIDGET_CLASSES = {
    "select": "form-select",
    "checkbox": "form-selectgroup-input",
    "radio": "form-selectgroup-input",
}


class PageForm(forms.Form):
    """A form of a page. Once checked, the first field in error takes the focus."""

    _errors: ErrorDict | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            kind = getattr(field.widget, "input_type", "")
            field.widget.attrs.setdefault("class", WIDGET_CLASSES.get(kind, "form-control"))

    def full_clean(self) -> None:
        super().full_clean()
        self.mark_errors()

    def mark_errors(self) -> None:
        """Show which fields are in error and lead to the first of them."""
        wrong = [name for name in self.fields if name in (self._errors or {})]
        for name in wrong:
            attributes = self.fields[name].widget.attrs
            attributes["class"] = f"{attributes['class'].removesuffix(' is-invalid')} is-invalid"
        if not wrong:
            return
        for field in self.fields.values():
            field.widget.attrs.pop("autofocus", None)
        self.fields[wrong[0]].widget.attrs["autofocus"] = True

    def add_problems(self, problems: Mapping[str, str]) -> None:
        """Errors that the domain found, under its own field names where the form has them."""
        for name, problem in problems.items():
            self.add_error(name if name in self.fields else None, problem)
        self.mark_errors()


def form_status(form: forms.BaseForm) -> int:
    """422 for a page that shows what was filled in wrongly."""
    return 422 if form.is_bound and form.errors else 200
