"""The breaker: a gateway in trouble is left alone, and the messages wait at no cost."""

import random
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.delivery import breaker, rescue, work
from notifier.delivery.breaker import Calls, Permit
from notifier.delivery.control import create_mailing
from notifier.delivery.models import (
    Attempt,
    GatewayCalls,
    GatewayHealth,
    GatewayIncident,
    Message,
)
from notifier.delivery.slots import wake_slots
from notifier.mailings.models import Gateway
from notifier.statistics.incidents import incidents_between
from tests.delivery.beside import Beside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def note(gateway):
    def note(**fields) -> None:
        breaker.note_calls(Calls(gateway_id=gateway.pk, **fields))

    return note


def health() -> GatewayHealth:
    return GatewayHealth.objects.get()


def let_rest_pass() -> None:
    GatewayHealth.objects.filter(state="open").update(retry_at=timezone.now())


def permit(gateway: Gateway) -> Permit:
    return breaker.permits(probing=[gateway.pk]).get(gateway.pk, breaker.CLOSED)


@pytest.mark.parametrize(
    ("sound", "troubles", "state"),
    [(10, 10, "open"), (11, 10, "closed"), (0, 19, "closed"), (0, 20, "open")],
)
def test_it_opens_when_half_of_twenty_calls_come_to_nothing(note, gateway, sound, troubles, state):
    note(sound=sound)
    note(troubles=troubles)

    assert health().state == state
    assert permit(gateway) == (breaker.NOTHING if state == "open" else breaker.CLOSED)


def test_a_long_good_past_does_not_hide_an_outage(note, gateway):
    note(sound=100_000)
    GatewayCalls.objects.update(began_at=timezone.now() - timedelta(seconds=5))

    note(troubles=20)

    assert health().state == "open"


@pytest.mark.parametrize(("sound", "state"), [(2, "open"), (3, "closed")])
def test_nearly_nothing_but_trouble_outweighs_what_went_well_in_the_same_second(note, sound, state):
    note(sound=10_000)

    note(sound=sound, troubles=20)

    assert health().state == state


def test_old_calls_do_not_count(note, gateway):
    note(troubles=19)
    GatewayCalls.objects.update(began_at=timezone.now() - timedelta(seconds=40))

    note(troubles=19)

    assert permit(gateway) == breaker.CLOSED


def test_every_rest_is_twice_as_long_as_the_one_before_up_to_five_minutes(note):
    rests = []
    note(troubles=20)
    for _ in range(7):
        rests.append((health().retry_at - timezone.now()).total_seconds())
        let_rest_pass()
        note(troubles=1, probes_in_trouble=1)

    for expected, rest in zip([15, 30, 60, 120, 240, 300, 300], rests, strict=True):
        assert 0.79 * expected < rest < 1.21 * expected


def test_one_sender_at_a_time_gets_the_probes(note, gateway):
    note(troubles=20)
    assert permit(gateway) == breaker.NOTHING
    let_rest_pass()

    assert permit(gateway) == Permit(0.0, probes=3)
    assert permit(gateway) == breaker.NOTHING
    GatewayHealth.objects.update(probe_lease_until=timezone.now() - timedelta(seconds=1))
    assert permit(gateway) == Permit(0.0, probes=3)


def test_a_sender_without_a_message_to_probe_with_leaves_the_probes_to_others(
    sandbox, note, gateway, add_clients, run_queue
):
    add_clients(1)
    sandbox.set_faults({"500": 1})
    create_mailing(text="Hi", conditions={})
    run_queue()
    note(troubles=20)
    Message.objects.update(due_at=timezone.now() + timedelta(minutes=1))
    let_rest_pass()

    wake_slots()
    run_queue()

    assert (len(sandbox.ledger()), health().probe_lease_until) == (1, None)
    assert permit(gateway) == Permit(0.0, probes=3)


def test_after_a_good_probe_it_ramps_up_and_closes(note, gateway):
    note(troubles=20)
    let_rest_pass()

    note(sound=1, probes_sound=1)

    assert 0 < permit(gateway).fraction < 0.1
    GatewayHealth.objects.update(since=timezone.now() - timedelta(seconds=15))
    assert 0.49 < permit(gateway).fraction < 0.55
    GatewayHealth.objects.update(since=timezone.now() - timedelta(seconds=31))
    assert permit(gateway).fraction == 1.0
    assert (health().state, health().openings, permit(gateway)) == ("closed", 0, breaker.CLOSED)


def test_a_reply_that_was_under_way_when_it_opened_does_not_close_it(note, gateway):
    note(troubles=20)

    note(sound=50)

    assert permit(gateway) == breaker.NOTHING


def test_a_gateway_that_asks_to_wait_is_left_alone_as_a_whole(note, gateway):
    note(troubles=1, wait_seconds=60)
    note(troubles=1, wait_seconds=5)

    assert health().state == "open"
    assert 55 < (health().retry_at - timezone.now()).total_seconds() <= 60


def test_a_held_gateway_waits_for_a_person(note, gateway):
    note(misconfigured="unauthorised")
    note(sound=30)
    note(troubles=30, wait_seconds=1)

    assert (health().state, health().reason) == ("held", "unauthorised")
    assert permit(gateway) == breaker.NOTHING

    breaker.release(gateway.pk)
    assert health().state == "ramping"


def test_an_outage_costs_a_few_probes_and_burns_no_attempts(
    sandbox, gateway, add_clients, run_queue
):
    Gateway.objects.update(concurrency=20)
    add_clients(500)
    sandbox.set_faults({"500": 1}, latency={"kind": "fixed", "seconds": 0.05})
    mailing = create_mailing(text="Hi", conditions={})
    run_queue()
    in_burst = len(sandbox.ledger())
    assert in_burst < 200
    assert health().state == "open"
    assert work.earliest_due() >= health().retry_at

    for _ in range(3):
        let_rest_pass()
        rescue.sweep()
        run_queue()
    assert len(sandbox.ledger()) == in_burst + 9
    assert Message.objects.filter(status="pending", attempts=0).count() > 200
    assert Attempt.objects.count() == in_burst + 9

    sandbox.reset()
    let_rest_pass()
    Message.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    rescue.sweep()
    run_queue()

    mailing.refresh_from_db()
    assert mailing.status == "finished"
    assert set(Message.objects.values_list("status", flat=True)) == {"accepted"}


def test_a_wrong_token_holds_the_gateway_and_loses_nothing(
    sandbox, gateway, add_clients, run_queue
):
    add_clients(300)
    sandbox.set_faults({"401": 1})
    mailing = create_mailing(text="Hi", conditions={})
    run_queue()

    assert (health().state, health().reason) == ("held", "unauthorised")
    assert set(Message.objects.values_list("status", flat=True)) == {"pending"}
    assert work.earliest_due() is None

    sandbox.reset()
    breaker.release(gateway.pk)
    run_queue()

    mailing.refresh_from_db()
    assert mailing.status == "finished"


def test_one_gateway_that_rests_leaves_another_at_work(sandbox, gateway, add_clients, run_queue):
    other = Gateway.objects.create(name="Other", url=sandbox.url)
    breaker.hold(gateway.pk, reason="by hand")
    add_clients(50)
    waiting = create_mailing(text="Waits", conditions={})
    going = create_mailing(text="Goes", conditions={}, gateway=other)

    run_queue()

    going.refresh_from_db()
    waiting.refresh_from_db()
    assert (going.status, waiting.status) == ("finished", "running")
    assert {entry.text for entry in sandbox.ledger()} == {"Goes"}


def let_ramp_pass() -> None:
    GatewayHealth.objects.update(since=timezone.now() - timedelta(seconds=31))
    rescue.close_ramped()


def incidents() -> list[tuple[str, str, bool]]:
    """Kind, reason, and whether it still lasts."""
    rows = GatewayIncident.objects.values_list("kind", "reason", "ended_at")
    return [(kind, reason, ended_at is None) for kind, reason, ended_at in rows]


def test_an_incident_lasts_from_the_first_trouble_until_messages_flow_as_ever(note):
    note(troubles=20)
    began_at = health().since
    note(troubles=20, wait_seconds=60)
    let_rest_pass()
    note(sound=1, probes_sound=1)
    note(troubles=20)
    let_rest_pass()
    note(sound=1, probes_sound=1)
    assert incidents() == [("open", "20 of the last 20 calls came to nothing", True)]

    let_ramp_pass()

    incident = GatewayIncident.objects.get()
    assert (incident.began_at, incident.ended_at) == (began_at, health().since)


def test_a_hold_is_an_incident_of_its_own(note, gateway):
    note(troubles=20)
    breaker.hold(gateway.pk, reason="Put on hold by anna")
    breaker.hold(gateway.pk, reason="Put on hold by boris")
    breaker.release(gateway.pk)
    note(misconfigured="forbidden")

    first, second, third = GatewayIncident.objects.all()
    assert [first.ended_at, second.ended_at] == [second.began_at, third.began_at]
    assert incidents()[1:] == [("held", "Put on hold by anna", False), ("held", "forbidden", True)]


def test_of_two_who_change_a_state_at_once_the_second_sees_what_the_first_made(note, gateway):
    note(troubles=20)
    with transaction.atomic():
        breaker.hold(gateway.pk, reason="Put on hold by anna")
        other = Beside(
            note_in_a_transaction, Calls(gateway_id=gateway.pk, troubles=1, wait_seconds=5)
        )
        other.wait_until_it_waits()
    other.finish()

    assert [kind for kind, _, lasts in incidents() if lasts] == ["held"]


def note_in_a_transaction(calls: Calls) -> None:
    with transaction.atomic():
        breaker.note_calls(calls)


def test_incidents_are_found_by_any_moment_in_which_they_lasted(gateway):
    noon = timezone.now()
    hour = timedelta(hours=1)
    other = Gateway.objects.create(name="Other")
    short = GatewayIncident.objects.create(
        gateway=gateway, kind="held", reason="forbidden", began_at=noon, ended_at=noon + hour
    )
    long = GatewayIncident.objects.create(gateway=other, kind="open", began_at=noon - hour)

    assert incidents_between(noon, noon + hour) == [long, short]
    assert incidents_between(noon + hour, noon + 2 * hour) == [long]
    assert incidents_between(noon - hour, noon) == [long]
    [found] = incidents_between(noon, noon + hour, gateway)
    assert found.reason == "The gateway refused access (403)"


EVENTS = {
    "trouble": lambda gateway: Calls(gateway_id=gateway, troubles=20),
    "wait": lambda gateway: Calls(gateway_id=gateway, troubles=1, wait_seconds=30),
    "bad probe": lambda gateway: Calls(gateway_id=gateway, troubles=1, probes_in_trouble=1),
    "good probe": lambda gateway: Calls(gateway_id=gateway, sound=1, probes_sound=1),
    "wrong token": lambda gateway: Calls(gateway_id=gateway, troubles=1, misconfigured="forbidden"),
    "sound": lambda gateway: Calls(gateway_id=gateway, sound=5),
}


ALL_EVENTS = (*EVENTS, "hold", "release", "rested", "ramped")


def make_happen(event: str, gateway: int, *, by: str) -> None:
    match event:
        case "hold":
            breaker.hold(gateway, reason=f"Put on hold by {by}")
        case "release":
            breaker.release(gateway)
        case "rested":
            let_rest_pass()
        case "ramped":
            let_ramp_pass()
        case _:
            breaker.note_calls(EVENTS[event](gateway))


@given(events=st.lists(st.sampled_from(ALL_EVENTS)))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_incidents_are_the_history_of_states(gateway, events):
    for table in (GatewayHealth, GatewayCalls, GatewayIncident):
        table.objects.all().delete()
    expected: list[list[str | bool]] = []
    for event in events:
        make_happen(event, gateway.pk, by="hand")
        extend_history(expected, GatewayHealth.objects.first())

    assert incidents() == [tuple(each) for each in expected]


class Crash(Exception):
    """A sender dies before it commits."""


def act_at_random(gateway: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        with suppress(Crash), transaction.atomic():
            make_happen(chance.choice(ALL_EVENTS), gateway, by=str(seed))
            if chance.random() < 0.2:
                raise Crash


def test_many_senders_that_die_now_and_then_keep_the_incidents_right(gateway):
    senders = [Beside(act_at_random, gateway.pk, seed) for seed in range(4)]
    for sender in senders:
        sender.finish()

    rows = list(GatewayIncident.objects.order_by("began_at", "id"))
    assert len(rows) > 5
    for one, next_one in pairwise(rows):
        assert one.ended_at is not None
        assert one.ended_at <= next_one.began_at
    lasts = rows[-1].ended_at is None
    assert lasts is (health().state != "closed")
    if health().state in ("open", "held"):
        assert rows[-1].kind == health().state


def extend_history(history: list[list[str | bool]], now: GatewayHealth | None) -> None:
    """What incidents there are, by the states one after the other."""
    if now is None or now.state == "ramping":
        return
    lasting = history[-1] if history and history[-1][2] else None
    goes_on = lasting and lasting[0] == now.state
    if goes_on and (now.state == "open" or lasting[1] == now.reason):
        return
    if lasting:
        lasting[2] = False
    if now.state != "closed":
        history.append([now.state, now.reason, True])
