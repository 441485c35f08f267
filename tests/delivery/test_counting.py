"""The counters, against the messages themselves, whatever has happened to these."""

import random
from datetime import timedelta
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from notifier.clients.models import Client
from notifier.delivery import ledger, recipients
from notifier.delivery.control import cancel_mailing, create_mailing, delete_mailing
from notifier.delivery.ledger.counting import LATENCIES, keep_rollup_away
from notifier.delivery.models import (
    DayCount,
    Message,
    MinuteCount,
    QuarterHourCount,
    RolledDay,
    Traits,
)
from notifier.delivery.recount import differences, mend
from notifier.delivery.resolution import count_as_sent, send_again
from notifier.delivery.rollup import AFTER_MIDNIGHT, days_to_roll_up, roll_up
from notifier.delivery.withdrawal import delete_client, opt_out_client
from notifier.mailings.lifecycle import WrongStatus
from notifier.mailings.models import Mailing
from tests.delivery.beside import Beside
from tests.delivery.test_ledger import claim, result

pytestmark = pytest.mark.django_db(transaction=True)

TAGS = ["", "autumn", "winter"]
ZONES = ["UTC", "Asia/Omsk"]
OUTCOMES = {
    "accepted": None,
    "failed": "rejected",
    "unknown": "timed_out",
    "pending": "unavailable",
}
DAY = timedelta(days=1)


@pytest.fixture
def begin(gateway):
    """Makes clients of all kinds, and a mailing that is choosing among them."""
    chance = random.Random(7)

    def begin(chance: random.Random = chance, *, clients: int = 12) -> Mailing:
        first = 79_990_000_000 + Client.objects.count()
        Client.objects.bulk_create(
            Client(
                phone=str(first + number),
                operator=chance.choice([900, 912]),
                tag=chance.choice(TAGS),
                timezone=chance.choice(ZONES),
                opted_out_at=timezone.now() if chance.random() < 0.1 else None,
            )
            for number in range(clients)
        )
        mailing = create_mailing(text="Hi", conditions={})
        recipients.start_mailing(mailing.pk)
        return Mailing.objects.get(pk=mailing.pk)

    return begin


def record(mailing: Mailing, chance: random.Random, *, outcomes=tuple(OUTCOMES)) -> None:
    """Some of the mailing's messages come to something; a sender may have lost its claim before."""
    lease_seconds = chance.choice([60.0, -1.0])
    batch = claim(mailing, most=chance.randint(1, 8), lease_seconds=lease_seconds)
    if batch is None:
        return
    if lease_seconds < 0 and chance.random() < 0.7:
        ledger.rescue_expired_claim()
    results = []
    for message in batch.messages:
        outcome = chance.choice(outcomes)
        told = result(message.id, batch.claim_id, outcome, maybe_sent=outcome == "unknown")
        results.append(
            told._replace(
                reason=OUTCOMES[outcome],
                duration_ms=chance.choice([0, 3, 19, 20, 21, 99, 101, 1_234, 29_999]),
            )
        )
    ledger.record_results(results)


def decide(mailing: Mailing, chance: random.Random) -> None:
    try:
        if chance.random() < 0.5:
            count_as_sent(mailing.pk)
        else:
            send_again(mailing.pk, statuses=chance.choice([["failed"], ["failed", "unknown"]]))
    except WrongStatus:
        pass


def lose_a_client(mailing: Mailing, chance: random.Random) -> None:
    client = Client.objects.order_by("?").first()
    if client is not None:
        chance.choice([opt_out_client, delete_client])(client)


def age(chance: random.Random) -> None:
    """All that happened, happened some days earlier. The counters, which were right, are again."""
    time = timedelta(days=chance.randint(1, 3), minutes=chance.randint(0, 600))
    Message.objects.update(finished_at=F("finished_at") - time)
    for counter in (MinuteCount, QuarterHourCount):
        counter.objects.exclude(outcome="retried").delete()
    mend()


def roll(mailing: Mailing, chance: random.Random) -> None:
    roll_up()


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_the_counters_say_what_the_messages_say(begin, seed):
    chance = random.Random(seed)
    mailings = [begin(chance) for _ in range(2)]
    acts = [record] * 6 + [decide, lose_a_client, roll]

    for step in range(40):
        chance.choice(acts)(chance.choice(mailings), chance)
        if step in (15, 30):
            assert not list(differences())
            age(chance)
    roll_up()

    assert not list(differences())
    assert not days_to_roll_up()
    messages = Message.objects.exclude(finished_at=None).count()
    assert messages > 10
    for dimension in ("reason", "operator", "tag", "timezone", "attempts"):
        counts = QuarterHourCount.objects.filter(dimension=dimension).exclude(outcome="retried")
        assert sum(counts.values_list("count", flat=True)) == messages
    for dimension in ("reason", "operator", "mailing", "hour"):
        counts = DayCount.objects.filter(dimension=dimension, outcome="accepted")
        # In the first hour of a day the day before is not surely over.
        last_midnight = (timezone.localtime() - AFTER_MIDNIGHT).replace(hour=0, minute=0)
        over = Message.objects.filter(status="accepted", finished_at__lt=last_midnight)
        assert sum(counts.values_list("count", flat=True)) == over.count()


def test_a_message_keeps_what_its_client_was_like(begin):
    mailing = begin(clients=3)
    client = Client.objects.filter(opted_out_at=None).first()
    was = (client.operator, client.tag, client.timezone)

    Client.objects.update(operator=999, tag="other", timezone="Asia/Tokyo")

    traits = Message.objects.get(mailing=mailing, client_id=client.pk).traits
    assert (traits.operator, traits.tag, traits.timezone) == was


def test_mailings_that_start_at_once_share_the_traits_they_add(begin, add_clients):
    add_clients(30, tag="new")
    mailings = [create_mailing(text="Hi", conditions={}) for _ in range(4)]

    for each in [Beside(recipients.start_mailing, mailing.pk) for mailing in mailings]:
        each.finish()

    assert Traits.objects.filter(tag="new").count() == 1
    assert not Message.objects.filter(traits=None).exists()
    assert Message.objects.count() == 4 * 30


def test_a_day_of_which_something_is_taken_back_is_rolled_up_anew(begin):
    chance = random.Random(1)
    mailing = begin(chance)
    batch = claim(mailing, most=4)
    ledger.record_results([result(each.id, batch.claim_id, "failed") for each in batch.messages])
    age(chance)
    roll_up()
    assert sum(counts_of("failed")) == 4
    rolled = RolledDay.objects.count()

    send_again(mailing.pk, statuses=["failed"])

    assert RolledDay.objects.count() < rolled
    roll_up()
    assert sum(counts_of("failed")) == 0
    assert RolledDay.objects.count() == rolled


def counts_of(outcome: str) -> list[int]:
    counts = DayCount.objects.filter(dimension="reason", outcome=outcome)
    return list(counts.values_list("count", flat=True))


def test_a_deleted_mailing_leaves_no_counts(begin):
    chance = random.Random(3)
    mailing = begin(chance)
    record(mailing, chance)
    cancel_mailing(mailing.pk)
    age(chance)
    roll_up()

    delete_mailing(mailing.pk)

    assert not QuarterHourCount.objects.exists()
    rolled = RolledDay.objects.values_list("day", flat=True)
    assert not DayCount.objects.filter(day__in=rolled).exists()


def test_nothing_is_rolled_up_while_past_counters_are_being_changed(begin):
    chance = random.Random(4)
    record(begin(chance), chance)
    age(chance)

    with transaction.atomic():
        keep_rollup_away()
        Beside(roll_up).finish()
        assert not RolledDay.objects.exists()
    assert roll_up() > 0


def test_a_new_time_zone_has_every_day_rolled_up_anew(begin, settings):
    chance = random.Random(5)
    record(begin(chance), chance, outcomes=("accepted",))
    age(chance)
    roll_up()

    settings.TIME_ZONE = "Asia/Kolkata"

    assert days_to_roll_up()
    roll_up()
    assert not list(differences())


def test_the_command_finds_what_differs_and_puts_it_right(begin, capsys):
    chance = random.Random(6)
    record(begin(chance), chance, outcomes=("accepted",))
    call_command("check_counts")
    assert capsys.readouterr().out == "Every counter says what is there.\n"
    QuarterHourCount.objects.filter(dimension="tag").update(count=F("count") + 1)
    MinuteCount.objects.filter(outcome="accepted").delete()

    with pytest.raises(CommandError, match=r"do not say what is there. Mend them by --mend"):
        call_command("check_counts")
    assert "minute, mailing" in capsys.readouterr().out
    call_command("check_counts", "--mend")
    call_command("check_counts")
    assert capsys.readouterr().out.endswith("Every counter says what is there.\n")


def test_an_audience_that_is_wrong_is_told_and_left_alone(begin, capsys):
    mailing = begin()
    Mailing.objects.filter(pk=mailing.pk).update(audience=F("audience") + 3)

    with pytest.raises(
        CommandError, match=f"1 cannot be put right.*audience, mailing {mailing.pk}"
    ):
        call_command("check_counts", "--mend")
    assert "Put right: 0." in capsys.readouterr().out


def test_times_are_rounded_up_to_steps_of_a_tenth():
    steps = list(LATENCIES)

    assert steps == sorted(set(steps))
    assert steps[:3] == [0, 1, 2]
    assert all(after - before <= max(1, before / 10) for before, after in pairwise(steps[:-1]))
