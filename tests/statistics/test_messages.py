"""The search for messages, against plain Python over all of them."""

import random
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from notifier.clients.models import Client, FormerPhone
from notifier.delivery.models import Claim, Message
from notifier.mailings.models import Gateway, Mailing
from notifier.statistics import messages as search_module
from notifier.statistics.messages import (
    NONE,
    FoundMessages,
    MessageSearch,
    every_message,
    search_messages,
)
from tests.statistics.test_breakdown import FIRST, REASONS, make_history, note_ids
from tests.web.making import make_client, make_mailing

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ZONE = "America/New_York"


@pytest.fixture
def history(settings) -> None:
    """Ended messages of three mailings, and a fourth that is under way."""
    settings.TIME_ZONE = ZONE
    make_history(random.Random(2), messages=120)
    Mailing.objects.update(status="finished", finished_at="2026-11-30T00:00Z")
    running = make_mailing(status="running")
    for number, status in enumerate(["pending", "pending", "sending", "pending"]):
        client = make_client()
        Message.objects.create(
            mailing=running, client=client, phone=client.phone, status=status,
            due_at="2026-11-01T00:00Z" if status == "pending" else None,
            claim_id=1 if status == "sending" else None,
            reason="unavailable" if number == 1 else None, attempts=number,
        )  # fmt: skip
    sending = Message.objects.filter(status="sending").values_list("id", flat=True)
    Claim.objects.create(
        mailing=running, gateway_id=1, slot=1, generation=1, worker="w", open=1,
        expires_at="2026-11-01T00:00Z", message_ids=list(sending),
    )  # fmt: skip
    note_ids(running)


def is_found(search: MessageSearch, message: Message) -> bool:
    traits, ended = message.traits, message.finished_at
    local = ended.astimezone(ZoneInfo(ZONE)) if ended else None
    checks: dict[str, Callable[[], bool]] = {
        "phone": lambda: (
            message.phone.startswith((search.phone, f"7{search.phone}"))
            # As it is dialled within Russia.
            or (search.phone.startswith("8") and message.phone.startswith(f"7{search.phone[1:]}"))
            or message.phone.endswith(search.phone)
        ),
        "mailing": lambda: message.mailing_id == search.mailing,
        "client": lambda: message.client_id == search.client,
        "gateway": lambda: message.mailing.gateway_id == search.gateway,
        "status": lambda: message.status == search.status,
        "reason": lambda: (message.reason or NONE) == search.reason,
        "first": lambda: bool(local) and local.date() >= search.first,
        "last": lambda: bool(local) and local.date() <= search.last,
        "operator": lambda: (str(traits.operator) if traits else NONE) == search.operator,
        "tag": lambda: ((traits.tag if traits else "") or NONE) == search.tag,
        "timezone": lambda: (traits.timezone if traits else NONE) == search.timezone,
        "attempts": lambda: message.attempts == search.attempts,
        "hour": lambda: bool(local) and local.hour == search.hour,
        "weekday": lambda: bool(local) and local.isoweekday() == search.weekday,
    }
    return all(check() for name, check in checks.items() if getattr(search, name) not in ("", None))


def random_search(chance: random.Random) -> MessageSearch:
    """Of one to three fields, with values that there are, mostly."""
    anybody = chance.choice(Message.objects.all())
    first = FIRST + chance.randint(0, 9) * DAY
    values = {
        "phone": chance.choice([anybody.phone, anybody.phone[:9], anybody.phone[-2:], "7", "999"]),
        "mailing": anybody.mailing_id,
        "client": anybody.client_id,
        "gateway": chance.choice(Gateway.objects.all()).pk,
        "status": chance.choice([*REASONS, "pending", "sending"]),
        "reason": chance.choice([NONE, "rejected", "timed_out", "unavailable", "opted_out"]),
        "first": first,
        "last": first + chance.randint(0, 4) * DAY,
        "operator": chance.choice(["912", "900", NONE, "913"]),
        "tag": chance.choice(["a", NONE, "b"]),
        "timezone": chance.choice(["UTC", "Asia/Omsk", NONE]),
        "attempts": chance.randint(0, 3),
        "hour": chance.randint(0, 23),
        "weekday": chance.randint(1, 7),
    }
    names = chance.sample(list(values), chance.randint(1, 3))
    return MessageSearch(**{name: values[name] for name in names})


def page_through(search: MessageSearch, *, most: int) -> list[int]:
    found: list[int] = []
    page = FoundMessages([], older=None)
    for turn in range(200):
        if turn and page.older is None:
            return found
        page = search_messages(search, before=page.older, most=most)
        found += [message.pk for message in page.messages]
    raise AssertionError("The search never comes to its end.")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("is_slow", [False, True])
def test_every_search_finds_what_it_should_newest_first(history, monkeypatch, seed, is_slow):
    """Also where time is always up after a few ids, so that every page ends early."""
    chance = random.Random(seed)
    if is_slow:
        monkeypatch.setattr(search_module, "SECONDS", -1.0)
        monkeypatch.setattr(search_module, "FIRST_PORTION", 7)
        monkeypatch.setattr(search_module, "LARGEST_PORTION", 11)
    if seed % 2:
        monkeypatch.setattr(search_module, "FEW_CLIENTS", 0)
    messages = list(Message.objects.select_related("mailing", "traits").order_by("-id"))

    for _ in range(40):
        search = random_search(chance)
        expected = [message.pk for message in messages if is_found(search, message)]
        assert page_through(search, most=chance.choice([1, 5, 50])) == expected, search
        assert [message.pk for message in every_message(search, portion=3)] == expected, search


def test_a_search_that_takes_too_long_says_how_far_it_came(history, monkeypatch):
    monkeypatch.setattr(search_module, "SECONDS", -1.0)
    monkeypatch.setattr(search_module, "FIRST_PORTION", 5)

    page = search_messages(MessageSearch(attempts=3, status="accepted"), most=50)

    assert page.older is not None
    assert page.searched_to is not None


def test_messages_are_found_by_a_phone_that_the_client_had_before(history):
    changed, deleted = (message.client for message in Message.objects.order_by("id")[:2])
    phones = changed.phone, deleted.phone
    Client.objects.filter(pk=changed.pk).update(phone="79161111111")
    Client.objects.filter(pk=deleted.pk).delete()
    bystander = make_client()
    Client.objects.filter(pk=bystander.pk).delete()

    found = [search_messages(MessageSearch(phone=phone)).messages for phone in phones]

    assert [[message.phone for message in each] for each in found] == [[phones[0]], [phones[1]]]
    # Who never got a message is not kept.
    assert set(FormerPhone.objects.values_list("phone", flat=True)) == set(phones)


def test_a_phone_that_was_often_given_up_hides_nobody_else(history, monkeypatch):
    monkeypatch.setattr(search_module, "FEW_CLIENTS", 3)
    deleted = Message.objects.order_by("id")[0]
    often = [FormerPhone(client_id=1 << 40, phone=deleted.phone) for _ in range(5)]
    FormerPhone.objects.bulk_create(often)
    Client.objects.filter(pk=deleted.client_id).delete()

    found = search_messages(MessageSearch(phone=deleted.phone)).messages

    assert [message.pk for message in found] == [deleted.pk]
