"""Slots and the sweep: whatever the queue does, one slice runs in each slot, and none is lost."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from notifier.delivery import deliver, recipients, rescue, slots, stopping
from notifier.delivery.control import create_mailing
from notifier.delivery.models import Claim, Message, Slot
from notifier.delivery.share import Share, concurrency_of_slot
from notifier.delivery.work import RunningMailing
from notifier.mailings.models import Gateway, Mailing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _two_slots(settings, gateway):
    settings.SENDER_SLOTS = 2


def queued() -> list[tuple]:
    packages = [SignedPackage.loads(row.payload) for row in OrmQ.objects.order_by("id")]
    return [(p["func"].rpartition(".")[2], *p["args"]) for p in packages]


def test_waking_starts_every_sleeping_slot_once():
    slots.wake_slots()
    slots.wake_slots()

    assert queued() == [("deliver_slice", 1, 1), ("deliver_slice", 2, 1)]
    assert list(Slot.objects.values_list("state", "wakes")) == [("queued", 2), ("queued", 2)]


def test_a_slot_beyond_the_number_of_senders_is_not_woken(settings):
    slots.wake_slots()
    OrmQ.objects.all().delete()
    Slot.objects.update(state="idle")
    settings.SENDER_SLOTS = 1

    slots.wake_slots()

    assert queued() == [("deliver_slice", 1, 2)]


def test_only_the_first_task_of_a_generation_gets_the_slot():
    slots.wake_slots()

    slice_ = slots.begin_slice(slot=1, generation=1, worker="a")

    assert slice_ is not None
    assert slots.begin_slice(slot=1, generation=1, worker="b") is None
    assert slots.begin_slice(slot=1, generation=0, worker="b") is None


def test_a_wake_that_comes_before_the_end_is_not_lost():
    slots.wake_slots()
    slice_ = slots.begin_slice(slot=1, generation=1, worker="a")
    OrmQ.objects.all().delete()

    slots.wake_slots()
    slots.end_slice(slice_, wakes=slice_.wakes, more=False)

    assert queued() == [("deliver_slice", 1, 2)]


def test_a_slice_with_nothing_more_to_do_lets_its_slot_sleep():
    slots.wake_slots()
    slice_ = slots.begin_slice(slot=1, generation=1, worker="a")
    OrmQ.objects.all().delete()

    slots.end_slice(slice_, wakes=slice_.wakes, more=False)

    assert queued() == []
    assert Slot.objects.get(pk=1).state == "idle"


def test_a_slot_whose_worker_died_is_given_to_another():
    slots.wake_slots()
    dead = slots.begin_slice(slot=1, generation=1, worker="a")
    OrmQ.objects.all().delete()
    Slot.objects.filter(pk=1).update(lease_expires_at=timezone.now() - timedelta(seconds=1))

    slots.revive_dead_slots()

    assert queued() == [("deliver_slice", 1, 2)]
    assert slots.renew_slice(dead) is None
    slots.end_slice(dead, wakes=0, more=True)
    assert queued() == [("deliver_slice", 1, 2)]


def test_a_sweep_makes_good_a_queue_that_was_emptied(sandbox, add_clients, run_queue):
    add_clients(3)
    mailing = create_mailing(text="Hi", conditions={})
    OrmQ.objects.all().delete()

    rescue.sweep()
    run_queue()
    mailing.refresh_from_db()
    assert mailing.status == "finished"

    other = create_mailing(text="Hi", conditions={})
    recipients.start_mailing(other.pk)
    OrmQ.objects.all().delete()
    Slot.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    rescue.sweep()
    run_queue()
    other.refresh_from_db()
    assert other.status == "finished"


def test_a_sweep_makes_good_a_sender_that_died(sandbox, add_clients, run_queue):
    from notifier.delivery.ledger import claim_messages

    add_clients(3)
    mailing = create_mailing(text="Hi", conditions={})
    recipients.start_mailing(mailing.pk)
    claim_messages(
        mailing_id=mailing.pk, gateway_id=mailing.gateway_id, slot=1, generation=1,
        worker="dead", lease_seconds=-1, most=2,
    )  # fmt: skip

    rescue.sweep()
    run_queue()

    mailing.refresh_from_db()
    assert mailing.status == "finished"
    assert Message.objects.filter(status="accepted").count() == 3
    assert Message.objects.filter(maybe_sent=True).count() == 2


def test_of_several_clusters_one_gets_the_turn_to_sweep():
    assert rescue.take_turn() is True
    assert rescue.take_turn() is False


def test_a_cluster_that_stops_hands_its_slot_on(sandbox, add_clients, run_queue):
    add_clients(3)
    mailing = create_mailing(text="Hi", conditions={})
    recipients.start_mailing(mailing.pk)
    generation = Slot.objects.get(pk=1).generation
    OrmQ.objects.all().delete()
    stopping.ask_to_stop()

    deliver.deliver_slice(slot=1, generation=generation)

    assert queued() == [("deliver_slice", 1, generation + 1)]
    assert (Claim.objects.count(), sandbox.ledger()) == (0, [])
    stopping._stopping.value = 0
    run_queue()
    mailing.refresh_from_db()
    assert mailing.status == "finished"


def test_a_small_mailing_does_not_wait_for_a_large_one(sandbox, add_clients, run_queue, settings):
    settings.SENDER_SLOTS = 1
    sandbox.set_faults(latency={"kind": "fixed", "seconds": 0.05})
    Gateway.objects.update(concurrency=20)
    add_clients(2000, tag="large")
    add_clients(20, tag="small")
    large = create_mailing(text="Large", conditions={"tag": "large"})
    small = create_mailing(text="Small", conditions={"tag": "small"})

    run_queue()

    order = [entry.text for entry in sorted(sandbox.ledger(), key=lambda entry: entry.at)]
    assert len(order) == 2020
    last_small = max(place for place, text in enumerate(order) if text == "Small")
    assert last_small < 400
    statuses = Mailing.objects.filter(pk__in=[large.pk, small.pk]).values_list("status", flat=True)
    assert set(statuses) == {"finished"}


def test_the_slots_parts_of_a_gateway_add_up(settings):
    settings.SENDER_SLOTS = 3

    assert [concurrency_of_slot(10, slot=slot) for slot in (1, 2, 3)] == [4, 3, 3]
    assert [concurrency_of_slot(1, slot=slot) for slot in (1, 2, 3)] == [1, 0, 0]


def test_mailings_get_equal_portions_and_a_hungry_one_its_first_always():
    share = Share(Gateway(pk=1, concurrency=200), slot=1)
    a, b = (RunningMailing(n, 1, "Hi", None, 60, True) for n in (1, 2))
    elsewhere = RunningMailing(3, 2, "Hi", None, 60, True)

    assert list(share.portions([a, b, elsewhere])) == [(a, 100), (b, 100)]
    share.held[1] = share.target
    assert list(share.portions([a, b])) == [(b, 50)]
