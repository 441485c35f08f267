"""Rates and rejections: how fast a mailing goes, and when it stops by itself."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from notifier.delivery.control import create_mailing, resume_mailing
from notifier.delivery.models import Message, MinuteCount
from notifier.delivery.rates import Rate, take_from_both
from notifier.mailings.models import Gateway, Mailing

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bucket_gives_a_quarter_of_a_second_at_once_and_then_at_its_rate():
    rate = Rate("gateway", 1, 100.0)
    begun = time.monotonic()
    taken = first = rate.take(1000)
    while time.monotonic() - begun < 0.5:
        taken += rate.take(1000)
    passed = time.monotonic() - begun

    assert first == 25
    assert 25 + 100 * passed - 10 <= taken <= 25 + 100 * passed + 1


def test_a_rate_below_one_a_second_still_lets_one_go():
    rate = Rate("mailing", 1, 0.01)

    assert [rate.take(5), rate.take(5)] == [1, 0]


def test_no_rate_is_no_limit():
    assert take_from_both(Rate("gateway", 1, None), Rate("mailing", 1, None), 700) == 700


def test_the_slower_of_two_rates_holds_and_the_other_loses_nothing():
    gateway, mailing = Rate("gateway", 1, 400.0), Rate("mailing", 1, 40.0)

    assert take_from_both(gateway, mailing, 1000) == 10
    assert gateway.take(1000) >= 90


def test_what_was_not_used_can_be_given_back():
    rate = Rate("gateway", 1, 4.0)
    assert rate.take(1) == 1

    rate.give_back(1)

    assert rate.take(1) == 1


def test_a_rate_holds_over_several_senders_at_once():
    taken = []
    until = time.monotonic() + 1.0

    def take() -> None:
        while time.monotonic() < until:
            with transaction.atomic():
                taken.append(Rate("gateway", 7, 200.0).take(10))
        connection.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 100 <= sum(taken) <= 50 + 200 * 1.2


def test_a_mailing_with_a_rate_keeps_to_it(sandbox, add_clients, run_queue):
    add_clients(60)
    mailing = create_mailing(text="Slow", conditions={})
    Mailing.objects.filter(pk=mailing.pk).update(rate_per_second=40)

    run_queue()

    times = sorted(entry.at for entry in sandbox.ledger())
    assert len(times) == 60
    # 10 at once, then 40 a second.
    assert times[-1] - times[0] > 1.0
    mailing.refresh_from_db()
    assert mailing.status == "finished"


def test_a_gateway_with_a_rate_shares_it_among_its_mailings(sandbox, add_clients, run_queue):
    Gateway.objects.update(rate_per_second=60)
    add_clients(30)
    for text in ("One", "Two"):
        create_mailing(text=text, conditions={})

    run_queue()

    times = sorted(entry.at for entry in sandbox.ledger())
    assert len(times) == 60
    assert times[-1] - times[0] > 0.6


def test_a_mailing_that_is_rejected_too_often_pauses_itself_and_says_why(
    sandbox, gateway, add_clients, run_queue, settings
):
    settings.PAUSE_AFTER_RESULTS = 20
    Gateway.objects.update(concurrency=10)
    add_clients(300)
    sandbox.set_faults({"code": 1}, latency={"kind": "fixed", "seconds": 0.05})

    mailing = create_mailing(text="Wrong", conditions={})
    run_queue()

    mailing.refresh_from_db()
    assert mailing.status == "paused"
    assert mailing.pause_reason.startswith("The gateway rejected ")
    assert len(sandbox.ledger()) < 200
    assert Message.objects.filter(status="pending").count() > 100


def test_a_resumed_mailing_is_judged_anew(sandbox, add_clients, run_queue, settings):
    settings.PAUSE_AFTER_RESULTS = 20
    add_clients(300)
    sandbox.set_faults({"code": 1}, latency={"kind": "fixed", "seconds": 0.05})
    mailing = create_mailing(text="Wrong", conditions={})
    run_queue()
    sandbox.reset()

    MinuteCount.objects.update(minute=timezone.now() - timedelta(minutes=3))
    resume_mailing(mailing.pk)
    run_queue()

    mailing.refresh_from_db()
    assert mailing.status == "finished"


def test_some_rejections_are_part_of_every_mailing(sandbox, add_clients, run_queue, settings):
    settings.PAUSE_AFTER_RESULTS = 20
    add_clients(300)
    sandbox.set_faults({"code": 0.2}, seed=5)

    mailing = create_mailing(text="Fine", conditions={})
    run_queue()

    mailing.refresh_from_db()
    assert mailing.status == "finished"
