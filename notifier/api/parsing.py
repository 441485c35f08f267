import json
import math
from collections.abc import Callable, Mapping
from typing import IO, Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

LARGEST_BODY = 1 << 20
# More than any number that is meant as one, and fewer than Python would read.
MOST_DIGITS = 1_000

NO_OBJECT = "The body is not a JSON object."
LENGTH_REQUIRED = "The body is sent in chunks: send it as a whole, with the header Content-Length."


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body is larger than {LARGEST_BODY:,} bytes."
    default_code = "too_large"


def refuse_unmeasured_bodies(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: a body sent in chunks, which Django would take for an empty one, is told."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if "Transfer-Encoding" in request.headers and request.path.startswith("/api/"):
            return JsonResponse({"detail": LENGTH_REQUIRED, "errors": {}}, status=411)
        return get_response(request)

    return answer


# Not a JSONParser: REST framework reads the bodies for those itself, by Django's smaller limit.
class StrictJSONParser(BaseParser):
    """JSON that the database can keep: UTF-8, finite numbers, whole characters."""

    media_type = "application/json"
    most_bytes = LARGEST_BODY

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(self.most_bytes + 1)
        if len(body) > self.most_bytes:
            raise BodyTooLarge(f"The body is larger than {self.most_bytes:,} bytes.")
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ParseError("The body is not UTF-8 text.") from error
        return read_json(text, subject="The body")


def read_json(text: str, *, subject: str = "It") -> Any:
    """A text of JSON, of which the database can keep everything. Raises ParseError."""
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole
        )
        _refuse_half_characters(text, value)
    except RecursionError as error:
        raise ParseError(f"{subject} is nested too deeply.") from error
    except ValueError as error:
        raise ParseError(f"{subject} is not JSON: {error}.") from error
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is out of range")
    return number


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number has {len(text):,} digits")
    return int(text)


def _refuse_half_characters(text: str, value: object) -> None:
    """One half of a surrogate pair, written as an escape, is valid JSON but no text."""
    if "\\ud" not in text and "\\uD" not in text:
        return
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("it holds half a character (a single surrogate)") from error
