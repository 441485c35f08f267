from datetime import time

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class ApiToken(models.Model):
    """A person's key to the REST API. Only its hash is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField("name", max_length=100, blank=True, default="")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        app_label = "notifier"
        db_table = "api_token"
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name or f"token {self.pk}"


class SetupLink(models.Model):
    """The open invitation to create the first administrator. Only its hash is kept."""

    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        app_label = "notifier"
        db_table = "setup_link"

    def __str__(self) -> str:
        return f"setup link {self.pk}"


class DailyEmail(models.Model):
    """A person's wish to be told each day of the day before, and how the last of it went.

    Days are the person's own, from midnight to midnight in their time zone.
    What is noted of ``day`` changes only in accounts.daily_email_claims.
    """

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Waiting to be sent"
        SENT = "sent", "Sent"
        MAYBE_SENT = "maybe_sent", "Maybe sent"
        NOTHING_TO_TELL = "nothing_to_tell", "Not sent: there was nothing to tell"
        NOT_WISHED = "not_wished", "Not wished yet"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="daily_email"
    )
    is_on = models.BooleanField(default=False)
    address = models.EmailField("address")
    at = models.TimeField("time", default=time(8), help_text="By the clock of the time zone.")
    timezone = models.CharField("time zone", max_length=64)
    skips_empty_days = models.BooleanField(default=False)

    day = models.DateField(null=True, help_text="The last day that an e-mail was begun about.")
    outcome = models.CharField(
        max_length=15, choices=Outcome, default=Outcome.WAITING, help_text="Of that day's e-mail."
    )
    attempts = models.PositiveIntegerField(default=0, help_text="Of that day's e-mail.")
    last_error = models.CharField(max_length=300, blank=True, default="")
    tried_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="When the last one was sent.")
    asked_at = models.DateTimeField(null=True, help_text="When one was last asked for at once.")
    # Rises with every attempt: who holds an older one does nothing any more.
    claim = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        app_label = "notifier"
        db_table = "daily_email"

    def __str__(self) -> str:
        return f"daily e-mail {self.pk}"
