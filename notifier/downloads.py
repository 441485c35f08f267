"""Answers that browsers and programs keep as a file."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

# Else Excel takes the file for windows-1251.
BYTE_ORDER_MARK = "\ufeff"
# Lines of a portion: each is a write to the socket of its own.
PORTION = 500


def csv_download(lines: Iterable[str], *, name: str) -> StreamingHttpResponse:
    """CSV sent as it is made, to be kept as ``name``.csv."""
    disposition = content_disposition_header(as_attachment=True, filename=f"{name}.csv")
    return StreamingHttpResponse(
        lines,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": str(disposition),
            # A proxy that waits for the whole of it would hold a million rows.
            "X-Accel-Buffering": "no",
            "Cache-Control": "no-store",
        },
    )


class _Line:
    """What csv.writer writes to: gives back what it was given."""

    def write(self, text: str) -> str:
        return text


_writer: Any = csv.writer(_Line())


def csv_line(cells: list[Any]) -> str:
    line: str = _writer.writerow(cells)
    return line


def in_portions(lines: Iterator[str]) -> Iterator[str]:
    """Several lines at once."""
    portion: list[str] = []
    for line in lines:
        portion.append(line)
        if len(portion) == PORTION:
            yield "".join(portion)
            portion = []
    yield "".join(portion)
