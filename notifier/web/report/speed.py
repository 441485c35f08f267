"""How fast the gateway was, in words."""

from dataclasses import dataclass

from notifier.statistics.breakdown import Latency


@dataclass(frozen=True)
class Speed:
    """Percentiles of the time to accept, each as ``250 ms`` or ``1.4 s``; '–' without any."""

    messages: int
    half: str
    most: str
    nearly_all: str
    longest: str


def speed_of(latency: Latency) -> Speed:
    return Speed(
        messages=latency.messages,
        half=in_words(latency.p50_ms),
        most=in_words(latency.p90_ms),
        nearly_all=in_words(latency.p99_ms),
        longest=in_words(latency.longest_ms),
    )


def in_words(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    return f"{milliseconds / 1000:.1f}".removesuffix(".0") + " s"
