"""The circuit breaker of each gateway, shared by all senders through the database.

    closed ─ half of 20 calls in 30 s in trouble, or 20 at once, or told to wait ─▶ open
    open ─ a probe went well ─▶ ramping ─ half a minute ─▶ closed
    open ─ a probe did not ─▶ open, for twice as long
    any ─ our address or token is wrong, or a person says so ─▶ held ─ a person ─▶ ramping

While it is open or held nothing is claimed, so waiting costs no message an
attempt. Rejections are the gateway's business and never open it.

The time from leaving closed until it is closed again is an incident. Whoever
changes the state notes it in the same transaction.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from notifier.delivery.models import GatewayHealth
from notifier.delivery.slots import wake_slots

NEARLY_ALL = 0.9
LEAST_OF_RAMP = 0.05
# Added to the longest a probe can take; then another sender probes in its place.
PROBE_MARGIN_SECONDS = 5.0


@dataclass(frozen=True)
class Calls:
    """What some calls of a gateway came to.

    ``sound`` were answered, with acceptance or rejection; ``troubles`` were
    not, or unreadably. ``wait_seconds`` is what the gateway asked for,
    ``misconfigured`` says in words that our address or token is wrong.
    """

    gateway_id: int
    sound: int = 0
    troubles: int = 0
    probes_sound: int = 0
    probes_in_trouble: int = 0
    wait_seconds: float = 0.0
    misconfigured: str = ""


@dataclass(frozen=True)
class Permit:
    """How much of a gateway may be used now: a fraction of its concurrency, or some probes."""

    fraction: float
    probes: int = 0


CLOSED = Permit(1.0)
NOTHING = Permit(0.0)

COUNT_CALLS = """
    INSERT INTO gateway_calls AS counted (gateway_id, began_at, calls, troubles)
    VALUES (%(gateway)s, date_trunc('second', now()), %(calls)s, %(troubles)s)
    ON CONFLICT (gateway_id, began_at) DO UPDATE SET
        calls = counted.calls + excluded.calls,
        troubles = counted.troubles + excluded.troubles
"""

# A gateway that never was in trouble has no row and counts as closed.
MAKE_ROW = """
    INSERT INTO gateway_health (gateway_id, state, reason, since, openings)
    VALUES (%(gateway)s, 'closed', '', now() - interval '1 hour', 0)
    ON CONFLICT DO NOTHING
"""

REST = "least(%(first)s * 2 ^ openings, %(longest)s) * (0.8 + 0.4 * random())"

# Judged by the last second, the last two, and so on up to the whole window: at
# a high pace a minute's good calls would hide seconds of an outage. Calls before
# the last change of state are no evidence of how it does since. Where nearly all
# that were noted together came to nothing, that is enough: even one second's
# good calls would hide thousands that the outage costs.
OPEN_IN_TROUBLE = """
    UPDATE gateway_health SET
        state = 'open', since = now(), openings = openings + 1,
        retry_at = now() + {rest} * interval '1 second',
        reason = format('%%s of the last %%s calls came to nothing', seen.troubles, seen.calls)
    FROM (
        SELECT calls, troubles FROM (
            SELECT sum(calls) OVER latest AS calls, sum(troubles) OVER latest AS troubles
            FROM gateway_calls JOIN gateway_health AS known USING (gateway_id)
            WHERE gateway_id = %(gateway)s AND began_at >= known.since
              AND began_at > now() - %(window)s * interval '1 second'
            WINDOW latest AS (ORDER BY began_at DESC)
        ) AS lately
        WHERE calls >= %(fewest)s AND troubles >= %(share)s * calls
        UNION ALL
        SELECT %(calls)s, %(troubles)s
        WHERE %(troubles)s >= %(fewest)s AND %(troubles)s >= {nearly_all} * %(calls)s
        ORDER BY calls LIMIT 1
    ) AS seen
    WHERE gateway_id = %(gateway)s AND state IN ('closed', 'ramping')
"""

OPEN_AGAIN = """
    UPDATE gateway_health SET
        openings = openings + 1, probe_lease_until = NULL,
        retry_at = now() + {rest} * interval '1 second'
    WHERE gateway_id = %(gateway)s AND state = 'open' AND retry_at <= now()
"""

OPEN_AS_ASKED = """
    UPDATE gateway_health SET
        since = CASE WHEN state = 'open' THEN since ELSE now() END,
        state = 'open', reason = 'The gateway asked to wait',
        retry_at = greatest(retry_at, now() + %(wait)s * interval '1 second')
    WHERE gateway_id = %(gateway)s AND state <> 'held'
"""

RAMP = """
    UPDATE gateway_health SET
        state = 'ramping', since = now(), retry_at = NULL, probe_lease_until = NULL
    WHERE gateway_id = %(gateway)s AND state = 'open'
"""

HOLD = """
    UPDATE gateway_health SET
        state = 'held', since = now(), reason = %(reason)s, retry_at = NULL,
        probe_lease_until = NULL
    WHERE gateway_id = %(gateway)s AND state <> 'held'
"""

RELEASE = """
    UPDATE gateway_health SET state = 'ramping', since = now(), reason = '', openings = 0
    WHERE gateway_id = %(gateway)s AND state = 'held'
"""

CLOSE_RAMPED = """
    WITH closed AS (
        UPDATE gateway_health SET state = 'closed', since = now(), reason = '', openings = 0
        WHERE state = 'ramping' AND since <= now() - %(ramp)s * interval '1 second'
        RETURNING gateway_id
    )
    UPDATE gateway_incident SET ended_at = greatest(now(), began_at)
    FROM closed
    WHERE gateway_incident.gateway_id = closed.gateway_id AND ended_at IS NULL
"""

# What a change between open, held and ramping makes of incidents. Only for who
# has just changed the gateway's row, and so holds it: others could undo it. A
# change is dated by its transaction's beginning, and may have waited for one that
# began later: so no incident ends before it began, nor begins before the last ended.
END_INCIDENT_OF_ANOTHER_KIND = """
    UPDATE gateway_incident AS incident SET ended_at = greatest(since, began_at)
    FROM gateway_health AS health
    WHERE health.gateway_id = %(gateway)s AND incident.gateway_id = health.gateway_id
      AND ended_at IS NULL AND state IN ('open', 'held')
      AND (kind <> state OR (kind = 'held' AND incident.reason <> health.reason))
"""
BEGIN_INCIDENT = """
    INSERT INTO gateway_incident (gateway_id, kind, reason, began_at)
    SELECT gateway_id, state, reason, greatest(since, (
        SELECT max(ended_at) FROM gateway_incident AS past
        WHERE past.gateway_id = gateway_health.gateway_id
    ))
    FROM gateway_health
    WHERE gateway_id = %(gateway)s AND state IN ('open', 'held')
    ON CONFLICT (gateway_id) WHERE ended_at IS NULL DO NOTHING
"""

LEASE_PROBE = """
    UPDATE gateway_health SET
        probe_lease_until = now() + (gateway.total_timeout_seconds + %(margin)s)
                                    * interval '1 second'
    FROM gateway
    WHERE gateway.id = gateway_id AND gateway_id = %(gateway)s
      AND state = 'open' AND retry_at <= now()
      AND coalesce(probe_lease_until, '-infinity') < now()
    RETURNING gateway_id
"""


def note_calls(calls: Calls) -> None:
    """Learn from calls that have ended. Belongs into the transaction that records them."""
    values = _values(calls.gateway_id)
    numbers = {"calls": calls.sound + calls.troubles, "troubles": calls.troubles}
    with connection.cursor() as cursor:
        if numbers["calls"]:
            cursor.execute(COUNT_CALLS, {**values, **numbers})
        if calls.troubles or calls.wait_seconds or calls.misconfigured:
            cursor.execute(MAKE_ROW, values)
    if calls.probes_sound:
        _change(RAMP, values)
    elif calls.probes_in_trouble:
        _change(OPEN_AGAIN.format(rest=REST), values)
    if calls.troubles:
        _change(OPEN_IN_TROUBLE.format(rest=REST, nearly_all=NEARLY_ALL), {**values, **numbers})
    if calls.wait_seconds:
        _change(OPEN_AS_ASKED, {**values, "wait": calls.wait_seconds})
    if calls.misconfigured:
        _change(HOLD, {**values, "reason": calls.misconfigured})


def permits(*, probing: Collection[int]) -> dict[int, Permit]:
    """What may be used of each gateway now; one that is not named may be used fully.

    Grants the probes of a gateway whose rest is over to one caller at a time,
    of those who have a message to probe it with: ``probing``.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT gateway_id, state, extract(epoch FROM now() - since)::float,"
            " coalesce(retry_at <= now(), false) FROM gateway_health WHERE state <> 'closed'"
        )
        rows = cursor.fetchall()
    if any(state == GatewayHealth.State.RAMPING for _, state, _, _ in rows):
        close_ramped()
    return {
        gateway_id: _permit(
            gateway_id, state, seconds=seconds, may_probe=is_rested and gateway_id in probing
        )
        for gateway_id, state, seconds, is_rested in rows
    }


def close_ramped() -> None:
    """The gateways that have recovered for long enough work as ever. The sweep does it, too."""
    with connection.cursor() as cursor:
        cursor.execute(CLOSE_RAMPED, {"ramp": settings.BREAKER_RAMP_SECONDS})


def hold(gateway_id: int, *, reason: str) -> None:
    """Send nothing through the gateway until a person releases it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(MAKE_ROW, _values(gateway_id))
        _change(HOLD, {**_values(gateway_id), "reason": reason})


def release(gateway_id: int) -> None:
    """Send again through a held gateway, at first a little."""
    with transaction.atomic():
        _change(RELEASE, _values(gateway_id))
        wake_slots()


def forget_old_calls() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM gateway_calls WHERE began_at < now() - interval '10 minutes'")


def _change(statement: str, values: Mapping[str, Any]) -> None:
    """Change the state of the gateway in ``values`` where the statement says so, and its incident.

    Belongs into a transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if cursor.rowcount:
            cursor.execute(END_INCIDENT_OF_ANOTHER_KIND, values)
            cursor.execute(BEGIN_INCIDENT, values)


def _permit(gateway_id: int, state: str, *, seconds: float, may_probe: bool) -> Permit:
    if state == GatewayHealth.State.RAMPING:
        return Permit(min(1.0, max(LEAST_OF_RAMP, seconds / settings.BREAKER_RAMP_SECONDS)))
    if state == GatewayHealth.State.OPEN and may_probe and _lease_probe(gateway_id):
        return Permit(0.0, probes=settings.BREAKER_PROBES)
    return NOTHING


def _lease_probe(gateway_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(LEASE_PROBE, {"gateway": gateway_id, "margin": PROBE_MARGIN_SECONDS})
        return cursor.fetchone() is not None


def _values(gateway_id: int) -> dict[str, float]:
    return {
        "gateway": gateway_id,
        "first": settings.BREAKER_FIRST_REST_SECONDS,
        "longest": settings.BREAKER_LONGEST_REST_SECONDS,
        "window": settings.BREAKER_WINDOW_SECONDS,
        "fewest": settings.BREAKER_FEWEST_CALLS,
        "share": settings.BREAKER_TROUBLE_SHARE,
    }
