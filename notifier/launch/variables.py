"""Reading one environment variable of a kind. Each raises BadVariable."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from notifier.launch.errors import BadVariable

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off", ""}


def read_port(variables: Mapping[str, str], name: str, default: int) -> int:
    value = variables.get(name, "").strip()
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise BadVariable(name, value, "is not a port: use a whole number from 1 to 65535.")
    return int(value)


def read_boolean(variables: Mapping[str, str], name: str) -> bool:
    value = variables.get(name, "").strip().lower()
    if value in TRUE_WORDS:
        return True
    if value in FALSE_WORDS:
        return False
    raise BadVariable(name, value, "is neither true nor false: use 1 or 0.")


def read_http_url(variables: Mapping[str, str], name: str, *, example: str) -> str:
    value = variables.get(name, "").strip()
    if not value:
        return ""
    shown = without_password(value)
    remedy = f"is not an http(s) address: use, for example, {example}."
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - raises ValueError where the port is not a number
    except ValueError as error:
        raise BadVariable(name, shown, remedy) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadVariable(name, shown, remedy)
    if parts.query or parts.fragment:
        raise BadVariable(name, shown, "may not carry a query or fragment: give the base address.")
    return value.rstrip("/")


def without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or "@" not in rest:
        return url
    return f"{scheme}://…@{rest.rpartition('@')[2]}"
