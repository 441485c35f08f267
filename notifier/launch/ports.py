"""The ports that ``up`` is about to use, checked before anything starts."""

import errno
import socket
from contextlib import suppress

import psutil

from notifier.launch.environment import Environment
from notifier.launch.errors import BadVariable, CannotStart


def check_ports(environment: Environment) -> None:
    check_port("PORT", environment.bind_host, environment.port)
    if environment.uses_sandbox_gateway:
        check_port("SANDBOX_PORT", "127.0.0.1", environment.sandbox_port)


def check_port(name: str, host: str, port: int) -> None:
    """Raises CannotStart where the variable's port cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            # As the servers do: a port on which connections are only fading counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise _refusal(name, host, port, error) from error


def _refusal(name: str, host: str, port: int, error: OSError) -> CannotStart:
    if error.errno == errno.EADDRINUSE:
        return CannotStart(
            f"{name} {port} is already taken{_by_whom(port)}: stop what listens there, "
            f"or set {name} to another port."
        )
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return BadVariable("BIND_HOST", host, "is not an address of this machine.")
    return CannotStart(f"{name} {port} cannot be used: {error.strerror}.")


def _by_whom(port: int) -> str:
    """The program that listens there, where we may know."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            is_listener = connection.status == psutil.CONN_LISTEN
            if is_listener and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
