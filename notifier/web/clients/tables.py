from collections.abc import Iterable

import django_tables2 as tables
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifier.clients.models import Client, SuppressedPhone
from notifier.mailings.models import Mailing
from notifier.statistics.story import Chapter
from notifier.web.lists import WIDE_ONLY
from notifier.web.tags import icon, moment


class ClientTable(tables.Table):
    """Sorts only by what an index has in order. Its rows can be ticked for the form ``bulk``."""

    phone = tables.Column(order_by=("phone",))
    operator = tables.Column(order_by=("operator", "id"), localize=False)
    tag = tables.Column(order_by=("tag", "id"))
    timezone = tables.Column(order_by=("timezone", "id"), attrs=WIDE_ONLY)
    added = tables.Column(
        accessor="created_at", verbose_name="Added", order_by=("id",), attrs=WIDE_ONLY
    )

    class Meta:
        order_by = "-added"

    def render_phone(self, record: Client) -> SafeString:
        opted_out = ""
        if record.is_opted_out:
            opted_out = format_html(
                ' <span class="badge bg-yellow-lt ms-1">{} Opted out</span>', icon("bell-off")
            )
        return format_html(
            '<span class="text-nowrap">'
            '<input class="form-check-input tick" type="checkbox" form="bulk" name="client"'
            ' value="{}" aria-label="Choose {}">'
            '<a href="{}" class="fw-medium">{}</a></span>{}',
            record.pk,
            record,
            reverse("client", args=[record.pk]),
            record,
            opted_out,
        )

    def render_tag(self, value: str) -> SafeString:
        return format_html('<span class="cut" title="{}">{}</span>', value, value)

    def render_added(self, value: object) -> SafeString | str:
        return moment(value)  # type: ignore[arg-type]


class ChapterTable(tables.Table):
    """Mailings, and once they are told, what became of each for one client."""

    mailing = tables.Column(accessor="title", verbose_name="Mailing", orderable=False)
    outcome = tables.Column(accessor="pk", verbose_name="What became of it", orderable=False)
    when = tables.Column(accessor="pk", verbose_name="When", orderable=False, attrs=WIDE_ONLY)

    def tell(self, chapters: Iterable[Chapter]) -> "ChapterTable":
        self._chapters = {chapter.mailing.pk: chapter for chapter in chapters}
        return self

    def render_mailing(self, record: Mailing) -> SafeString:
        address = reverse("mailing", args=[record.pk])
        return format_html('<a href="{}">{}</a>', address, record.title)

    def render_outcome(self, record: Mailing) -> SafeString:
        return render_to_string("clients/_chapter.html", {"chapter": self._chapters[record.pk]})

    def render_when(self, record: Mailing) -> SafeString | str:
        message = self._chapters[record.pk].message
        if message is None:
            return moment(record.started_at)
        return moment(message.finished_at or message.sent_at or message.created_at)


class SuppressedTable(tables.Table):
    phone = tables.Column(orderable=False)
    since = tables.Column(accessor="suppressed_at", verbose_name="Since", orderable=False)
    source = tables.Column(
        accessor="get_source_display", verbose_name="How", orderable=False, attrs=WIDE_ONLY
    )
    remove = tables.Column(accessor="pk", verbose_name="What to do", orderable=False)

    def render_phone(self, record: SuppressedPhone) -> str:
        return str(record)

    def render_since(self, value: object) -> SafeString | str:
        return moment(value)  # type: ignore[arg-type]

    def render_remove(self, record: SuppressedPhone) -> SafeString:
        return render_to_string("clients/_release_link.html", {"phone": record})
