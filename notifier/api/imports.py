"""Imports of files: the wizard's steps for programs."""

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from django.http import QueryDict, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError, UnsupportedMediaType, ValidationError
from rest_framework.mixins import DestroyModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from notifier.api.actions import post_action
from notifier.api.fields import MomentField
from notifier.api.parsing import read_json
from notifier.api.strict import StrictSerializer, read_query
from notifier.clients.imports import report
from notifier.clients.imports.columns import HOLDS, Column, ColumnProblems, say_columns
from notifier.clients.imports.detect import DELIMITERS, ENCODINGS
from notifier.clients.imports.limits import BadFile, NoSuchSheet
from notifier.clients.imports.models import (
    ClientImport,
    FileKind,
    ImportStatus,
    KnownClients,
)
from notifier.clients.imports.receive import look_again, receive_file
from notifier.delivery import client_imports
from notifier.delivery.client_imports import ImportOptions, ImportProblems
from notifier.downloads import csv_download


class ColumnSerializer(serializers.Serializer):
    name = serializers.CharField(help_text="As in the header.")
    holds = serializers.ChoiceField(list(HOLDS.items()))
    attribute = serializers.CharField(help_text="The name of the attribute it is kept as.")


class ProgressSerializer(serializers.Serializer):
    bytes_read = serializers.IntegerField()
    bytes_total = serializers.IntegerField()
    rows_read = serializers.IntegerField()
    good_rows = serializers.IntegerField(
        source="staged", allow_null=True, help_text="Null until the whole file has been read."
    )
    rows_done = serializers.IntegerField(
        source="merged", help_text="Good rows that have been compared, or imported."
    )


class ImportCountsSerializer(serializers.Serializer):
    """They add up to the rows of the file."""

    new = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text="Rows whose phone an earlier row has.")
    rejected = serializers.IntegerField()


class UndoneSerializer(serializers.Serializer):
    removed = serializers.IntegerField(help_text="New clients that were taken out again.")
    restored = serializers.IntegerField(help_text="Changed clients that are as before.")
    kept = serializers.IntegerField(help_text="Left, as they were edited or messaged since.")


class RejectedRowSerializer(serializers.Serializer):
    line = serializers.IntegerField()
    reason = serializers.CharField()


class ReasonSerializer(serializers.Serializer):
    code = serializers.CharField()
    words = serializers.CharField()
    count = serializers.IntegerField()
    examples = RejectedRowSerializer(many=True, help_text="The first three.")


class NewExampleSerializer(serializers.Serializer):
    line = serializers.IntegerField()
    phone_number = serializers.CharField(source="phone")
    operator = serializers.IntegerField()
    tag = serializers.CharField()
    timezone = serializers.CharField()
    attributes = serializers.DictField()


class TupleSerializer(serializers.Serializer):
    """Of a tuple, whose values are those of the fields in their order."""

    def to_representation(self, values: Any) -> dict[str, Any]:
        return super().to_representation(dict(zip(self.fields, values, strict=True)))


class DifferenceSerializer(TupleSerializer):
    """What a client has, and what it would have."""

    name = serializers.CharField(help_text="Of a field or an attribute.")
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class ChangedExampleSerializer(serializers.Serializer):
    line = serializers.IntegerField()
    phone_number = serializers.CharField(source="phone")
    differences = DifferenceSerializer(many=True)


class DuplicateExampleSerializer(TupleSerializer):
    """A row whose phone an earlier one has."""

    phone_number = serializers.CharField()
    line = serializers.IntegerField()
    first_line = serializers.IntegerField(help_text="The row that counts.")


class ImportExamplesSerializer(serializers.Serializer):
    """Some rows of each kind."""

    new = NewExampleSerializer(many=True)
    changed = ChangedExampleSerializer(many=True)
    duplicates = DuplicateExampleSerializer(many=True)


class KeptClientSerializer(serializers.Serializer):
    """A client whom undoing left as it is."""

    client = serializers.IntegerField(source="client.pk")
    phone_number = serializers.CharField(source="client.phone")
    why = serializers.CharField()


class ImportSerializer(serializers.Serializer):
    """A file of clients, and what became of its rows: foreseen once checked, then done."""

    id = serializers.IntegerField()
    file_name = serializers.CharField()
    file_kind = serializers.ChoiceField(FileKind.choices)
    status = serializers.ChoiceField(ImportStatus.choices)
    problem = serializers.CharField(help_text="Why it failed, in words.")
    encoding = serializers.ChoiceField(list(ENCODINGS.items()))
    delimiter = serializers.CharField()
    has_header = serializers.BooleanField()
    sheet = serializers.CharField(help_text="Of a workbook the one that is read; else empty.")
    sheets = serializers.ListField(
        child=serializers.CharField(),
        source="sheet_names",
        help_text="The names of a workbook's visible sheets with data; empty for CSV.",
    )
    columns = ColumnSerializer(many=True)
    known = serializers.ChoiceField(KnownClients.choices, source="known_clients")
    default_operator = serializers.IntegerField(allow_null=True)
    default_tag = serializers.CharField()
    default_timezone = serializers.CharField()
    progress = ProgressSerializer(source="*")
    counts = ImportCountsSerializer(source="*")
    opted_out = serializers.IntegerField(help_text="Phones that the file opted out.")
    undone = UndoneSerializer(source="*")
    created_at = MomentField()
    started_at = MomentField(allow_null=True)
    finished_at = MomentField(allow_null=True)


class ImportDetailSerializer(ImportSerializer):
    """An import with the reasons for which rows were rejected, and examples."""

    reasons = serializers.SerializerMethodField(help_text="The most frequent first.")
    examples = serializers.SerializerMethodField(
        help_text="Up to five rows of each kind, as the dry run foresaw them; "
        "none where nobody waited for one."
    )

    @extend_schema_field(ImportExamplesSerializer)
    def get_examples(self, client_import: ClientImport) -> Any:
        return ImportExamplesSerializer(report.examples(client_import)).data

    @extend_schema_field(ReasonSerializer(many=True))
    def get_reasons(self, client_import: ClientImport) -> Any:
        return ReasonSerializer(report.reasons(client_import), many=True).data


class ImportRequestSerializer(StrictSerializer):
    """The parts of a multipart/form-data body. What is not said is recognised."""

    file = serializers.FileField(help_text="CSV or XLSX.", allow_empty_file=True)
    encoding = serializers.ChoiceField(list(ENCODINGS.items()), required=False)
    delimiter = serializers.ChoiceField(
        list(DELIMITERS.items()),
        required=False,
        help_text="A character; ignored for XLSX, as the encoding is.",
    )
    has_header = serializers.BooleanField(required=False, allow_null=True, default=None)
    sheet = serializers.CharField(
        required=False,
        trim_whitespace=False,
        help_text="The name of the sheet to read, for XLSX only: one of the visible ones with "
        "data. Without it, the first of them with phones.",
    )
    columns = serializers.CharField(
        required=False,
        help_text='A JSON object that says what columns hold, by name: {"Mobile": "phone", '
        '"Town": "attribute:city", "Notes": "ignore"}. The others are guessed.',
    )
    known = serializers.ChoiceField(KnownClients.choices, default=KnownClients.KEEP)
    default_operator = serializers.CharField(required=False, allow_blank=True)
    default_tag = serializers.CharField(required=False, allow_blank=True)
    default_timezone = serializers.CharField(required=False, allow_blank=True)
    dry_run = serializers.BooleanField(
        default=False,
        help_text='Stop once it is "checked", and wait for .../start/. Without it, import at once.',
    )

    def validate_columns(self, text: str) -> dict[str, str]:
        try:
            said = read_json(text)
        except ParseError as error:
            raise ValidationError(error.detail) from error
        if not isinstance(said, dict) or not all(isinstance(v, str) for v in said.values()):
            raise ValidationError('It is not an object such as {"Mobile": "phone"}.')
        return said


class ImportQuery(StrictSerializer):
    status = serializers.ChoiceField(ImportStatus.choices, required=False)


_act = partial(post_action, "import", answers=ImportDetailSerializer)


@extend_schema_view(
    list=extend_schema(
        parameters=[ImportQuery], responses=ImportSerializer(many=True), summary="List imports"
    ),
    retrieve=extend_schema(summary="Show an import: status, progress, counts, reasons"),
    destroy=extend_schema(summary="Forget an import that has changed nothing, and its file"),
)
class ImportViewSet(DestroyModelMixin, ReadOnlyModelViewSet):
    queryset = ClientImport.objects.all()
    lookup_value_regex = r"\d{1,18}"
    parser_classes = [MultiPartParser]

    def get_serializer_class(self) -> type[ImportSerializer]:
        return ImportSerializer if self.action == "list" else ImportDetailSerializer

    def filter_queryset(self, queryset: Any) -> Any:
        if self.action != "list":
            return queryset
        return queryset.filter(**read_query(ImportQuery, self.request))

    @extend_schema(
        summary="Import a file",
        description="The work is done on the cluster: ask for the import's status. "
        "A row may opt its client out, none opts anybody in.",
        request={"multipart/form-data": ImportRequestSerializer},
        responses={201: ImportDetailSerializer},
        operation_id="import_create",
        examples=[
            OpenApiExample(
                "Change known clients",
                request_only=True,
                media_type="multipart/form-data",
                value={"file": "clients.csv", "known": "update", "default_tag": "autumn"},
            )
        ],
    )
    def create(self, request: Request) -> Response:
        asked = ImportRequestSerializer(data=_parts(request))
        if refused := getattr(request, "refused_upload", ""):
            # Too large: see web.imports.uploads, which stands before every view.
            raise ValidationError({"file": refused})
        asked.is_valid(raise_exception=True)
        client_import = _begin(asked.validated_data, by=request.user)
        body = ImportDetailSerializer(client_import).data
        return Response(body, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: ClientImport) -> None:
        client_imports.discard(instance)

    @post_action(
        "import", 'Import what was checked: status "checked" only', answers=ImportDetailSerializer
    )
    def start(self, request: Request, pk: str) -> Response:
        return self._after(client_imports.start)

    @post_action(
        "import",
        "Stop it: clients imported so far stay, and can be taken back",
        answers=ImportDetailSerializer,
    )
    def cancel(self, request: Request, pk: str) -> Response:
        return self._after(client_imports.cancel)

    @post_action(
        "import",
        "Take it back, but for clients who were edited or messaged since",
        answers=ImportDetailSerializer,
    )
    def undo(self, request: Request, pk: str) -> Response:
        return self._after(client_imports.undo)

    @extend_schema(
        summary="The rejected rows as CSV, with line and reason, to be mended and imported again",
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR)},
        operation_id="import_rejected",
    )
    @action(detail=True, methods=["get"])
    def rejected(self, request: Request, pk: str) -> StreamingHttpResponse:
        lines = report.rejected_csv(self.get_object())
        return csv_download(lines, name=f"import-{pk}-rejected")

    @extend_schema(
        summary="The clients whom undoing left as they are, and why; the first 1,000",
        responses=KeptClientSerializer(many=True),
        operation_id="import_kept",
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def kept(self, request: Request, pk: str) -> Response:
        client_import = self.get_object()
        is_undone = client_import.status == ImportStatus.UNDONE
        kept = report.kept_clients(client_import) if is_undone else []
        return Response(KeptClientSerializer(kept, many=True).data)

    def _after(self, act: Any) -> Response:
        client_import = self.get_object()
        act(client_import)
        client_import.refresh_from_db()
        return Response(ImportDetailSerializer(client_import).data)


class NotAForm(UnsupportedMediaType):
    default_code = "not_a_form"


def _parts(request: Request) -> dict[str, Any]:
    try:
        # Of no body at all DRF makes a plain dict.
        form = cast("QueryDict", request.data or QueryDict())
    except UnsupportedMediaType as error:
        raise NotAForm(request.content_type) from error
    twice = {name: f'"{name}" is given twice.' for name, values in form.lists() if len(values) > 1}
    if twice:
        raise ValidationError(twice)
    return dict(form.items())


def _begin(asked: Mapping[str, Any], *, by: Any) -> ClientImport:
    """Keep the file, and have it checked. Of what cannot be read nothing is kept."""
    file = asked["file"]
    try:
        client_import = receive_file(file, name=file.name, created_by=by)
    except BadFile as error:
        raise ValidationError({"file": str(error)}) from error
    try:
        look_again(client_import, asked)
        client_imports.check(client_import, _options(client_import, asked))
    except (BadFile, ImportProblems, ValidationError) as error:
        client_imports.discard(client_import)
        raise _refusal(error, client_import) from error
    return client_import


def _refusal(error: Exception, client_import: ClientImport) -> Exception:
    if isinstance(error, ImportProblems):
        problems = dict(error.problems)
        if "columns" in problems:  # a program sees no columns, a person does
            names = ", ".join(column["name"] for column in client_import.columns)
            problems["columns"] += f" {client_import.part_read} has {names}."
        return ValidationError(problems)
    if isinstance(error, NoSuchSheet):
        return ValidationError({"sheet": str(error)})
    return ValidationError({"file": str(error)}) if isinstance(error, BadFile) else error


def _options(client_import: ClientImport, asked: Mapping[str, Any]) -> ImportOptions:
    guessed = [Column.from_json(each) for each in client_import.columns]
    try:
        columns = say_columns(guessed, asked.get("columns", {}))
    except ColumnProblems as error:
        raise ValidationError({"columns": str(error)}) from error
    return ImportOptions(
        columns=columns,
        known_clients=asked["known"],
        default_operator=asked.get("default_operator"),
        default_tag=asked.get("default_tag", ""),
        default_timezone=asked.get("default_timezone", ""),
        waits_for_review=asked["dry_run"],
    )
