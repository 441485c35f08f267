"""Answers that browsers and programs keep as a file."""

from collections.abc import Iterable

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header


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
