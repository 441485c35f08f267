"""One slot's share of a gateway: how many requests at once, how many claimed ahead."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from django.conf import settings

from notifier.delivery.breaker import Permit
from notifier.delivery.work import RunningMailing
from notifier.mailings.models import Gateway

# What is claimed and then lost in a crash becomes uncertain: keep it small,
# but enough for as long as the next claim takes.
MOST_AHEAD = 1_000
AHEAD_SECONDS = 0.15
# A mailing that has nothing claimed gets so many, however full the line is.
FIRST_PORTION = 50
# How long a slow reply is remembered.
FORGET_SECONDS = 30.0


class Share:
    """What one slot holds of one gateway, and what it may still claim for it."""

    def __init__(self, gateway: Gateway, *, slot: int) -> None:
        self.gateway = gateway
        self.concurrency = self.whole = concurrency_of_slot(gateway.concurrency, slot=slot)
        self.probes = 0
        self.held: Counter[int] = Counter()
        self.replies_per_second = 0.0
        self.slowest_reply_seconds = 0.0
        self._silent_seconds = 0.0

    def allow(self, permit: Permit) -> None:
        """Use as much of the gateway as its breaker permits."""
        self.probes = permit.probes
        self.concurrency = (
            max(1, round(self.whole * permit.fraction)) if self.whole and permit.fraction else 0
        )

    @property
    def held_in_all(self) -> int:
        return self.held.total()

    @property
    def target(self) -> int:
        """How many claimed messages keep the connections busy until the next claim."""
        ahead = max(self.concurrency, round(self.replies_per_second * AHEAD_SECONDS))
        return self.concurrency + min(ahead, MOST_AHEAD)

    @property
    def room(self) -> int:
        """How many to claim now; 0 until that is worth a statement."""
        room = self.target - self.held_in_all
        return room if room >= (self.target - self.concurrency) // 2 else 0

    def portions(self, due: Iterable[RunningMailing]) -> Iterator[tuple[RunningMailing, int]]:
        """How many to claim of each mailing: equal parts, and a first one for the hungry."""
        if not self.concurrency:
            return
        mailings = [each for each in due if each.gateway_id == self.gateway.pk]
        each_part = self.room // max(len(mailings), 1)
        for mailing in mailings:
            if not self.held[mailing.id]:
                yield mailing, max(each_part, FIRST_PORTION)
            elif each_part:
                yield mailing, each_part

    def let_go(self, mailing_id: int) -> None:
        """One message less is held; replies to an earlier slice were never counted."""
        if self.held[mailing_id] > 0:
            self.held[mailing_id] -= 1

    def note_replies(self, durations: Sequence[float], *, over_seconds: float) -> None:
        """Keep the pace of the last second or so, and how slow a reply may be.

        Silence while requests are out counts as a reply that slow.
        """
        weight = min(1.0, over_seconds)
        self.replies_per_second += weight * (
            len(durations) / over_seconds - self.replies_per_second
        )
        self._silent_seconds = (
            0.0 if durations or not self.held_in_all else self._silent_seconds + over_seconds
        )
        self.slowest_reply_seconds = max(
            self.slowest_reply_seconds * (1 - weight / FORGET_SECONDS),
            self._silent_seconds,
            max(durations, default=0.0),
        )


def concurrency_of_slot(concurrency: int, *, slot: int) -> int:
    """The slot's part of a gateway's concurrency; the parts add up to the whole."""
    part, rest = divmod(concurrency, settings.SENDER_SLOTS)
    return part + (1 if slot <= rest else 0)
