"""The OpenAPI document and its page."""

from typing import Any

from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer2
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from notifier.api import examples

Json = dict[str, Any]

PROBLEM: Json = {
    "type": "object",
    "description": "What every error looks like.",
    "required": ["detail", "errors"],
    "properties": {
        "detail": {"type": "string", "description": "What is wrong, in a sentence."},
        "errors": {
            "type": "object",
            "description": "The same by field, where fields are to blame.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
ERRORS = {
    "400": "Something in the request is wrong; the fields are named.",
    "401": "No known token, and not signed in.",
    "403": "Signed in, but without the CSRF token that a change from a browser needs.",
    "404": "There is no such thing.",
    "409": "The status of the mailing or import does not allow it.",
    "411": "The body is sent in chunks, without the header Content-Length.",
    "413": "The body is too large.",
    "415": "The body is not sent as application/json, or a file not as multipart/form-data.",
}


class SchemaView(SpectacularAPIView):
    """For everybody: it describes the door, and opens none."""

    authentication_classes = []
    permission_classes = [AllowAny]
    # JSON unless YAML is asked for: every HTTP client can read it.
    renderer_classes = [OpenApiJsonRenderer2, OpenApiYamlRenderer2]

    @extend_schema(exclude=True)
    def get(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super().get(request, *args, **kwargs)


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI, with its script at an address of its own as the CSP demands."""

    authentication_classes = []
    permission_classes = [AllowAny]
    template_name = "api/docs.html"


def describe_errors(result: Json, generator: object, request: object, public: bool) -> Json:
    """drf-spectacular's hook: add to each operation the errors that it may answer with."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for code in _possible_errors(path, method, operation):
                operation["responses"].setdefault(code, _response(code))
    return result


# What these are asked to do may not suit the state that they are in.
STATEFUL = ("/api/mailing/", "/api/message/", "/api/import/")


def _possible_errors(path: str, method: str, operation: Json) -> list[str]:
    codes = ["401"]
    if "requestBody" in operation:
        codes += ["400", "411", "413", "415"]
    elif any(parameter["in"] == "query" for parameter in operation.get("parameters", [])):
        codes.append("400")
    if method != "get":
        codes.append("403")
    if "{id}" in path or "{phone}" in path:
        codes.append("404")
        if path.startswith(STATEFUL) and method != "get":
            codes.append("409")
    return sorted(codes)


def _response(code: str) -> Json:
    content = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": examples.PROBLEMS[code],
    }
    return {"description": ERRORS[code], "content": {"application/json": content}}
