import django_tables2 as tables
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifier.mailings.models import Mailing
from notifier.web.lists import WIDE_ONLY
from notifier.web.tags import mailing_badge, moment


class MailingTable(tables.Table):
    """Its mailings carry ``counts``, their messages by status."""

    name = tables.Column(accessor="title", verbose_name="Mailing", orderable=False)
    status = tables.Column(orderable=False)
    progress = tables.Column(
        accessor="audience", verbose_name="Accepted", orderable=False, attrs=WIDE_ONLY
    )
    start = tables.Column(accessor="start_time", order_by=("start_time", "id"), attrs=WIDE_ONLY)

    class Meta:
        order_by = "-start"

    def render_name(self, record: Mailing) -> SafeString:
        address = reverse("mailing", args=[record.pk])
        return format_html('<a href="{}" class="fw-medium">{}</a>', address, record.title)

    def render_status(self, record: Mailing) -> SafeString:
        # On a phone the progress has no column of its own.
        small = '{} <div class="d-md-none mt-1">{}</div>'
        return format_html(small, mailing_badge(record.status), self.render_progress(record))

    def render_progress(self, record: Mailing) -> SafeString:
        return render_to_string("mailings/_progress_cell.html", {"mailing": record})

    def render_start(self, record: Mailing) -> SafeString | str:
        return moment(record.start_time)
