from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from notifier.clients.models import ClientFilter


class UnknownOutcome(models.TextChoices):
    """What to do with a message when nobody can say whether the gateway took it."""

    RETRY = "retry", "Send again under the same id"
    HOLD = "hold", "Leave it unknown and let a person decide"


class Gateway(models.Model):
    """Where messages are sent. Its secret comes from the environment, never from this table."""

    name = models.CharField("name", max_length=100, unique=True)
    url = models.URLField(
        "address",
        blank=True,
        default="",
        help_text="Base address; where it is empty, GATEWAY_URL from the environment.",
    )
    concurrency = models.PositiveIntegerField(
        "requests at once",
        default=256,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text="Over all senders and machines together.",
    )
    rate_per_second = models.FloatField(
        "messages per second at most",
        null=True,
        blank=True,
        help_text="Over all senders and machines together; empty: as fast as it takes them.",
    )
    connect_timeout_seconds = models.FloatField("time to connect, seconds", default=5)
    total_timeout_seconds = models.FloatField(
        "time for a whole request, seconds", default=30, help_text="The reply's body included."
    )
    unknown_outcome = models.CharField(
        "when the outcome is unknown",
        max_length=5,
        choices=UnknownOutcome,
        default=UnknownOutcome.RETRY,
    )
    created_at = models.DateTimeField("created at", db_default=Now(), editable=False)

    class Meta:
        app_label = "notifier"
        db_table = "gateway"
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(condition=Q(concurrency__gte=1), name="gateway_concurrency"),
            models.CheckConstraint(
                condition=Q(connect_timeout_seconds__gt=0, total_timeout_seconds__gt=0),
                name="gateway_timeouts",
            ),
            models.CheckConstraint(
                condition=Q(rate_per_second=None) | Q(rate_per_second__gt=0), name="gateway_rate"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def base_url(self) -> str:
        """The address without a slash at its end."""
        return (self.url or settings.GATEWAY_URL).rstrip("/")

    @classmethod
    def default_id(cls) -> int:
        """The gateway of a mailing that names none: the oldest."""
        return cls.objects.order_by("id").values_list("id", flat=True)[:1].get()


class MailingStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    SCHEDULED = "scheduled", "Scheduled"
    PREPARING = "preparing", "Preparing"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    FINISHED = "finished", "Finished"
    CANCELLED = "cancelled", "Cancelled"


# Text, recipients and gateway may change until the mailing starts.
EDITABLE = (MailingStatus.DRAFT, MailingStatus.SCHEDULED)
# Messages leave in these.
SENDING = (MailingStatus.PREPARING, MailingStatus.RUNNING)
# Nothing happens to a mailing any more, unless messages of a finished one are sent again.
ENDED = (MailingStatus.FINISHED, MailingStatus.CANCELLED)


class Mailing(models.Model):
    """One text for all clients who match its conditions, sent between start and end.

    Statuses change only in mailings.lifecycle.
    """

    name = models.CharField("name", max_length=200, blank=True, default="")
    text = models.TextField("text")
    conditions = models.JSONField("clients", default=dict, blank=True)
    # Where they were taken from; what is sent follows the copy above.
    client_filter = models.ForeignKey(
        ClientFilter, models.SET_NULL, null=True, blank=True, related_name="mailings"
    )
    start_time = models.DateTimeField("start")
    end_time = models.DateTimeField(
        "end", help_text="Nothing is sent at or after this time; what is left expires."
    )
    gateway = models.ForeignKey(Gateway, models.PROTECT, default=Gateway.default_id)
    rate_per_second = models.FloatField(
        "messages per second at most",
        null=True,
        blank=True,
        help_text="Over all senders and machines together; empty: as fast as the gateway takes.",
    )
    status = models.CharField(
        max_length=9, choices=MailingStatus, default=MailingStatus.SCHEDULED, editable=False
    )
    pause_reason = models.CharField(max_length=200, blank=True, default="", editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    started_at = models.DateTimeField(null=True, editable=False)
    resumed_at = models.DateTimeField(null=True, editable=False)
    prepared_at = models.DateTimeField(
        null=True, editable=False, help_text="When the last recipient got a message row."
    )
    finished_at = models.DateTimeField(null=True, editable=False)

    # The recipients, chosen in chunks: how far that has come, and which
    # message rows are this mailing's (they lie within first to last).
    audience = models.PositiveIntegerField(default=0, editable=False)
    last_client_id = models.BigIntegerField(default=0, editable=False)
    newest_client_id = models.BigIntegerField(default=0, editable=False)
    first_message_id = models.BigIntegerField(null=True, editable=False)
    last_message_id = models.BigIntegerField(null=True, editable=False)

    # Filled in by delivery.control for the answer to whoever created or changed it.
    matched: int | None = None
    warning: str = ""

    class Meta:
        app_label = "notifier"
        db_table = "mailing"
        ordering = ("-id",)
        indexes = [
            models.Index(
                fields=["status"],
                condition=~Q(status__in=["finished", "cancelled"]),
                name="mailing_open",
            ),
            models.Index(fields=["start_time"], name="mailing_start"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_time__gt=F("start_time")), name="mailing_end_after_start"
            ),
            models.CheckConstraint(
                condition=Q(status__in=MailingStatus.values), name="mailing_status_known"
            ),
            models.CheckConstraint(
                condition=Q(rate_per_second=None) | Q(rate_per_second__gt=0), name="mailing_rate"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["finished", "cancelled"], finished_at__isnull=False)
                | (~Q(status__in=["finished", "cancelled"]) & Q(finished_at__isnull=True)),
                name="mailing_ended_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """The name, or the beginning of the text where it has none."""
        return self.name or (self.text if len(self.text) <= 40 else f"{self.text[:39]}…")

    @property
    def is_editable(self) -> bool:
        return self.status in EDITABLE

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED
