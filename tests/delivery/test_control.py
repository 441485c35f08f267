from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.delivery.control import (
    cancel_mailing,
    change_mailing,
    create_mailing,
    delete_mailing,
    pause_mailing,
    resume_mailing,
)
from notifier.delivery.models import Message, MinuteCount
from notifier.mailings import lifecycle
from notifier.mailings.checking import MailingProblems
from notifier.mailings.lifecycle import WrongStatus
from notifier.mailings.models import Mailing, MailingStatus

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _some_clients(gateway, add_clients):
    add_clients(3, tag="a2")


def in_an_hour():
    return timezone.now() + timedelta(hours=1)


def test_a_mailing_tells_how_many_clients_it_would_reach():
    mailing = create_mailing(text=" Hello ", conditions={"tag": "a2"})

    assert (mailing.text, mailing.matched, mailing.warning) == ("Hello", 3, "")
    assert mailing.status == MailingStatus.SCHEDULED
    assert mailing.end_time - mailing.start_time == timedelta(hours=24)


def test_a_future_mailing_may_match_nobody_yet():
    mailing = create_mailing(text="Hi", conditions={"tag": "new"}, start_time=in_an_hour())

    assert (mailing.matched, mailing.warning) == (
        0,
        "No client matches. Unless that changes by the start, nobody is sent anything.",
    )


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"text": "  "}, {"text": "The text is empty: there is nothing to send."}),
        (
            {"text": "a" * 4001},
            {"text": "The text has 4001 characters; at most 4000."},
        ),
        (
            {"conditions": {"colour": 1}},
            {
                "clients": 'colour: "colour" is not a field: use tag, operator, timezone, '
                "phone_number, opted_out, created_at, imported_at, last_contacted, import, "
                "mailing or attributes.NAME."
            },
        ),
        (
            {"conditions": {"tag": "nobody"}},
            {"clients": "No client matches. There is nobody to send to."},
        ),
    ],
)
def test_what_is_filled_in_wrongly_is_refused_in_words(fields, problems):
    with pytest.raises(MailingProblems) as refusal:
        create_mailing(**{"text": "Hello", "conditions": {}, **fields})

    assert refusal.value.problems == problems
    assert Mailing.objects.count() == 0


def test_a_window_that_is_over_or_turned_round_is_refused():
    now = timezone.now()
    with pytest.raises(MailingProblems, match="has passed: nothing could be sent"):
        create_mailing(
            text="Hi", conditions={}, start_time=now - timedelta(2), end_time=now - timedelta(1)
        )
    with pytest.raises(MailingProblems, match="is not after the start"):
        create_mailing(text="Hi", conditions={}, start_time=in_an_hour(), end_time=now)


def test_a_scheduled_mailing_may_change_in_everything():
    mailing = create_mailing(text="Hi", conditions={}, start_time=in_an_hour())
    start = timezone.now() + timedelta(hours=2)
    end = start + timedelta(hours=1)

    changed = change_mailing(
        mailing, text="Ho", conditions={"tag": "a2"}, start_time=start, end_time=end, name="Sale"
    )

    fresh = Mailing.objects.get(pk=mailing.pk)
    assert (fresh.text, fresh.conditions, fresh.start_time, fresh.end_time, fresh.name) == (
        "Ho", {"tag": "a2"}, start, end, "Sale",
    )  # fmt: skip
    assert changed.matched == 3


def test_a_started_mailing_may_change_its_end_and_name_only():
    mailing = create_mailing(text="Hi", conditions={})
    lifecycle.start_preparing(mailing.pk)
    mailing.refresh_from_db()
    end = in_an_hour()

    change_mailing(mailing, text="Hi", conditions={}, end_time=end, name="Sale")

    with pytest.raises(WrongStatus, match=f"Mailing {mailing.pk} is running: it cannot be changed"):
        change_mailing(mailing, text="Ho")
    fresh = Mailing.objects.get(pk=mailing.pk)
    assert (fresh.end_time, fresh.name, fresh.text) == (end, "Sale", "Hi")


def test_the_wishes_that_each_status_allows():
    wishes = {"pause": pause_mailing, "resume": resume_mailing, "cancel": cancel_mailing}
    allowed = set()
    for status in MailingStatus.values:
        for wish, act in wishes.items():
            mailing = create_mailing(text="Hi", conditions={})
            ended = status in ("finished", "cancelled")
            Mailing.objects.filter(pk=mailing.pk).update(
                status=status, finished_at=timezone.now() if ended else None
            )
            try:
                allowed.add((status, wish, act(mailing.pk).status))
            except WrongStatus:
                assert Mailing.objects.get(pk=mailing.pk).status == status

    assert allowed == {
        ("draft", "cancel", "cancelled"),
        ("scheduled", "cancel", "cancelled"),
        ("preparing", "pause", "paused"),
        ("preparing", "resume", "preparing"),
        ("preparing", "cancel", "cancelled"),
        ("running", "pause", "paused"),
        ("running", "resume", "running"),
        ("running", "cancel", "cancelled"),
        ("paused", "pause", "paused"),
        ("paused", "resume", "preparing"),
        ("paused", "cancel", "cancelled"),
        ("cancelled", "cancel", "cancelled"),
    }


def test_only_a_mailing_that_is_not_under_way_can_be_deleted(sandbox, run_queue):
    done = create_mailing(text="Hi", conditions={})
    run_queue()
    running = create_mailing(text="Hi", conditions={})
    lifecycle.start_preparing(running.pk)

    delete_mailing(done.pk)
    with pytest.raises(WrongStatus):
        delete_mailing(running.pk)

    assert list(Mailing.objects.values_list("pk", flat=True)) == [running.pk]
    assert (Message.objects.count(), MinuteCount.objects.count()) == (0, 0)
