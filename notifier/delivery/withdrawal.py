"""Clients who are not to be reached any more: what waits for them is withdrawn with it."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from notifier.clients.models import Client
from notifier.delivery.ledger import await_results, close_waiting_of_client
from notifier.delivery.models import Message, MessageStatus
from notifier.mailings.models import Mailing, MailingStatus


def opt_out_client(client: Client) -> None:
    """Once this returns nothing more is sent to the client, but what a sender holds, once."""
    with transaction.atomic():
        client.opted_out_at = client.opted_out_at or timezone.now()
        client.save(update_fields=["opted_out_at", "updated_at"])
        close_waiting_of_client(client.pk, reason="opted_out")
    _withdraw_the_rest(client.pk, reason="opted_out")


def opt_in_client(client: Client) -> None:
    """Reach the client again, from the next mailing on."""
    client.opted_out_at = None
    client.save(update_fields=["opted_out_at", "updated_at"])


def delete_client(client: Client) -> None:
    """Remove the client; its messages stay, with the phone they were sent to."""
    client_id = client.pk
    with transaction.atomic():
        close_waiting_of_client(client_id, reason="client_deleted")
        client.delete()
    _withdraw_the_rest(client_id, reason="client_deleted")


def _withdraw_the_rest(client_id: int, *, reason: str) -> None:
    """What began to wait meanwhile: results put back, recipients chosen, messages sent again."""
    await_results(client_id)
    # A chunk of recipients that was being chosen meanwhile, or of messages
    # that were being sent again, did not see the change. It holds its
    # mailing's row, so waiting for that row is waiting for the chunk; every
    # later chunk sees the change by itself.
    with transaction.atomic():
        might_be_sent_again = Message.objects.filter(
            client_id=client_id, status__in=[MessageStatus.FAILED, MessageStatus.UNKNOWN]
        )
        mailings = Mailing.objects.filter(
            Q(status=MailingStatus.PREPARING) | Q(pk__in=might_be_sent_again.values("mailing_id"))
        )
        held = mailings.select_for_update(of=("self",), no_key=True)
        list(held.order_by("id").values_list("id"))
        close_waiting_of_client(client_id, reason=reason)


def withdraw_clients(client_ids: Sequence[int], *, reason: str) -> None:
    """The same for many who have been changed or removed already."""
    literal = "{" + ",".join(map(str, client_ids)) + "}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT client_id FROM message WHERE client_id = ANY(%s::bigint[])", [literal]
        )
        reached = [row[0] for row in cursor.fetchall()]
    for client_id in reached:
        close_waiting_of_client(client_id, reason=reason)
        _withdraw_the_rest(client_id, reason=reason)
