"""Addresses of pages that show what a number stands for."""

from datetime import date
from urllib.parse import urlencode

from django.urls import reverse


def messages_address(*, status: str, first: date, last: date) -> str:
    """The messages that came to that status in those days, both included."""
    days = {"from": first.isoformat(), "to": last.isoformat()}
    return page_address("messages/", status=status, **days)


def page_address(page: str, **query: str) -> str:
    return f"{reverse('overview')}{page}?{urlencode(query)}"
