"""How e-mails are sent, from environment variables that are called as Django calls its settings."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from notifier.launch.errors import BadVariable
from notifier.launch.variables import read_boolean, read_http_url, read_port, without_password

DEFAULT_EMAIL_PORT, TLS_PORT, SSL_PORT = 25, 587, 465
DEFAULT_TIMEOUT_SECONDS = 10
# A person who tries it out waits so long, and so does one of the web's few threads.
LONGEST_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class EmailSettings:
    """Without a host nothing is sent. ``site_url`` is where links lead; empty, to this machine."""

    host: str = ""
    port: int = DEFAULT_EMAIL_PORT
    host_user: str = ""
    host_password: str = field(default="", repr=False)
    use_tls: bool = False
    use_ssl: bool = False
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    from_address: str = ""
    site_url: str = ""


def read_email(variables: Mapping[str, str]) -> EmailSettings:
    """Read and check every variable; the first bad one raises BadVariable."""
    use_tls = read_boolean(variables, "EMAIL_USE_TLS")
    use_ssl = read_boolean(variables, "EMAIL_USE_SSL")
    if use_tls and use_ssl:
        remedy = "excludes EMAIL_USE_TLS: set the one that your mail server asks for."
        raise BadVariable("EMAIL_USE_SSL", variables["EMAIL_USE_SSL"], remedy)
    usual_port = TLS_PORT if use_tls else SSL_PORT if use_ssl else DEFAULT_EMAIL_PORT
    return EmailSettings(
        host=_host(variables),
        port=read_port(variables, "EMAIL_PORT", usual_port),
        host_user=_credential(variables, "EMAIL_HOST_USER"),
        host_password=_credential(variables, "EMAIL_HOST_PASSWORD"),
        use_tls=use_tls,
        use_ssl=use_ssl,
        timeout_seconds=_timeout(variables),
        from_address=_from_address(variables),
        site_url=_site_url(variables),
    )


def _host(variables: Mapping[str, str]) -> str:
    value = variables.get("EMAIL_HOST", "").strip()
    if not value or _is_ip_address(value):
        return value
    if not value.isprintable() or set(value) & set(" /:@,"):
        remedy = "is not a host name: use, for example, smtp.example.com; its port is EMAIL_PORT."
        # Whoever writes an address with a password here does not want it in a log.
        raise BadVariable("EMAIL_HOST", ascii(value.rpartition("@")[2])[1:-1], remedy)
    return value


def _is_ip_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _credential(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").strip()
    if any(not 0x20 <= ord(character) < 0x7F for character in value):
        # The value is a secret: it is not repeated in the message.
        raise BadVariable(name, "…", "has characters that cannot be sent to a mail server.")
    return value


def _timeout(variables: Mapping[str, str]) -> int:
    value = variables.get("EMAIL_TIMEOUT", "").strip()
    if not value:
        return DEFAULT_TIMEOUT_SECONDS
    is_whole = value.isascii() and value.isdigit()
    if not (is_whole and 1 <= int(value) <= LONGEST_TIMEOUT_SECONDS):
        remedy = f"is not a time: use whole seconds from 1 to {LONGEST_TIMEOUT_SECONDS}."
        raise BadVariable("EMAIL_TIMEOUT", value, remedy)
    return int(value)


def _from_address(variables: Mapping[str, str]) -> str:
    value = variables.get("DEFAULT_FROM_EMAIL", "").strip()
    if not value:
        return ""
    try:
        if not value.isprintable():
            raise ValidationError("unprintable")
        validate_email(parseaddr(value)[1])
    except ValidationError as error:
        remedy = "is not an e-mail address: use, for example, Notifier <notifier@example.com>."
        raise BadVariable("DEFAULT_FROM_EMAIL", ascii(value)[1:-1], remedy) from error
    return value


def _site_url(variables: Mapping[str, str]) -> str:
    value = read_http_url(variables, "SITE_URL", example="https://notifier.example.com")
    parts = urlsplit(value)
    # Pages are served at the root of their host; a password would be in every e-mail.
    if parts.path or "@" in parts.netloc:
        remedy = "may name a host and a port only: use, for example, https://notifier.example.com."
        raise BadVariable("SITE_URL", without_password(value), remedy)
    return value
