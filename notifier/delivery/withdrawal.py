"""Clients who are not to be reached any more: what waits for them is withdrawn with it."""

from django.db import transaction
from django.utils import timezone

from notifier.clients.models import Client
from notifier.delivery.ledger import close_waiting_of_client


def opt_out_client(client: Client) -> None:
    """From the commit on nothing more is sent to the client, but what is on its way."""
    with transaction.atomic():
        client.opted_out_at = client.opted_out_at or timezone.now()
        client.save(update_fields=["opted_out_at", "updated_at"])
        close_waiting_of_client(client.pk, reason="opted_out")


def opt_in_client(client: Client) -> None:
    """Reach the client again, from the next mailing on."""
    client.opted_out_at = None
    client.save(update_fields=["opted_out_at", "updated_at"])


def delete_client(client: Client) -> None:
    """Remove the client; its messages stay, with the phone they were sent to."""
    with transaction.atomic():
        close_waiting_of_client(client.pk, reason="client_deleted")
        client.delete()
