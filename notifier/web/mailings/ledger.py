"""The account of a mailing: every recipient in exactly one line."""

from collections.abc import Mapping
from dataclasses import dataclass

from notifier.web.badges import MESSAGE_BADGES, Badge

BAR_WIDTH = 1000
# Shown even where nobody is in them: their absence is news.
ALWAYS_SHOWN = ("accepted", "failed", "unknown")


@dataclass(frozen=True)
class Line:
    status: str
    badge: Badge
    count: int


@dataclass(frozen=True)
class Segment:
    """A stretch of the bar, as SVG takes it: texts, so that no comma gets into them."""

    colour: str
    x: str
    width: str


def lines_of(counts: Mapping[str, int]) -> list[Line]:
    return [
        Line(status, badge, counts[status])
        for status, badge in MESSAGE_BADGES.items()
        if counts[status] or status in ALWAYS_SHOWN
    ]


def bar_of(counts: Mapping[str, int]) -> list[Segment]:
    """Stretches in proportion; one that holds anybody is wide enough to be seen."""
    total = sum(counts.values())
    segments: list[Segment] = []
    x = 0.0
    for status, badge in MESSAGE_BADGES.items():
        if counts[status]:
            width = max(counts[status] / total * BAR_WIDTH, 4)
            segments.append(Segment(badge.colour, f"{x:.1f}", f"{width:.1f}"))
            x += width
    return segments
