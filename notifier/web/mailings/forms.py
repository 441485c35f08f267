from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from notifier.clients.conditions import BadConditions, check_conditions
from notifier.clients.facets import FacetValue, operator_values
from notifier.clients.models import ClientFilter
from notifier.delivery.control import change_mailing, create_mailing
from notifier.mailings.checking import LONGEST_TEXT, MailingProblems, default_end
from notifier.mailings.models import Mailing
from notifier.web.forms import PageForm
from notifier.web.mailings.audience import AudienceFields, fields_of

NOW, LATER = "now", "later"
# Where the domain's problems are shown when they concern no field of that name.
FIELD_OF_PROBLEM = {"clients": "tag", "conditions": "tag"}


def moment_field(**kwargs: Any) -> forms.DateTimeField:
    """A moment in the site's time zone, to the minute."""
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(widget=widget, input_formats=["%Y-%m-%dT%H:%M"], **kwargs)


class MailingForm(PageForm):
    """A whole mailing, before it starts.

    No field has a maximal length: a browser would cut what is pasted without a
    word. The domain says by how much a text is too long.
    """

    name = forms.CharField(
        required=False,
        help_text="Only you see it; clients do not.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    text = forms.CharField(
        widget=forms.Textarea(
            attrs={"rows": 5, "data-message-text": "", "data-longest": LONGEST_TEXT}
        )
    )
    tag = forms.CharField(
        required=False,
        widget=forms.TextInput(
            attrs={"list": "tags", "autocomplete": "off", "placeholder": "Any tag"}
        ),
    )
    operators = forms.MultipleChoiceField(
        label="Mobile operators", required=False, widget=forms.CheckboxSelectMultiple
    )
    timezone = forms.CharField(
        label="Time zone",
        required=False,
        widget=forms.TextInput(
            attrs={"list": "timezones", "autocomplete": "off", "placeholder": "Any time zone"}
        ),
    )
    client_filter = forms.ModelChoiceField(
        ClientFilter.objects.all(),
        label="Saved filter",
        required=False,
        empty_label="None",
        help_text="Who matches it and all of the fields above gets the message.",
    )
    start = forms.ChoiceField(
        choices=[(NOW, "Now"), (LATER, "Later")], initial=NOW, widget=forms.RadioSelect
    )
    start_time = moment_field(label="Start time", required=False)
    end_time = moment_field(label="End time", required=False)

    # Why the audience cannot be counted, where that takes the database too long.
    too_slow = ""

    def __init__(self, *args: Any, mailing: Mailing | None = None, **kwargs: Any) -> None:
        self.mailing = mailing
        # None where the conditions came through the API and say more than the fields can.
        self.audience = fields_of(mailing.conditions) if mailing else AudienceFields()
        if mailing:
            kwargs["initial"] = self._values_of(mailing)
        super().__init__(*args, **kwargs)
        if mailing:
            # What it was made from is in its conditions, which stay a copy.
            del self.fields["client_filter"]
        operators = self.fields["operators"]
        assert isinstance(operators, forms.MultipleChoiceField)  # noqa: S101 - for the type checker
        operators.choices = _operator_choices(self.audience)

    def _values_of(self, mailing: Mailing) -> dict[str, object]:
        audience = self.audience or AudienceFields()
        return {
            "name": mailing.name,
            "text": mailing.text,
            "tag": audience.tag,
            "operators": audience.operators,
            "timezone": audience.timezone,
            "start": LATER,
            "start_time": mailing.start_time,
            "end_time": mailing.end_time,
        }

    def clean_text(self) -> str:
        # Forms send a line's end as two characters, which the page counts as one.
        text: str = self.cleaned_data["text"]
        return text.replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        is_later = values.get("start") == LATER
        if is_later and not values.get("start_time") and "start_time" not in self.errors:
            self.add_error("start_time", "Say when it starts.")
        try:
            check_conditions(self.conditions())
        except BadConditions as wrong:
            field = "timezone" if wrong.path.endswith("timezone") else "tag"
            self.add_error(field, str(wrong.__cause__ or wrong))
        return values

    def asked(self) -> dict[str, Any]:
        """What the form holds: what was filled in as far as it could be read, or its beginning."""
        if self.is_bound:
            return self.cleaned_data
        fields = self.fields.items()
        return {name: self.get_initial_for_field(field, name) for name, field in fields}

    def conditions(self) -> dict[str, object]:
        """Of the fields, or the mailing's own where those cannot express them."""
        if self.audience is None and self.mailing:
            return self.mailing.conditions
        asked = self.asked()
        of_fields = AudienceFields(
            tag=asked.get("tag") or "",
            operators=tuple(asked.get("operators") or ()),
            timezone=asked.get("timezone") or "",
        ).conditions()
        saved = self.chosen_filter()
        if saved is None or not saved.conditions:
            return of_fields
        return {"all": [saved.conditions, of_fields]} if of_fields else saved.conditions

    def chosen_filter(self) -> ClientFilter | None:
        asked = self.asked().get("client_filter")
        if isinstance(asked, ClientFilter) or not asked:
            return asked or None
        return ClientFilter.objects.filter(pk=asked).first()

    def is_later(self) -> bool:
        return bool(self.asked().get("start") == LATER)

    def starts_at(self) -> datetime | None:
        """None for now, and while the time for later is not given."""
        if not self.is_later():
            return None
        return _unless_same(self.asked().get("start_time"), self.mailing, "start_time")

    def save(self, *, by: User) -> Mailing | None:
        """The mailing as the domain accepted it; None, with its problems shown, otherwise."""
        values = self.cleaned_data
        fields = {
            "name": values["name"],
            "text": values["text"],
            "conditions": self.conditions(),
        }
        try:
            if self.mailing is None:
                return create_mailing(
                    **fields,
                    start_time=self.starts_at(),
                    end_time=values["end_time"],
                    client_filter=self.chosen_filter(),
                    created_by=by,
                )
            return self._change(self.mailing, fields)
        except MailingProblems as wrong:
            self.add_problems(
                {FIELD_OF_PROBLEM.get(name, name): text for name, text in wrong.problems.items()}
            )
            return None

    def _change(self, mailing: Mailing, fields: dict[str, object]) -> Mailing:
        start_time = self.starts_at() or timezone.now()
        end_time = _unless_same(self.cleaned_data["end_time"], mailing, "end_time")
        return change_mailing(
            mailing, **fields, start_time=start_time, end_time=end_time or default_end(start_time)
        )


class EndForm(PageForm):
    """What may still change while a mailing is sending."""

    name = forms.CharField(required=False)
    end_time = moment_field(label="End time")

    def __init__(self, *args: Any, mailing: Mailing, **kwargs: Any) -> None:
        self.mailing = mailing
        kwargs["initial"] = {"name": mailing.name, "end_time": mailing.end_time}
        super().__init__(*args, **kwargs)

    def save(self, *, by: User) -> Mailing | None:
        end_time = _unless_same(self.cleaned_data["end_time"], self.mailing, "end_time")
        try:
            return change_mailing(self.mailing, name=self.cleaned_data["name"], end_time=end_time)
        except MailingProblems as wrong:
            self.add_problems(wrong.problems)
            return None


def _unless_same(typed: datetime | None, mailing: Mailing | None, name: str) -> datetime | None:
    """The moment typed; the mailing's own, with its seconds, where it is the same minute."""
    if typed is None or mailing is None:
        return typed
    kept: datetime = getattr(mailing, name)
    return kept if kept.replace(second=0, microsecond=0) == typed else typed


def _operator_choices(audience: AudienceFields | None) -> list[tuple[str, str]]:
    """Operators that clients have, and those already chosen."""
    choices = {facet.value: _with_count(facet) for facet in operator_values()}
    for code in audience.operators if audience else ():
        choices.setdefault(code, f"{code} (0)")
    return sorted(choices.items())


def _with_count(facet: FacetValue) -> str:
    return f"{facet.value} ({facet.count:,}{'+' if facet.is_capped else ''})"
