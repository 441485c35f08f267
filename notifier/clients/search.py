"""Find clients by what a person remembers of a phone number."""

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Reverse
from django.db.models.lookups import StartsWith

from notifier.clients.models import Client
from notifier.clients.phones import PUNCTUATION


def clients_by_phone(clients: QuerySet[Client], typed: str) -> QuerySet[Client]:
    """Those whose phone begins or ends with the digits typed; nobody where there are none.

    The beginning may be written ``+7 999…``, ``8 999…`` or ``999…``.
    """
    digits = PUNCTUATION.sub("", typed).removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return clients.none()
    begins = Q(phone__startswith=digits)
    if digits[0] == "8":
        begins |= Q(phone__startswith=f"7{digits[1:]}")
    if digits[0] == "9":
        begins |= Q(phone__startswith=f"7{digits}")
    # Both sides reversed, as an index can only follow a beginning.
    ends = StartsWith(Reverse("phone"), Value(digits[::-1]))
    return clients.filter(begins | Q(ends))
