from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode

from notifier.downloads import csv_download
from notifier.mailings.lifecycle import ALLOWED
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics.counts import REASONS_IN_WORDS, mailing_counts
from notifier.statistics.messages import FoundMessages, every_message, search_messages
from notifier.web.badges import MESSAGE_BADGES
from notifier.web.lists import render_list
from notifier.web.mailings.ledger import lines_of
from notifier.web.messages.csv import messages_csv
from notifier.web.messages.query import Asked, read_cursor, read_query
from notifier.web.messages.tables import MessageTable

PER_PAGE = 50
ELEMENT = "messages"


def messages(request: HttpRequest) -> HttpResponse:
    """The newest first; each page begins before the last one's id."""
    asked = read_query(request.GET.dict())
    before = read_cursor(request.GET.dict())
    page = FoundMessages([])
    if not asked.problems:
        page = search_messages(asked.search, before=before, most=PER_PAGE)
    _add_mailings(page)
    context: dict[str, Any] = {
        "asked": asked,
        "chips": asked.chips(),
        "typed_first": asked.typed.get("from", ""),
        "typed_last": asked.typed.get("to", ""),
        "typed_phone": asked.typed.get("q", ""),
        "page": page,
        "is_first": before is None,
        "table": MessageTable(page.messages),
        "badges": MESSAGE_BADGES,
        "reasons": REASONS_IN_WORDS,
        "gateways": Gateway.objects.order_by("id"),
        **_of_one_mailing(asked),
    }
    return render_list(request, "messages", ELEMENT, context)


def mailing_messages(request: HttpRequest, mailing_id: int) -> HttpResponse:
    """An old address of a mailing's messages."""
    get_object_or_404(Mailing, pk=mailing_id)
    status = request.GET.get("status", "")
    query = {"mailing": str(mailing_id), **({"status": status} if status else {})}
    return redirect(f"{reverse('messages')}?{urlencode(query)}")


def export(request: HttpRequest) -> HttpResponseBase:
    """All that the search finds, as CSV."""
    asked = read_query(request.GET.dict())
    if asked.problems:
        words = "\n".join(asked.problems.values())
        return HttpResponse(words, status=422, content_type="text/plain")
    return csv_download(messages_csv(every_message(asked.search)), name="messages")


def _of_one_mailing(asked: Asked) -> dict[str, Any]:
    """Its outcomes with their numbers, and what a person may do about one of them."""
    found = Mailing.objects.filter(pk=asked.search.mailing) if asked.search.mailing else None
    mailing = found.first() if found is not None else None
    if mailing is None:
        return {}
    counts = mailing_counts(mailing)
    status = asked.search.status if asked.is_whole_outcome else ""
    return {
        "mailing": mailing,
        "lines": lines_of(counts),
        "can_send_again": status == "failed" and mailing.status in ALLOWED["send_again"],
        "can_decide": status == "unknown",
    }


def _add_mailings(page: FoundMessages) -> None:
    """In one query, and only once for all messages of one mailing."""
    mailings = Mailing.objects.in_bulk({message.mailing_id for message in page.messages})
    for message in page.messages:
        message.mailing = mailings[message.mailing_id]
