"""The environment variables that Notifier reads, checked before anything starts.

Raises ``BadVariable``, whose text is one line that names the variable, what it
holds and what it should hold.
"""

import ipaddress
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import dj_database_url

from notifier.launch.email_settings import EmailSettings, read_email
from notifier.launch.errors import BadVariable
from notifier.launch.fail_points import read_fail_points
from notifier.launch.parameters import (
    ImportLimits,
    Parameters,
    read_import_limits,
    read_parameters,
)
from notifier.launch.variables import read_boolean, read_http_url, read_port, without_password

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8000
DEFAULT_SANDBOX_PORT = 8090
DEFAULT_BIND_HOST = "127.0.0.1"
DEFAULT_SENDER_SLOTS = 2
MOST_SENDER_SLOTS = 64


@dataclass(frozen=True)
class Environment:
    port: int
    bind_host: str
    sandbox_port: int
    debug: bool
    data_dir: Path
    database_url: str
    secret_key: str
    allowed_hosts: tuple[str, ...]
    gateway_url: str
    gateway_token: str
    sender_slots: int
    time_zone: str
    email: EmailSettings
    parameters: Parameters
    import_limits: ImportLimits
    fail_points: Mapping[str, float]

    @property
    def uses_embedded_database(self) -> bool:
        return not self.database_url

    @property
    def uses_sandbox_gateway(self) -> bool:
        return not self.gateway_url

    @property
    def effective_gateway_url(self) -> str:
        return self.gateway_url or f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def effective_site_url(self) -> str:
        return self.email.site_url or f"http://127.0.0.1:{self.port}"

    @property
    def email_sender(self) -> str:
        """Whom e-mails are from; where nobody said it, somebody at the site's own host."""
        host = urlsplit(self.email.site_url).hostname or "localhost"
        return self.email.from_address or f"Notifier <notifier@{host}>"


def read_environment(variables: Mapping[str, str]) -> Environment:
    """Read and check every variable at once; the first bad one raises BadVariable."""
    data_dir = _data_dir(variables)
    environment = Environment(
        port=read_port(variables, "PORT", DEFAULT_PORT),
        bind_host=_bind_host(variables),
        sandbox_port=read_port(variables, "SANDBOX_PORT", DEFAULT_SANDBOX_PORT),
        debug=read_boolean(variables, "DEBUG"),
        data_dir=data_dir,
        database_url=_database_url(variables),
        secret_key=variables.get("SECRET_KEY", "").strip() or _kept_secret_key(data_dir),
        allowed_hosts=_hosts(variables),
        gateway_url=read_http_url(variables, "GATEWAY_URL", example="https://gateway.example.com"),
        gateway_token=_token(variables),
        sender_slots=_sender_slots(variables),
        time_zone=_time_zone(variables),
        email=read_email(variables),
        parameters=read_parameters(variables),
        import_limits=read_import_limits(variables),
        fail_points=read_fail_points(variables, data_dir),
    )
    if environment.uses_sandbox_gateway and environment.port == environment.sandbox_port:
        raise BadVariable(
            "SANDBOX_PORT", str(environment.sandbox_port), "is also PORT: use another port."
        )
    return environment


def database_settings(url: str) -> dict[str, object]:
    """Django's settings for a checked DATABASE_URL."""
    return dict(dj_database_url.parse(url))


def _bind_host(variables: Mapping[str, str]) -> str:
    value = variables.get("BIND_HOST", "").strip()
    if not value:
        return DEFAULT_BIND_HOST
    if value == "localhost":
        return DEFAULT_BIND_HOST
    try:
        return str(ipaddress.ip_address(value.strip("[]")))
    except ValueError as error:
        remedy = "is not an IP address: use 127.0.0.1, or 0.0.0.0 for every network."
        raise BadVariable("BIND_HOST", value, remedy) from error


def _data_dir(variables: Mapping[str, str]) -> Path:
    """The data folder, made when it is missing."""
    name = "NOTIFIER_DATA_DIR"
    value = variables.get(name, "").strip()
    if not value.isprintable():
        raise BadVariable(name, ascii(value), "has unprintable characters.")
    try:
        path = Path(value).expanduser().absolute() if value else CHECKOUT / ".data"
        # Others may pass through, as the database's account must when root
        # starts it, but not look around.
        path.mkdir(mode=0o711, parents=True, exist_ok=True)
    except RuntimeError as error:
        raise BadVariable(name, value, "names a home folder that does not exist.") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise BadVariable(name, str(path), "is not a folder.") from error
    except OSError as error:
        raise BadVariable(name, str(path), f"cannot be made: {error.strerror}.") from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise BadVariable(name, str(path), "cannot be read and written by this account.")
    return path


def _database_url(variables: Mapping[str, str]) -> str:
    value = variables.get("DATABASE_URL", "").strip()
    if not value:
        return ""
    remedy = "is not a PostgreSQL address: use postgres://user:password@host:5432/name."
    try:
        parsed = dj_database_url.parse(value)
    except (ValueError, KeyError) as error:
        raise BadVariable("DATABASE_URL", without_password(value), remedy) from error
    if parsed.get("ENGINE") != "django.db.backends.postgresql" or not parsed.get("NAME"):
        raise BadVariable("DATABASE_URL", without_password(value), remedy)
    return value


def _hosts(variables: Mapping[str, str]) -> tuple[str, ...]:
    value = variables.get("ALLOWED_HOSTS", "")
    hosts = tuple(host.strip() for host in value.split(",") if host.strip())
    for host in hosts:
        if "/" in host or " " in host:
            raise BadVariable(
                "ALLOWED_HOSTS", value, "is not a list of host names: separate them by commas."
            )
    return hosts


def _token(variables: Mapping[str, str]) -> str:
    value = variables.get("GATEWAY_TOKEN", "").strip()
    if any(not 0x20 < ord(character) < 0x7F for character in value):
        # The value is a secret: it is not repeated in the message.
        raise BadVariable("GATEWAY_TOKEN", "…", "has characters that a header cannot carry.")
    return value


def _sender_slots(variables: Mapping[str, str]) -> int:
    value = variables.get("SENDER_SLOTS", "").strip()
    if not value:
        return DEFAULT_SENDER_SLOTS
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_SENDER_SLOTS):
        remedy = f"is not a number of senders: use a whole number from 1 to {MOST_SENDER_SLOTS}."
        raise BadVariable("SENDER_SLOTS", value, remedy)
    return int(value)


def _time_zone(variables: Mapping[str, str]) -> str:
    """TZ as an IANA name; ``:/usr/share/zoneinfo/Europe/Riga``, as some systems set it, is one."""
    value = variables.get("TZ", "").strip().removeprefix(":")
    name = os.path.realpath(value).rpartition("/zoneinfo/")[2] if value.startswith("/") else value
    try:
        return ZoneInfo(name).key if name else "UTC"
    except (LookupError, ValueError, OSError) as error:
        raise BadVariable("TZ", value, "is not a time zone: use a name as Europe/Riga.") from error


def _kept_secret_key(data_dir: Path) -> str:
    """The key kept in the data folder, made on the first start."""
    path = data_dir / "secret_key"
    try:
        kept = path.read_text(errors="replace").strip()
        if kept:
            return kept
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BadVariable(
            "NOTIFIER_DATA_DIR", str(data_dir), f"cannot be read: {error.strerror}."
        ) from error
    return _make_secret_key(path)


def _make_secret_key(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        candidate = path.with_name(f"secret_key.{secrets.token_hex(4)}")
        candidate.touch(mode=0o600)
        candidate.write_text(secrets.token_urlsafe(50))
        try:
            # A hard link fails where the name is taken: of two first starts
            # at once, both then read the winner's key.
            path.hardlink_to(candidate)
        except FileExistsError:
            pass
        finally:
            candidate.unlink()
    except OSError as error:
        raise BadVariable(
            "NOTIFIER_DATA_DIR", str(path.parent), f"cannot be written: {error.strerror}."
        ) from error
    return path.read_text().strip()
