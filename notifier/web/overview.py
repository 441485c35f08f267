from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from notifier.clients.models import Client, ClientFilter
from notifier.delivery.models import GatewayIncident
from notifier.mailings.models import Mailing
from notifier.statistics.counts import mailing_counts_many
from notifier.statistics.gateways import (
    GatewayState,
    Lately,
    gateway_state,
    gateway_states,
    lately_by_gateway,
)
from notifier.statistics.incidents import incidents_between
from notifier.statistics.lag import Lag, queue_lag
from notifier.statistics.overview import (
    DayTotals,
    clusters_alive,
    day_totals,
    mailings_to_start,
    mailings_under_way,
)
from notifier.statistics.periods import Period
from notifier.statistics.progress import Progress, progress_of
from notifier.statistics.series import outcomes_per_hour, recent_rates
from notifier.web.attention import WORRY_AFTER_SECONDS, Notice, is_sweep_silent, notices
from notifier.web.badges import MESSAGE_BADGES, Badge
from notifier.web.charts import chart_of
from notifier.web.live import answer_refresh, live_part
from notifier.web.statistics.links import messages_address

MOST_SHOWN = 5
MOST_INCIDENTS = 3
BUSY_REFRESH_SECONDS = 2
QUIET_REFRESH_SECONDS = 10
DAY_OUTCOMES = ("accepted", "failed", "unknown")
INCIDENTS_OF = timedelta(days=1)


@dataclass(frozen=True)
class DayFigure:
    """One outcome today, against the same hours of the days before. ``address``: its messages."""

    badge: Badge
    today: int
    yesterday: int
    usual: int
    address: str

    @property
    def change(self) -> int:
        return self.today - self.yesterday

    @property
    def fewer(self) -> int:
        return -self.change

    @property
    def colour_class(self) -> str:
        return f"text-{self.badge.colour}"


@dataclass(frozen=True)
class GatewayCard:
    """A gateway's state, how it did lately, and its newest incidents of the last 24 hours."""

    state: GatewayState
    lately: Lately
    incidents: list[GatewayIncident]
    more_incidents: int
    is_due_for_a_try: bool


def overview(request: HttpRequest) -> HttpResponse:
    if not Mailing.objects.exists():
        return render(request, "overview/first_steps.html", _first_steps())
    under_way = list(mailings_under_way()[: MOST_SHOWN + 1])
    totals = day_totals()
    context: dict[str, Any] = {
        **_health(totals),
        "under_way": _with_progress(under_way[:MOST_SHOWN]),
        "has_more_under_way": len(under_way) > MOST_SHOWN,
        "to_start": _with_countdown(mailings_to_start()[:MOST_SHOWN]),
        "figures": _figures(totals),
        "totals": totals,
        "worry_after_seconds": WORRY_AFTER_SECONDS,
        "chart": chart_of(outcomes_per_hour(), sentence="Messages of the last 24 hours"),
    }
    part = live_part(
        request,
        "overview/_live.html",
        context,
        element_id="live",
        every_seconds=BUSY_REFRESH_SECONDS if under_way else QUIET_REFRESH_SECONDS,
        announce=_spoken(context["attention"]),
        title=_tab_title(context["attention"]),
    )
    if answer := answer_refresh(request, part, context):
        return answer
    return render(request, "overview/overview.html", {**context, "live": part})


def _first_steps() -> dict[str, Any]:
    return {
        "has_clients": Client.objects.exists(),
        "has_filters": ClientFilter.objects.exists(),
        **_health(day_totals()),
    }


def _health(totals: DayTotals) -> dict[str, Any]:
    gateways, clusters, lag = gateway_states(), clusters_alive(), queue_lag()
    return {
        "attention": notices(clusters=clusters, lag=lag, gateways=gateways, totals=totals),
        "clusters": clusters,
        "lag": lag,
        "lag_seconds": _worrying(lag),
        "today": timezone.localdate().isoformat(),
        "yesterday": (timezone.localdate() - timedelta(days=1)).isoformat(),
        "since_day": timezone.localdate(timezone.now() - INCIDENTS_OF).isoformat(),
        "sweep_is_silent": is_sweep_silent(lag),
        "gateways": _with_lately(gateways),
        "gateway_address": gateways[0].gateway.base_url if gateways else "",
        "uses_sandbox": settings.ENVIRONMENT.uses_sandbox_gateway,
    }


def _worrying(lag: Lag) -> float:
    """For how long work has waited, where that is too long; else nothing that changes is shown."""
    seconds = max(lag.task_seconds, lag.message_seconds)
    return seconds if seconds > WORRY_AFTER_SECONDS else 0.0


def _with_lately(gateways: Iterable[GatewayState]) -> list[GatewayCard]:
    now = timezone.now()
    lately = lately_by_gateway()
    incidents = incidents_between(now - INCIDENTS_OF, now)
    shown = []
    for state in gateways:
        own = [each for each in incidents if each.gateway_id == state.gateway.pk][::-1]
        shown.append(
            GatewayCard(
                state,
                lately.get(state.gateway.pk, Lately()),
                own[:MOST_INCIDENTS],
                more_incidents=len(own[MOST_INCIDENTS:]),
                is_due_for_a_try=state.retry_at is not None and state.retry_at <= now,
            )
        )
    return shown


def _with_progress(mailings: Iterable[Mailing]) -> list[tuple[Mailing, Progress]]:
    shown = list(mailings)
    counts = mailing_counts_many(shown)
    rates = recent_rates(shown)
    return [
        (
            mailing,
            progress_of(
                mailing,
                counts[mailing.pk],
                waits=gateway_state(mailing.gateway).is_shut,
                rates=rates,
            ),
        )
        for mailing in shown
    ]


def _with_countdown(mailings: Iterable[Mailing]) -> list[tuple[Mailing, float]]:
    """Each with the seconds until it starts."""
    now = timezone.now()
    return [(mailing, (mailing.start_time - now).total_seconds()) for mailing in mailings]


def _figures(totals: DayTotals) -> list[DayFigure]:
    today = timezone.localdate()
    return [
        DayFigure(
            MESSAGE_BADGES[outcome],
            totals.today[outcome],
            totals.yesterday[outcome],
            totals.usual[outcome],
            messages_address(Period(today, today), status=outcome),
        )
        for outcome in DAY_OUTCOMES
    ]


def _tab_title(attention: Sequence[Notice]) -> str:
    return f"({len(attention)}) Overview · Notifier" if attention else "Overview · Notifier"


def _spoken(attention: Iterable[Notice]) -> str:
    titles = [notice.title for notice in attention]
    return f"Needs attention: {'; '.join(titles)}" if titles else "Nothing needs attention"
