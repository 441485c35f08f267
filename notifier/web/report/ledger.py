"""The account of a report: every recipient in one line, and what the lines mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from notifier.delivery.models import OPEN
from notifier.web.badges import MESSAGE_BADGES, Badge
from notifier.web.mailings.ledger import Segment, bar_of, lines_of
from notifier.web.report import notes
from notifier.web.report.notes import Notes


@dataclass(frozen=True)
class LedgerLine:
    """``is_part`` says that it is contained in the line above it."""

    word: str
    mark: str
    count: int
    badge: Badge | None = None
    is_part: bool = False

    @property
    def look(self) -> str:
        return f"me-1 text-{self.badge.colour}" if self.badge else ""


@dataclass(frozen=True)
class Ledger:
    """``lines`` add up to ``audience``, but for the parts; ``beside`` do not belong to the sum."""

    audience: int
    audience_mark: str
    lines: list[LedgerLine]
    beside: list[LedgerLine]
    bar: list[Segment]


def ledger_of(
    counts: Mapping[str, int],
    marks: Notes,
    *,
    counted_as_sent: int,
    maybe_twice: int,
    retried: int,
) -> Ledger:
    return Ledger(
        # Marked first: it is the word that all others rest on.
        audience_mark=marks.mark(notes.AUDIENCE),
        audience=sum(counts.values()),
        lines=list(_lines(counts, marks, counted_as_sent=counted_as_sent)),
        beside=[
            LedgerLine(
                "Received twice, perhaps: at most", marks.mark(notes.MAYBE_TWICE), maybe_twice
            ),
            LedgerLine("Attempts put back to wait", marks.mark(notes.RETRIED), retried),
        ],
        bar=bar_of(counts),
    )


def _lines(
    counts: Mapping[str, int], marks: Notes, *, counted_as_sent: int
) -> Iterator[LedgerLine]:
    for line in lines_of(counts):
        mark = marks.mark(notes.OF_STATUS[line.status])
        yield LedgerLine(line.badge.word, mark, line.count, line.badge)
        if line.status == "unknown" and counted_as_sent:
            decided = marks.mark(notes.COUNTED_AS_SENT)
            yield LedgerLine("of these counted as sent", decided, counted_as_sent, is_part=True)
            left = max(0, line.count - counted_as_sent)
            yield LedgerLine("of these not decided", "", left, is_part=True)


@dataclass(frozen=True)
class Figure:
    """One of the few numbers at the top; a part of the whole, or the whole itself."""

    word: str
    count: int
    colour: str = ""
    is_part: bool = True


def figures_of(counts: Mapping[str, int], *, whole: str) -> list[Figure]:
    """What the report says in one look; what is not sent, and what waits, in one number each."""
    all_of_them = sum(counts.get(status, 0) for status in MESSAGE_BADGES)
    shown = [Figure(whole, all_of_them, is_part=False)]
    shown += [
        Figure(MESSAGE_BADGES[status].word, counts[status], MESSAGE_BADGES[status].colour)
        for status in ("accepted", "failed", "unknown")
    ]
    shown.append(Figure("Not sent", not_sent(counts), "yellow"))
    waiting = sum(counts.get(status, 0) for status in OPEN)
    return [*shown, Figure("Waiting", waiting, "blue")] if waiting else shown


def not_sent(counts: Mapping[str, int]) -> int:
    """Nobody tried, or nobody could in time."""
    return counts["expired"] + counts["cancelled"] + counts["skipped"]
