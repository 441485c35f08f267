"""The e-mail about a day: subject, HTML and text, which tell the same."""

from dataclasses import dataclass
from datetime import date, datetime
from email.utils import make_msgid, parseaddr
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.formats import date_format

from notifier.accounts.daily_email import ONE_DAY, unsubscribe_token
from notifier.accounts.models import DailyEmail
from notifier.delivery.models import GatewayIncident
from notifier.statistics.daily.figures import (
    WEEK_DAYS,
    Attention,
    DayFigures,
    figures_of,
    one_line,
)
from notifier.statistics.gateways import GatewayState

SHORT_DAY, LONG_DAY = "D j M", "l, j F Y"
# In the order in which they are told; the first two always are.
OUTCOMES = {
    "accepted": ("Accepted", "The gateway took the message."),
    "failed": ("Failed", "The gateway refused it."),
    "unknown": ("Unknown", "It may have been sent: no clear answer came."),
    "expired": ("Expired", "The mailing ended before it could be sent."),
    "cancelled": ("Cancelled", "The mailing or the message was stopped."),
    "skipped": ("Skipped", "The client does not want messages."),
}
ALWAYS_TOLD = ("accepted", "failed")


@dataclass(frozen=True)
class Figure:
    """One outcome, against the day before and the mean of the week before."""

    outcome: str
    word: str
    meaning: str
    count: int
    before: int
    mean: int

    @property
    def against_before(self) -> str:
        return _change(self.count, self.before)

    @property
    def against_mean(self) -> str:
        return _change(self.count, self.mean)


@dataclass(frozen=True)
class Point:
    """Something that needs attention: what it is, and what is the matter."""

    title: str
    words: str
    link: str = ""


@dataclass(frozen=True)
class Letter:
    subject: str
    html: str
    text: str
    is_empty: bool


def letter_about(day: date, daily: DailyEmail) -> Letter:
    """What the person is, or was, or would have been told about the day."""
    figures = figures_of(day, daily.timezone)
    context = _context(figures, daily)
    return Letter(
        subject=context["subject"],
        html=render_to_string("email/daily.html", context),
        text=render_to_string("email/daily.txt", context).strip() + "\n",
        is_empty=figures.is_empty,
    )


def email_of(letter: Letter, daily: DailyEmail) -> EmailMultiAlternatives:
    email = EmailMultiAlternatives(
        subject=letter.subject,
        body=letter.text,
        to=[daily.address],
        headers={
            # This machine's own name, which is the default, may mean nothing elsewhere.
            "Message-ID": make_msgid(domain=_domain(settings.DEFAULT_FROM_EMAIL)),
            "List-Unsubscribe": f"<{unsubscribe_link(daily)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            # So that nobody's holiday notice answers it.
            "Auto-Submitted": "auto-generated",
        },
    )
    email.attach_alternative(letter.html, "text/html")
    return email


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2]


def unsubscribe_link(daily: DailyEmail) -> str:
    # Before it is saved, as in a preview, there is nothing to be spared.
    token = unsubscribe_token(daily) if daily.pk else "preview"
    return link_to("unsubscribe", token)


def link_to(view_name: str, *arguments: object) -> str:
    return settings.SITE_URL + reverse(view_name, args=arguments)


def _context(figures: DayFigures, daily: DailyEmail) -> dict[str, Any]:
    rows = [*figures.mailings, *([figures.rest] if figures.rest else [])]
    return {
        "subject": _subject(figures),
        "day": date_format(figures.day, LONG_DAY),
        "day_before": date_format(figures.day - ONE_DAY, SHORT_DAY),
        "figures": _figures(figures),
        "mailings": [(row, _link(row.id)) for row in rows],
        "reasons": figures.reasons,
        "incidents": [_incident(each, figures) for each in figures.incidents],
        "attention": _points(figures.attention),
        "is_empty": figures.is_empty,
        "timezone": figures.timezone,
        # Where the statistics' days are other ones, the e-mail says so beside the link.
        "other_timezone": "" if figures.timezone == settings.TIME_ZONE else settings.TIME_ZONE,
        "statistics_link": _statistics_link(figures.day),
        "settings_link": link_to("daily_email"),
        "unsubscribe_link": unsubscribe_link(daily),
    }


def _subject(figures: DayFigures) -> str:
    day = date_format(figures.day, SHORT_DAY)
    if figures.is_empty:
        return f"Nothing was sent · {day}"
    counts = figures.counts
    unknown = f", {counts['unknown']:,} unknown" if counts["unknown"] else ""
    return f"{counts['accepted']:,} accepted, {counts['failed']:,} failed{unknown} · {day}"


def _figures(figures: DayFigures) -> list[Figure]:
    return [
        Figure(
            outcome=outcome,
            word=word,
            meaning=meaning,
            count=figures.counts[outcome],
            before=figures.before[outcome],
            mean=round(figures.week[outcome] / WEEK_DAYS),
        )
        for outcome, (word, meaning) in OUTCOMES.items()
        if outcome in ALWAYS_TOLD or figures.counts[outcome]
    ]


def _points(attention: Attention) -> list[Point]:
    return [
        *(_to_decide(mailing) for mailing in attention.to_decide),
        *(
            Point(one_line(mailing.title), f"Paused. {mailing.pause_reason}", _link(mailing.pk))
            for mailing in attention.paused
        ),
        *(_gateway(state) for state in attention.gateways),
    ]


def _to_decide(mailing: Any) -> Point:
    one = mailing.undecided == 1
    words = f"{mailing.undecided:,} message{'' if one else 's'} may have been sent, or not."
    return Point(one_line(mailing.title), f"{words} Decide what to do.", _link(mailing.pk))


def _gateway(state: GatewayState) -> Point:
    held = "On hold: nothing is sent until it is released."
    words = held if state.is_held else "Rests, and is tried again by itself."
    reason = f" {state.reason}." if state.reason else ""
    return Point(one_line(state.gateway.name), f"{words}{reason}")


def _incident(incident: GatewayIncident, figures: DayFigures) -> Point:
    """``Out of order from 10:03 to 10:15: the gateway did not answer``, by the person's clock."""
    began = _moment(incident.began_at, figures)
    end = f"to {_moment(incident.ended_at, figures)}" if incident.ended_at else "on, and still so"
    reason = f": {incident.reason}" if incident.reason else ""
    words = f"{incident.get_kind_display()} from {began} {end}{reason}."
    return Point(one_line(incident.gateway.name), one_line(words))


def _moment(moment: datetime, figures: DayFigures) -> str:
    """The time, and where it is another day that as well."""
    local = moment.astimezone(ZoneInfo(figures.timezone))
    return date_format(local, "H:i" if local.date() == figures.day else f"{SHORT_DAY}, H:i")


def _change(count: int, other: int) -> str:
    """``+12 %`` of what it was; in numbers where that was nothing, or next to it."""
    if count == other:
        return "the same"
    if other < 10 or count > 10 * other:
        return f"{count - other:+,}".replace("-", "−")
    percent = round((count - other) * 100 / other)
    return f"{percent:+}\u00a0%".replace("-", "−") if percent else "about the same"


def _link(mailing_id: int | None) -> str:
    return link_to("mailing", mailing_id) if mailing_id else ""


def _statistics_link(day: date) -> str:
    query = urlencode({"from": day.isoformat(), "to": day.isoformat()})
    return f"{link_to('statistics')}?{query}"
