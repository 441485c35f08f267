"""The parts that ``up`` runs beside the database: web, cluster, sandbox gateway."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from notifier.launch.command_database import PART_VARIABLE
from notifier.launch.environment import CHECKOUT, Environment

WEB_WORKERS = 2
WEB_THREADS = 4
# Longer than any page waits before it asks again: a connection that is closed at the
# moment its next request arrives loses that request.
KEEP_ALIVE_SECONDS = 12
# The most that gunicorn bounds: the API takes conditions in an address.
ADDRESS_BYTES = 8190
HEARTBEAT_FOLDER = Path("/dev/shm")  # noqa: S108 - gunicorn makes a private file there


@dataclass(frozen=True)
class Part:
    name: str
    command: tuple[str, ...]
    stop_seconds: float


def parts_of(environment: Environment) -> list[Part]:
    """In the order of their start. The sandbox is the last: the cluster still needs it to stop."""
    parts = [web_part(environment), cluster_part()]
    if environment.uses_sandbox_gateway:
        parts.append(sandbox_part(environment))
    return parts


def web_part(environment: Environment) -> Part:
    # The worker's sign of life is a file: on a busy disk, writing it can take so
    # long that gunicorn takes the worker for dead.
    in_memory = os.access(HEARTBEAT_FOLDER, os.W_OK)
    command = [
        *(sys.executable, "-m", "gunicorn", "notifier.wsgi:application"),
        *("--bind", bind_address(environment.bind_host, environment.port)),
        *("--worker-class", "gthread"),
        *("--workers", str(WEB_WORKERS), "--threads", str(WEB_THREADS)),
        *("--chdir", str(CHECKOUT)),
        *("--keep-alive", str(KEEP_ALIVE_SECONDS), "--limit-request-line", str(ADDRESS_BYTES)),
        *("--timeout", "60", "--graceful-timeout", "8", "--no-control-socket"),
        *(("--worker-tmp-dir", str(HEARTBEAT_FOLDER)) if in_memory else ()),
    ]
    return Part("web", tuple(command), stop_seconds=10)


def cluster_part() -> Part:
    # Time to finish its slice of sending and to write the results down.
    return Part("cluster", manage_command("qcluster"), stop_seconds=20)


def sandbox_part(environment: Environment) -> Part:
    ledger = environment.data_dir / "sandbox-ledger.jsonl"
    port = str(environment.sandbox_port)
    command = manage_command("sandbox_gateway", "--port", port, "--ledger", str(ledger))
    return Part("sandbox", command, stop_seconds=5)


def manage_command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(CHECKOUT / "manage.py"), *arguments)


def part_variables(data_dir: Path) -> dict[str, str]:
    """The environment of a part."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "notifier.settings",
        # Absolute: a part does not run in the folder that we were started in.
        "NOTIFIER_DATA_DIR": str(data_dir),
        "PYTHONUNBUFFERED": "1",
        PART_VARIABLE: str(data_dir),
    }


def bind_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
