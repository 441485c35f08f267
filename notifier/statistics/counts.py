"""How many messages came to what: from the counters, never by counting messages."""

from collections.abc import Iterable

from django.db import connection
from django.db.models import Count, Sum
from django.utils import timezone

from notifier.delivery.models import TERMINAL, Claim, MessageStatus, MinuteCount
from notifier.delivery.rollup import local_day
from notifier.mailings.models import Mailing
from notifier.statistics.breakdown import Scope, first_day, totals

Counts = dict[str, int]

REASONS_IN_WORDS = {
    "rejected": "Rejected by the gateway",
    "rejected_after_unknown": "Rejected, but an earlier attempt may have got through",
    "too_many_requests": "The gateway asked to slow down (429)",
    "unavailable": "The gateway was unavailable (503)",
    "server_error": "The gateway failed (5xx)",
    "unreadable_reply": "The gateway's reply could not be read",
    "timed_out": "The gateway did not answer in time",
    "broken_connection": "The connection broke before the reply",
    "no_name": "The gateway's name could not be looked up",
    "no_connection": "The gateway could not be reached",
    "no_tls": "No secure connection to the gateway",
    "unauthorised": "The gateway refused the token (401)",
    "forbidden": "The gateway refused access (403)",
    "not_found": "The gateway's address is wrong (404)",
    "redirected": "The gateway redirects elsewhere",
    "sender_lost": "The sender vanished while it held the message",
    "counted_as_sent": "No clear answer; a person counted it as sent",
    "end_passed": "The mailing's end came first",
    "cancelled": "The mailing was cancelled",
    "opted_out": "The client has opted out",
    "client_deleted": "The client was deleted",
}


def reason_in_words(reason: str | None) -> str:
    return REASONS_IN_WORDS.get(reason or "", reason or "")


def mailing_counts(mailing: Mailing) -> Counts:
    """Messages of one mailing by status, every status present; they add up to the audience."""
    return mailing_counts_many([mailing])[mailing.pk]


def mailing_counts_many(mailings: Iterable[Mailing]) -> dict[int, Counts]:
    """The same for several mailings, by their ids, in one query for the outcomes and one more."""
    by_id = {mailing.pk: mailing for mailing in mailings}
    counts: dict[int, Counts] = {key: dict.fromkeys(MessageStatus.values, 0) for key in by_id}
    outcomes = (
        MinuteCount.objects.filter(mailing__in=by_id, outcome__in=TERMINAL)
        .values_list("mailing_id", "outcome")
        .annotate(total=Sum("count"))
    )
    for mailing_id, outcome, total in outcomes:
        counts[mailing_id][outcome] = total
    claims = Claim.objects.filter(mailing__in=by_id).values_list("mailing_id")
    for mailing_id, sending in claims.annotate(total=Sum("open")):
        counts[mailing_id]["sending"] = sending
    for mailing_id, mailing in by_id.items():
        _fill_up_with_waiting(counts[mailing_id], audience=mailing.audience)
    return counts


def total_counts() -> Counts:
    """Messages of all mailings by status. A year of days that are rolled up costs a few ms."""
    counts: Counts = dict.fromkeys(MessageStatus.values, 0)
    if first := first_day():
        ended = totals(Scope(first, local_day(timezone.now())))
        counts |= {status: ended[status] for status in TERMINAL}
    counts["sending"] = Claim.objects.aggregate(total=Sum("open", default=0))["total"]
    audience = Mailing.objects.aggregate(total=Sum("audience", default=0))["total"]
    _fill_up_with_waiting(counts, audience=audience)
    return counts


def mailings_by_status() -> Counts:
    return dict(Mailing.objects.order_by().values_list("status").annotate(total=Count("id")))


# Those that wait to be tried again are in no counter, but in the index message_due.
FAILURE_REASONS = """
    SELECT reason, sum(count)::bigint FROM (
        SELECT value AS reason, count FROM quarter_hour_count
        WHERE mailing_id = %(mailing)s AND dimension = 'reason' AND value <> ''
          AND outcome <> 'retried'
        UNION ALL
        SELECT reason, count(*) FROM message
        WHERE mailing_id = %(mailing)s AND due_at IS NOT NULL AND reason IS NOT NULL
        GROUP BY reason
    ) AS counted GROUP BY reason HAVING sum(count) > 0 ORDER BY sum(count) DESC, reason
"""


def failure_reasons(mailing: Mailing) -> list[tuple[str, str, int]]:
    """Why messages were not accepted, or not yet: (reason, words, messages), most first."""
    with connection.cursor() as cursor:
        cursor.execute(FAILURE_REASONS, {"mailing": mailing.pk})
        return [(reason, reason_in_words(reason), count) for reason, count in cursor.fetchall()]


def retries(mailing: Mailing) -> int:
    """How many attempts put their message back to wait."""
    counted = MinuteCount.objects.filter(mailing=mailing, outcome=MinuteCount.RETRIED)
    return counted.aggregate(total=Sum("count", default=0))["total"]


def _fill_up_with_waiting(counts: Counts, *, audience: int) -> None:
    # Audience and counters are read one after the other while sending goes
    # on, so the rest is what is not accounted for yet, and never negative.
    ended = sum(counts[status] for status in TERMINAL)
    counts["sending"] = max(0, min(counts["sending"], audience - ended))
    counts["pending"] = max(0, audience - ended - counts["sending"])
