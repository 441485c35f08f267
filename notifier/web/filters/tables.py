from functools import cached_property

import django_tables2 as tables
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifier.clients.conditions import Names, describe_conditions, names_in
from notifier.clients.models import ClientFilter
from notifier.web.lists import WIDE_ONLY


class FilterTable(tables.Table):
    """Filters with how many mailings were made with each (``used``)."""

    name = tables.Column(orderable=False)
    conditions = tables.Column(verbose_name="Clients", orderable=False, attrs=WIDE_ONLY)
    used = tables.Column(verbose_name="Used in", orderable=False, attrs=WIDE_ONLY)
    actions = tables.Column(accessor="pk", verbose_name="What to do", orderable=False)

    @cached_property
    def names(self) -> Names:
        """Those in the conditions of all rows, by two queries at most."""
        return names_in(row.record.conditions for row in self.paginated_rows)

    def render_name(self, record: ClientFilter) -> SafeString:
        address = reverse("edit_filter", args=[record.pk])
        return format_html('<a class="fw-medium" href="{}">{}</a>', address, record.name)

    def render_conditions(self, record: ClientFilter) -> str:
        # Of conditions that mean everybody a table would show a dash.
        return describe_conditions(record.conditions, self.names)

    def render_used(self, value: int) -> str:
        return f"{value:,} mailing{'' if value == 1 else 's'}" if value else "no mailing yet"

    def render_actions(self, record: ClientFilter) -> SafeString:
        return render_to_string("filters/_actions.html", {"filter": record}, request=self.request)
