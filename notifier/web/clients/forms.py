from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

from notifier.clients.attribute_names import LONGEST_NAME
from notifier.clients.cleaning import ClientProblems, clean_client
from notifier.clients.exporting import attribute_in_words
from notifier.clients.models import Client
from notifier.clients.phones import BadPhone, normalise_phone
from notifier.clients.saving import PhoneTaken, add_client
from notifier.clients.suppression import suppressed_since
from notifier.clients.timezones import known_timezones
from notifier.delivery.withdrawal import change_client, suppress_phones
from notifier.web.forms import PageForm

CHECKED_FIELDS = ("phone", "operator", "tag", "timezone")
SPARE_ROWS = 1
MOST_PHONES = 10_000


class ClientForm(PageForm):
    """One client; what may be written in the fields is the domain's to say.

    ``attributes`` are its rows of name and value, as they were filled in.
    """

    phone = forms.CharField(
        help_text="Any spelling: +7 999 123-45-67, 8 (999) 123-45-67.",
        widget=forms.TextInput(
            attrs={"inputmode": "tel", "autocomplete": "off", "autofocus": True}
        ),
    )
    operator = forms.CharField(
        required=False,
        help_text="Three digits; left empty, they are read from the phone.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    tag = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"list": "tags", "autocomplete": "off"})
    )
    timezone = forms.CharField(
        label="Time zone",
        required=False,
        help_text="For example Europe/Moscow; left empty, UTC.",
        widget=forms.TextInput(attrs={"list": "timezones", "autocomplete": "off"}),
    )

    def __init__(
        self, data: QueryDict | None = None, *, client: Client | None = None, **kwargs: Any
    ) -> None:
        self.client = client
        if client:
            kwargs["initial"] = {name: str(getattr(client, name)) for name in CHECKED_FIELDS}
        super().__init__(data, **kwargs)
        # Whoever sends none of the rows says nothing about them.
        has_rows = data is not None and "attribute_name" in data
        self.rows = _rows_in(data) if data and has_rows else _rows_of(client)
        self._have_each_field_checked()

    def _have_each_field_checked(self) -> None:
        """On leaving a field its own group, with the error or without, is put in its place."""
        for name in CHECKED_FIELDS:
            address = reverse("check_client", args=[name])
            query = f"?client={self.client.pk}" if self.client else ""
            self.fields[name].widget.attrs |= {
                "hx-post": f"{address}{query}",
                "hx-trigger": "change",
                "hx-target": f"#field-{name}",
                "hx-sync": "closest form:queue all",
            }

    @property
    def rows_shown(self) -> list[tuple[str, str]]:
        return [*self.rows, *[("", "")] * SPARE_ROWS]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        attributes, problem = _read_rows(self.rows, self.client.attributes if self.client else {})
        if problem:
            self.add_problems({"attributes": problem})
        if "phone" not in values:
            return values
        try:
            self.cleaned = clean_client(**values, attributes=attributes)
        except ClientProblems as wrong:
            self.add_problems(wrong.problems)
        # Whatever else is wrong: it is said as one leaves the field, too.
        if "phone" not in self.errors:
            self._refuse_known_phone(normalise_phone(values["phone"]))
        return values

    def _refuse_known_phone(self, phone: str) -> None:
        owner = Client.objects.filter(phone=phone).first()
        if owner and owner != self.client:
            self.add_error("phone", format_html(
                'There is a client with the phone <a href="{}">{}</a> already.',
                reverse("client", args=[owner.pk]),
                owner,
            ))  # fmt: skip

    @property
    def warning(self) -> str:
        """What will come of a phone that is suppressed, before it is saved."""
        try:
            phone = normalise_phone(self.data.get("phone", "") if self.is_bound else "")
        except BadPhone:
            return ""
        since = suppressed_since(phone)
        if since is None or (self.client and self.client.phone == phone):
            return ""
        day = date_format(timezone.localtime(since), "j M Y")
        return f"This phone is on the suppression list since {day}: nothing will be sent to it."

    def save(self) -> Client | None:
        """The saved client; None, with the error shown, where another has the phone."""
        try:
            if self.client is None:
                return add_client(self.cleaned)
            change_client(self.client, self.cleaned)
        except PhoneTaken:
            self._refuse_known_phone(self.cleaned.phone)
            self.mark_errors()
            return None
        return self.client


def _rows_of(client: Client | None) -> list[tuple[str, str]]:
    attributes = client.attributes.items() if client else ()
    return [(name, attribute_in_words(value)) for name, value in attributes]


def _rows_in(data: QueryDict) -> list[tuple[str, str]]:
    names, values = data.getlist("attribute_name"), data.getlist("attribute_value")
    rows = [(str(n).strip(), str(v).strip()) for n, v in zip(names, values, strict=False)]
    return [row for row in rows if any(row)]


def _read_rows(
    rows: Iterable[tuple[str, str]], known: dict[str, object]
) -> tuple[dict[str, object], str]:
    """The attributes, and what is wrong with them. What was not touched keeps its kind."""
    attributes: dict[str, object] = {}
    for name, text in rows:
        if not name:
            return {}, f'Attribute value "{text}" has no name.'
        if len(name) > LONGEST_NAME:
            return {}, f'Attribute name "{name[:20]}…" is longer than {LONGEST_NAME}.'
        if name in attributes:
            return {}, f'Attribute "{name}" is there twice: remove one.'
        is_as_before = name in known and attribute_in_words(known[name]) == text
        attributes[name] = known[name] if is_as_before else text
    return attributes, ""


class PhonesForm(PageForm):
    """Phones for the suppression list, one a line."""

    phones = forms.CharField(
        label="Phones",
        strip=False,
        help_text=f"One a line, in any spelling; at most {MOST_PHONES:,}.",
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Write at least one phone."},
    )

    def clean_phones(self) -> list[str]:
        good: dict[str, None] = {}
        problems: list[str] = []
        lines = self.cleaned_data["phones"].splitlines()
        for number, line in enumerate(lines, start=1):
            if not line.strip(" \t,;"):
                continue
            try:
                good[normalise_phone(line.strip(" \t,;"))] = None
            except BadPhone as error:
                problems.append(f"Line {number}: {error}")
        if not good and not problems:
            raise forms.ValidationError("Write at least one phone.")
        if len(good) > MOST_PHONES:
            raise forms.ValidationError(
                f"There are {len(good):,} phones; at most {MOST_PHONES:,} are taken at once. "
                "Import more as a file with a column “opted out”."
            )
        if problems:
            raise forms.ValidationError(_first_few(problems))
        return list(good)

    def save(self) -> int:
        """How many are new on the list."""
        return suppress_phones(self.cleaned_data["phones"])


def _first_few(problems: list[str], *, most: int = 10) -> list[str]:
    if len(problems) <= most:
        return problems
    return [*problems[:most], f"… and {len(problems) - most:,} more lines like these."]


def timezone_choices() -> list[str]:
    return sorted(name for name in known_timezones() if "/" in name or name == "UTC")
