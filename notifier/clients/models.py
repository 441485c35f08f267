from django.contrib.postgres.indexes import BrinIndex, GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Reverse
from django.db.models.lookups import Regex

from notifier.clients.operators import FIRST_OPERATOR, LAST_OPERATOR

PHONE_DIGITS = r"^[1-9][0-9]{6,14}$"


class Client(models.Model):
    """A person who can be reached: one row per phone number."""

    phone = models.CharField(
        "phone",
        max_length=15,
        # Compared byte by byte, so that a search by prefix uses the unique index.
        db_collation="C",
        help_text="Digits with the country code, without a plus: 79991234567.",
    )
    operator = models.PositiveSmallIntegerField(
        "operator", help_text="Mobile operator code, three digits."
    )
    tag = models.CharField("tag", max_length=100, blank=True, default="")
    timezone = models.CharField("time zone", max_length=64, default="UTC")
    attributes = models.JSONField("attributes", default=dict, blank=True)
    opted_out_at = models.DateTimeField("opted out at", null=True, blank=True)
    created_at = models.DateTimeField("added at", db_default=Now(), editable=False)
    updated_at = models.DateTimeField("changed at", auto_now=True)
    # No index of its own but BRIN: an import's clients lie side by side.
    created_by_import = models.ForeignKey(
        "notifier.ClientImport",
        models.DO_NOTHING,
        null=True,
        editable=False,
        db_index=False,
        db_constraint=False,
        related_name="new_clients",
    )

    class Meta:
        app_label = "notifier"
        db_table = "client"
        ordering = ("-id",)
        indexes = [
            # For a search by the last digits.
            models.Index(Reverse("phone"), name="client_phone_reversed"),
            models.Index(fields=["tag", "id"], name="client_tag"),
            models.Index(fields=["operator", "id"], name="client_operator"),
            models.Index(fields=["timezone", "id"], name="client_timezone"),
            models.Index(
                fields=["id"], condition=Q(opted_out_at__isnull=False), name="client_opted_out"
            ),
            # Finds what contains a name with a value: attributes @> {"city": "Omsk"}.
            GinIndex(OpClass(F("attributes"), "jsonb_path_ops"), name="client_attributes"),
            BrinIndex(fields=["created_by_import"], name="client_created_by", autosummarize=True),
            BrinIndex(fields=["created_at"], name="client_created_at", autosummarize=True),
        ]
        constraints = [
            models.UniqueConstraint(fields=["phone"], name="client_phone_unique"),
            models.CheckConstraint(
                condition=Q(Regex(models.F("phone"), PHONE_DIGITS)), name="client_phone_digits"
            ),
            models.CheckConstraint(
                condition=Q(operator__range=(FIRST_OPERATOR, LAST_OPERATOR)),
                name="client_operator_three_digits",
            ),
        ]

    def __str__(self) -> str:
        return f"+{self.phone}"

    @property
    def is_opted_out(self) -> bool:
        return self.opted_out_at is not None


class SuppressedPhone(models.Model):
    """A phone that nothing is sent to, whether there is a client with it or not.

    It outlives the client, so that nobody who opted out comes back with the
    next file. A client with such a phone is opted out; see clients.suppression.
    """

    class Source(models.TextChoices):
        HAND = "hand", "By hand"
        API = "api", "API"
        IMPORT = "import", "Import"

    phone = models.CharField(primary_key=True, max_length=15, db_collation="C")
    suppressed_at = models.DateTimeField("since", db_default=Now())
    source = models.CharField(max_length=6, choices=Source, default=Source.HAND)

    class Meta:
        app_label = "notifier"
        db_table = "suppressed_phone"
        ordering = ("-suppressed_at", "phone")
        indexes = [
            models.Index(fields=["-suppressed_at", "phone"], name="suppressed_phone_newest"),
            models.Index(Reverse("phone"), name="suppressed_phone_reversed"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(Regex(models.F("phone"), PHONE_DIGITS)), name="suppressed_phone_digits"
            ),
        ]

    def __str__(self) -> str:
        return f"+{self.phone}"


class FormerPhone(models.Model):
    """A phone that a client had before it was changed or deleted: messages to it are found by it.

    Written by triggers of the table of clients, so that no way of changing
    clients can forget it; see the migration 0014.
    """

    client_id = models.BigIntegerField()
    phone = models.CharField(max_length=15, db_collation="C")

    class Meta:
        app_label = "notifier"
        db_table = "former_phone"
        indexes = [
            models.Index(fields=["phone"], name="former_phone_phone"),
            models.Index(Reverse("phone"), name="former_phone_reversed"),
        ]

    def __str__(self) -> str:
        return f"+{self.phone}"


class AttributeName(models.Model):
    """A name that some client's attributes have had: what filters and exports offer."""

    name = models.TextField(primary_key=True)

    class Meta:
        app_label = "notifier"
        db_table = "attribute_name"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class ClientFilter(models.Model):
    """Saved, named conditions that choose clients; see clients.conditions for the grammar."""

    name = models.CharField("name", max_length=100, unique=True)
    conditions = models.JSONField("conditions", default=dict, blank=True)
    created_at = models.DateTimeField("created at", db_default=Now(), editable=False)
    updated_at = models.DateTimeField("changed at", auto_now=True)

    class Meta:
        app_label = "notifier"
        db_table = "client_filter"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
