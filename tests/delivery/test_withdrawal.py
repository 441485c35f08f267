"""Many clients who are not to be reached any more, and who comes between."""

import threading
from collections import Counter

import pytest
from django.db import connection, transaction
from django.utils import timezone

from notifier.clients.cleaning import clean_client
from notifier.clients.models import Client, SuppressedPhone
from notifier.clients.saving import add_client
from notifier.delivery import ledger, recipients, withdrawal
from notifier.delivery.control import create_mailing
from notifier.delivery.ledger import open_messages
from notifier.delivery.models import Message
from notifier.delivery.resolution import send_again
from notifier.delivery.withdrawal import (
    change_client,
    delete_clients,
    opt_in_client,
    opt_out_client,
    opt_out_clients,
    release_phone,
    suppress_phones,
    withdraw_clients,
)
from notifier.mailings.models import Mailing
from notifier.statistics.counts import mailing_counts
from tests.delivery.beside import Beside
from tests.delivery.test_ledger import claim, result

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[5_000, 2], ids=["one chunk", "chunks of two"])
def chunks(request, monkeypatch):
    monkeypatch.setattr(withdrawal, "CHUNK", request.param)


@pytest.fixture
def mailing(gateway, add_clients) -> Mailing:
    """Under way: six clients, tagged a, a, a, b, b, b, each with a message that waits."""
    add_clients(3, tag="a")
    add_clients(3, tag="b")
    mailing = create_mailing(text="Hi", conditions={})
    recipients.start_mailing(mailing.pk)
    mailing.refresh_from_db()
    return mailing


def tagged(tag: str):
    return Client.objects.filter(tag=tag)


def outcomes(mailing: Mailing) -> list[tuple[str, str | None]]:
    """Of its messages by id, having made sure that the counters say the same."""
    mailing.refresh_from_db()
    rows = list(mailing.messages.order_by("id").values_list("status", "reason"))
    counts = {status: count for status, count in mailing_counts(mailing).items() if count}
    assert counts == Counter(status for status, _ in rows)
    return rows


def suppressed() -> dict[str, str]:
    return dict(SuppressedPhone.objects.values_list("phone", "source"))


def opted_out_phones() -> set[str]:
    return set(Client.objects.exclude(opted_out_at=None).values_list("phone", flat=True))


SKIPPED, WAITING = ("skipped", "opted_out"), ("pending", None)
DELETED = ("skipped", "client_deleted")


# --- Many at once ---------------------------------------------------------------------


def test_many_are_opted_out_and_what_waits_for_them_is_skipped(mailing, chunks):
    done = opt_out_clients(tagged("a"), source="api")

    phones = {client.phone for client in tagged("a")}
    assert (done, opted_out_phones(), suppressed()) == (3, phones, dict.fromkeys(phones, "api"))
    assert outcomes(mailing) == [SKIPPED] * 3 + [WAITING] * 3


def test_whoever_had_opted_out_is_not_counted_and_keeps_the_date(mailing, chunks):
    first = tagged("a").earliest("id")
    opt_out_client(first)

    assert opt_out_clients(tagged("a")) == 2
    assert tagged("a").earliest("id").opted_out_at == first.opted_out_at


def test_many_are_deleted_and_their_opt_outs_outlive_them(mailing, chunks):
    leaving = tagged("a").earliest("id")
    opt_out_client(leaving)

    assert delete_clients(tagged("a")) == 3

    assert Client.objects.count() == 3
    assert suppressed() == {leaving.phone: "hand"}
    assert outcomes(mailing) == [SKIPPED, DELETED, DELETED] + [WAITING] * 3


def test_phones_are_suppressed_whether_they_have_clients_or_not(mailing, chunks):
    known = tagged("a").latest("id").phone
    opt_out_client(tagged("b").latest("id"))
    there_already = tagged("b").latest("id").phone

    done = suppress_phones([known, "79000000001", there_already, "79000000001"], source="api")

    assert done == 2
    assert suppressed() == {known: "api", "79000000001": "api", there_already: "hand"}
    assert opted_out_phones() == {known, there_already}
    assert outcomes(mailing) == [WAITING] * 2 + [SKIPPED] + [WAITING] * 2 + [SKIPPED]


def test_a_released_phone_is_off_the_list_and_its_client_is_reached_again(mailing):
    client = tagged("a").earliest("id")
    opt_out_client(client)
    suppress_phones(["79000000001"])

    opt_in_client(client)
    release_phone("79000000001")

    assert (client.opted_out_at, opted_out_phones(), suppressed()) == (None, set(), {})
    assert outcomes(mailing)[0] == SKIPPED


def test_what_waits_is_withdrawn_from_those_whom_somebody_else_has_opted_out(mailing, chunks):
    ids = list(Client.objects.values_list("id", flat=True))
    tagged("a").update(opted_out_at=timezone.now())

    with transaction.atomic():
        withdraw_clients(ids, reason="opted_out")

    # Whoever is to be reached is, whatever was said.
    assert outcomes(mailing) == [SKIPPED] * 3 + [WAITING] * 3


def test_a_client_who_gets_a_suppressed_phone_is_withdrawn(mailing):
    suppress_phones(["79000000001"])
    client = tagged("a").earliest("id")

    change_client(client, clean_client(phone="79000000001", tag="a"))

    assert client.is_opted_out
    assert opted_out_phones() == {"79000000001"}
    assert outcomes(mailing) == [SKIPPED] + [WAITING] * 5


# --- Who comes between ----------------------------------------------------------------

LEAVE = {"opted_out": opt_out_clients, "client_deleted": delete_clients}


@pytest.fixture(params=LEAVE)
def leave(request):
    """Those tagged a opt out, or are deleted: the act, and the outcome of their messages."""
    return LEAVE[request.param], ("skipped", request.param)


def test_results_that_put_messages_back_meanwhile_are_withdrawn(mailing, leave):
    act, left = leave
    batch = claim(mailing)
    busy = [result(m.id, batch.claim_id, "pending", outcome="busy") for m in batch.messages]

    with transaction.atomic():
        ledger.record_results(busy)
        beside = Beside(act, tagged("a"))
        beside.wait_until_it_waits()
    beside.finish()

    # The reason of those that wait is why they were not accepted yet.
    assert outcomes(mailing) == [left] * 3 + [("pending", "rejected")] * 3


def test_recipients_who_are_chosen_meanwhile_are_withdrawn(gateway, add_clients, leave):
    act, left = leave
    add_clients(2, tag="a")
    mailing = create_mailing(text="Hi", conditions={})
    Mailing.objects.update(status="preparing", newest_client_id=Client.objects.latest("id").pk)

    with transaction.atomic():
        open_messages(mailing.pk, most=10)
        beside = Beside(act, tagged("a"))
        beside.wait_until_it_waits()
    beside.finish()

    assert outcomes(mailing) == [left] * 2


def test_messages_that_are_sent_again_meanwhile_are_withdrawn(mailing, leave):
    act, left = leave
    batch = claim(mailing)
    ledger.record_results([result(m.id, batch.claim_id, "failed") for m in batch.messages])

    with transaction.atomic():
        send_again(mailing.pk, statuses=["failed"])
        beside = Beside(act, tagged("a"))
        beside.wait_until_it_waits()
    beside.finish()

    assert outcomes(mailing) == [left] * 3 + [("pending", "rejected")] * 3


def test_the_first_who_is_skipped_in_a_minute_holds_up_nobody(gateway, add_clients):
    """The counter's row refers to the mailing, which is held while recipients are chosen."""
    first, _ = add_clients(2)
    add_clients(1, opted_out_at=timezone.now())
    mailing = create_mailing(text="Hi", conditions={})
    Mailing.objects.update(status="preparing", newest_client_id=Client.objects.latest("id").pk)
    open_messages(mailing.pk, most=1)

    with transaction.atomic():
        open_messages(mailing.pk, most=1)
        beside = Beside(opt_out_clients, Client.objects.filter(pk=first.pk))
        beside.wait_until_it_waits()
        open_messages(mailing.pk, most=1)
    beside.finish()

    assert outcomes(mailing) == [SKIPPED, WAITING, SKIPPED]


def test_whoever_opts_in_again_meanwhile_keeps_what_a_later_mailing_has_for_them(mailing):
    ids = list(tagged("a").values_list("id", flat=True))
    opt_out_clients(tagged("a"))
    opt_in_client(tagged("a").earliest("id"))
    later = create_mailing(text="Later", conditions={"tag": "a"})
    recipients.start_mailing(later.pk)

    withdraw_clients(ids, reason="opted_out")

    assert outcomes(later) == [WAITING, SKIPPED, SKIPPED]


def test_two_who_withdraw_and_running_senders_do_not_hold_each_other_up(
    gateway, add_clients, monkeypatch
):
    monkeypatch.setattr(withdrawal, "CHUNK", 40)
    add_clients(300, tag="a")
    add_clients(300, tag="b")
    mailings = [create_mailing(text="Hi", conditions={}) for _ in range(2)]
    for mailing in mailings:
        recipients.start_mailing(mailing.pk)
    withdrawn = threading.Event()

    def send(number: int) -> None:
        """All results are busy, so that everything waits again and again."""
        while not withdrawn.is_set():
            for mailing in mailings:
                if batch := claim(mailing, most=50, generation=number):
                    ids = [message.id for message in batch.messages]
                    ledger.record_results(
                        [result(i, batch.claim_id, "pending", outcome="busy") for i in ids]
                    )

    senders = [Beside(send, number) for number in range(2)]
    leaving = [
        Beside(opt_out_clients, Client.objects.all()),
        Beside(opt_out_clients, Client.objects.filter(tag="b")),
        Beside(delete_clients, Client.objects.filter(tag="a", id__gt=0)),
    ]
    try:
        for each in leaving:
            each.finish()
        sending = Message.objects.filter(status="sending").count()
        waiting = Message.objects.filter(status="pending").count()
    finally:
        withdrawn.set()
    for each in senders:
        each.finish()

    assert (waiting, sending <= 200) == (0, True)
    for mailing in mailings:
        assert {status for status, _ in outcomes(mailing)} == {"skipped"}


# --- The list and new clients ---------------------------------------------------------


def add(phone: str) -> Client:
    return add_client(clean_client(phone=phone))


def test_a_phone_that_is_suppressed_while_its_client_is_being_added_opts_it_out():
    with transaction.atomic():
        add("79000000001")
        beside = Beside(suppress_phones, ["79000000001"])
        beside.wait_until_it_waits()
    beside.finish()

    assert (opted_out_phones(), set(suppressed())) == ({"79000000001"}, {"79000000001"})


def test_a_client_who_is_added_while_the_phone_is_being_suppressed_is_opted_out():
    with transaction.atomic():
        suppress_phones(["79000000001"])
        beside = Beside(add, "79000000001")
        beside.wait_until_it_waits()
    beside.finish()

    assert opted_out_phones() == {"79000000001"}


def test_a_client_who_is_added_while_the_phone_is_being_released_is_reached():
    suppress_phones(["79000000001"])
    with transaction.atomic():
        release_phone("79000000001")
        beside = Beside(add, "79000000001")
        beside.wait_until_it_waits()
    beside.finish()

    assert (opted_out_phones(), suppressed()) == (set(), {})


def test_clients_are_added_side_by_side():
    with transaction.atomic():
        add("79000000001")
        Beside(add, "79000000002").finish()
        connection.check_constraints()

    assert Client.objects.count() == 2
