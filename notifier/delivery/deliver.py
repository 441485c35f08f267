"""A slice: for about a minute one worker claims, sends and records, for all mailings.

The worker's own thread keeps the books (claims, results, leases); a Sender,
which lives as long as the process, keeps the sockets busy meanwhile.
"""

import gc
import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction

from notifier.delivery import breaker, slots, wakeups, work
from notifier.delivery.ledger import (
    ClaimedBatch,
    Result,
    claim_messages,
    renew_claims,
    return_unsent,
)
from notifier.delivery.outcome import Sent, result_of
from notifier.delivery.queue import enqueue
from notifier.delivery.rates import Rate, take_from_both
from notifier.delivery.record import Recorder, forget_connection, is_database_away
from notifier.delivery.rejections import pause_if_rejected
from notifier.delivery.share import Share
from notifier.delivery.slots import Slice
from notifier.delivery.stopping import is_stopping
from notifier.delivery.work import RunningMailing
from notifier.failpoints import reach
from notifier.gateway.bulk import Lane
from notifier.gateway.sender import Sender
from notifier.gateway.wire import (
    Reply,
    Request,
    message_body,
    message_url,
    request_headers,
    text_as_json,
)
from notifier.mailings.models import Gateway

RENEWALS_IN_A_LEASE = 5
LOOK_SECONDS = 0.25
# A mailing whose rate is used up is looked at again so soon.
PACE_SECONDS = 0.05
# Requests begin only well before the lease ends, by anybody's clock.
LEASE_MARGIN_SECONDS = 2.0
# Replies are taken in batches: the books cost less per message that way.
ENOUGH_REPLIES = 200
TURN_SECONDS = 0.02
# A request that begins before the end should also arrive before it.
END_MARGIN_SECONDS = 0.1
# Python's own 700 is meant for programs that make cycles.
COLLECT_AFTER_OBJECTS = 50_000
# When the cluster is asked to stop, replies may take this long.
STOP_GRACE_SECONDS = 8.0
# What is broken off comes back at once.
ABORT_SECONDS = 2.0
DATABASE_RETRY_SECONDS = 0.5

_sender: Sender | None = None
_lanes: dict[int, tuple[object, Lane]] = {}


def deliver_slice(*, slot: int, generation: int) -> None:
    """Send what is due, in this slot, unless the task is late or a duplicate."""
    worker = f"{socket.gethostname()}:{os.getpid()}"
    slice_ = slots.begin_slice(slot=slot, generation=generation, worker=worker)
    if slice_ is not None:
        Delivery(slice_, process_sender()).run()


def process_sender() -> Sender:
    """The sender of this process, with its connections: made once, kept across slices."""
    global _sender  # noqa: PLW0603 - one per process is the point
    if _sender is None or not _sender.is_alive:
        _sender = Sender()
        _lanes.clear()
        _spare_the_collector()
    return _sender


def _spare_the_collector() -> None:
    """Have Python look for garbage cycles less often than every 700 new objects.

    A message makes some objects and no cycles; looking for them among all that
    is under way took a tenth of the sender's time.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)


def lane_to(gateway: Gateway) -> Lane:
    """The kept connections to a gateway; new ones where its settings have changed."""
    settings_now = (
        gateway.connect_timeout_seconds,
        gateway.total_timeout_seconds,
        settings.GATEWAY_TOKEN,
    )
    known, lane = _lanes.get(gateway.pk, (None, None))
    if lane is None or known != settings_now:
        lane = Lane(
            headers=request_headers(settings.GATEWAY_TOKEN),
            connect_timeout_seconds=gateway.connect_timeout_seconds,
            total_timeout_seconds=gateway.total_timeout_seconds,
        )
        _lanes[gateway.pk] = (settings_now, lane)
    return lane


class Delivery:
    """One slice at work."""

    def __init__(self, slice_: Slice, sender: Sender) -> None:
        self.slice = slice_
        self.sender = sender
        self.recorder = Recorder()
        self.taken: list[Reply] = []
        self.unsent: list[Sent] = []
        self.claims: set[int] = set()
        self.rejected: set[int] = set()
        self.paced_until: dict[int, float] = {}
        self.shares: dict[int, Share] = {}
        self.mailings: dict[int, RunningMailing] = {}
        self.texts: dict[int, bytes] = {}
        self.due: set[int] = set()
        self.served: set[int] = set()
        self.wakes_seen = slice_.wakes
        self.is_lost = self.look_again = False
        self.began_at = self.replied_at = time.monotonic()
        self.renewed_at = self.looked_at = 0.0

    def run(self) -> None:
        """Claim, send and record until nothing is due, the time is over or the slot is lost."""
        # A slice of this process that broke off may have left requests behind.
        self._recall(self.sender.take_back())
        through_trouble(self._renew)
        while self._goes_on():
            through_trouble(self._turn)
        self._wind_down()
        through_trouble(self._hand_over)

    # --- the loop ---------------------------------------------------------------------

    def _goes_on(self) -> bool:
        if self.is_lost or is_stopping() or self._seconds_left() <= 0:
            return False
        return bool(self.due or self._held() or len(self.recorder) or not self.looked_at)

    def _turn(self) -> None:
        now = time.monotonic()
        if now - self.renewed_at >= renew_seconds():
            self._renew()
        if (
            self.look_again
            or now - self.looked_at >= LOOK_SECONDS
            or not (self.due or self._held())
        ):
            self._look()
        self._claim()
        self._take_replies()
        self._write_if_due()
        if self.recorder.wrote_troubles:
            # Its breaker may have opened: nothing more may begin.
            self.recorder.wrote_troubles = False
            self._look()

    def _renew(self) -> None:
        """Hold slot and claims for another lease; requests may begin until shortly before its end.

        The lease is counted from before the statement, so that it never ends
        later here than in the database.
        """
        asked_at = time.monotonic()
        wakes = slots.renew_slice(self.slice)
        if wakes is None:
            self.is_lost = True
            return
        self.claims = renew_claims(self.claims, lease_seconds=settings.LEASE_SECONDS)
        self.wakes_seen = wakes
        self.renewed_at = asked_at
        self.sender.lease(asked_at + settings.LEASE_SECONDS - LEASE_MARGIN_SECONDS)

    def _look(self) -> None:
        """See which mailings may send now; recall what was claimed for those that no longer may."""
        asked_at = time.monotonic()
        self.look_again = False
        running = {mailing.id: mailing for mailing in work.running_mailings()}
        for mailing_id in self.mailings.keys() - running.keys() | self._ending_sooner(running):
            self._recall(self.sender.take_back(mailing_id))
        if running.keys() - self.mailings.keys():
            self._open_shares()
        self.mailings = running
        self._ask_breakers()
        self.due = {
            mailing.id
            for mailing in running.values()
            if mailing.is_due and self._is_permitted(mailing.gateway_id)
        }
        self.looked_at = asked_at
        if not len(self.recorder):
            self._close_what_is_done()

    def _ending_sooner(self, running: dict[int, RunningMailing]) -> set[int]:
        """Mailings whose end was moved forward: what waits here was told the later one."""
        passed = time.monotonic() - self.looked_at
        return {
            mailing_id
            for mailing_id, before in self.mailings.items()
            if mailing_id in running
            and running[mailing_id].seconds_left < before.seconds_left - passed - 1.0
        }

    def _open_shares(self) -> None:
        gateways = work.gateways()
        self.sender.keep_lanes(gateways)
        for gone in _lanes.keys() - gateways.keys():
            del _lanes[gone]
        for gateway in gateways.values():
            share = self.shares.setdefault(gateway.pk, Share(gateway, slot=self.slice.slot))
            self.sender.open_lane(gateway.pk, lane_to(gateway), concurrency=share.concurrency)

    def _ask_breakers(self) -> None:
        """Use of each gateway what its breaker permits; recall what waits for one that rests."""
        permits = breaker.permits(probing=self._ready_to_probe())
        for gateway_id, share in self.shares.items():
            before = share.concurrency
            share.allow(permits.get(gateway_id, breaker.CLOSED))
            if share.concurrency != before or share.probes:
                self.sender.set_concurrency(gateway_id, share.concurrency or share.probes)
            if before and not share.concurrency:
                self._recall(self.sender.take_back_lane(gateway_id))

    def _ready_to_probe(self) -> set[int]:
        """The gateways for which something is due, and time left to claim and await it."""
        return {
            mailing.gateway_id
            for mailing in self.mailings.values()
            if mailing.is_due
            and self._seconds_left() > self.shares[mailing.gateway_id].slowest_reply_seconds
        }

    def _is_permitted(self, gateway_id: int) -> bool:
        share = self.shares.get(gateway_id)
        return share is not None and bool(share.concurrency or share.probes)

    # --- claiming ---------------------------------------------------------------------

    def _claim(self) -> None:
        now = time.monotonic()
        due = [
            self.mailings[mailing_id]
            for mailing_id in sorted(self.due)
            if self.paced_until.get(mailing_id, 0.0) <= now
        ]
        for share in self.shares.values():
            if self._seconds_left() <= share.slowest_reply_seconds:
                continue  # its last replies would keep the others waiting
            if share.probes:
                self._probe(share, due)
            for mailing, most in share.portions(due):
                self._claim_one(share, mailing, most)

    def _probe(self, share: Share, due: list[RunningMailing]) -> None:
        """Try a gateway whose rest is over with a few messages."""
        for mailing in due:
            if mailing.gateway_id == share.gateway.pk and share.probes:
                self._claim_one(share, mailing, share.probes, is_probe=True)
                share.probes = 0
                self.due.discard(mailing.id)

    def _claim_one(
        self, share: Share, mailing: RunningMailing, most: int, *, is_probe: bool = False
    ) -> None:
        batch, unused = self._claim_at_rate(share, mailing, most)
        if unused:
            # Perhaps there is no more; perhaps it lies further on.
            self.due.discard(mailing.id)
            self.look_again = True
        if batch is not None:
            self.claims.add(batch.claim_id)
            reach("claimed")
            share.held[mailing.id] += len(batch.messages)
            self.served.add(mailing.id)
            requests = self._requests(batch, mailing, share.gateway, is_probe=is_probe)
            self.sender.submit(share.gateway.pk, requests)

    def _claim_at_rate(
        self, share: Share, mailing: RunningMailing, most: int
    ) -> tuple[ClaimedBatch | None, int]:
        """The batch, and how many more might have been claimed."""
        of_gateway = Rate("gateway", share.gateway.pk, share.gateway.rate_per_second)
        of_mailing = Rate("mailing", mailing.id, mailing.rate_per_second)
        with transaction.atomic() if of_gateway.is_set or of_mailing.is_set else nullcontext():
            most = take_from_both(of_gateway, of_mailing, most)
            if not most:
                self.paced_until[mailing.id] = time.monotonic() + PACE_SECONDS
                return None, 0
            batch = claim_messages(
                mailing_id=mailing.id,
                gateway_id=share.gateway.pk,
                slot=self.slice.slot,
                generation=self.slice.generation,
                worker=self.slice.worker,
                lease_seconds=settings.LEASE_SECONDS,
                most=most,
            )
            unused = most - (len(batch.messages) if batch else 0)
            of_gateway.give_back(unused)
            of_mailing.give_back(unused)
        return batch, unused

    def _requests(
        self, batch: ClaimedBatch, mailing: RunningMailing, gateway: Gateway, *, is_probe: bool
    ) -> list[Request]:
        begin_before = self.looked_at + mailing.seconds_left - END_MARGIN_SECONDS
        if mailing.id not in self.texts:
            self.texts[mailing.id] = text_as_json(mailing.text)
        text = self.texts[mailing.id]
        base_url, gateway_id, claim_id = gateway.base_url, gateway.pk, batch.claim_id
        return [
            Request(
                message_url(base_url, message_id),
                message_body(message_id, phone, text),
                Sent(message_id, claim_id, attempts + 1, mailing.id, gateway_id, is_probe),
                mailing.id,
                begin_before,
            )
            for message_id, phone, attempts in batch.messages
        ]

    # --- recording --------------------------------------------------------------------

    def _take_replies(self) -> None:
        self.taken += self.sender.take_replies(TURN_SECONDS, enough=ENOUGH_REPLIES)
        # Before any is worked on: this may need the database, and none may be
        # lost, or counted twice, where that is away.
        self._know_shares_of(self.taken)
        replies, self.taken = self.taken, []
        self._judge(replies)

    def _judge(self, replies: list[Reply]) -> None:
        results: list[Result] = []
        by_gateway: dict[int, list[Reply]] = defaultdict(list)
        for reply in replies:
            sent: Sent = reply.key  # type: ignore[assignment]
            share = self.shares[sent.gateway_id]
            share.let_go(sent.mailing_id)
            by_gateway[sent.gateway_id].append(reply)
            result = result_of(reply, unknown_outcome=share.gateway.unknown_outcome)
            if result is None:
                self.unsent.append(sent)
            else:
                results.append(result)
                if result.status == "failed":
                    self.rejected.add(sent.mailing_id)
        self.recorder.add(results)
        self._note_pace(by_gateway)

    def _know_shares_of(self, replies: list[Reply]) -> None:
        """Also those of gateways to which only an earlier slice of this process has sent."""
        gateway_ids = {reply.key.gateway_id for reply in replies}  # type: ignore[attr-defined]
        for gateway_id in gateway_ids - self.shares.keys():
            gateway = Gateway.objects.get(pk=gateway_id)
            self.shares[gateway_id] = Share(gateway, slot=self.slice.slot)

    def _note_pace(self, by_gateway: dict[int, list[Reply]]) -> None:
        now = time.monotonic()
        over_seconds = max(now - self.replied_at, 0.001)
        self.replied_at = now
        for gateway_id, share in self.shares.items():
            durations = [reply.duration_seconds for reply in by_gateway.get(gateway_id, ())]
            share.note_replies(durations, over_seconds=over_seconds)

    def _recall(self, requests: list[Request]) -> None:
        """Let go of requests that have not begun; their messages are put back."""
        for request in requests:
            sent: Sent = request.key  # type: ignore[assignment]
            self.unsent.append(sent)
            if sent.gateway_id in self.shares:
                self.shares[sent.gateway_id].let_go(sent.mailing_id)

    def _write_if_due(self) -> None:
        nothing_follows = not (self.due or self._held())
        self.recorder.write_if_due(at_once=nothing_follows)
        self._put_back_unsent()
        if self.rejected and not len(self.recorder):
            pause_if_rejected(self.rejected)
            self.rejected.clear()

    def _put_back_unsent(self) -> None:
        by_claim: dict[int, list[int]] = defaultdict(list)
        for sent in self.unsent:
            by_claim[sent.claim_id].append(sent.message_id)
        for claim_id, message_ids in by_claim.items():
            return_unsent(claim_id, message_ids)
        self.unsent.clear()

    # --- the end ----------------------------------------------------------------------

    def _wind_down(self) -> None:
        """Let what is under way finish, then write everything down."""
        self._recall(self.sender.take_back())
        self._settle(self._slowest_deadline_seconds())
        if self._held():
            self.sender.abort()
            self._settle(ABORT_SECONDS)
        through_trouble(self.recorder.write)
        through_trouble(self._put_back_unsent)

    def _settle(self, patience_seconds: float) -> None:
        """Take replies until none is missing, or for so long; less when the cluster stops."""
        until = time.monotonic() + patience_seconds
        while self._held() and time.monotonic() < until:
            if is_stopping():
                until = min(until, time.monotonic() + STOP_GRACE_SECONDS)
            through_trouble(self._settle_turn)

    def _settle_turn(self) -> None:
        if not self.is_lost and time.monotonic() - self.renewed_at >= renew_seconds():
            self._renew()
        self._take_replies()
        self._write_if_due()

    def _hand_over(self) -> None:
        self._close_what_is_done()
        if self.is_lost:
            return
        more = bool(self.due) or is_stopping() or self._seconds_left() <= 0
        slots.end_slice(self.slice, wakes=self.wakes_seen, more=more)
        if not more:
            self._arm_next_attempt()

    def _close_what_is_done(self) -> None:
        """Have the mailings looked at of which nothing is due, held or unwritten here."""
        held = {mailing_id for share in self.shares.values() for mailing_id in +share.held}
        for mailing_id in self.served - self.due - held:
            enqueue("close", mailing_id)
            self.served.discard(mailing_id)

    def _arm_next_attempt(self) -> None:
        moment = work.earliest_due()
        if moment is not None and wakeups.is_near(moment):
            wakeups.wake_senders_at(moment)

    def _held(self) -> int:
        return sum(share.held_in_all for share in self.shares.values())

    def _seconds_left(self) -> float:
        return self.began_at + settings.SLICE_SECONDS - time.monotonic()

    def _slowest_deadline_seconds(self) -> float:
        return 1.0 + max(
            (share.gateway.total_timeout_seconds for share in self.shares.values()), default=0.0
        )


def renew_seconds() -> float:
    return settings.LEASE_SECONDS / RENEWALS_IN_A_LEASE


def through_trouble(step: Callable[[], None]) -> None:
    """Take a step again until the database answers; none is lost by being repeated."""
    until = time.monotonic() + settings.DATABASE_PATIENCE_SECONDS
    while True:
        try:
            return step()
        except (DatabaseError, InterfaceError) as error:
            if not is_database_away(error):
                raise
            forget_connection(error)
            if time.monotonic() >= until or is_stopping():
                raise
            time.sleep(DATABASE_RETRY_SECONDS)
