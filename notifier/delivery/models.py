from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from notifier.clients.models import Client
from notifier.mailings.models import Gateway, Mailing


class MessageStatus(models.TextChoices):
    PENDING = "pending", "Waiting"
    SENDING = "sending", "Sending"
    ACCEPTED = "accepted", "Accepted"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"
    SKIPPED = "skipped", "Skipped"


OPEN = ("pending", "sending")
TERMINAL = ("accepted", "failed", "unknown", "expired", "cancelled", "skipped")
# A message that may have reached its phone cannot be said not to have been sent.
NOT_SENT = ("failed", "expired", "cancelled", "skipped")


class Message(models.Model):
    """What became of one recipient of one mailing. Its id is the id sent to the gateway.

    Statuses change only in delivery.ledger. A message that waits for its first
    attempt has no ``due_at``: its mailing's Frontier says where such begin. So
    claiming it and recording its acceptance change no indexed value, and
    rewrite the row in its place (heap-only updates).
    """

    mailing = models.ForeignKey(
        Mailing, models.CASCADE, related_name="messages", db_index=False, db_constraint=False
    )
    # The row outlives its client: the phone is kept beside it.
    client = models.ForeignKey(
        Client, models.DO_NOTHING, related_name="messages", db_index=False, db_constraint=False
    )
    phone = models.CharField(max_length=15, db_collation="C")
    status = models.CharField(max_length=9, choices=MessageStatus)
    # Null, not empty, where all went well: such rows are not in the index.
    reason = models.CharField(  # noqa: DJ001
        max_length=40, null=True, help_text="Why it was not accepted, or not yet."
    )
    due_at = models.DateTimeField(
        null=True, help_text="When it may be claimed again; null before the first time."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    maybe_sent = models.BooleanField(
        default=False, help_text="Some attempt ended with an unknown outcome."
    )
    claim_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True, help_text="When the last attempt began.")
    finished_at = models.DateTimeField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    gateway_code = models.BigIntegerField(null=True)
    # Of when it was chosen: clients change, and are deleted.
    traits = models.ForeignKey(
        "notifier.Traits",
        models.DO_NOTHING,
        null=True,
        related_name="messages",
        db_index=False,
        db_constraint=False,
    )

    class Meta:
        app_label = "notifier"
        db_table = "message"
        indexes = [
            models.Index(
                fields=["mailing", "due_at"],
                condition=Q(due_at__isnull=False),
                name="message_due",
            ),
            models.Index(
                fields=["mailing", "reason"],
                condition=Q(reason__isnull=False),
                name="message_reason",
            ),
            # The newest first, of all mailings.
            models.Index(
                fields=["reason", "id"],
                condition=Q(reason__isnull=False),
                name="message_reason_newest",
            ),
        ]
        constraints = [
            # The client first: so it also finds all messages of a client.
            models.UniqueConstraint(fields=["client", "mailing"], name="message_one_per_recipient"),
            models.CheckConstraint(
                condition=Q(due_at__isnull=True, attempts=0, status="pending")
                | Q(due_at__isnull=False, status="pending")
                | (~Q(status="pending") & Q(due_at__isnull=True)),
                name="message_tried_and_pending_has_due_time",
            ),
            models.CheckConstraint(
                condition=Q(status="sending", claim_id__isnull=False)
                | (~Q(status="sending") & Q(claim_id__isnull=True)),
                name="message_sending_has_claim",
            ),
            models.CheckConstraint(
                condition=Q(status__in=OPEN, finished_at__isnull=True)
                | Q(status__in=TERMINAL, finished_at__isnull=False),
                name="message_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(maybe_sent=True, status__in=NOT_SENT),
                name="message_maybe_sent_stays_honest",
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"


class Traits(models.Model):
    """What recipients have in common by which statistics tell them apart, each once."""

    id = models.AutoField(primary_key=True)
    operator = models.PositiveSmallIntegerField()
    tag = models.CharField(max_length=100, db_collation="C")
    timezone = models.CharField(max_length=64, db_collation="C")

    class Meta:
        app_label = "notifier"
        db_table = "traits"
        constraints = [
            models.UniqueConstraint(fields=["operator", "tag", "timezone"], name="traits_unique")
        ]

    def __str__(self) -> str:
        return f"{self.operator}, {self.tag or 'no tag'}, {self.timezone}"


class Frontier(models.Model):
    """From which message on those of a mailing may never have been claimed.

    It only says where to look, and moves with every claim; the truth is in
    the messages' rows. A row of its own, as the mailing's is held while
    recipients are chosen.
    """

    mailing = models.OneToOneField(
        Mailing, models.CASCADE, primary_key=True, related_name="frontier", db_constraint=False
    )
    next_id = models.BigIntegerField()

    class Meta:
        app_label = "notifier"
        db_table = "frontier"

    def __str__(self) -> str:
        return f"mailing {self.mailing_id} from message {self.next_id}"


class Slot(models.Model):
    """One of the places in which a sender may work; at most one slice runs in each.

    ``generation`` rises with every slice: a task for an older one does nothing.
    ``wakes`` rises whenever there may be something to send: a slice that ends
    checks that none came after its last look.
    """

    class State(models.TextChoices):
        IDLE = "idle"
        QUEUED = "queued"
        RUNNING = "running"

    id = models.PositiveSmallIntegerField(primary_key=True)
    generation = models.BigIntegerField(default=0)
    state = models.CharField(max_length=7, choices=State, default=State.IDLE)
    wakes = models.BigIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True, default="")
    lease_expires_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "notifier"
        db_table = "slot"
        ordering = ("id",)

    def __str__(self) -> str:
        return f"slot {self.pk}"


class Claim(models.Model):
    """A sender's lease on a batch of one mailing's messages.

    A result counts only while the message still carries the claim it was sent
    under. ``open`` is how many of the batch have no result yet.
    """

    mailing = models.ForeignKey(Mailing, models.CASCADE, db_constraint=False)
    gateway_id = models.BigIntegerField()
    slot = models.PositiveSmallIntegerField()
    generation = models.BigIntegerField()
    worker = models.CharField(max_length=100)
    taken_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    message_ids = ArrayField(models.BigIntegerField())
    open = models.PositiveIntegerField()

    class Meta:
        app_label = "notifier"
        db_table = "claim"

    def __str__(self) -> str:
        return f"claim {self.pk}"


class Attempt(models.Model):
    """One attempt that did not end in acceptance; the accepted one is on the message."""

    message = models.ForeignKey(
        Message, models.CASCADE, related_name="failed_attempts", db_constraint=False
    )
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    outcome = models.CharField(max_length=16)
    reason = models.CharField(max_length=40)
    phase = models.CharField(max_length=16)
    http_status = models.PositiveSmallIntegerField(null=True)
    gateway_code = models.BigIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True, default="")
    reply = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        app_label = "notifier"
        db_table = "attempt"
        ordering = ("id",)

    def __str__(self) -> str:
        return f"attempt {self.number} of message {self.message_id}"


class MinuteCount(models.Model):
    """How many messages of a mailing came to an outcome in a minute.

    ``outcome`` is a terminal message status, or ``retried`` for an attempt
    that put its message back to wait. Written with the results themselves.
    """

    RETRIED = "retried"

    pk = models.CompositePrimaryKey("mailing_id", "minute", "outcome")
    mailing = models.ForeignKey(
        Mailing, models.CASCADE, related_name="minute_counts", db_index=False
    )
    minute = models.DateTimeField()
    outcome = models.CharField(max_length=9)
    count = models.IntegerField()

    class Meta:
        app_label = "notifier"
        db_table = "minute_count"
        indexes = [models.Index(fields=["minute"], name="minute_count_minute")]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.count} at {self.minute:%Y-%m-%d %H:%M}"


class Dimension(models.TextChoices):
    """By what messages are counted within a quarter of an hour, or a day."""

    REASON = "reason", "Reason"
    OPERATOR = "operator", "Operator"
    TAG = "tag", "Tag"
    TIMEZONE = "timezone", "Time zone"
    ATTEMPTS = "attempts", "Attempts"
    LATENCY = "latency", "Time to accept"
    # Of whole days only: within a mailing's quarter of an hour they say nothing new.
    MAILING = "mailing", "Mailing"
    HOUR = "hour", "Hour of day"


class QuarterHourCount(models.Model):
    """How many messages of a mailing came to an outcome in a quarter of an hour, by a value.

    Every message is counted once in each dimension, so that each adds up to
    the same; but ``latency`` (milliseconds, see delivery.ledger.counting) has
    only what was accepted, and ``retried`` attempts are counted by reason only.
    A value is '' where there is none: no reason, no tag, traits not known.
    Written with the results. Quarters of an hour, as every zone's days begin
    with one.
    """

    pk = models.CompositePrimaryKey("mailing_id", "period", "dimension", "value", "outcome")
    mailing = models.ForeignKey(
        Mailing,
        models.CASCADE,
        related_name="quarter_hour_counts",
        db_index=False,
        db_constraint=False,
    )
    period = models.DateTimeField(help_text="When the quarter of an hour begins.")
    dimension = models.CharField(max_length=8, choices=Dimension, db_collation="C")
    value = models.CharField(max_length=100, db_collation="C")
    outcome = models.CharField(max_length=9, db_collation="C")
    count = models.IntegerField()

    class Meta:
        app_label = "notifier"
        db_table = "quarter_hour_count"
        indexes = [models.Index(fields=["dimension", "period"], name="quarter_hour_count_period")]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.count} at {self.period:%Y-%m-%d %H:%M}, {self.value}"


class DayCount(models.Model):
    """The same by days of the site's own time zone and gateways, over all their mailings.

    Counts only while the day is among the rolled ones; see delivery.rollup.
    """

    pk = models.CompositePrimaryKey("dimension", "day", "gateway_id", "value", "outcome")
    dimension = models.CharField(max_length=8, choices=Dimension, db_collation="C")
    day = models.DateField()
    gateway_id = models.BigIntegerField()
    value = models.CharField(max_length=100, db_collation="C")
    outcome = models.CharField(max_length=9, db_collation="C")
    count = models.PositiveIntegerField()

    class Meta:
        app_label = "notifier"
        db_table = "day_count"

    def __str__(self) -> str:
        return f"{self.outcome}: {self.count} on {self.day}, {self.value}"


class RolledDay(models.Model):
    """A day whose counters are in DayCount, by the time zone that the site had then.

    Whoever changes a counter of a past day deletes its row here, so that the
    quarters of an hour count again until it is rolled up anew.
    """

    day = models.DateField(primary_key=True)
    timezone = models.CharField(max_length=64)

    class Meta:
        app_label = "notifier"
        db_table = "rolled_day"

    def __str__(self) -> str:
        return f"{self.day} in {self.timezone}"


class GatewayHealth(models.Model):
    """How a gateway does by everyone's experience: one row that all senders share.

    ``open`` is a circuit breaker's word: the circuit is broken and nothing is
    sent, but for a probe when ``retry_at`` has come. See delivery.breaker.
    """

    class State(models.TextChoices):
        CLOSED = "closed", "Working"
        OPEN = "open", "Resting"
        RAMPING = "ramping", "Recovering"
        HELD = "held", "On hold"

    gateway = models.OneToOneField(Gateway, models.CASCADE, primary_key=True, related_name="health")
    state = models.CharField(max_length=7, choices=State, default=State.CLOSED)
    reason = models.CharField(max_length=200, blank=True, default="")
    since = models.DateTimeField(db_default=Now())
    openings = models.PositiveSmallIntegerField(
        default=0, help_text="How often in a row it opened: each rest is twice as long."
    )
    retry_at = models.DateTimeField(null=True, help_text="When a probe may go, while open.")
    probe_lease_until = models.DateTimeField(null=True)

    class Meta:
        app_label = "notifier"
        db_table = "gateway_health"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="open", retry_at__isnull=False)
                | (~Q(state="open") & Q(retry_at__isnull=True)),
                name="gateway_open_has_retry_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway_id}: {self.state}"


class GatewayIncident(models.Model):
    """A time in which a gateway did not work: from when it left closed until it was so again.

    It goes on while the gateway recovers. One of the other kind, or on hold
    for another reason, is an incident of its own. See delivery.breaker.
    """

    class Kind(models.TextChoices):
        OPEN = "open", "Out of order"
        HELD = "held", "On hold"

    gateway = models.ForeignKey(Gateway, models.CASCADE, related_name="incidents", db_index=False)
    kind = models.CharField(max_length=4, choices=Kind)
    reason = models.CharField(max_length=200, blank=True, default="", help_text="Why it began.")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "notifier"
        db_table = "gateway_incident"
        ordering = ("began_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["gateway"],
                condition=Q(ended_at__isnull=True),
                name="gateway_incident_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("began_at")),
                name="gateway_incident_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway_id}: {self.kind} from {self.began_at}"

    @property
    def seconds(self) -> float | None:
        """How long it lasted; None while it does."""
        return (self.ended_at - self.began_at).total_seconds() if self.ended_at else None


class GatewayCalls(models.Model):
    """How many calls of a gateway ended within a second, and how many of them in trouble."""

    pk = models.CompositePrimaryKey("gateway_id", "began_at")
    gateway = models.ForeignKey(Gateway, models.CASCADE, db_index=False, related_name="+")
    began_at = models.DateTimeField()
    calls = models.PositiveIntegerField()
    troubles = models.PositiveIntegerField()

    class Meta:
        app_label = "notifier"
        db_table = "gateway_calls"

    def __str__(self) -> str:
        return f"{self.troubles} of {self.calls} at {self.began_at}"


class RateTokens(models.Model):
    """The token bucket of a gateway or a mailing that has a rate; see delivery.rates."""

    pk = models.CompositePrimaryKey("scope", "owner_id")
    scope = models.CharField(max_length=7)
    owner_id = models.BigIntegerField()
    tokens = models.FloatField()
    refilled_at = models.DateTimeField()

    class Meta:
        app_label = "notifier"
        db_table = "rate_tokens"

    def __str__(self) -> str:
        return f"{self.tokens:.1f} tokens of {self.scope} {self.owner_id}"


class Heartbeat(models.Model):
    """When a named, repeated job last ran: the sweep, and each cluster."""

    name = models.CharField(max_length=150, primary_key=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "notifier"
        db_table = "heartbeat"

    def __str__(self) -> str:
        return self.name


class BulkAction(models.Model):
    """Something done to all clients whom a search found; see delivery.bulk_actions.

    They are gone through by id, up to the newest of when it was wished. One that
    was cancelled has ended once the chunk that was begun is done.
    """

    class Kind(models.TextChoices):
        TAG = "tag", "Set tag"
        OPT_OUT = "opt_out", "Opt out"
        DELETE = "delete", "Delete"

    class State(models.TextChoices):
        RUNNING = "running"
        CANCELLING = "cancelling"
        DONE = "done"
        CANCELLED = "cancelled"

    kind = models.CharField(max_length=7, choices=Kind)
    search = models.JSONField(help_text="As in the address of the list of clients.")
    tag = models.CharField(max_length=100, blank=True, default="")
    total = models.PositiveIntegerField(help_text="How many were counted when it was wished.")
    done = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(
        default=0, help_text="Of those done: who was not so already."
    )
    last_client_id = models.BigIntegerField(default=0)
    newest_client_id = models.BigIntegerField()
    # Whoever takes over from one who was lost could not find them: changed, they match no more.
    chunk = ArrayField(
        models.BigIntegerField(), default=list, help_text="The clients it was begun with."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    cancelled_at = models.DateTimeField(null=True, help_text="When that was wished.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "notifier"
        db_table = "bulk_action"
        indexes = [
            models.Index(
                fields=["id"], condition=Q(finished_at__isnull=True), name="bulk_action_open"
            ),
            models.Index(fields=["finished_at"], name="bulk_action_ended"),
        ]

    def __str__(self) -> str:
        return f"bulk action {self.pk}"

    @property
    def state(self) -> State:
        if self.finished_at:
            return self.State.CANCELLED if self.cancelled_at else self.State.DONE
        return self.State.CANCELLING if self.cancelled_at else self.State.RUNNING
