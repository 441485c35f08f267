from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class ImportStatus(models.TextChoices):
    UPLOADED = "uploaded", "Uploaded"
    CHECKING = "checking", "Checking"
    CHECKED = "checked", "Checked"
    IMPORTING = "importing", "Importing"
    FINISHED = "finished", "Finished"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"
    UNDOING = "undoing", "Undoing"
    UNDONE = "undone", "Undone"


# A cluster works on it, or will.
IN_WORK = (ImportStatus.CHECKING, ImportStatus.IMPORTING, ImportStatus.UNDOING)
# Clients may have come or changed by it, and can go back.
UNDOABLE = (ImportStatus.FINISHED, ImportStatus.CANCELLED, ImportStatus.FAILED)


class KnownClients(models.TextChoices):
    """What becomes of clients whose phone is known already."""

    KEEP = "keep", "Leave them as they are"
    UPDATE = "update", "Change them to what the file says"
    FILL = "fill", "Fill in only what is empty"


class FileKind(models.TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"


class ClientImport(models.Model):
    """A file of clients: how it is read, what became of every row, how far that is.

    Statuses change only in clients.imports.lifecycle. Every row of the file
    is counted once: new + changed + unchanged + duplicates + rejected.
    """

    file_name = models.CharField(max_length=255)
    file_size = models.BigIntegerField(help_text="Bytes, as uploaded.")
    file_kind = models.CharField(max_length=4, choices=FileKind)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    # How it is read.
    encoding = models.CharField(max_length=20, help_text="One of detect.ENCODINGS.")
    delimiter = models.CharField(max_length=1)
    has_header = models.BooleanField(default=True)
    sheet = models.CharField(
        max_length=100, blank=True, default="", help_text="Of a workbook the one that is read."
    )
    sheets = models.JSONField(
        default=list, blank=True, help_text="Those of a workbook that have data: see workbook."
    )
    columns = models.JSONField(
        default=list, help_text="One object a column: see clients.imports.columns."
    )
    known_clients = models.CharField(max_length=6, choices=KnownClients, default=KnownClients.KEEP)
    default_operator = models.PositiveSmallIntegerField(null=True, blank=True)
    default_tag = models.CharField(max_length=100, blank=True, default="")
    default_timezone = models.CharField(max_length=64, blank=True, default="")
    waits_for_review = models.BooleanField(
        default=True, help_text="Stops after the dry run until a person has it go on."
    )

    status = models.CharField(max_length=9, choices=ImportStatus, default=ImportStatus.UPLOADED)
    problem = models.TextField(blank=True, default="", help_text="Why it failed, in words.")

    # How far it is. ``staged`` is null until the whole file has been read.
    bytes_total = models.BigIntegerField(default=0, help_text="Of what is read of the kept file.")
    bytes_read = models.BigIntegerField(default=0)
    rows_read = models.PositiveIntegerField(default=0)
    staged = models.PositiveIntegerField(null=True, help_text="Good rows, duplicates included.")
    merged = models.PositiveIntegerField(default=0, help_text="Of the staged rows.")
    last_phone = models.CharField(
        max_length=15, blank=True, default="", help_text="Staged rows are merged by phone."
    )

    # What became of the rows: foreseen once it is checked, true once it is finished.
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    opted_out = models.PositiveIntegerField(
        default=0, help_text="Clients who were opted out by it."
    )

    examples = models.JSONField(default=dict, help_text="Of the dry run: see review.")

    # The way back: up to which of its new clients it has come, and the last of them.
    undo_position = models.BigIntegerField(default=0)
    undo_until = models.BigIntegerField(null=True)
    removed = models.PositiveIntegerField(default=0, help_text="New clients taken out again.")
    restored = models.PositiveIntegerField(default=0, help_text="Changed clients as before.")
    kept = models.PositiveIntegerField(default=0, help_text="Edited or messaged since.")

    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    # Whose work it is: a step counts only under its own generation (fencing).
    generation = models.BigIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "notifier"
        db_table = "client_import"
        ordering = ("-id",)
        indexes = [
            models.Index(
                fields=["status"],
                condition=Q(status__in=["checking", "importing", "undoing"]),
                name="client_import_in_work",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=ImportStatus.values), name="client_import_status_known"
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Whoever has data on other sheets should see which one was taken."""
        return f"{self.file_name}, sheet {self.sheet}" if len(self.sheets) > 1 else self.file_name

    @property
    def part_read(self) -> str:
        """What a sentence about its columns begins with."""
        return f'The sheet "{self.sheet}"' if len(self.sheets) > 1 else "The file"

    @property
    def sheet_names(self) -> list[str]:
        return [sheet["name"] for sheet in self.sheets]

    @property
    def rows(self) -> int:
        """Rows of the file that have been counted."""
        return self.new + self.changed + self.unchanged + self.duplicates + self.rejected

    @property
    def reads_opt_outs(self) -> bool:
        return any(column["holds"] == "opted_out" for column in self.columns)

    @property
    def is_in_work(self) -> bool:
        return self.status in IN_WORK


class ImportPiece(models.Model):
    """A piece of an uploaded file: workers on other machines have no disk of ours."""

    client_import = models.ForeignKey(ClientImport, models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        app_label = "notifier"
        db_table = "import_piece"
        constraints = [
            models.UniqueConstraint(fields=["client_import", "number"], name="import_piece_once")
        ]

    def __str__(self) -> str:
        return f"piece {self.number} of import {self.client_import_id}"


class ImportRejection(models.Model):
    """A row that was not imported, as it stands in the file, and why."""

    client_import = models.ForeignKey(ClientImport, models.CASCADE, related_name="rejections")
    line = models.PositiveIntegerField(help_text="Where it begins in the file, counted from 1.")
    code = models.CharField(max_length=30, help_text="What is wrong, for counting: see rows.")
    reason = models.TextField(help_text="What is wrong, in words.")
    cells = models.JSONField(help_text="A list of texts.")

    class Meta:
        app_label = "notifier"
        db_table = "import_rejection"
        indexes = [models.Index(fields=["client_import", "line"], name="import_rejection_line")]

    def __str__(self) -> str:
        return f"Row {self.line}: {self.reason}"


class ImportChange(models.Model):
    """What a known client was before an import changed it, for the way back."""

    client_import = models.ForeignKey(
        ClientImport, models.CASCADE, related_name="changes", db_index=False
    )
    client_id = models.BigIntegerField()
    operator = models.PositiveSmallIntegerField()
    tag = models.CharField(max_length=100, blank=True)
    timezone = models.CharField(max_length=64)
    attributes = models.JSONField()
    updated_at = models.DateTimeField(help_text="When it had been changed before.")
    changed_at = models.DateTimeField(
        help_text="The client's updated_at by this import: another since means that it was edited."
    )
    is_kept = models.BooleanField(default=False, help_text="Undoing left it: edited since.")

    class Meta:
        app_label = "notifier"
        db_table = "import_change"
        constraints = [
            models.UniqueConstraint(
                fields=["client_import", "client_id"], name="import_change_once"
            )
        ]

    def __str__(self) -> str:
        return f"client {self.client_id} before import {self.client_import_id}"
