"""What a chart on a page draws: read by static/js/chart.js and by the table under the chart."""

from dataclasses import dataclass

from notifier.statistics.series import Series
from notifier.web.badges import MESSAGE_BADGES

COLOURS = {"retried": "orange"}
WORDS = {"retried": "Put back to wait"}


@dataclass(frozen=True)
class Chart:
    """``data`` goes to the page as JSON; ``rows`` are a label and its numbers each."""

    sentence: str
    data: dict[str, object]
    heads: list[str]
    rows: list[tuple[str, list[int]]]


def chart_of(series: Series, *, sentence: str) -> Chart:
    sets = [
        {"label": word_of(outcome), "colour": colour_of(outcome), "numbers": numbers}
        for outcome, numbers in series.outcomes.items()
    ]
    columns = list(series.outcomes.values())
    return Chart(
        sentence=sentence,
        data={"labels": series.labels, "sets": sets, "sentence": sentence},
        heads=[word_of(outcome) for outcome in series.outcomes],
        rows=[
            (label, [column[index] for column in columns])
            for index, label in enumerate(series.labels)
        ],
    )


def word_of(outcome: str) -> str:
    return WORDS.get(outcome) or MESSAGE_BADGES[outcome].word


def colour_of(outcome: str) -> str:
    return COLOURS.get(outcome) or MESSAGE_BADGES[outcome].colour
