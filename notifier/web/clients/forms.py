from typing import Any

from django import forms

from notifier.clients.cleaning import ClientProblems, clean_client
from notifier.clients.models import Client
from notifier.clients.saving import PhoneTaken, add_client
from notifier.clients.timezones import known_timezones
from notifier.delivery.withdrawal import change_client
from notifier.web.forms import PageForm


class ClientForm(PageForm):
    """One client; what may be written in the fields is the domain's to say."""

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

    def __init__(self, *args: Any, client: Client | None = None, **kwargs: Any) -> None:
        self.client = client
        if client:
            names = ("phone", "operator", "tag", "timezone")
            kwargs["initial"] = {name: str(getattr(client, name)) for name in names}
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if "phone" not in values:
            return values
        try:
            attributes = self.client.attributes if self.client else {}
            self.cleaned = clean_client(**values, attributes=attributes)
        except ClientProblems as wrong:
            self.add_problems(wrong.problems)
        return values

    def save(self) -> Client | None:
        """The saved client; None, with the error shown, where another has the phone."""
        try:
            if self.client is None:
                return add_client(self.cleaned)
            change_client(self.client, self.cleaned)
        except PhoneTaken:
            words = f"There is a client with the phone +{self.cleaned.phone} already."
            self.add_problems({"phone": words})
            return None
        return self.client


def timezone_choices() -> list[str]:
    return sorted(name for name in known_timezones() if "/" in name or name == "UTC")
