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
