"""The end of a mailing, while a person moves it."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from notifier.delivery import ledger, recipients
from notifier.delivery.closing import close_mailing
from notifier.delivery.control import cancel_mailing, change_mailing, create_mailing, pause_mailing
from notifier.delivery.models import Message
from notifier.mailings.models import Mailing
from tests.delivery.beside import Beside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def over(gateway, add_clients) -> Mailing:
    """A mailing whose end has just passed, with two messages that wait."""
    add_clients(2)
    start = timezone.now() - timedelta(days=1)
    mailing = create_mailing(text="Hi", conditions={}, start_time=start, end_time=in_an_hour())
    recipients.start_mailing(mailing.pk)
    Mailing.objects.update(end_time=timezone.now() - timedelta(seconds=1))
    mailing.refresh_from_db()
    return mailing


def in_an_hour():
    return timezone.now() + timedelta(hours=1)


def state_of(mailing: Mailing) -> tuple[str, list[str]]:
    mailing.refresh_from_db()
    return mailing.status, list(Message.objects.values_list("status", flat=True))


def test_what_waits_expires_once_the_end_has_passed(over):
    pause_mailing(over.pk)

    close_mailing(over.pk)

    assert state_of(over) == ("finished", ["expired", "expired"])


def test_a_close_that_saw_the_old_end_expires_nothing_after_a_new_one(over):
    change_mailing(over, end_time=in_an_hour())

    closed = ledger.close_waiting(over.pk, status="expired", reason="end_passed", most=10)

    assert closed == 0
    assert state_of(over) == ("running", ["pending", "pending"])


@pytest.mark.parametrize(
    ("wish", "state"),
    [
        (
            lambda mailing: change_mailing(mailing, end_time=in_an_hour()),
            ("paused", ["pending", "pending"]),
        ),
        (
            lambda mailing: cancel_mailing(mailing.pk),
            ("cancelled", ["cancelled", "cancelled"]),
        ),
    ],
)
def test_a_paused_mailing_is_not_resumed_over_what_a_person_just_did(over, wish, state):
    pause_mailing(over.pk)

    with transaction.atomic():
        wish(over)
        close = Beside(close_mailing, over.pk)
        close.wait_until_it_waits()
    close.finish()

    assert state_of(over) == state
