"""The tag of many clients at once."""

from django.db.models import QuerySet
from django.db.models.functions import Now

from notifier.clients.models import Client


def tag_clients(clients: QuerySet[Client], tag: str) -> int:
    """Give the clients a checked tag; how many had another."""
    return clients.exclude(tag=tag).update(tag=tag, updated_at=Now())
