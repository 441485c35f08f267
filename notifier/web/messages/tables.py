import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifier.delivery.models import Message
from notifier.statistics.counts import reason_in_words
from notifier.web.lists import WIDE_ONLY
from notifier.web.tags import message_badge, moment


class MessageTable(tables.Table):
    """Its messages come with their mailings."""

    phone = tables.Column(orderable=False)
    mailing = tables.Column(orderable=False, attrs=WIDE_ONLY)
    status = tables.Column(orderable=False)
    attempts = tables.Column(orderable=False, attrs=WIDE_ONLY)
    when = tables.Column(accessor="created_at", orderable=False, attrs=WIDE_ONLY)

    def render_phone(self, record: Message) -> SafeString:
        address = reverse("message", args=[record.pk])
        return format_html('<a href="{}" class="text-nowrap">+{}</a>', address, record.phone)

    def render_mailing(self, record: Message) -> SafeString:
        address = reverse("mailing", args=[record.mailing_id])
        return format_html('<a href="{}" class="cut">{}</a>', address, record.mailing.title)

    def render_status(self, record: Message) -> SafeString:
        badge = message_badge(record.status)
        if not record.reason:
            return badge
        reason = reason_in_words(record.reason)
        return format_html('{} <span class="text-secondary words">{}</span>', badge, reason)

    def render_when(self, record: Message) -> SafeString | str:
        return moment(record.finished_at or record.created_at)
