import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifier.clients.models import Client
from notifier.delivery.models import Message
from notifier.web.lists import WIDE_ONLY
from notifier.web.tags import icon, message_badge, moment


class ClientTable(tables.Table):
    """Sorts only by what an index has in order."""

    phone = tables.Column()
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
        address = reverse("client", args=[record.pk])
        link = '<a href="{}" class="fw-medium text-nowrap">{}</a>{}'
        return format_html(link, address, record, opted_out)

    def render_tag(self, value: str) -> SafeString:
        return format_html('<span class="cut" title="{}">{}</span>', value, value)

    def render_added(self, value: object) -> SafeString | str:
        return moment(value)  # type: ignore[arg-type]


class ClientMessageTable(tables.Table):
    """What became of each mailing to one client."""

    mailing = tables.Column(orderable=False)
    status = tables.Column(orderable=False)
    when = tables.Column(accessor="created_at", verbose_name="When", orderable=False)

    def render_mailing(self, record: Message) -> SafeString:
        address = reverse("mailing", args=[record.mailing_id])
        return format_html('<a href="{}">{}</a>', address, record.mailing.title)

    def render_status(self, record: Message) -> SafeString:
        return message_badge(record.status)

    def render_when(self, record: Message) -> SafeString | str:
        return moment(record.finished_at or record.sent_at or record.created_at)
