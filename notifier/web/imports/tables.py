import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifier.clients.imports.models import ClientImport, ImportStatus
from notifier.web.imports.progress import progress_of
from notifier.web.lists import WIDE_ONLY
from notifier.web.tags import import_badge, moment, number

BEFORE_IMPORTING = (ImportStatus.UPLOADED, ImportStatus.CHECKING, ImportStatus.CHECKED)
NUMBER = {
    "th": {"class": "text-end d-none d-md-table-cell"},
    "td": {"class": "text-end d-none d-md-table-cell"},
}


class ImportTable(tables.Table):
    file = tables.Column(accessor="file_name", verbose_name="File", orderable=False)
    status = tables.Column(orderable=False)
    new = tables.Column(orderable=False, attrs=NUMBER)
    changed = tables.Column(orderable=False, attrs=NUMBER)
    rejected = tables.Column(orderable=False, attrs=NUMBER)
    by = tables.Column(accessor="created_by", verbose_name="By", orderable=False, attrs=WIDE_ONLY)
    when = tables.Column(
        accessor="created_at", verbose_name="Uploaded", orderable=False, attrs=WIDE_ONLY
    )

    class Meta:
        order_by = ()

    def render_file(self, record: ClientImport) -> SafeString:
        address = reverse("import", args=[record.pk])
        return format_html('<a href="{}" class="fw-medium">{}</a>', address, record.title)

    def render_status(self, record: ClientImport) -> SafeString:
        badge = import_badge(record.status)
        if not record.is_in_work:
            return badge
        percent = progress_of(record).percent
        return format_html('{} <span class="text-secondary">{}\u00a0%</span>', badge, percent)

    def render_new(self, record: ClientImport) -> str:
        return _done(record, record.new)

    def render_changed(self, record: ClientImport) -> str:
        return _done(record, record.changed)

    def render_rejected(self, record: ClientImport) -> str:
        return _done(record, record.rejected)

    def render_when(self, value: object) -> SafeString | str:
        return moment(value)  # type: ignore[arg-type]


def _done(record: ClientImport, count: int) -> str:
    """What a check foresees is not done yet."""
    return number(None if record.status in BEFORE_IMPORTING else count)
