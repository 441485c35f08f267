from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from notifier.clients.models import Client
from notifier.mailings.models import Mailing
from notifier.statistics.counts import mailing_counts_many
from notifier.statistics.gateways import gateway_state, gateway_states
from notifier.statistics.overview import (
    DayTotals,
    clusters_alive,
    day_totals,
    mailings_to_start,
    mailings_under_way,
)
from notifier.statistics.progress import Progress, progress_of
from notifier.statistics.resolution import mailings_to_decide
from notifier.statistics.series import outcomes_per_hour
from notifier.web.badges import MESSAGE_BADGES, Badge
from notifier.web.charts import chart_of
from notifier.web.live import answer_refresh, live_part

MOST_SHOWN = 5
BUSY_REFRESH_SECONDS = 2
QUIET_REFRESH_SECONDS = 10
DAY_OUTCOMES = ("accepted", "failed", "unknown")


@dataclass(frozen=True)
class DayFigure:
    """One outcome today, against the same hours of yesterday."""

    badge: Badge
    today: int
    yesterday: int

    @property
    def change(self) -> int:
        return self.today - self.yesterday

    @property
    def fewer(self) -> int:
        return -self.change

    @property
    def colour_class(self) -> str:
        return f"text-{self.badge.colour}"


def overview(request: HttpRequest) -> HttpResponse:
    if not Mailing.objects.exists():
        return render(request, "overview/first_steps.html", _first_steps())
    under_way = list(mailings_under_way()[: MOST_SHOWN + 1])
    context: dict[str, Any] = {
        "under_way": _with_progress(under_way[:MOST_SHOWN]),
        "has_more_under_way": len(under_way) > MOST_SHOWN,
        "to_start": mailings_to_start()[:MOST_SHOWN],
        "to_decide": mailings_to_decide(most=MOST_SHOWN),
        "figures": _figures(day_totals()),
        "chart": chart_of(outcomes_per_hour(), sentence="Messages of the last 24 hours"),
        **_health(),
    }
    part = live_part(
        request,
        "overview/_live.html",
        context,
        element_id="live",
        every_seconds=BUSY_REFRESH_SECONDS if under_way else QUIET_REFRESH_SECONDS,
    )
    if answer := answer_refresh(request, part, context):
        return answer
    return render(request, "overview/overview.html", {**context, "live": part})


def _first_steps() -> dict[str, Any]:
    return {"has_clients": Client.objects.exists(), **_health()}


def _health() -> dict[str, Any]:
    gateways = gateway_states()
    return {
        "clusters": clusters_alive(),
        "gateways": gateways,
        "gateway_address": gateways[0].gateway.base_url if gateways else "",
        "uses_sandbox": settings.ENVIRONMENT.uses_sandbox_gateway,
    }


def _with_progress(mailings: Iterable[Mailing]) -> list[tuple[Mailing, Progress]]:
    shown = list(mailings)
    counts = mailing_counts_many(shown)
    return [
        (
            mailing,
            progress_of(mailing, counts[mailing.pk], waits=gateway_state(mailing.gateway).is_shut),
        )
        for mailing in shown
    ]


def _figures(totals: DayTotals) -> list[DayFigure]:
    return [
        DayFigure(MESSAGE_BADGES[outcome], totals.today[outcome], totals.yesterday[outcome])
        for outcome in DAY_OUTCOMES
    ]
