"""Parts of a page that refresh by themselves while there is something to follow."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

SEEN = "seen"


@dataclass(frozen=True)
class LivePart:
    """``address`` asks for it again, naming what is shown, and is empty when it is final.

    ``announce`` is said aloud when it changes; numbers change in silence.
    """

    element_id: str
    html: SafeString
    digest: str
    address: str
    seconds: int
    announce: str
    title: str
    extra: str


def live_part(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    element_id: str,
    every_seconds: int,
    announce: str = "",
    title: str = "",
    extra: str = "",
) -> LivePart:
    """Render the part; ``every_seconds`` 0 means that it will not change any more.

    ``extra`` is a template whose elements replace those of the same id
    elsewhere on the page.
    """
    html = render_to_string(template, context, request)
    digest = f"{crc32(html.encode()):08x}"
    query = {name: value for name, value in request.GET.items() if name != SEEN}
    address = f"{request.path}?{urlencode({**query, SEEN: digest})}" if every_seconds else ""
    return LivePart(element_id, html, digest, address, every_seconds, announce, title, extra)


def answer_refresh(
    request: HttpRequest, part: LivePart, context: dict[str, Any]
) -> HttpResponse | None:
    """The answer to a request for the part alone: 204 where nothing changed, else the part.

    None where the whole page is wanted.
    """
    if request.htmx.target != part.element_id:  # type: ignore[attr-defined]
        return None
    if part.address and request.GET.get(SEEN) == part.digest:
        return HttpResponse(status=204)
    return render(request, "_live_answer.html", {**context, "live": part})
