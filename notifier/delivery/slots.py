"""Slots: at most one slice of sending runs in each, whatever the queue does.

The queue may hand out a task twice, late or never. So a slice begins by a
compare-and-set on its slot's generation, holds a lease while it works, and
ends by another compare-and-set in the transaction that queues its successor.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction

from notifier.delivery.models import Slot
from notifier.delivery.queue import enqueue

# A queued slice may wait for a worker for so much longer than a lease before it
# is queued again.
QUEUED_MARGIN_SECONDS = 5.0

WAKE = """
    UPDATE slot SET
        wakes = wakes + 1,
        generation = CASE WHEN {asleep} THEN generation + 1 ELSE generation END,
        state = CASE WHEN {asleep} THEN 'queued' ELSE state END,
        lease_expires_at = CASE WHEN {asleep} THEN now() + %(queued)s * interval '1 second'
                                ELSE lease_expires_at END
    FROM (
        SELECT id, {asleep} AS was_asleep FROM slot WHERE id <= %(slots)s ORDER BY id FOR UPDATE
    ) AS before
    WHERE slot.id = before.id
    RETURNING slot.id, slot.generation, before.was_asleep
"""
ASLEEP = "(slot.state = 'idle' OR slot.lease_expires_at < now())"


@dataclass(frozen=True)
class Slice:
    """One turn of one slot: what a worker holds while it sends."""

    slot: int
    generation: int
    worker: str
    wakes: int


def wake_slots() -> None:
    """There may be something to send: start every slot that sleeps, or whose worker died.

    A slot that is awake is told to look again before it ends.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        _make_missing_slots()
        cursor.execute(
            WAKE.format(asleep=ASLEEP),
            {"queued": queued_seconds(), "slots": settings.SENDER_SLOTS},
        )
        for slot, generation, was_asleep in cursor.fetchall():
            if was_asleep:
                enqueue("deliver_slice", slot, generation)


def revive_dead_slots() -> None:
    """Start again the slots whose worker or whose queued task was lost."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM slot WHERE state <> 'idle' AND lease_expires_at < now()"
            " AND id <= %s)",
            [settings.SENDER_SLOTS],
        )
        if cursor.fetchone()[0]:
            wake_slots()


def begin_slice(*, slot: int, generation: int, worker: str) -> Slice | None:
    """Take the slot for this generation; None for a task that is late or a duplicate."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE slot SET state = 'running', worker = %s,"
            " lease_expires_at = now() + %s * interval '1 second'"
            " WHERE id = %s AND generation = %s AND state = 'queued' RETURNING wakes",
            [worker, settings.LEASE_SECONDS, slot, generation],
        )
        row = cursor.fetchone()
    return Slice(slot, generation, worker, wakes=row[0]) if row else None


def renew_slice(slice_: Slice) -> int | None:
    """Hold the slot for another lease; the present count of wakes, or None where it was lost."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE slot SET lease_expires_at = now() + %s * interval '1 second'"
            " WHERE id = %s AND generation = %s AND state = 'running' RETURNING wakes",
            [settings.LEASE_SECONDS, slice_.slot, slice_.generation],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def end_slice(slice_: Slice, *, wakes: int, more: bool) -> None:
    """Give the slot up; with ``more`` to do, or a wake that came meanwhile, to a successor."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE slot SET generation = generation + 1, worker = '',"
            " state = CASE WHEN %(more)s OR wakes <> %(wakes)s THEN 'queued' ELSE 'idle' END,"
            " lease_expires_at = now() + %(queued)s * interval '1 second'"
            " WHERE id = %(slot)s AND generation = %(generation)s AND state = 'running'"
            " RETURNING generation, state",
            {
                "more": more,
                "wakes": wakes,
                "queued": queued_seconds(),
                "slot": slice_.slot,
                "generation": slice_.generation,
            },
        )
        row = cursor.fetchone()
        if row and row[1] == Slot.State.QUEUED:
            enqueue("deliver_slice", slice_.slot, row[0])


def queued_seconds() -> float:
    return settings.LEASE_SECONDS + QUEUED_MARGIN_SECONDS


def _make_missing_slots() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO slot (id, generation, state, wakes, worker)"
            " SELECT id, 0, 'idle', 0, '' FROM generate_series(1, %s) AS id"
            " ON CONFLICT DO NOTHING",
            [settings.SENDER_SLOTS],
        )
