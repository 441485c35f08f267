"""What needs a person: one list on the first page, the worst first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from django.urls import reverse
from django.utils import timezone

from notifier.statistics.gateways import GatewayState
from notifier.statistics.lag import Lag
from notifier.statistics.overview import (
    DayTotals,
    imports_waiting_for_a_person,
    mailings_paused_by_themselves,
    mailings_with_failed,
)
from notifier.statistics.periods import Period
from notifier.statistics.prospects import bad_prospects
from notifier.statistics.resolution import mailings_to_decide
from notifier.web.statistics.links import messages_address
from notifier.web.tags import duration, rate

Level = Literal["danger", "warning", "info"]

# Of each kind so many at most: beyond that a list helps nobody.
MOST_OF_KIND = 3
# Work is taken up within a second, unless every worker has its hands full.
WORRY_AFTER_SECONDS = 30.0
# Sweeps come every 10 s.
WORRY_ABOUT_SWEEP_AFTER_SECONDS = 60.0
# Who has not sent failed messages again by then does not mean to.
FAILED_LATELY = timedelta(days=2)


@dataclass(frozen=True)
class Notice:
    """One thing that needs a person.

    ``title`` says what and is said aloud when it is new, so it has no number
    that grows; ``why`` says why it matters. ``address`` is where it is mended,
    by ``action``: a link, or a button that posts.
    """

    level: Level
    icon: str
    title: str
    why: str
    address: str = ""
    action: str = ""
    posts: bool = False

    @property
    def colour_class(self) -> str:
        colour = {"danger": "red", "warning": "yellow", "info": "azure"}[self.level]
        return f"text-{colour}"


def notices(
    *, clusters: int, lag: Lag, gateways: Sequence[GatewayState], totals: DayTotals
) -> list[Notice]:
    """All that needs a person now, the worst first."""
    found = [
        *_about_processes(clusters, lag),
        *_about_gateways(gateways),
        *_about_paused(),
        *_about_prospects(),
        *_about_unknown(),
        *_about_failed(),
        *_about_expired(totals),
        *_about_imports(),
    ]
    return sorted(found, key=lambda notice: ("danger", "warning", "info").index(notice.level))


def _about_processes(clusters: int, lag: Lag) -> Iterator[Notice]:
    """The first that explains the others: without a cluster nothing is on time."""
    if not clusters:
        yield Notice(
            "danger",
            "alert-triangle",
            "No cluster is alive",
            "Nothing is sent, started or imported until one runs; nothing is lost meanwhile. "
            "An administrator should start one: make run, or manage.py qcluster.",
        )
    elif is_sweep_silent(lag):
        yield Notice(
            "danger",
            "alert-triangle",
            "Nobody looks after lost work",
            f"The last sweep was {duration(lag.sweep_silence_seconds)} ago, and should be every "
            "10 s. Starts and repeated attempts may be late. An administrator should look at "
            "the cluster’s log, and start it anew.",
        )
    elif max(lag.task_seconds, lag.message_seconds) > WORRY_AFTER_SECONDS:
        yield Notice(
            "warning",
            "clock",
            "Work is taken up late",
            f"{_lag_in_words(lag)} All workers may be busy: it gets better by itself, or with "
            "another cluster.",
        )


def is_sweep_silent(lag: Lag) -> bool:
    return (lag.sweep_silence_seconds or 0.0) > WORRY_ABOUT_SWEEP_AFTER_SECONDS


def _lag_in_words(lag: Lag) -> str:
    if lag.task_seconds >= lag.message_seconds:
        return f"Something has been due for {duration(lag.task_seconds)}, and no worker took it."
    return (
        f"A mailing has stood still for {duration(lag.message_seconds)}, though nothing forbids it."
    )


def _about_gateways(gateways: Iterable[GatewayState]) -> Iterator[Notice]:
    for each in gateways:
        name = each.gateway.name
        because = f"{each.reason.rstrip('.')}. " if each.reason else ""
        if each.is_held:
            yield Notice(
                "danger",
                "alert-triangle",
                f"{name} is on hold",
                f"{because}Nothing leaves through it until a person releases it; no message is "
                "lost meanwhile.",
                reverse("release_gateway", args=[each.gateway.pk]),
                "Release",
                posts=True,
            )
        elif each.is_shut:
            yield Notice(
                "warning",
                "clock",
                f"{name} is out of order",
                f"{because}It is tried again by itself. Until then its messages wait, and lose no "
                "attempt; those whose mailing ends meanwhile expire.",
                f"#gateway-{each.gateway.pk}",
                "See how it does",
            )


def _about_paused() -> Iterator[Notice]:
    for mailing in mailings_paused_by_themselves()[:MOST_OF_KIND]:
        yield Notice(
            "danger",
            "player-pause",
            f"{mailing.title} has paused itself",
            f"{mailing.pause_reason.rstrip('.')}. Whoever still waits gets nothing until a person "
            "resumes it; at its end they expire.",
            reverse("mailing", args=[mailing.pk]),
            "Look, resume or cancel",
        )


def _about_prospects() -> Iterator[Notice]:
    for each in bad_prospects(most=MOST_OF_KIND):
        mailing = each.mailing
        edit = reverse("edit_mailing", args=[mailing.pk])
        if each.matches_nobody:
            why = "Within a day it starts, and no client matches who may be sent to."
            title = f"{mailing.title} will reach nobody"
        else:
            slowest = min(filter(None, [mailing.rate_per_second, mailing.gateway.rate_per_second]))
            why = (
                f"At {rate(slowest)} its end comes after about {each.most:,} messages, and more "
                "clients match: theirs would expire."
            )
            title = f"{mailing.title} cannot be sent to all"
        yield Notice("warning", "users", title, why, edit, "Change the mailing")


def _about_unknown() -> Iterator[Notice]:
    for mailing in mailings_to_decide(most=MOST_OF_KIND):
        count = mailing.undecided  # type: ignore[attr-defined]
        yield Notice(
            "warning",
            "help-circle",
            f"{mailing.title}: was it sent or not?",
            f"{_messages(count)} may have been sent, or not: no clear answer came. Only a person "
            "can decide whether to send again, and risk that somebody gets it twice.",
            reverse("mailing", args=[mailing.pk]),
            "Decide",
        )


def _about_failed() -> Iterator[Notice]:
    since = timezone.now() - FAILED_LATELY
    for mailing in mailings_with_failed(since=since, most=MOST_OF_KIND):
        count = mailing.failed  # type: ignore[attr-defined]
        yield Notice(
            "info",
            "circle-x",
            f"{mailing.title}: some messages failed",
            f"The gateway refused {_messages(count)} for good. Once the reason is mended, they can "
            "be sent again, to nobody else.",
            reverse("mailing", args=[mailing.pk]),
            "See why, send again",
        )


def _about_expired(totals: DayTotals) -> Iterator[Notice]:
    count = totals.whole_yesterday["expired"] + totals.today["expired"]
    if count:
        today = timezone.localdate()
        yield Notice(
            "warning",
            "clock-x",
            "Messages came too late",
            f"{_messages(count)} expired yesterday or today: the mailing’s end came before they "
            "could be sent. A later end or a higher rate would have let them through.",
            messages_address(Period(today - timedelta(days=1), today), status="expired"),
            "See which",
        )


def _about_imports() -> Iterator[Notice]:
    for each in imports_waiting_for_a_person()[:MOST_OF_KIND]:
        yield Notice(
            "info",
            "file-import",
            f"{each.title} waits to be imported",
            "Nothing of it is imported before you have looked at it and said so.",
            reverse("import", args=[each.pk]),
            "Go on",
        )


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"
