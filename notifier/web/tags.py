"""Template tags and filters: icons, badges, and the one way to write numbers and moments."""

from datetime import datetime

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifier.clients.exporting import attribute_in_words
from notifier.statistics.counts import reason_in_words
from notifier.web.badges import (
    BULK_ACTION_BADGES,
    GATEWAY_BADGES,
    IMPORT_BADGES,
    MAILING_BADGES,
    MESSAGE_BADGES,
    RETRIED_BADGE,
    Badge,
)

register = template.Library()

SPRITE = "vendor/tabler-icons-3.51.0/sprite.svg"
MOMENT = "j M Y, H:i T"


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """A drawing beside words, which say the same: hidden from screen readers."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        classes,
        static(SPRITE),
        name,
    )


@register.simple_tag
def mailing_badge(status: str) -> SafeString:
    return badge(MAILING_BADGES[status])


@register.simple_tag
def import_badge(status: str) -> SafeString:
    return badge(IMPORT_BADGES[status])


@register.simple_tag
def bulk_action_badge(state: str) -> SafeString:
    return badge(BULK_ACTION_BADGES[state])


@register.simple_tag
def gateway_badge(state: str) -> SafeString:
    return badge(GATEWAY_BADGES[state])


@register.simple_tag
def message_badge(status: str) -> SafeString:
    return badge(MESSAGE_BADGES[status])


@register.simple_tag
def outcome_badge(outcome: str) -> SafeString:
    """Of a message's outcome, or of an attempt that put it back to wait."""
    return badge(MESSAGE_BADGES.get(outcome) or RETRIED_BADGE)


@register.simple_tag
def badge(shown: Badge) -> SafeString:
    return format_html(
        '<span class="badge bg-{}-lt" title="{}">{} {}</span>',
        shown.colour,
        shown.meaning,
        icon(shown.icon, "me-1"),
        shown.word,
    )


@register.filter
def number(value: int | None) -> str:
    """With a comma between thousands; a dash where there is none."""
    return "–" if value is None else f"{value:,}"


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """In the site's time zone, which it names."""
    if value is None:
        return "–"
    local = timezone.localtime(value)
    text = formats.date_format(local, MOMENT)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), text)


@register.filter
def percent_of(part: int, whole: int) -> str:
    """``42 %``, rounded; never 0 % for some, nor 100 % for not all."""
    if whole <= 0:
        return "0\u00a0%"
    if 0 < part < whole / 100:
        return "<1\u00a0%"
    if whole > part > whole * 99 / 100:
        return ">99\u00a0%"
    return f"{(200 * part + whole) // (2 * whole)}\u00a0%"


@register.filter
def milliseconds(value: int | None) -> str:
    """``85 ms``, ``1.2 s``."""
    if value is None:
        return "–"
    return f"{value} ms" if value < 1000 else f"{value / 1000:g} s"


@register.filter
def duration(seconds: float | None) -> str:
    """Rounded to what a person would say: ``40 s``, ``3 min``, ``2 h 10 min``, ``3 days``."""
    if seconds is None:
        return "–"
    if seconds < 59.5:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(hours / 24)} days"


@register.filter
def rate(per_second: float) -> str:
    """``9,800 messages per second``, or by the minute or hour where it is slow."""
    if per_second >= 10:
        return f"{round(per_second):,} messages per second"
    if per_second * 60 > 1.5:
        return f"{round(per_second * 60):,} messages per minute"
    hourly = max(round(per_second * 3600), 1)
    return f"{hourly:,} message{'' if hourly == 1 else 's'} per hour"


@register.filter
def attribute_words(value: object) -> str:
    return attribute_in_words(value) or "–"


@register.filter
def reason_words(reason: str | None) -> str:
    return reason_in_words(reason)


@register.simple_tag
def site_timezone() -> str:
    """``Europe/Moscow (MSK, UTC+03:00)``: the zone in which pages show every moment."""
    now = timezone.localtime()
    if now.tzname() == settings.TIME_ZONE:
        return settings.TIME_ZONE
    offset = now.strftime("%z")
    return f"{settings.TIME_ZONE} ({now.tzname()}, UTC{offset[:3]}:{offset[3:]})"


@register.inclusion_tag("_nav_link.html", takes_context=True)
def nav_link(context: dict[str, object], view_name: str, word: str, icon_name: str) -> dict:
    address = reverse(view_name)
    request = context.get("request")
    path = request.path if isinstance(request, HttpRequest) else ""
    is_here = path == address or (address != "/" and path.startswith(address))
    return {"address": address, "word": word, "icon_name": icon_name, "is_here": is_here}
