"""A breakdown for spreadsheets."""

import csv
import io
from collections.abc import Sequence

from notifier.clients.spreadsheet import quote_cell
from notifier.downloads import BYTE_ORDER_MARK
from notifier.statistics.breakdown import OUTCOMES
from notifier.web.charts import word_of
from notifier.web.statistics.tables import Line


def breakdown_csv(word: str, lines: Sequence[Line]) -> str:
    """A line for each group: its name, all its messages, and each outcome."""
    text = io.StringIO(BYTE_ORDER_MARK)
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text)
    writer.writerow([word, "Messages", *(word_of(outcome) for outcome in OUTCOMES)])
    for line in lines:
        counts = [line.counts[outcome] for outcome in OUTCOMES]
        writer.writerow([quote_cell(line.name), line.total, *counts])
    return text.getvalue()
