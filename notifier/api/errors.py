"""Every error as JSON of one shape."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import (
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from notifier.api.parsing import NO_OBJECT
from notifier.clients.counting import TooSlow
from notifier.clients.imports.lifecycle import WrongImportStatus
from notifier.mailings.checking import MailingProblems
from notifier.mailings.lifecycle import WrongStatus

Errors = dict[str, list[str]]
# By the code of DRF's error, where its own words do not say how to mend it.
SENTENCES = {
    "not_authenticated": "Sign in, or send the header Authorization: Bearer TOKEN.",
    "unsupported_media_type": "Send the body as JSON, with the header "
    "Content-Type: application/json.",
    "not_a_form": "Send the file as a part of a form, with the header "
    "Content-Type: multipart/form-data.",
    "not_acceptable": "The answer is JSON: accept application/json.",
}
FIELD_SENTENCES = {
    "required": '"{field}" is missing.',
    "null": '"{field}" may not be null.',
    "blank": '"{field}" may not be empty.',
    "null_characters_not_allowed": '"{field}" has an invisible NUL character in it.',
}


def answer_error(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's hook for exceptions in views. None: a fault of ours, for the server's own handler."""
    answer = _answer_to_domain(error) or _answer_to_request(error) or _answer_to_form(error)
    if answer is not None:
        set_rollback()
    return answer


def _answer_to_domain(error: Exception) -> Response | None:
    if isinstance(error, MailingProblems):
        errors = {name: [problem] for name, problem in error.problems.items()}
        return _answer(status.HTTP_400_BAD_REQUEST, errors=errors)
    if isinstance(error, TooSlow):
        return _answer(status.HTTP_400_BAD_REQUEST, errors={"clients": [str(error)]})
    if isinstance(error, WrongStatus | WrongImportStatus):
        return _answer(status.HTTP_409_CONFLICT, detail=str(error))
    return None


def _answer_to_request(error: Exception) -> Response | None:
    if isinstance(error, Http404):
        return _answer(status.HTTP_404_NOT_FOUND, detail="There is nothing at this address.")
    if isinstance(error, DjangoPermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.ValidationError):
        errors = _errors_by_field(error.detail)
        whole = errors.pop(api_settings.NON_FIELD_ERRORS_KEY, [])
        return _answer(error.status_code, detail=" ".join(whole), errors=errors)
    if isinstance(error, exceptions.APIException):
        detail = SENTENCES.get(error.default_code) or str(error.detail)
        return _answer(error.status_code, detail=detail, headers=_headers(error))
    return None


def _answer_to_form(error: Exception) -> Response | None:
    """What Django refuses of a form while it reads it."""
    if isinstance(error, RequestDataTooBig):
        detail = "The fields of the form, beside its file, are too large."
        return _answer(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, detail=detail)
    if isinstance(error, TooManyFieldsSent):
        detail = "The form has too many fields."
    elif isinstance(error, TooManyFilesSent):
        detail = "The form has too many files: send one."
    elif isinstance(error, SuspiciousOperation):
        detail = "The request could not be read."
    else:
        return None
    return _answer(status.HTTP_400_BAD_REQUEST, detail=detail)


def _answer(
    status_code: int,
    *,
    detail: str = "",
    errors: Errors | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    sentences = [sentence for each in (errors or {}).values() for sentence in each]
    body = {"detail": detail or " ".join(sentences), "errors": errors or {}}
    return Response(body, status=status_code, headers=headers)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    header = getattr(error, "auth_header", None)
    return {"WWW-Authenticate": header} if header else {}


def _errors_by_field(detail: Any) -> Errors:
    if not isinstance(detail, Mapping):
        return {api_settings.NON_FIELD_ERRORS_KEY: list(_sentences("", detail))}
    return {str(name): list(_sentences(str(name), each)) for name, each in detail.items()}


def _sentences(field: str, detail: Any, *, is_inside: bool = False) -> list[str]:
    """All messages in DRF's nesting of lists and objects; what is inside a field has its path."""
    if isinstance(detail, Mapping):
        return [
            sentence
            for name, each in detail.items()
            for sentence in _sentences(_path(field, name), each, is_inside=True)
        ]
    if isinstance(detail, list | tuple):
        return [
            sentence for each in detail for sentence in _sentences(field, each, is_inside=is_inside)
        ]
    words = FIELD_SENTENCES.get(getattr(detail, "code", ""))
    if words:
        # The whole body is null.
        is_body = field == api_settings.NON_FIELD_ERRORS_KEY
        return [NO_OBJECT if is_body else words.format(field=field)]
    return [f"{field}: {detail}" if is_inside else str(detail)]


def _path(field: str, name: object) -> str:
    return f"{field}[{name}]" if isinstance(name, int) else f"{field}.{name}"
